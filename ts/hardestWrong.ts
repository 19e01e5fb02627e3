import { fail, showShape } from "./errors.js";
import { FLOATS, INDICES, elements, needDtype, needFlatShape, operand, output } from "./invoke/marshal.js";
import { readObject } from "./invoke/options.js";
import { classIndices, indexLayout, wrongClass } from "./invoke/rowwise.js";
import { newFloats } from "./tensor.js";
import type { Floats, FunctionResult, Indices, Like, OutOption, Result } from "./types.js";

/** What {@link hardestWrong} gives, an element for each label. */
export interface HardestWrong<I extends Floats> {
  /** The logit of each row's label. */
  readonly correct: Result<I>;
  /** The greatest of the other logits of each row. */
  readonly wrong: Result<I>;
  /** The class that it is of. */
  readonly wrongIndex: Int32Array<ArrayBuffer>;
  /** The gradient by the logits, from those by `correct` and `wrong`: theirs in their places, 0 elsewhere. */
  readonly scatter: <const O extends OutOption | undefined = undefined>(
    gradCorrect: Like<I>,
    gradWrong: Like<I>,
    options?: O,
  ) => FunctionResult<I, O>;
}

/**
 * The logit of each row's label, and the greatest of the others: correct_i = x_{i,y}, wrong_i = max_{c≠y} x_{i,c}, so that a
 * loss of pairs such as `marginRanking` trains a classifier.
 *
 * `logits` has shape (C), (N, C) or (N, C, d1, …, dk) with C ≥ 2, or is bare with N labels; `labels` holds class indices of
 * shape (), (N) or (N, d1, …, dk). Of equal logits the lowest class counts as the greatest. A NaN among the others is greater
 * than all, as in PyTorch, the lowest of several. `scatter` turns the gradients of a loss of the two into that by the logits,
 * which may come in `out`; it needs the logits and labels no more.
 *
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or class index, before anything is written.
 * @example
 * ```ts
 * const logits = Float32Array.of(2, 1, 0, 0, 3, 1); // two rows of three classes
 * const { correct, wrong, scatter } = hardestWrong(logits, Int32Array.of(0, 2));
 * const { value, grads } = marginRanking.valueAndGrad(correct, wrong, Float32Array.of(1, 1), { margin: 0.5 });
 * value; // 1.25
 * scatter(grads.input1, grads.input2); // [0, 0, 0, 0, 0.5, -0.5]
 * ```
 */
export function hardestWrong<I extends Floats>(logits: I, labels: Indices): HardestWrong<I> {
  const call = "hardestWrong";
  const input = operand(call, "logits", logits, FLOATS);
  const index = operand(call, "labels", labels, INDICES);
  const { outer, classes, inner, rows: shape } = indexLayout(call, input, index);
  const rows = outer * inner;
  if (classes < 2 && rows > 0) fail("ERR_SHAPE", call, "logits", "of at least two classes", `${classes} from shape ${showShape(input.shape)}`);
  const x = elements(call, input) as Float32Array;
  const y = elements(call, index);
  const own = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const label = Number(y[row]);
    if (!(label >= 0 && label < classes)) wrongClass(call, classIndices(index, classes, undefined), row, y[row]);
    own[row] = label;
  }

  const like = (size: number) => newFloats(input.dtype, size);
  const [correct, wrong, wrongIndex] = [like(rows), like(rows), new Int32Array(rows)];
  /** Where a row's class 0 is; the others follow at a distance of `inner`. */
  const startOf = (row: number) => (inner === 1 ? row : Math.floor(row / inner)) * classes * inner + (row % inner);
  for (let row = 0; row < rows; row++) {
    const start = startOf(row);
    const label = own[row] as number;
    let hardest = label === 0 ? 1 : 0;
    let at = start + hardest * inner;
    let most = x[at] as number;
    // The first NaN ends the search.
    for (let c = Number.isNaN(most) ? classes : hardest + 1; c < classes; c++) {
      at += inner;
      const value = x[at] as number;
      if (value <= most || c === label) continue;
      hardest = c;
      most = value;
      if (Number.isNaN(value)) break;
    }
    correct[row] = x[start + label * inner] as number;
    wrong[row] = most;
    wrongIndex[row] = hardest;
  }

  // The caller may write to `wrongIndex`.
  const hardest = wrongIndex.slice();
  const scatter = (gradCorrect: unknown, gradWrong: unknown, rawOptions?: unknown) => {
    const name = "hardestWrong.scatter";
    const { out } = readObject(name, "options", rawOptions, ["out"]);
    const grads = [operand(name, "gradCorrect", gradCorrect, FLOATS), operand(name, "gradWrong", gradWrong, FLOATS)];
    for (const grad of grads) {
      needDtype(name, grad, input);
      needFlatShape(name, grad, shape, "one for each label");
    }
    const place = out === undefined ? undefined : output(name, "out", out, input, input.shape, "as logits has");
    // Copied, as `out` may lie over them.
    const [byCorrect, byWrong] = grads.map((grad) => (elements(name, grad) as Float32Array).slice()) as [Float32Array, Float32Array];
    const result = place ? (elements(name, place) as Float32Array).fill(0) : like(input.size);
    for (let row = 0; row < rows; row++) {
      const start = startOf(row);
      result[start + (own[row] as number) * inner] = byCorrect[row] as number;
      result[start + (hardest[row] as number) * inner] = byWrong[row] as number;
    }
    return place ? place.given : result;
  };
  return { correct, wrong, wrongIndex, scatter } as unknown as HardestWrong<I>;
}
