import { rowLoss } from "../invoke/rows.js";
import { exponent, flag, nonNegative, positive } from "../invoke/options.js";
import type { TripletLoss } from "../types.js";

/** Options of {@link tripletMargin}. */
export interface TripletMarginOptions {
  /** How much farther than the positive the negative should be, > 0. Default 1. */
  readonly margin?: number | undefined;
  /** The exponent of the norm, ≥ 1 or Infinity. Default 2. */
  readonly p?: number | undefined;
  /** Added to each difference, ≥ 0. Default 1e-6. */
  readonly eps?: number | undefined;
  /** Whether the negative's distance is the lesser one of those to the anchor and to the positive. Default false. */
  readonly swap?: boolean | undefined;
}

/**
 * Pulls an anchor towards a positive and away from a negative: ℓ = max(0, δ(a, p) − δ(a, n) + margin), with
 * δ(x, y) = ‖x − y + ε‖_p.
 *
 * `anchor`, `positive` and `negative` have the same shape (…, D) and need one of their own; norms are over the last
 * dimension, and `reduction: "none"` gives a value for each row. The gradient at the bound is 0; with `swap`, two equal
 * distances take half of it each. Differentiable by all three (by default).
 *
 * Source: PyTorch `TripletMarginLoss`; swap: Balntas et al., 2016.
 *
 * @formula \ell = \max\bigl(0, \lVert a - p + \varepsilon \rVert_p - \lVert a - n + \varepsilon \rVert_p + m\bigr)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const row = (...data: number[]) => ({ data: Float32Array.from(data), shape: [1, 2] });
 * tripletMargin(row(0, 0), row(3, 4), row(0, 2), { eps: 0 }); // 4
 * ```
 */
export const tripletMargin = /* @__PURE__ */ rowLoss<TripletLoss<TripletMarginOptions>>({
  name: "tripletMargin",
  kernel: "triplet_margin",
  args: [{ name: "anchor" }, { name: "positive" }, { name: "negative" }],
  options: [/* @__PURE__ */ positive("margin", 1), /* @__PURE__ */ exponent("p", 2), /* @__PURE__ */ nonNegative("eps", 1e-6), /* @__PURE__ */ flag("swap", false)],
  wrt: ["anchor", "positive", "negative"],
});
