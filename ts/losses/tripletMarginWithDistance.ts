import { type DistanceCallback, tripletWithDistance } from "../invoke/triplet.js";
import type { TripletLoss } from "../types.js";

export type { DistanceCallback, DistanceResult, DistanceRows } from "../invoke/triplet.js";

/** Options of {@link tripletMarginWithDistance}. */
export interface TripletMarginWithDistanceOptions {
  /**
   * The distance of two rows: `"euclidean"`, ‖x − y + 1e-6‖ as in tripletMargin; `"squaredEuclidean"`, Σ (x − y)²;
   * `"cosine"`, 1 − cosineSimilarity; or a function that gives the distance of each row and its gradients. Default
   * `"euclidean"`.
   */
  readonly distance?: "euclidean" | "squaredEuclidean" | "cosine" | DistanceCallback | undefined;
  /** How much farther than the positive the negative should be, > 0. Default 1. */
  readonly margin?: number | undefined;
  /** Whether the negative's distance is the lesser one of those to the anchor and to the positive. Default false. */
  readonly swap?: boolean | undefined;
}

/**
 * Pulls an anchor towards a positive and away from a negative: ℓ = max(0, δ(a, p) − δ(a, n) + margin), δ being any distance.
 *
 * `anchor`, `positive` and `negative` have the same shape (…, D) and need one of their own; `reduction: "none"` gives a
 * value for each row. A function as `distance` is called with two of them at a time, as `{ data, shape }`, and gives
 * `{ value, grads: { x1, x2 } }`: the distance of each row, and the gradient of each row's distance by its elements; it may
 * call other losses. It is called for (a, p), (a, n) and, with `swap`, (p, n), and must not keep or change what it is
 * given. The gradient at the bound is 0; with `swap`, two equal distances take half of it each. Differentiable by all three
 * (by default).
 *
 * Source: PyTorch `TripletMarginWithDistanceLoss`.
 *
 * @formula \ell = \max\bigl(0, \delta(a, p) - \delta(a, n) + m\bigr)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, option or result of `distance`, before
 * anything is written.
 * @example
 * ```ts
 * import type { DistanceRows } from "fused-loss";
 * const row = (...data: number[]) => ({ data: Float32Array.from(data), shape: [1, 2] });
 * tripletMarginWithDistance(row(1, 0), row(0, 1), row(1, 0), { distance: "cosine" }); // 2
 * const manhattan = (x1: DistanceRows, x2: DistanceRows) => {
 *   const options = { p: 1, eps: 0 };
 *   const value = pairwiseDistance(x1, x2, options);
 *   return { value, grads: pairwiseDistance.vjp(x1, x2, value.map(() => 1), options) };
 * };
 * tripletMarginWithDistance(row(0, 0), row(3, 4), row(0, 2), { distance: manhattan }); // 6
 * ```
 */
export const tripletMarginWithDistance = /* @__PURE__ */ tripletWithDistance<TripletLoss<TripletMarginWithDistanceOptions>>({
  name: "tripletMarginWithDistance",
  kernel: "triplet_margin",
  cosine: "triplet_margin_cosine",
});
