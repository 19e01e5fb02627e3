import { pointwise } from "../invoke/pointwise.js";
import { flag, positive } from "../invoke/options.js";
import type { VarianceLoss } from "../types.js";

/** Options of {@link gaussianNll}. */
export interface GaussianNllOptions {
  /** Whether to add the constant ½·ln 2π. Default false. */
  readonly full?: boolean | undefined;
  /** The least variance, > 0; the clamp passes the gradient straight through. Default 1e-6. */
  readonly eps?: number | undefined;
}

/**
 * Negative log-likelihood of normal variables: with v = max(variance, eps), ℓ = ½·(ln v + (x − y)²/v).
 *
 * `input` and `target` have the same shape, and so has `variance`, except that its last dimension may be 1 or missing.
 * Differentiable by `input` and `variance` (both by default) and `target`.
 *
 * Source: PyTorch `GaussianNLLLoss`; Nix and Weigend, 1994.
 *
 * @formula \ell = \tfrac12 \Bigl(\ln v + \frac{(x - y)^2}{v}\Bigr),\quad v = \max(\text{variance}, \varepsilon)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or a negative variance, before anything is written.
 * @example
 * ```ts
 * gaussianNll(Float32Array.of(1, 2), Float32Array.of(0, 0), Float32Array.of(1, 4)); // (0.5 + (ln 4 + 1)/2)/2
 * ```
 */
export const gaussianNll = /* @__PURE__ */ pointwise<VarianceLoss<GaussianNllOptions>>({
  name: "gaussianNll",
  kernel: "gaussian_nll",
  args: [{ name: "input" }, { name: "target" }, { name: "variance", domain: "nonNegative", lastMayLack: true }],
  options: [/* @__PURE__ */ positive("eps", 1e-6), /* @__PURE__ */ flag("full", false)],
  wrt: ["input", "variance", "target"],
  defaults: 2,
});
