import { rowFunction } from "../invoke/rowwise.js";
import type { FloatFunction } from "../types.js";

/** Options of {@link logSumExp}. */
export interface LogSumExpOptions {
  /** The dimension of the classes; negative ones count from the last. Default −1. */
  readonly axis?: number | undefined;
}

/**
 * Logarithm of the sum of exponentials along an axis: ln Σ exp(x).
 *
 * `x` is float32 or float64 with a shape of its own. The result has the shape of `x` without the axis;
 * `logSumExp.vjp(x, gradOutput)` takes a gradient of that shape and gives softmax(x)·g in the layout of `x`.
 *
 * Source: PyTorch `logsumexp`.
 *
 * @formula f(x) = \ln \sum_k e^{x_k}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * logSumExp({ data: Float32Array.of(0, 0, 1, 1), shape: [2, 2] }); // [0.693147, 1.693147]
 * ```
 */
export const logSumExp = /* @__PURE__ */ rowFunction<FloatFunction<LogSumExpOptions>>({
  name: "logSumExp",
  kernel: "log_sum_exp",
  reduces: true,
});
