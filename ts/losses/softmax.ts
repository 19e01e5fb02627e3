import { rowFunction } from "../invoke/rowwise.js";
import type { FloatFunction } from "../types.js";

/** Options of {@link softmax}. */
export interface SoftmaxOptions {
  /** The dimension of the classes; negative ones count from the last. Default −1. */
  readonly axis?: number | undefined;
}

/**
 * Softmax along an axis: p = exp(x)/Σ exp(x).
 *
 * `x` is float32 or float64 with a shape of its own. The result has the layout of `x`, as has that of
 * `softmax.vjp(x, gradOutput)`, which is p·(g − Σ p·g).
 *
 * Source: PyTorch `softmax`.
 *
 * @formula f(x)_c = \frac{e^{x_c}}{\sum_k e^{x_k}}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * softmax(x); // [0.268941, 0.731059, 0.268941, 0.731059]
 * softmax.vjp(x, Float32Array.of(1, 0, 0, 0), { axis: 0 });
 * ```
 */
export const softmax = /* @__PURE__ */ rowFunction<FloatFunction<SoftmaxOptions>>({ name: "softmax", kernel: "softmax" });
