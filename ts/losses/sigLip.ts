import { similarityLoss } from "../invoke/similarity.js";
import { finite, flag, positive } from "../invoke/options.js";
import type { TwinLoss } from "../types.js";

/** Options of {@link sigLip}. */
export interface SigLipOptions {
  /** The factor s > 0 of the similarities. Default 10. */
  readonly logitScale?: number | undefined;
  /** The number b that is added to them. Default −10. */
  readonly logitBias?: number | undefined;
  /** Whether rows are divided by their norms first, at least 1e-12. Default false: similarities are dot products as given. */
  readonly normalize?: boolean | undefined;
}

/**
 * The sigmoid loss of language-image pairs: ℓ_i = ln(1 + exp(−z_ii)) + Σ_{j≠i} ln(1 + exp(z_ij)), z_ij = s·x_i·y_j + b,
 * in which every pair of the batch is a decision of its own.
 *
 * `input1` and `input2` hold embeddings of the same shape (N, D); rows of the same place belong together. SigLIP
 * normalises them: `normalize: true` does. `reduction: "none"` gives a value for each row. Differentiable by `input1`
 * and `input2` (both by default). All N² similarities are held at once.
 *
 * Source: Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023.
 *
 * @formula \ell_i = \ln(1 + e^{-z_{ii}}) + \sum_{j \ne i} \ln(1 + e^{z_{ij}}),\quad z_{ij} = s\,x_i \cdot y_j + b
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const input1 = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };
 * sigLip(input1, input1, { logitScale: 2, logitBias: -1 }); // 0.6265
 * ```
 */
export const sigLip = /* @__PURE__ */ similarityLoss<TwinLoss<SigLipOptions, "input1" | "input2">>({
  name: "sigLip",
  kernel: "sig_lip",
  args: ["input1", "input2"],
  options: [/* @__PURE__ */ positive("logitScale", 10), /* @__PURE__ */ finite("logitBias", -10), /* @__PURE__ */ flag("normalize", false)],
});
