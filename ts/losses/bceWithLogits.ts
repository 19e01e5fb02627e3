import { pointwise } from "../invoke/pointwise.js";
import type { Flags, Floats, TargetLoss } from "../types.js";

/** Options of {@link bceWithLogits}. */
export interface BceWithLogitsOptions {
  /** A factor for each element, of a shape that broadcasts to the input's, aligned right. The mean divides by the count. */
  readonly weight?: Floats | undefined;
  /** A factor p of the positive term, of a shape that broadcasts to the input's: one a class on the last dimension, say. */
  readonly posWeight?: Floats | undefined;
}

/**
 * Binary cross-entropy of logits: ℓ = (1 − y)·softplus(x) + p·y·softplus(−x), where p is `posWeight` or 1.
 *
 * `input` and `target` have the same shape; targets are probabilities (0 and 1 as a rule) and may be an integer array.
 * Small losses keep their digits (at x = −15, y = 0 it is 3.06e-7), and infinite logits on the right side give 0.
 * Differentiable by `input` (default) and `target`.
 *
 * Source: PyTorch `BCEWithLogitsLoss`.
 *
 * @formula \ell = w\,\bigl((1 - y) \ln(1 + e^{x}) + p\,y \ln(1 + e^{-x})\bigr)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * bceWithLogits(Float32Array.of(2, -15), Uint8Array.of(1, 0), { reduction: "none" }); // [0.1269280, 3.059023e-7]
 * ```
 */
export const bceWithLogits = /* @__PURE__ */ pointwise<TargetLoss<BceWithLogitsOptions, "input" | "target", Flags>>({
  name: "bceWithLogits",
  kernel: "bce_with_logits",
  args: [{ name: "input" }, { name: "target", flags: true }],
  wrt: ["input", "target"],
  defaults: 1,
  weight: "broadcast",
  extra: { option: "posWeight", kernel: "bce_with_logits_weighted" },
});
