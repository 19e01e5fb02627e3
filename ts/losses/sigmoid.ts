import { elementwise } from "../invoke/pointwise.js";
import type { FloatFunction } from "../types.js";

/**
 * The logistic function: 1/(1 + exp(−x)).
 *
 * `x` is float32 or float64. The result has the layout of `x`, as has that of `sigmoid.vjp(x, gradOutput)`.
 *
 * Source: PyTorch `sigmoid`.
 *
 * @formula \sigma(x) = \frac{1}{1 + e^{-x}}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * sigmoid(Float32Array.of(0, 2)); // [0.5, 0.880797]
 * ```
 */
export const sigmoid = /* @__PURE__ */ elementwise<FloatFunction>({ name: "sigmoid", kernel: "sigmoid" });
