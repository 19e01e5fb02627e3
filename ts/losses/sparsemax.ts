import { classLoss } from "../invoke/rowwise.js";
import type { IndexLoss } from "../types.js";

/**
 * The loss of sparsemax: ℓ = −x_y + ½·Σ_S (x² − τ²) + ½, with p = max(0, x − τ) the point of the simplex nearest to x and
 * S where p > 0.
 *
 * `input` has shape (C), (N, C) or (N, C, d1, …, dk), `target` holds class indices of shape (), (N) or (N, d1, …, dk). A
 * bare input with N bare targets is N rows. The gradient is p, less 1 at the target. Differentiable by `input`.
 *
 * Source: Martins and Astudillo, 2016; optax `multiclass_sparsemax_loss`.
 *
 * @formula \ell = -x_y + \tfrac12 \sum_{c \in S} (x_c^2 - \tau^2) + \tfrac12
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, class index or option, before anything is
 * written.
 * @example
 * ```ts
 * sparsemax(Float32Array.of(0.5, 0, -3), Int32Array.of(0)); // 0.0625
 * ```
 */
export const sparsemax = /* @__PURE__ */ classLoss<IndexLoss>({
  name: "sparsemax",
  kernel: "sparsemax",
  mean: "count",
  weight: false,
  ignoreIndex: false,
});
