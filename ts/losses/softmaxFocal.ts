import { classLoss } from "../invoke/rowwise.js";
import { nonNegative } from "../invoke/options.js";
import type { Floats, IndexLoss } from "../types.js";

/** Options of {@link softmaxFocal}. */
export interface SoftmaxFocalOptions {
  /** The exponent γ ≥ 0 of the missed probability: 0 is `crossEntropy`, but for the divisor of the mean. Default 2. */
  readonly gamma?: number | undefined;
  /** A factor for each class, of shape [C]; that of the target multiplies its row. The mean divides by the rows all the same. */
  readonly weight?: Floats | undefined;
  /** A target with this index makes its row 0, value and gradient. The mean counts it all the same. Default −100. */
  readonly ignoreIndex?: number | undefined;
}

/**
 * Focal loss of class logits: ℓ = −w_y·(1 − p)^γ·ln p, p = softmax(x)_y.
 *
 * `input` has shape (C), (N, C) or (N, C, d1, …, dk), `target` holds class indices of shape (), (N) or (N, d1, …, dk). A
 * bare input with N bare targets is N rows. The mean divides by the number of rows. Confident rows keep their digits.
 * Differentiable by `input`.
 *
 * Source: Lin et al., Focal Loss for Dense Object Detection, 2017.
 *
 * @formula \ell = -w_y\,(1 - p_y)^\gamma \ln p_y,\quad p = \operatorname{softmax}(x)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, class index or option, before anything is
 * written.
 * @example
 * ```ts
 * softmaxFocal(Float32Array.of(0, 0), Int32Array.of(1)); // ln 2/4
 * ```
 */
export const softmaxFocal = /* @__PURE__ */ classLoss<IndexLoss<SoftmaxFocalOptions>>({
  name: "softmaxFocal",
  kernel: "softmax_focal",
  options: [/* @__PURE__ */ nonNegative("gamma", 2)],
  mean: "count",
});
