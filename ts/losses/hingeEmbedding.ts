import { pointwise } from "../invoke/pointwise.js";
import { finite } from "../invoke/options.js";
import type { Flags, TargetLoss } from "../types.js";

/** Options of {@link hingeEmbedding}. */
export interface HingeEmbeddingOptions {
  /** The distance from which a dissimilar pair costs nothing. Default 1. */
  readonly margin?: number | undefined;
}

/**
 * Hinge loss of distances: ℓ = x where y = 1, and max(0, margin − x) where y = −1.
 *
 * `target` has the shape of `input`, with values −1 and 1; it may be an integer array. The gradient at the margin is 0.
 * Differentiable by `input`.
 *
 * Source: PyTorch `HingeEmbeddingLoss`.
 *
 * @formula \ell = \begin{cases} x & y = 1 \\ \max(0, m - x) & y = -1 \end{cases}
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, or a target other than ±1, before anything is written.
 * @example
 * ```ts
 * hingeEmbedding(Float32Array.of(0.2, 0.4), Int8Array.of(1, -1)); // (0.2 + 0.6)/2
 * ```
 */
export const hingeEmbedding = /* @__PURE__ */ pointwise<TargetLoss<HingeEmbeddingOptions, "input", Flags>>({
  name: "hingeEmbedding",
  kernel: "hinge_embedding",
  args: [{ name: "input" }, { name: "target", flags: true, domain: "sign" }],
  options: [/* @__PURE__ */ finite("margin", 1)],
  wrt: ["input"],
});
