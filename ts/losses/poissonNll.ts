import { pointwise } from "../invoke/pointwise.js";
import { flag, nonNegative } from "../invoke/options.js";
import type { TargetLoss } from "../types.js";

/** Options of {@link poissonNll}. */
export interface PoissonNllOptions {
  /** Whether the input is the logarithm of the rate. Default true. */
  readonly logInput?: boolean | undefined;
  /** Whether to add Stirling's approximation of ln y!, where y > 1. Default false. */
  readonly full?: boolean | undefined;
  /** Added to a rate before its logarithm is taken, ≥ 0. Default 1e-8. */
  readonly eps?: number | undefined;
}

/**
 * Negative log-likelihood of counts: ℓ = exp(x) − y·x, or x − y·ln(x + eps) where the input is a rate.
 *
 * `input` and `target` have the same shape and are both float32 or both float64.
 * With `full`, y·ln y − y + ½·ln(2πy) is added where y > 1. Differentiable by `input`.
 *
 * Source: PyTorch `PoissonNLLLoss`.
 *
 * @formula \ell = e^{x} - y\,x
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * poissonNll(Float32Array.of(0, 1), Float32Array.of(1, 3)); // (1 + e − 3)/2
 * ```
 */
export const poissonNll = /* @__PURE__ */ pointwise<TargetLoss<PoissonNllOptions, "input">>({
  name: "poissonNll",
  kernel: "poisson_nll",
  args: [{ name: "input" }, { name: "target" }],
  options: [/* @__PURE__ */ flag("logInput", true), /* @__PURE__ */ flag("full", false), /* @__PURE__ */ nonNegative("eps", 1e-8)],
  wrt: ["input"],
});
