import { similarityLoss } from "../invoke/similarity.js";
import { flag, positive } from "../invoke/options.js";
import type { TwinLoss } from "../types.js";

/** Options of {@link infoNce}. */
export interface InfoNceOptions {
  /** What similarities are divided by, τ > 0. Default 0.07. */
  readonly temperature?: number | undefined;
  /** Whether rows are divided by their norms first, at least 1e-12. Default false: similarities are dot products as given. */
  readonly normalize?: boolean | undefined;
}

/**
 * InfoNCE: ℓ_i = −ln(exp(q_i·k_i/τ)/Σ_j exp(q_i·k_j/τ)), the loss of finding each query's key among all keys of the
 * batch.
 *
 * `query` and `key` have the same shape (N, D); rows of the same place belong together. `reduction: "none"` gives a
 * value for each query. Differentiable by `query` and `key` (both by default). All N² similarities are held at once.
 *
 * Source: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018.
 *
 * @formula \ell_i = -\ln \frac{e^{q_i \cdot k_i / \tau}}{\sum_j e^{q_i \cdot k_j / \tau}}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const query = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };
 * infoNce(query, query, { temperature: 0.5 }); // 0.1269
 * ```
 */
export const infoNce = /* @__PURE__ */ similarityLoss<TwinLoss<InfoNceOptions, "query" | "key">>({
  name: "infoNce",
  kernel: "info_nce",
  args: ["query", "key"],
  options: [/* @__PURE__ */ positive("temperature", 0.07), /* @__PURE__ */ flag("normalize", false)],
});
