import { classLoss } from "../invoke/rowwise.js";
import { finite } from "../invoke/options.js";
import type { Indices, TargetLoss } from "../types.js";

/** Options of {@link poly}. */
export interface PolyOptions {
  /** The factor ε of the linear term: 0 is `crossEntropy`. Default 2. */
  readonly epsilon?: number | undefined;
}

/**
 * PolyLoss of class logits: ℓ = Σ_c t_c·(ε·(1 − p_c) − ln p_c), p = softmax(x); for a class index t is one-hot.
 *
 * `input` holds logits of shape (C), (N, C) or (N, C, d1, …, dk). `target` holds class indices of shape (), (N) or
 * (N, d1, …, dk), or probabilities of the input's shape and dtype, whose sum need not be 1. A bare input with N class
 * indices in one dimension is [N, length/N]. The mean divides by the number of rows. Confident rows keep their digits.
 * Differentiable by `input`.
 *
 * Source: optax `poly_loss_cross_entropy`; Leng et al., PolyLoss, 2022.
 *
 * @formula \ell = \sum_c t_c\,\bigl(\varepsilon\,(1 - p_c) - \ln p_c\bigr),\quad p = \operatorname{softmax}(x)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, class index or option, before anything is
 * written.
 * @example
 * ```ts
 * poly(Float32Array.of(0, 0), Int32Array.of(1)); // ln 2 + 2·½
 * ```
 */
export const poly = /* @__PURE__ */ classLoss<TargetLoss<PolyOptions, "input", Indices>>({
  name: "poly",
  kernel: "poly",
  options: [/* @__PURE__ */ finite("epsilon", 2)],
  distributions: "input",
  mean: "count",
  weight: false,
  ignoreIndex: false,
});
