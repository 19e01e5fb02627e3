import { rowLoss } from "../invoke/rows.js";
import { nonNegative } from "../invoke/options.js";
import type { TwinLoss } from "../types.js";

/** Options of {@link ciou}. */
export interface CiouOptions {
  /** Added to what is divided by, so that boxes without area have a loss. Default 1e-7. */
  readonly eps?: number | undefined;
}

/**
 * Intersection over union with the distance of the centres and the aspect ratios of bounding boxes: ℓ = ℓ_DIoU + α·v,
 * with v = 4/π²·(arctan w₂/h₂ − arctan w₁/h₁)² and α = v/(1 − IoU + v + ε). IoU = A∩/(A∪ + ε).
 *
 * `boxes1` and `boxes2` have the same shape (…, 4) and need one of their own; a box is (x₁, y₁, x₂, y₂) with x₁ ≤ x₂ and
 * y₁ ≤ y₂, which is not checked. `reduction: "none"` gives a value for each pair. At ties, where two edges lie on each
 * other, both share the gradient. α is a constant to the gradient. A height of 0 is an angle of π/2, and a
 * point has none, so that v is 0 (torchvision: NaN). Differentiable by `boxes1` and `boxes2` (both by default).
 *
 * Source: torchvision `complete_box_iou_loss`, but with `eps` everywhere as in `diou`; Zheng et al., 2020. The default
 * `reduction` is "mean", torchvision's is "none".
 *
 * @formula \ell = \ell_\text{DIoU} + \alpha v,\quad v = \tfrac{4}{\pi^2}\bigl(\arctan\tfrac{w_2}{h_2} - \arctan\tfrac{w_1}{h_1}\bigr)^2,\quad \alpha = \frac{v}{1 - \text{IoU} + v + \varepsilon}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const boxes1 = { data: Float32Array.of(0, 0, 2, 2), shape: [1, 4] };
 * const boxes2 = { data: Float32Array.of(1, 1, 3, 3), shape: [1, 4] };
 * ciou(boxes1, boxes2); // 1 − 1/7 + 2/18
 * ```
 */
export const ciou = /* @__PURE__ */ rowLoss<TwinLoss<CiouOptions, "boxes1" | "boxes2">>({
  name: "ciou",
  kernel: "ciou",
  args: [{ name: "boxes1" }, { name: "boxes2" }],
  options: [/* @__PURE__ */ nonNegative("eps", 1e-7)],
  wrt: ["boxes1", "boxes2"],
  width: 4,
});
