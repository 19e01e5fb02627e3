import { pointwise } from "../invoke/pointwise.js";
import { fraction, positive } from "../invoke/options.js";
import type { Floats, GradOptions, Like, LossOptions, Value, ValueAndGrad } from "../types.js";

/** Options of {@link dpo}. */
export interface DpoOptions {
  /** How strongly the policy is held to the reference, > 0. Default 0.1. */
  readonly beta?: number | undefined;
  /** The probability ε that a preference is the wrong way round, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number | undefined;
}

/** The signature of {@link dpo}. */
export interface Dpo {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & DpoOptions) | undefined = undefined>(
    policyChosen: I,
    policyRejected: Like<I>,
    referenceChosen: Like<I>,
    referenceRejected: Like<I>,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradients, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"policyChosen" | "policyRejected"> & DpoOptions) | undefined = undefined>(
    policyChosen: I,
    policyRejected: Like<I>,
    referenceChosen: Like<I>,
    referenceRejected: Like<I>,
    options?: O,
  ): ValueAndGrad<I, O, "policyChosen" | "policyRejected">;
}

/**
 * Direct preference optimisation: ℓ = −(1 − ε)·ln σ(βΔ) − ε·ln σ(−βΔ), Δ = (π_c − π_r) − (ρ_c − ρ_r).
 *
 * The arguments are log-probabilities of the same shape, summed over the tokens of an answer: π of the policy and ρ of the
 * reference, of the chosen and the rejected answer. Differentiable by `policyChosen` and `policyRejected` (both by default).
 *
 * Source: Rafailov et al., 2023; label smoothing: Mitchell, 2023.
 *
 * @formula \ell = -(1 - \varepsilon) \ln \sigma(\beta\Delta) - \varepsilon \ln \sigma(-\beta\Delta),\quad \Delta = (\pi_c - \pi_r) - (\rho_c - \rho_r)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * dpo(Float32Array.of(-1), Float32Array.of(-3), Float32Array.of(-2), Float32Array.of(-2)); // 0.5981389
 * ```
 */
export const dpo = /* @__PURE__ */ pointwise<Dpo>({
  name: "dpo",
  kernel: "dpo",
  args: [{ name: "policyChosen" }, { name: "policyRejected" }, { name: "referenceChosen" }, { name: "referenceRejected" }],
  options: [/* @__PURE__ */ positive("beta", 0.1), /* @__PURE__ */ fraction("labelSmoothing", 0)],
  wrt: ["policyChosen", "policyRejected"],
});
