import { similarityLoss } from "../invoke/similarity.js";
import { flag, positive } from "../invoke/options.js";
import type { IndexLoss } from "../types.js";

/** Options of {@link supCon}. */
export interface SupConOptions {
  /** What similarities are divided by, τ > 0. Default 0.07. */
  readonly temperature?: number | undefined;
  /** Whether rows are divided by their norms first, at least 1e-12. Default false: similarities are dot products as given. */
  readonly normalize?: boolean | undefined;
}

/**
 * Supervised contrastive loss: ℓ_i = −Σ_p ln(exp(s_ip)/Σ_a exp(s_ia))/|P|, s_ij = x_i·x_j/τ, with p in P the other
 * samples of the label of i and a all other samples.
 *
 * `embeddings` has shape (N, D), `labels` an integer for each sample, of which only equality counts. The paper
 * normalises the embeddings: `normalize: true` does. A sample without another of its label is 0, and the mean divides by
 * all samples. `reduction: "none"` gives a value for each. Differentiable by `embeddings`. All N² similarities are held
 * at once, twice.
 *
 * Source: Khosla et al., Supervised Contrastive Learning, 2020, L_out.
 *
 * @formula \ell_i = -\frac{1}{|P|} \sum_{p \in P} \ln \frac{e^{s_{ip}}}{\sum_a e^{s_{ia}}},\quad s_{ij} = \frac{x_i \cdot x_j}{\tau}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, length or option, before anything is written.
 * @example
 * ```ts
 * const embeddings = { data: Float32Array.of(1, 0, 1, 0, 0, 1, 0, 1), shape: [4, 2] };
 * supCon(embeddings, Int32Array.of(0, 0, 1, 1), { temperature: 0.5 }); // 0.2395
 * ```
 */
export const supCon = /* @__PURE__ */ similarityLoss<IndexLoss<SupConOptions, "embeddings">>({
  name: "supCon",
  kernel: "sup_con",
  args: ["embeddings"],
  labels: true,
  options: [/* @__PURE__ */ positive("temperature", 0.07), /* @__PURE__ */ flag("normalize", false)],
});
