import { pointwise } from "../invoke/pointwise.js";
import { fraction } from "../invoke/options.js";
import type { TargetLoss } from "../types.js";

/** Options of {@link quantile}. */
export interface QuantileOptions {
  /** The quantile that minimises the loss, from 0 to 1. Default 0.5. */
  readonly q?: number | undefined;
}

/**
 * Pinball loss: with d = y − x, ℓ = q·d where d ≥ 0, and (q − 1)·d elsewhere.
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * Differentiable by `input` (default) and `target`; the gradient at a tie is 0.
 *
 * Source: Koenker and Bassett, Regression Quantiles, 1978.
 *
 * @formula \ell = \begin{cases} q\,d & d \ge 0 \\ (q - 1)\,d & \text{elsewhere} \end{cases},\quad d = y - x
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * quantile(Float32Array.of(1, 1), Float32Array.of(3, 0), { q: 0.9, reduction: "sum" }); // 1.8 + 0.1
 * ```
 */
export const quantile = /* @__PURE__ */ pointwise<TargetLoss<QuantileOptions>>({
  name: "quantile",
  kernel: "quantile",
  args: [{ name: "input" }, { name: "target" }],
  options: [/* @__PURE__ */ fraction("q", 0.5)],
  wrt: ["input", "target"],
  defaults: 1,
});
