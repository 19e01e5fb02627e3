import { pointwise } from "../invoke/pointwise.js";
import { nonNegative } from "../invoke/options.js";
import type { TargetLoss } from "../types.js";

/** Options of {@link smoothL1}. */
export interface SmoothL1Options {
  /** Where the loss turns from quadratic to linear, ≥ 0; 0 is {@link l1}. Default 1. */
  readonly beta?: number | undefined;
}

/**
 * Smooth L1: with d = x − y, ℓ = d²/2β where |d| < β, and |d| − β/2 elsewhere.
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * Differentiable by `input` (default) and `target`; the gradient at |d| = β is ±1.
 *
 * Source: PyTorch `SmoothL1Loss`; Girshick, Fast R-CNN, 2015.
 *
 * @formula \ell = \begin{cases} d^2 / 2\beta & |d| < \beta \\ |d| - \tfrac12 \beta & \text{elsewhere} \end{cases},\quad d = x - y
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * smoothL1(Float32Array.of(0.5, 3), Float32Array.of(0, 0), { reduction: "sum" }); // 0.125 + 2.5
 * ```
 */
export const smoothL1 = /* @__PURE__ */ pointwise<TargetLoss<SmoothL1Options>>({
  name: "smoothL1",
  kernel: "smooth_l1",
  args: [{ name: "input" }, { name: "target" }],
  options: [/* @__PURE__ */ nonNegative("beta", 1)],
  wrt: ["input", "target"],
  defaults: 1,
});
