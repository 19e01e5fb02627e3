import { rowLoss } from "../invoke/rows.js";
import { nonNegative } from "../invoke/options.js";
import type { Flags, TargetLoss } from "../types.js";

/** Options of {@link tversky}. */
export interface TverskyOptions {
  /** The weight of false positives, ≥ 0. Default 0.5. */
  readonly alpha?: number | undefined;
  /** The weight of false negatives, ≥ 0. Default 0.5. */
  readonly beta?: number | undefined;
  /** Added above and below, ≥ 0. Default 1. */
  readonly smooth?: number | undefined;
}

/**
 * Overlap of regions, with a weight for each kind of error: ℓ = 1 − (TP + s)/(TP + α·FP + β·FN + s), where TP = Σ x·y,
 * FP = Σ x·(1 − y) and FN = Σ (1 − x)·y.
 *
 * `input` holds probabilities of shape (N, …) and needs a shape of its own; each of its N samples gives one value.
 * `target` has the same shape and may be an integer array. Differentiable by `input`.
 *
 * Source: Salehi et al., 2017.
 *
 * @formula \ell = 1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + \alpha\,\mathrm{FP} + \beta\,\mathrm{FN} + s}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const input = { data: Float32Array.of(1, 1, 0, 0), shape: [1, 4] };
 * tversky(input, { data: Uint8Array.of(1, 0, 1, 0), shape: [1, 4] }, { alpha: 0.25, beta: 0.75, smooth: 0 }); // 0.5
 * ```
 */
export const tversky = /* @__PURE__ */ rowLoss<TargetLoss<TverskyOptions, "input", Flags>>({
  name: "tversky",
  kernel: "tversky",
  args: [{ name: "input" }, { name: "target", flags: true }],
  options: [/* @__PURE__ */ nonNegative("alpha", 0.5), /* @__PURE__ */ nonNegative("beta", 0.5), /* @__PURE__ */ nonNegative("smooth", 1)],
  wrt: ["input"],
  rows: "samples",
});
