import { rowLoss } from "../invoke/rows.js";
import { finite } from "../invoke/options.js";
import type { Flags, PairLoss } from "../types.js";

/** Options of {@link cosineEmbedding}. */
export interface CosineEmbeddingOptions {
  /** The cosine below which rows of target −1 are far enough apart. Default 0. */
  readonly margin?: number | undefined;
}

/**
 * Pulls rows together or apart: ℓ = 1 − cos(x₁, x₂) where y is 1, max(0, cos(x₁, x₂) − margin) where y is −1.
 *
 * `input1` and `input2` have the same shape (…, D) and need one of their own; `target` has a 1 or −1 for each row, and may
 * be an integer array. 1e-12 is added to each squared norm. The gradient at the margin is 0. `reduction: "none"` gives a
 * value for each row. Differentiable by `input1` and `input2` (both by default).
 *
 * Source: PyTorch `CosineEmbeddingLoss`.
 *
 * @formula \ell = \begin{cases} 1 - \cos(x_1, x_2) & y = 1 \\ \max(0, \cos(x_1, x_2) - m) & y = -1 \end{cases}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, target or option, before anything is
 * written.
 * @example
 * ```ts
 * const input1 = { data: Float32Array.of(3, 4, 3, 4), shape: [2, 2] };
 * const input2 = { data: Float32Array.of(4, 3, 4, 3), shape: [2, 2] };
 * cosineEmbedding(input1, input2, Int8Array.of(1, -1), { margin: 0.5 }); // (0.04 + 0.46)/2
 * ```
 */
export const cosineEmbedding = /* @__PURE__ */ rowLoss<PairLoss<CosineEmbeddingOptions, Flags>>({
  name: "cosineEmbedding",
  kernel: "cosine_embedding",
  args: [{ name: "input1" }, { name: "input2" }, { name: "target", per: "row", flags: true, domain: "sign" }],
  options: [/* @__PURE__ */ finite("margin", 0)],
  wrt: ["input1", "input2"],
});
