import { classLoss } from "../invoke/rowwise.js";
import { finite, oneOf } from "../invoke/options.js";
import type { Floats, IndexLoss } from "../types.js";

/** Options of {@link multiMargin}. */
export interface MultiMarginOptions {
  /** The power of the hinges: 1 or 2. Default 1. */
  readonly p?: 1 | 2 | undefined;
  /** How far above the others the target's score should be. Default 1. */
  readonly margin?: number | undefined;
  /** A factor for each class, of shape [C]; that of the target multiplies its row. The mean divides by the rows all the same. */
  readonly weight?: Floats | undefined;
}

/**
 * Hinges of the other classes' scores against the target's: ℓ = (w_y/C)·Σ_{c≠y} max(0, margin − x_y + x_c)^p.
 *
 * `input` has shape (C), (N, C) or (N, C, d1, …, dk), `target` holds class indices of shape (), (N) or (N, d1, …, dk). A
 * bare input with N bare targets is N rows. The gradient at the bound is 0. Differentiable by `input`.
 *
 * Source: PyTorch `MultiMarginLoss`.
 *
 * @formula \ell = \frac{w_y}{C} \sum_{c \ne y} \max(0, m - x_y + x_c)^p
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, class index or option, before anything is
 * written.
 * @example
 * ```ts
 * multiMargin(Float32Array.of(0.5, 0.25, 1), Int32Array.of(2)); // (0.5 + 0.25)/3
 * ```
 */
export const multiMargin = /* @__PURE__ */ classLoss<IndexLoss<MultiMarginOptions>>({
  name: "multiMargin",
  kernel: "multi_margin",
  options: [/* @__PURE__ */ oneOf("p", [1, 2]), /* @__PURE__ */ finite("margin", 1)],
  mean: "count",
  ignoreIndex: false,
});
