import { pointwise } from "../invoke/pointwise.js";
import { positive } from "../invoke/options.js";
import type { Floats, TargetLoss } from "../types.js";

/** Options of {@link huber}. */
export interface HuberOptions {
  /** Where the loss turns from quadratic to linear, > 0. Default 1. */
  readonly delta?: number | undefined;
  /** A factor for each element, of the full shape. The mean still divides by the number of elements. */
  readonly weight?: Floats | undefined;
}

/**
 * Huber loss: with d = x − y, ℓ = d²/2 where |d| ≤ δ, and δ·(|d| − δ/2) elsewhere; δ × smoothL1 with β = δ.
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * Differentiable by `input` (default), `target` and `weight`.
 *
 * Source: PyTorch `HuberLoss`; Huber, 1964.
 *
 * @formula \ell = \begin{cases} \tfrac12 d^2 & |d| \le \delta \\ \delta\,(|d| - \tfrac12 \delta) & \text{elsewhere} \end{cases},\quad d = x - y
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * huber(Float32Array.of(0.5, 3), Float32Array.of(0, 0), { delta: 2, reduction: "sum" }); // 0.125 + 4
 * ```
 */
export const huber = /* @__PURE__ */ pointwise<TargetLoss<HuberOptions, "input" | "target" | "weight">>({
  name: "huber",
  kernel: "huber",
  args: [{ name: "input" }, { name: "target" }],
  options: [/* @__PURE__ */ positive("delta", 1)],
  wrt: ["input", "target"],
  defaults: 1,
  weight: "full",
});
