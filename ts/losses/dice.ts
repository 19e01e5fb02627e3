import { rowLoss } from "../invoke/rows.js";
import { nonNegative } from "../invoke/options.js";
import type { Flags, TargetLoss } from "../types.js";

/** Options of {@link dice}. */
export interface DiceOptions {
  /** Added above and below, ≥ 0. Default 1. */
  readonly smooth?: number | undefined;
}

/**
 * Overlap of regions: ℓ = 1 − (2·Σ x·y + s)/(Σ x + Σ y + s).
 *
 * `input` holds probabilities of shape (N, …) and needs a shape of its own; each of its N samples gives one value.
 * `target` has the same shape and may be an integer array. Differentiable by `input`.
 *
 * Source: Milletari et al., 2016.
 *
 * @formula \ell = 1 - \frac{2 \sum x y + s}{\sum x + \sum y + s}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const input = { data: Float32Array.of(1, 1, 0, 0), shape: [1, 4] };
 * dice(input, { data: Uint8Array.of(1, 0, 1, 0), shape: [1, 4] }); // 0.4
 * ```
 */
export const dice = /* @__PURE__ */ rowLoss<TargetLoss<DiceOptions, "input", Flags>>({
  name: "dice",
  kernel: "dice",
  args: [{ name: "input" }, { name: "target", flags: true }],
  options: [/* @__PURE__ */ nonNegative("smooth", 1)],
  wrt: ["input"],
  rows: "samples",
});
