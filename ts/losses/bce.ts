import { pointwise } from "../invoke/pointwise.js";
import type { Flags, Floats, TargetLoss } from "../types.js";

/** Options of {@link bce}. */
export interface BceOptions {
  /** A factor for each element, of a shape that broadcasts to the input's, aligned right. The mean divides by the count. */
  readonly weight?: Floats | undefined;
}

/**
 * Binary cross-entropy of probabilities: ℓ = −y·ln x − (1 − y)·ln(1 − x).
 *
 * `input` and `target` have the same shape and lie in [0, 1]; the target may be an integer array. As in PyTorch, each
 * logarithm is at least −100 and the denominator of the gradient at least 1e-12. {@link bceWithLogits} keeps more digits.
 * Differentiable by `input` (default) and `target`.
 *
 * Source: PyTorch `BCELoss`.
 *
 * @formula \ell = -w\,\bigl(y \ln x + (1 - y) \ln (1 - x)\bigr)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or elements outside [0, 1], before anything is written.
 * @example
 * ```ts
 * bce(Float32Array.of(0.9, 0.2), Uint8Array.of(1, 0)); // 0.1642520
 * ```
 */
export const bce = /* @__PURE__ */ pointwise<TargetLoss<BceOptions, "input" | "target", Flags>>({
  name: "bce",
  kernel: "bce",
  args: [
    { name: "input", domain: "unit" },
    { name: "target", flags: true, domain: "unit" },
  ],
  wrt: ["input", "target"],
  defaults: 1,
  weight: "broadcast",
});
