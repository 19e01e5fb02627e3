import { elementwise } from "../invoke/pointwise.js";
import type { FloatFunction } from "../types.js";

/**
 * Logarithm of the logistic function: −ln(1 + exp(−x)).
 *
 * `x` is float32 or float64. The result has the layout of `x`, as has that of `logSigmoid.vjp(x, gradOutput)`.
 *
 * Source: PyTorch `logsigmoid`.
 *
 * @formula f(x) = \ln \frac{1}{1 + e^{-x}}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * logSigmoid(Float32Array.of(0, -100)); // [-0.693147, -100]
 * ```
 */
export const logSigmoid = /* @__PURE__ */ elementwise<FloatFunction>({ name: "logSigmoid", kernel: "log_sigmoid" });
