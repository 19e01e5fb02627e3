import { rowLoss } from "../invoke/rows.js";
import { fraction } from "../invoke/options.js";
import type { TwinLoss } from "../types.js";

/** Options of {@link jensenShannon}. */
export interface JensenShannonOptions {
  /** The weight β of `logits1`, from 0 to 1, in the mixture and in the sum. At 0 and at 1 the divergence is 0. Default 0.5. */
  readonly beta?: number | undefined;
}

/**
 * Generalised Jensen-Shannon divergence: ℓ = β·KL(p ‖ m) + (1 − β)·KL(q ‖ m), with p = softmax(logits1),
 * q = softmax(logits2) and m = β·p + (1 − β)·q.
 *
 * `logits1` and `logits2` have the same shape (…, C) and need one of their own. `reduction: "none"` gives a value for each
 * row. A class of no probability adds nothing. Differentiable by `logits1` and `logits2` (both by default).
 *
 * Source: Lin, Divergence Measures Based on the Shannon Entropy, 1991; Agarwal et al., On-Policy Distillation (GKD), 2024.
 *
 * @formula \ell = \beta\,\mathrm{KL}(p \,\Vert\, m) + (1 - \beta)\,\mathrm{KL}(q \,\Vert\, m),\quad m = \beta p + (1 - \beta) q
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const logits1 = { data: Float32Array.of(0, 0), shape: [1, 2] };
 * const logits2 = { data: Float32Array.of(2, 0), shape: [1, 2] };
 * jensenShannon(logits1, logits2); // 0.0895
 * ```
 */
export const jensenShannon = /* @__PURE__ */ rowLoss<TwinLoss<JensenShannonOptions, "logits1" | "logits2">>({
  name: "jensenShannon",
  kernel: "jensen_shannon",
  args: [{ name: "logits1" }, { name: "logits2" }],
  options: [/* @__PURE__ */ fraction("beta", 0.5)],
  wrt: ["logits1", "logits2"],
});
