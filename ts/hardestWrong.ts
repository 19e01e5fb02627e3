import { fail, show, showShape } from "./errors.js";
import { FLOATS, INDICES, type Operand, needDtype, needFlatShape, needShape, operand, output } from "./invoke/marshal.js";
import { readObject } from "./invoke/options.js";
import type { Tensor, TypedArray } from "./tensor.js";
import type { Floats, Indices, Like, Result } from "./types.js";

/** What {@link hardestWrong} gives. */
export interface HardestWrong<I extends Floats> {
  /** The logit of each row's label. */
  readonly correct: Result<I>;
  /** The greatest of the other logits of each row. */
  readonly wrong: Result<I>;
  /** The class that it is of: of equal ones the lowest. */
  readonly wrongIndex: Int32Array<ArrayBuffer>;
  /** The gradient by the logits, from those by `correct` and `wrong`: theirs in their places, 0 elsewhere. */
  readonly scatter: <O extends { readonly out?: Like<I> | undefined } | undefined = undefined>(
    gradCorrect: Like<I>,
    gradWrong: Like<I>,
    options?: O,
  ) => O extends { readonly out: infer P extends Floats } ? P : Result<I>;
}

const elements = ({ data, given }: Operand): TypedArray => data ?? (given as Tensor).data;

/**
 * The logit of each row's label, and the greatest of the others: correct_i = x_{i,y}, wrong_i = max_{c≠y} x_{i,c}, so that a
 * loss of pairs such as `marginRanking` trains a classifier.
 *
 * `logits` has shape (N, C) with C ≥ 2, or is bare with N labels; `labels` holds class indices of shape (N). A NaN among the
 * other logits is greater than all, as in PyTorch. `scatter` turns the gradients of a loss of the two into that by the
 * logits.
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
  const rows = index.size;
  const expected = "of shape (N, C), C ≥ 2";
  if (input.bare ? rows === 0 || input.size % rows > 0 : input.shape.length !== 2) {
    if (!(input.bare && rows === 0 && input.size === 0)) fail("ERR_SHAPE", call, "logits", input.bare ? `of a length that ${rows} rows divide, as many as labels has` : expected, input.bare ? `length ${input.size}` : `shape ${showShape(input.shape)}`);
  }
  const classes = input.bare ? (rows === 0 ? 2 : input.size / rows) : (input.shape[1] as number);
  if (classes < 2) fail("ERR_SHAPE", call, "logits", expected, `shape ${showShape([rows, classes])}`);
  needShape(call, index, [input.bare ? rows : (input.shape[0] as number)], "one for each row");
  const [x, y] = [elements(input) as Float32Array, elements(index)];
  const own = Int32Array.from(y as Int32Array, (value, i) => {
    const label = Number(value);
    if (!(label >= 0 && label < classes)) fail("ERR_RANGE", call, `labels[${i}]`, `a class index from 0 to ${classes - 1}`, show(value));
    return label;
  });
  const like = (size: number) => (input.dtype === "float32" ? new Float32Array(size) : new Float64Array(size));
  const [correct, wrong, wrongIndex] = [like(rows), like(rows), new Int32Array(rows)];
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    const label = own[row] as number;
    let best = label === 0 ? 1 : 0;
    for (let c = best + 1; c < classes && !Number.isNaN(x[start + best]); c++) {
      if (c !== label && !((x[start + c] as number) <= (x[start + best] as number))) best = c;
    }
    correct[row] = x[start + label] as number;
    wrong[row] = x[start + best] as number;
    wrongIndex[row] = best;
  }
  const scatter = (gradCorrect: unknown, gradWrong: unknown, rawOptions?: unknown) => {
    const name = "hardestWrong.scatter";
    const { out } = readObject(name, "options", rawOptions, ["out"]);
    const grads = [operand(name, "gradCorrect", gradCorrect, FLOATS), operand(name, "gradWrong", gradWrong, FLOATS)];
    for (const grad of grads) {
      needDtype(name, grad, input);
      needFlatShape(name, grad, [rows], "one for each row");
    }
    const place = out === undefined ? undefined : output(name, "out", out, input, [rows, classes], "as logits has");
    const [byCorrect, byWrong] = grads.map((grad) => (elements(grad) as Float32Array).slice()) as [Float32Array, Float32Array];
    const result = place ? (elements(place) as Float32Array) : like(rows * classes);
    result.fill(0);
    for (let row = 0; row < rows; row++) {
      result[row * classes + (own[row] as number)] = byCorrect[row] as number;
      result[row * classes + (wrongIndex[row] as number)] = byWrong[row] as number;
    }
    return place ? place.given : result;
  };
  return { correct, wrong, wrongIndex, scatter } as unknown as HardestWrong<I>;
}
