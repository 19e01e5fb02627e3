import { rowFunction } from "../invoke/rowwise.js";
import type { FloatFunction } from "../types.js";

/** Options of {@link logSoftmax}. */
export interface LogSoftmaxOptions {
  /** The dimension of the classes; negative ones count from the last. Default −1. */
  readonly axis?: number | undefined;
}

/**
 * Logarithm of the softmax along an axis: x − ln Σ exp(x).
 *
 * `x` is float32 or float64 with a shape of its own. The result has the layout of `x`, as has that of
 * `logSoftmax.vjp(x, gradOutput)`, which is g − softmax(x)·Σ g.
 *
 * Source: PyTorch `log_softmax`.
 *
 * @formula f(x)_c = x_c - \ln \sum_k e^{x_k}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * logSoftmax({ data: Float32Array.of(1, 2), shape: [1, 2] }); // [-1.313262, -0.313262]
 * ```
 */
export const logSoftmax = /* @__PURE__ */ rowFunction<FloatFunction<LogSoftmaxOptions>>({
  name: "logSoftmax",
  kernel: "log_softmax",
});
