import { rowLoss } from "../invoke/rows.js";
import type { IndexLoss } from "../types.js";

/**
 * Hinges of a row's absent classes against its present ones: ℓ = (1/C)·Σ_{y present} Σ_{c absent} max(0, 1 − x_y + x_c).
 *
 * `input` has shape (…, C) and needs one of its own; `target` has the same shape: each of its rows lists the classes that
 * are present and ends at its first −1; what follows is never read. A class that is listed twice counts twice. The gradient
 * at the bound is 0. `reduction: "none"` gives a value for each row. Differentiable by `input`.
 *
 * Source: PyTorch `MultiLabelMarginLoss`.
 *
 * @formula \ell = \frac1C \sum_{j \in y} \sum_{c \notin y} \max(0, 1 - x_j + x_c)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, class index or option, before anything is
 * written.
 * @example
 * ```ts
 * const input = { data: Float32Array.of(0.1, 0.2, 0.4, 0.8), shape: [4] };
 * multiLabelMargin(input, { data: Int32Array.of(3, 0, -1, 1), shape: [4] }); // 0.85
 * ```
 */
export const multiLabelMargin = /* @__PURE__ */ rowLoss<IndexLoss>({
  name: "multiLabelMargin",
  kernel: "multi_label_margin",
  args: [{ name: "input" }, { name: "target", indices: true }],
  wrt: ["input"],
});
