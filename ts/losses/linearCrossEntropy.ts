import { linearLoss } from "../invoke/linear.js";
import { fraction } from "../invoke/options.js";
import type { Floats, GradOptions, Indices, Like, LossOptions, Value, ValueAndGrad } from "../types.js";

/** Options of {@link linearCrossEntropy}. */
export interface LinearCrossEntropyOptions {
  /** What is added to each row's logits, of shape [C]. Default: nothing. */
  readonly bias?: Floats | undefined;
  /** A factor for each class, of shape [C]. With class indices the mean divides by the sum of the targets' weights. */
  readonly weight?: Floats | undefined;
  /** A target with this index leaves its row out: value and gradient 0. Only with class indices. Default −100. */
  readonly ignoreIndex?: number | undefined;
  /** The share ε of the target that is spread evenly over all classes, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /**
   * How many rows have their logits in memory at once, rounded up to a multiple of 128; no result depends on it. Default: as
   * many as have 2²⁴ logits, and 128 at least.
   */
  readonly chunk?: number | undefined;
}

/** The signature of {@link linearCrossEntropy}. */
export interface LinearCrossEntropy {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & LinearCrossEntropyOptions) | undefined = undefined>(
    input: I,
    linearWeight: Like<I>,
    target: Like<I> | Indices,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradients. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"input" | "linearWeight" | "bias"> & LinearCrossEntropyOptions) | undefined = undefined>(
    input: I,
    linearWeight: Like<I>,
    target: Like<I> | Indices,
    options?: O,
  ): ValueAndGrad<I, O, "input" | "linearWeight" | (O extends { readonly bias: Floats } ? "bias" : never)>;
}

/**
 * Softmax cross-entropy of a linear layer: ℓ = −Σ_c w_c·t_c·ln softmax(x·Wᵀ + b)_c, without ever holding the logits of all
 * rows: memory grows with the chunk, and with the number of rows only as the arguments themselves do.
 *
 * `input` is (N, in) or (in), `linearWeight` (C, in), `target` class indices of shape (N) or (), or probabilities of shape
 * (N, C) or (C) and of the input's dtype. A bare input with class indices in one dimension is [N, in]; `linearWeight` needs
 * its shape. Targets, weights, smoothing and the mean are those of {@link crossEntropy} on the logits x·Wᵀ + b, which are
 * computed in the input's dtype, k in increasing order in blocks of 128. Differentiable by `input`, `linearWeight` and, if
 * given, `bias`, which are also what it differentiates by unless told. Each gradient may be written over its argument; that
 * over `linearWeight` takes scratch memory of its size.
 *
 * Source: PyTorch `LinearCrossEntropyLoss`; for the chunks: Wijmans et al., Cut Your Losses in Large-Vocabulary Language Models, 2025.
 *
 * @formula \ell = -\sum_c w_c\,t_c \ln \operatorname{softmax}(x W^\top + b)_c
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or an index out of range, before anything is written.
 * @example
 * ```ts
 * const hidden = { data: Float32Array.of(1, 0, -1, 2), shape: [2, 2] }; // two rows
 * const classes = { data: Float32Array.of(1, 0, 0, 1, -1, -1), shape: [3, 2] }; // three classes
 * const { value, grads } = linearCrossEntropy.valueAndGrad(hidden, classes, Int32Array.of(0, 1));
 * grads.linearWeight; // Float32Array(6)
 * ```
 */
export const linearCrossEntropy = /* @__PURE__ */ linearLoss<LinearCrossEntropy>({
  name: "linearCrossEntropy",
  kernel: "linear_cross_entropy",
  options: [/* @__PURE__ */ fraction("labelSmoothing", 0)],
});
