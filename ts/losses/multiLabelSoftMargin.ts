import { rowLoss } from "../invoke/rows.js";
import type { Flags, Floats, TargetLoss } from "../types.js";

/** Options of {@link multiLabelSoftMargin}. */
export interface MultiLabelSoftMarginOptions {
  /** A factor for each class, of shape [C]; the mean over the classes divides by C all the same. */
  readonly weight?: Floats | undefined;
}

/**
 * Binary cross-entropy of a row's logits, averaged: ℓ = (1/C)·Σ_c w_c·((1 − y)·softplus(x) + y·softplus(−x)).
 *
 * `input` has shape (…, C) and needs one of its own; `target` has the same shape, holds 0 and 1 or probabilities, and may
 * be an integer array. `reduction: "none"` gives a value for each row. Differentiable by `input`.
 *
 * Source: PyTorch `MultiLabelSoftMarginLoss`.
 *
 * @formula \ell = -\frac1C \sum_c w_c\,\bigl(y_c \ln \sigma(x_c) + (1 - y_c) \ln \sigma(-x_c)\bigr)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const input = { data: Float32Array.of(0, 0, 1, -1), shape: [2, 2] };
 * multiLabelSoftMargin(input, { data: Uint8Array.of(1, 0, 1, 0), shape: [2, 2] }); // 0.503204
 * ```
 */
export const multiLabelSoftMargin = /* @__PURE__ */ rowLoss<TargetLoss<MultiLabelSoftMarginOptions, "input", Flags>>({
  name: "multiLabelSoftMargin",
  kernel: "multi_label_soft_margin",
  args: [{ name: "input" }, { name: "target", flags: true }],
  wrt: ["input"],
  weight: true,
});
