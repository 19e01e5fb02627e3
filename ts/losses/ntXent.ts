import { similarityLoss } from "../invoke/similarity.js";
import { positive } from "../invoke/options.js";
import type { IndexLoss } from "../types.js";

/** Options of {@link ntXent}. */
export interface NtXentOptions {
  /** What similarities are divided by, τ > 0. Default 0.07. */
  readonly temperature?: number | undefined;
}

/**
 * Normalised temperature-scaled cross-entropy: ℓ_i = Σ_p −ln(exp(s_ip)/(exp(s_ip) + Σ_n exp(s_in))), s_ij = cos(x_i,
 * x_j)/τ by norms of at least 1e-12, with p the other samples of the label of i and n those of other labels.
 *
 * `embeddings` has shape (N, D), `labels` an integer for each sample, of which only equality counts: give the two views
 * of a sample one label. Each positive pair is set against the negatives alone, not against other positives. The mean
 * divides by the number of positive pairs, each counted from both sides: NaN without any, with a gradient of 0.
 * `reduction: "none"` gives a value for each sample, the sum over its pairs. Differentiable by `embeddings`. All N²
 * similarities are held at once.
 *
 * Source: optax `ntxent`; Chen et al., A Simple Framework for Contrastive Learning (SimCLR), 2020.
 *
 * @formula \ell_i = -\sum_p \ln \frac{e^{s_{ip}}}{e^{s_{ip}} + \sum_n e^{s_{in}}},\quad s_{ij} = \frac{\cos(x_i, x_j)}{\tau}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, length or option, before anything is written.
 * @example
 * ```ts
 * const embeddings = { data: Float32Array.of(1, 0, 2, 0, 0, 3, 0, 1), shape: [4, 2] };
 * ntXent(embeddings, Int32Array.of(0, 0, 1, 1), { temperature: 0.5 }); // 0.2395
 * ```
 */
export const ntXent = /* @__PURE__ */ similarityLoss<IndexLoss<NtXentOptions, "embeddings">>({
  name: "ntXent",
  kernel: "nt_xent",
  args: ["embeddings"],
  labels: true,
  options: [/* @__PURE__ */ positive("temperature", 0.07)],
  ownMean: true,
});
