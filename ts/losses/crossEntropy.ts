import { classLoss } from "../invoke/rowwise.js";
import { fraction, nonNegative, positive } from "../invoke/options.js";
import type { Floats, GradOptions, Indices, Like, LossOptions, Value, ValueAndGrad } from "../types.js";

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** A factor for each class, of shape [C]. With class indices the mean divides by the sum of the targets' weights. */
  readonly weight?: Floats | undefined;
  /** A target with this index leaves its row out: value and gradient 0. Only with class indices. Default −100. */
  readonly ignoreIndex?: number | undefined;
  /** The share ε of the target that is spread evenly over all classes, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /**
   * A factor ≥ 0 of (ln Σ exp x)², with x as capped, added to each row's term and weighted like it: with `weight` and
   * probabilities by Σ w·t, without `weight` by 1, whatever the row's targets add up to. Default 0.
   */
  readonly zLoss?: number | undefined;
  /** Caps the logits first, to s·tanh(x/s), s > 0; −inf, capped to −s, is then no mask. Default: no cap. */
  readonly softcap?: number | undefined;
}

/** The signature of {@link crossEntropy}: what it can differentiate by depends on the kind of its target. */
export interface CrossEntropy {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & CrossEntropyOptions) | undefined = undefined>(
    input: I,
    target: Like<I> | Indices,
    options?: O,
  ): Value<I, O>;
  /** The value and the gradient by the logits, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"input"> & CrossEntropyOptions) | undefined = undefined>(
    input: I,
    target: Indices,
    options?: O,
  ): ValueAndGrad<I, O, "input">;
  /** The value and its gradients, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"input" | "target" | "weight"> & CrossEntropyOptions) | undefined = undefined>(
    input: I,
    target: Like<I>,
    options?: O,
  ): ValueAndGrad<I, O, "input">;
}

/**
 * Softmax cross-entropy of logits: ℓ = −Σ_c w_c·t_c·ln softmax(x)_c, for a class index ℓ = −w_y·ln softmax(x)_y.
 *
 * `input` holds logits of shape (C), (N, C) or (N, C, d1, …, dk). `target` holds class indices of shape (), (N) or
 * (N, d1, …, dk), or probabilities of the input's shape and dtype. A bare input with N class indices in one
 * dimension is [N, length/N]. Confident rows keep their digits: at a margin of 40 the loss is e⁻⁴⁰. Logits of −inf mask classes that
 * are not the target's.
 *
 * The mean of class indices divides by the sum of w_y over the rows that are not ignored: NaN if all are, with a gradient
 * of 0, and NaN for both if all have weight 0; `normalizer` is the way out. The mean of probabilities divides by the number of rows. Smoothing ε turns the target
 * into (1 − ε)·t + ε/C. Differentiable by `input`, and with probabilities by `target` and `weight` too.
 *
 * Source: PyTorch `CrossEntropyLoss`; z-loss: Chowdhery et al., PaLM, 2022; soft-capping: Gemma 2, 2024.
 *
 * @formula \ell = -\sum_c w_c\,t_c \ln \frac{e^{x_c}}{\sum_k e^{x_k}},\quad t = (1 - \varepsilon)\,t_\text{target} + \frac{\varepsilon}{C}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or an index out of range, before anything is written.
 * @example
 * ```ts
 * const logits = Float32Array.of(2, 0.5, -1, 0, 3, 1); // two rows of three classes
 * const { value, grads } = crossEntropy.valueAndGrad(logits, Int32Array.of(0, 1), { labelSmoothing: 0.1 });
 * grads.input; // Float32Array(6)
 * ```
 */
export const crossEntropy = /* @__PURE__ */ classLoss<CrossEntropy>({
  name: "crossEntropy",
  kernel: "cross_entropy",
  options: [
    /* @__PURE__ */ fraction("labelSmoothing", 0),
    /* @__PURE__ */ nonNegative("zLoss", 0),
    /* @__PURE__ */ positive("softcap", 0),
  ],
  distributions: "all",
});
