import { similarityLoss } from "../invoke/similarity.js";
import { flag, positive } from "../invoke/options.js";
import type { TwinLoss } from "../types.js";

/** Options of {@link clip}. */
export interface ClipOptions {
  /** The factor s > 0 of the similarities. Default 1/0.07. */
  readonly logitScale?: number | undefined;
  /** Whether rows are divided by their norms first, at least 1e-12. Default false: similarities are dot products as given. */
  readonly normalize?: boolean | undefined;
}

/**
 * The loss of CLIP: ℓ_i = −½·ln(exp(s·x_i·y_i)/Σ_j exp(s·x_i·y_j)) − ½·ln(exp(s·x_i·y_i)/Σ_j exp(s·x_j·y_i)), that of
 * finding each image's text and each text's image.
 *
 * `image` and `text` hold embeddings of the same shape (N, D); rows of the same place belong together. CLIP normalises
 * them: `normalize: true` does. `reduction: "none"` gives a value for each pair. Differentiable by `image` and `text`
 * (both by default). All N² similarities are held at once, twice.
 *
 * Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021.
 *
 * @formula \ell_i = -\tfrac12 \ln \frac{e^{s\,x_i \cdot y_i}}{\sum_j e^{s\,x_i \cdot y_j}} - \tfrac12 \ln \frac{e^{s\,x_i \cdot y_i}}{\sum_j e^{s\,x_j \cdot y_i}}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const image = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };
 * clip(image, image, { logitScale: 2 }); // 0.1269
 * ```
 */
export const clip = /* @__PURE__ */ similarityLoss<TwinLoss<ClipOptions, "image" | "text">>({
  name: "clip",
  kernel: "clip",
  args: ["image", "text"],
  options: [/* @__PURE__ */ positive("logitScale", 14.285714285714285), /* @__PURE__ */ flag("normalize", false)],
});
