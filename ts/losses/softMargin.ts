import { pointwise } from "../invoke/pointwise.js";
import type { Flags, TargetLoss } from "../types.js";

/**
 * Logistic loss: ℓ = ln(1 + exp(−y·x)).
 *
 * `target` has the shape of `input`; any real number goes, ±1 as a rule, and it may be an integer array.
 * Does not overflow, where PyTorch's float32 is infinite from x = −89. Differentiable by `input`.
 *
 * Source: PyTorch `SoftMarginLoss`.
 *
 * @formula \ell = \ln(1 + e^{-x y})
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * softMargin(Float32Array.of(2, -1), Int8Array.of(1, 1)); // 0.7200949
 * ```
 */
export const softMargin = /* @__PURE__ */ pointwise<TargetLoss<unknown, "input", Flags>>({
  name: "softMargin",
  kernel: "soft_margin",
  args: [{ name: "input" }, { name: "target", flags: true }],
  wrt: ["input"],
});
