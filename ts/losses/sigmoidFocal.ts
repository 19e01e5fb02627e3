import { pointwise } from "../invoke/pointwise.js";
import { nonNegative } from "../invoke/options.js";
import type { Flags, TargetLoss } from "../types.js";

/** Options of {@link sigmoidFocal}. */
export interface SigmoidFocalOptions {
  /** The weight of positive targets, from 0 to 1, negative ones having the rest; −1 for none. Default 0.25. */
  readonly alpha?: number | undefined;
  /** The exponent γ ≥ 0 of the missed probability: 0 is `bceWithLogits`. Default 2. */
  readonly gamma?: number | undefined;
}

/**
 * Focal loss of binary logits: ℓ = α_t·m^γ·(y·softplus(−x) + (1 − y)·softplus(x)), where m = y·σ(−x) + (1 − y)·σ(x) is the
 * probability missed and α_t = α·y + (1 − α)·(1 − y), or 1 for an α of −1.
 *
 * `input` holds logits and `target` 0 and 1, or what lies between, of the same shape; it may be an integer array. What is
 * nearly right keeps its digits. Differentiable by `input`.
 *
 * Source: torchvision `sigmoid_focal_loss`; Lin et al., Focal Loss for Dense Object Detection, 2017. The default
 * `reduction` is "mean", torchvision's is "none".
 *
 * @formula \ell = \alpha_t\,m^\gamma\,\bigl(y \ln(1 + e^{-x}) + (1 - y) \ln(1 + e^{x})\bigr),\quad m = y\,\sigma(-x) + (1 - y)\,\sigma(x)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * sigmoidFocal(Float32Array.of(0, 0), Uint8Array.of(1, 0), { reduction: "none" }); // ln 2/4 of 0.25 and of 0.75
 * ```
 */
export const sigmoidFocal = /* @__PURE__ */ pointwise<TargetLoss<SigmoidFocalOptions, "input", Flags>>({
  name: "sigmoidFocal",
  kernel: "sigmoid_focal",
  args: [{ name: "input" }, { name: "target", flags: true }],
  options: [
    { name: "alpha", default: 0.25, expected: "a number from 0 to 1, or −1 for none", test: (x) => x === -1 || (x >= 0 && x <= 1) },
    /* @__PURE__ */ nonNegative("gamma", 2),
  ],
  wrt: ["input"],
});
