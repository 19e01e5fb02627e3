import { elementwise } from "../invoke/pointwise.js";
import { finite, positive } from "../invoke/options.js";
import type { FloatFunction } from "../types.js";

/** Options of {@link softplus}. */
export interface SoftplusOptions {
  /** Sharpness, > 0. Default 1. */
  readonly beta?: number | undefined;
  /** Where the function turns into the identity. Default 20. */
  readonly threshold?: number | undefined;
}

/**
 * Smooth rectifier: ln(1 + exp(β·x))/β, and x itself where β·x > threshold.
 *
 * `x` is float32 or float64. The result has the layout of `x`, as has that of `softplus.vjp(x, gradOutput)`.
 *
 * Source: PyTorch `softplus`.
 *
 * @formula f(x) = \frac1\beta \ln(1 + e^{\beta x})
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * softplus(Float32Array.of(0, 30)); // [0.693147, 30]
 * ```
 */
export const softplus = /* @__PURE__ */ elementwise<FloatFunction<SoftplusOptions>>({
  name: "softplus",
  kernel: "softplus",
  options: [/* @__PURE__ */ positive("beta", 1), /* @__PURE__ */ finite("threshold", 20)],
});
