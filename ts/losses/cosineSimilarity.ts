import { pairFunction } from "../invoke/rows.js";
import { nonNegative } from "../invoke/options.js";
import type { PairFunction } from "../types.js";

/** Options of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  /** The least that a norm counts as, ≥ 0. Default 1e-8. */
  readonly eps?: number | undefined;
}

/**
 * Cosine of the angle between rows: x₁·x₂/(max(‖x₁‖, ε)·max(‖x₂‖, ε)), over the last dimension.
 *
 * `x1` and `x2` are float32 or float64 of the same shape (…, D) and need one of their own; the result has a value for each
 * row. `cosineSimilarity.vjp(x1, x2, gradOutput)` gives the gradients by both, `{ x1, x2 }`; its `out` names places for
 * them by the same names.
 *
 * Source: PyTorch `CosineSimilarity`.
 *
 * @formula \cos(x_1, x_2) = \frac{x_1 \cdot x_2}{\max(\lVert x_1 \rVert, \varepsilon)\,\max(\lVert x_2 \rVert, \varepsilon)}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const x1 = { data: Float32Array.of(3, 4, 1, 0), shape: [2, 2] };
 * const x2 = { data: Float32Array.of(4, 3, 0, 2), shape: [2, 2] };
 * cosineSimilarity(x1, x2); // [0.96, 0]
 * cosineSimilarity.vjp(x1, x2, Float32Array.of(1, 1)).x1; // Float32Array(4)
 * ```
 */
export const cosineSimilarity = /* @__PURE__ */ pairFunction<PairFunction<CosineSimilarityOptions>>({
  name: "cosineSimilarity",
  kernel: "cosine_similarity",
  options: [/* @__PURE__ */ nonNegative("eps", 1e-8)],
});
