import { pairFunction } from "../invoke/rows.js";
import { exponent, nonNegative } from "../invoke/options.js";
import type { PairFunction } from "../types.js";

/** Options of {@link pairwiseDistance}. */
export interface PairwiseDistanceOptions {
  /** The exponent of the norm, ≥ 1 or Infinity. Default 2. */
  readonly p?: number | undefined;
  /** Added to each difference, ≥ 0. Default 1e-6. */
  readonly eps?: number | undefined;
}

/**
 * Distance of rows: ‖x₁ − x₂ + ε‖_p = (Σ |x₁ − x₂ + ε|^p)^(1/p), over the last dimension.
 *
 * `x1` and `x2` are float32 or float64 of the same shape (…, D) and need one of their own; the result has a value for each
 * row. `pairwiseDistance.vjp(x1, x2, gradOutput)` gives the gradients by both, `{ x1, x2 }`; its `out` names places for
 * them by the same names. The gradient at a distance of 0 is 0; with p = Infinity, ties share it.
 *
 * Source: PyTorch `PairwiseDistance`.
 *
 * @formula f(x_1, x_2) = \lVert x_1 - x_2 + \varepsilon \rVert_p
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const x1 = { data: Float32Array.of(3, 4, 1, 1), shape: [2, 2] };
 * const x2 = { data: Float32Array.of(0, 0, 1, -1), shape: [2, 2] };
 * pairwiseDistance(x1, x2, { eps: 0 }); // [5, 2]
 * pairwiseDistance.vjp(x1, x2, Float32Array.of(1, 1), { eps: 0 }).x2; // [-0.6, -0.8, 0, -1]
 * ```
 */
export const pairwiseDistance = /* @__PURE__ */ pairFunction<PairFunction<PairwiseDistanceOptions>>({
  name: "pairwiseDistance",
  kernel: "pairwise_distance",
  options: [/* @__PURE__ */ exponent("p", 2), /* @__PURE__ */ nonNegative("eps", 1e-6)],
});
