import { sequenceLoss } from "../invoke/sequence.js";
import type { Floats, GradOptions, Indices, LossOptions, Value, ValueAndGrad } from "../types.js";

/** Options of {@link ctc}. */
export interface CtcOptions {
  /** The class that stands for no label. Default 0. */
  readonly blank?: number | undefined;
  /** Whether a sample that cannot be aligned is 0, value and gradient, in place of infinite. Default false. */
  readonly zeroInfinity?: boolean | undefined;
  /**
   * What the gradient is of: `"logits"`, as PyTorch's, by the logits x of a log-softmax before the loss, exp(logProbs) less
   * the posterior, which is right where logProbs are normalised and that log-softmax is not differentiated again;
   * `"logProbs"`, the derivative by logProbs itself, less the posterior. Default `"logits"`.
   */
  readonly gradient?: "logits" | "logProbs" | undefined;
}

/** The signature of {@link ctc}. */
export interface Ctc {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & CtcOptions) | undefined = undefined>(
    logProbs: I,
    targets: Indices | readonly number[],
    inputLengths: Indices | readonly number[] | number,
    targetLengths: Indices | readonly number[] | number,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradient, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"logProbs"> & CtcOptions) | undefined = undefined>(
    logProbs: I,
    targets: Indices | readonly number[],
    inputLengths: Indices | readonly number[] | number,
    targetLengths: Indices | readonly number[] | number,
    options?: O,
  ): ValueAndGrad<I, O, "logProbs">;
}

/**
 * Connectionist temporal classification: ℓ = −ln Σ_π Π_t p_t(π_t), over all alignments π of the labels with the frames, in
 * which labels may repeat and blanks may lie between them.
 *
 * `logProbs` holds log-probabilities of shape (T, N, C), or (T, C) for one sample. `targets` holds labels, class indices
 * other than the blank: of shape (N, S), of which the first `targetLengths[n]` of a row count and the others are never read;
 * (S) for one sample; or in one dimension those of all samples, one after the other. `inputLengths` and `targetLengths`
 * have one number for each sample: frames to read, up to T, and labels. All three may be plain arrays of numbers.
 *
 * The mean divides each sample's value by the number of its labels, at least 1, and their sum by the number of samples,
 * which `normalizer` replaces. `reduction: "none"` gives a value for each sample, undivided. Labels that cannot be aligned,
 * for want of frames or because they are impossible, have an infinite value and a gradient of NaN, or with `zeroInfinity` 0
 * and 0. Frames past a sample's length have a gradient of 0. Differentiable by `logProbs`.
 *
 * Source: PyTorch `CTCLoss`; Graves et al., Connectionist Temporal Classification, 2006.
 *
 * @formula \ell = -\ln \sum_{\pi \in \mathcal{B}^{-1}(y)} \prod_t p_t(\pi_t)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, length, label or option, before anything
 * is written.
 * @example
 * ```ts
 * // Three frames, one sample, a blank and one label, all equally likely: 6 of 8 paths spell it.
 * const logProbs = { data: new Float32Array(6).fill(-Math.LN2), shape: [3, 1, 2] };
 * ctc(logProbs, [1], [3], [1]); // 0.287682
 * ```
 */
export const ctc = /* @__PURE__ */ sequenceLoss<Ctc>({ name: "ctc", kernel: "ctc" });
