import { rowLoss } from "../invoke/rows.js";
import { positive } from "../invoke/options.js";
import type { Reduction, TwinLoss } from "../types.js";

/** Options of {@link distillationKl}. */
export interface DistillationKlOptions {
  /** What the logits are divided by, τ > 0. Default 1. */
  readonly temperature?: number | undefined;
}

/**
 * Kullback-Leibler divergence of a student from its teacher: ℓ = τ²·q·(ln q − ln p), with p = softmax(student/τ) and
 * q = softmax(teacher/τ).
 *
 * `student` and `teacher` hold logits of the same shape (…, C) and need one of their own. There is a value for each class,
 * as in `klDiv`, and it is 0 where q is. `reduction: "batchmean"` divides the sum by the first dimension and is the
 * divergence of the definition; the default mean divides by the number of elements. The factor τ² keeps gradients of one
 * size over temperatures. Differentiable by `student` (default) and `teacher`.
 *
 * Source: Hinton et al., Distilling the Knowledge in a Neural Network, 2015; PyTorch `kl_div` of two `log_softmax`.
 *
 * @formula \ell = \tau^2\,q\,(\ln q - \ln p),\quad p = \operatorname{softmax}(\text{student}/\tau),\; q = \operatorname{softmax}(\text{teacher}/\tau)
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, before anything is written.
 * @example
 * ```ts
 * const student = { data: Float32Array.of(0, 0), shape: [1, 2] };
 * const teacher = { data: Float32Array.of(2, 0), shape: [1, 2] };
 * distillationKl(student, teacher, { temperature: 2, reduction: "batchmean" }); // 0.4438
 * ```
 */
export const distillationKl = /* @__PURE__ */ rowLoss<TwinLoss<DistillationKlOptions, "student" | "teacher", "student", Reduction | "batchmean">>({
  name: "distillationKl",
  kernel: "distillation_kl",
  args: [{ name: "student" }, { name: "teacher" }],
  options: [/* @__PURE__ */ positive("temperature", 1)],
  wrt: ["student", "teacher"],
  defaults: 1,
  values: "entries",
  batchmean: true,
});
