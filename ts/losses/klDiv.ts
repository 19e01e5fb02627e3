import { pointwise } from "../invoke/pointwise.js";
import { flag } from "../invoke/options.js";
import type { Reduction, TargetLoss } from "../types.js";

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** Whether the target holds log-probabilities. Default false. */
  readonly logTarget?: boolean | undefined;
}

/**
 * Kullback-Leibler divergence: ℓ = y·(ln y − x), or exp(y)·(y − x) with `logTarget`.
 *
 * `input` holds log-probabilities and `target` probabilities of the same shape. A target of 0 gives 0; its own gradient
 * there is NaN, as in PyTorch. `reduction: "batchmean"` divides the sum by the first dimension and is the divergence of
 * the definition; the default mean divides by the number of elements.
 * Differentiable by `input` (default) and `target`.
 *
 * Source: PyTorch `KLDivLoss`.
 *
 * @formula \ell = y\,(\ln y - x)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const input = { data: Float32Array.of(-1.2, -0.4, -0.7, -0.7), shape: [2, 2] };
 * const target = { data: Float32Array.of(0.3, 0.7, 0.5, 0.5), shape: [2, 2] };
 * klDiv(input, target, { reduction: "batchmean" }); // 0.0180
 * ```
 */
export const klDiv = /* @__PURE__ */ pointwise<
  TargetLoss<KlDivOptions, "input" | "target", never, Reduction | "batchmean">
>({
  name: "klDiv",
  kernel: "kl_div",
  args: [{ name: "input" }, { name: "target" }],
  options: [/* @__PURE__ */ flag("logTarget", false)],
  wrt: ["input", "target"],
  defaults: 1,
  batchmean: true,
});
