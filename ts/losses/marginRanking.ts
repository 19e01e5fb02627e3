import { pointwise } from "../invoke/pointwise.js";
import { finite } from "../invoke/options.js";
import type { Flags, PairLoss } from "../types.js";

/** Options of {@link marginRanking}. */
export interface MarginRankingOptions {
  /** How far apart the scores should be. Default 0. */
  readonly margin?: number | undefined;
}

/**
 * Hinge loss of the order of two scores: ℓ = max(0, −y·(x₁ − x₂) + margin).
 *
 * `input1`, `input2` and `target` have the same shape; y is 1 where x₁ should rank higher and −1 where x₂ should, but any
 * real number goes, and it may be an integer array. The gradient at the bound is 0.
 * Differentiable by `input1` and `input2` (both by default).
 *
 * Source: PyTorch `MarginRankingLoss`.
 *
 * @formula \ell = \max\bigl(0, -y\,(x_1 - x_2) + m\bigr)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * marginRanking(Float32Array.of(1, 2), Float32Array.of(2, 1), Int8Array.of(1, 1), { margin: 0.5 }); // 0.75
 * ```
 */
export const marginRanking = /* @__PURE__ */ pointwise<PairLoss<MarginRankingOptions, Flags>>({
  name: "marginRanking",
  kernel: "margin_ranking",
  args: [{ name: "input1" }, { name: "input2" }, { name: "target", flags: true }],
  options: [/* @__PURE__ */ finite("margin", 0)],
  wrt: ["input1", "input2"],
});
