import { pointwise } from "../invoke/pointwise.js";
import type { Floats, TargetLoss } from "../types.js";

/** Options of {@link l1}. */
export interface L1Options {
  /** A factor for each element, of the full shape. The mean then divides by the sum of the weights. */
  readonly weight?: Floats | undefined;
}

/**
 * Mean absolute error: ℓ = |x − y|; the gradient at a tie is 0.
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * Differentiable by `input` (default), `target` and `weight`.
 *
 * Source: PyTorch `L1Loss`.
 *
 * @formula \ell = |x - y|
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * l1(Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1)); // 1
 * ```
 */
export const l1 = /* @__PURE__ */ pointwise<TargetLoss<L1Options, "input" | "target" | "weight">>({
  name: "l1",
  kernel: "l1",
  args: [{ name: "input" }, { name: "target" }],
  wrt: ["input", "target"],
  defaults: 1,
  weight: "mean",
});
