import { classLoss } from "../invoke/rowwise.js";
import type { Floats, IndexLoss } from "../types.js";

/** Options of {@link nll}. */
export interface NllOptions {
  /** A factor for each class, of shape [C]. The mean divides by the sum of the targets' weights. */
  readonly weight?: Floats | undefined;
  /** A target with this index leaves its row out: value and gradient 0. Default −100. */
  readonly ignoreIndex?: number | undefined;
}

/**
 * Negative log-likelihood of class indices: ℓ = −w_y·x_y.
 *
 * `input` holds log-probabilities of shape (C), (N, C) or (N, C, d1, …, dk), and `target` class indices of shape (), (N)
 * or (N, d1, …, dk). A bare input with N targets in one dimension is [N, length/N]. The mean divides by the sum of w_y over the rows
 * that are not ignored: NaN if all are, with a gradient of 0, and NaN for both if all have weight 0; `normalizer` is the
 * way out. Differentiable by `input`.
 *
 * Source: PyTorch `NLLLoss`.
 *
 * @formula \ell = -w_y\,x_y
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or an index out of range, before anything is written.
 * @example
 * ```ts
 * const logProbs = { data: Float32Array.of(-0.1, -2.4, -1.2, -0.4), shape: [2, 2] };
 * nll(logProbs, Int32Array.of(0, 1)); // 0.25
 * ```
 */
export const nll = /* @__PURE__ */ classLoss<IndexLoss<NllOptions>>({ name: "nll", kernel: "nll" });
