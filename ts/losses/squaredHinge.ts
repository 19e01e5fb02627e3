import { pointwise } from "../invoke/pointwise.js";
import type { Flags, TargetLoss } from "../types.js";

/**
 * Squared hinge loss of a binary classifier: ℓ = max(0, 1 − x·y)².
 *
 * `target` has the shape of `input`, with values −1 and 1; it may be an integer array. Differentiable by `input`.
 *
 * Source: Keras `SquaredHinge`.
 *
 * @formula \ell = \max(0, 1 - x\,y)^2
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or a target other than ±1, before anything is written.
 * @example
 * ```ts
 * squaredHinge(Float32Array.of(0.5, -2), Int8Array.of(1, -1)); // 0.125
 * ```
 */
export const squaredHinge = /* @__PURE__ */ pointwise<TargetLoss<unknown, "input", Flags>>({
  name: "squaredHinge",
  kernel: "squared_hinge",
  args: [{ name: "input" }, { name: "target", flags: true, domain: "sign" }],
  wrt: ["input"],
});
