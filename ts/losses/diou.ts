import { rowLoss } from "../invoke/rows.js";
import { nonNegative } from "../invoke/options.js";
import type { TwinLoss } from "../types.js";

/** Options of {@link diou}. */
export interface DiouOptions {
  /** Added to what is divided by, so that boxes without area have a loss. Default 1e-7. */
  readonly eps?: number | undefined;
}

/**
 * Intersection over union with the distance of the centres of bounding boxes: ℓ = 1 − IoU + ‖c₁ − c₂‖²/(d² + ε), with c
 * the centres and d the diagonal of the smallest box around both. IoU = A∩/(A∪ + ε).
 *
 * `boxes1` and `boxes2` have the same shape (…, 4) and need one of their own; a box is (x₁, y₁, x₂, y₂) with x₁ ≤ x₂ and
 * y₁ ≤ y₂, which is not checked. `reduction: "none"` gives a value for each pair. At ties, where two edges lie on each
 * other, both share the gradient. Differentiable by `boxes1` and `boxes2` (both by default).
 *
 * Source: torchvision `distance_box_iou_loss`; Zheng et al., 2020. The default `reduction` is "mean", torchvision's is
 * "none".
 *
 * @formula \ell = 1 - \text{IoU} + \frac{\lVert c_1 - c_2 \rVert^2}{d^2 + \varepsilon}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const boxes1 = { data: Float32Array.of(0, 0, 2, 2), shape: [1, 4] };
 * const boxes2 = { data: Float32Array.of(1, 1, 3, 3), shape: [1, 4] };
 * diou(boxes1, boxes2); // 1 − 1/7 + 2/18
 * ```
 */
export const diou = /* @__PURE__ */ rowLoss<TwinLoss<DiouOptions, "boxes1" | "boxes2">>({
  name: "diou",
  kernel: "diou",
  args: [{ name: "boxes1" }, { name: "boxes2" }],
  options: [/* @__PURE__ */ nonNegative("eps", 1e-7)],
  wrt: ["boxes1", "boxes2"],
  width: 4,
});
