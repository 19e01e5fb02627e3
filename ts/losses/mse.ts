import { pointwise } from "../invoke/pointwise.js";
import type { Floats, TargetLoss } from "../types.js";

/** Options of {@link mse}. */
export interface MseOptions {
  /** A factor for each element, of the full shape. The mean then divides by the sum of the weights. */
  readonly weight?: Floats | undefined;
}

/**
 * Mean squared error: ℓ = (x − y)².
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * Differentiable by `input` (default), `target` and `weight`; the gradient of the weight under the mean is (ℓᵢ − L)/Σw.
 *
 * Source: PyTorch `MSELoss`.
 *
 * @formula \ell = (x - y)^2
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const value = mse(Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1)); // 5/3
 * const { grads } = mse.valueAndGrad(Float32Array.of(1, 2), Float32Array.of(0, 0));
 * grads.input; // Float32Array [1, 2]
 * ```
 */
export const mse = /* @__PURE__ */ pointwise<TargetLoss<MseOptions, "input" | "target" | "weight">>({
  name: "mse",
  kernel: "mse",
  args: [{ name: "input" }, { name: "target" }],
  wrt: ["input", "target"],
  defaults: 1,
  weight: "mean",
});
