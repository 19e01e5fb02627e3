import { rowLoss } from "../invoke/rows.js";
import type { Floats, GradOptions, Like, LossOptions, Value, ValueAndGrad } from "../types.js";

/** The signature of {@link rankingSoftmax}. */
export interface RankingSoftmax {
  /** The value alone. */
  <I extends Floats, const O extends LossOptions | undefined = undefined>(scores: I, labels: Like<I>, options?: O): Value<I, O>;
  /** The value and its gradient, in one pass. */
  valueAndGrad<I extends Floats, const O extends GradOptions<"scores"> | undefined = undefined>(
    scores: I,
    labels: Like<I>,
    options?: O,
  ): ValueAndGrad<I, O, "scores">;
}

/**
 * Listwise softmax loss of a ranking: ℓ = −Σ y·ln softmax(s) over the items of a list.
 *
 * `scores` and `labels`, the relevances, have the same shape (…, L), one list a row, and need one of their own. Labels
 * need not sum to 1. `reduction: "none"` gives a value for each list. Differentiable by `scores`.
 *
 * Source: optax `ranking_softmax_loss`; ListNet, Cao et al., 2007.
 *
 * @formula \ell = -\sum_i y_i \ln \operatorname{softmax}(s)_i
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const scores = { data: Float32Array.of(0, 0, 0, 0), shape: [1, 4] };
 * rankingSoftmax(scores, { data: Float32Array.of(0, 2, 0, 1), shape: [1, 4] }); // 3·ln 4
 * ```
 */
export const rankingSoftmax = /* @__PURE__ */ rowLoss<RankingSoftmax>({
  name: "rankingSoftmax",
  kernel: "cross_entropy",
  args: [{ name: "scores" }, { name: "labels" }],
  wrt: ["scores"],
});
