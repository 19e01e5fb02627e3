import { pointwise } from "../invoke/pointwise.js";
import type { TargetLoss } from "../types.js";

/**
 * Log-cosh loss: ℓ = ln cosh(x − y), with the digits of small errors kept.
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * Differentiable by `input` (default) and `target`.
 *
 * Source: Optax `log_cosh`.
 *
 * @formula \ell = \ln \cosh(x - y)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * logCosh(Float32Array.of(1), Float32Array.of(0)); // 0.4337808
 * ```
 */
export const logCosh = /* @__PURE__ */ pointwise<TargetLoss>({
  name: "logCosh",
  kernel: "log_cosh",
  args: [{ name: "input" }, { name: "target" }],
  wrt: ["input", "target"],
  defaults: 1,
});
