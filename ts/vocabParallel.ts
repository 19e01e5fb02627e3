// Cross-entropy over classes that are split between workers.
import { fail, show, showShape } from "./errors.js";
import { readNormalizer } from "./invoke/common.js";
import { Terms, withTerms } from "./invoke/lossOptions.js";
import { FLOATS, INDICES, type Operand, elements, needDtype, needFlatShape, operand, output } from "./invoke/marshal.js";
import { readFloatType, readInteger, readNumber, readObject } from "./invoke/options.js";
import { indexLayout, readIgnoreIndex } from "./invoke/rowwise.js";
import { crossEntropy } from "./losses/crossEntropy.js";
import { logSumExp } from "./losses/logSumExp.js";
import { softmax } from "./losses/softmax.js";
import { treeOf } from "./partial.js";
import { newFloats } from "./tensor.js";
import type { Floats, FunctionResult, Indices, OutOption, Result } from "./types.js";

/** What a worker knows of its classes; a plain object of numbers, strings and typed arrays. */
export interface VocabState {
  readonly dtype: "float32" | "float64";
  /** The class of its first column, and how many columns it has. */
  readonly firstClass: number;
  readonly classes: number;
  /** Of each row: ln Σ exp(x) over its classes. */
  readonly logSumExp: Float64Array<ArrayBuffer>;
  /** Of each row: its target among these classes; −1 where it is another's, −2 where it is ignored. */
  readonly target: Int32Array<ArrayBuffer>;
  /** Of each row whose target is here: −ln softmax(x)_y over these classes alone. */
  readonly loss: Float64Array<ArrayBuffer>;
}

/** What is known once all workers' states have come together. */
export interface VocabMerged<V = number | Result<Floats>> {
  /** The loss, reduced or of each row. */
  readonly value: V;
  /** What the sum was divided by. */
  readonly divisor: number;
  /** What each worker needs for its gradient. */
  readonly parts: readonly {
    readonly firstClass: number;
    /** Of each row: the probability that these classes have together. */
    readonly probability: Float64Array<ArrayBuffer>;
    /** Of each row whose target is here: that probability less 1. */
    readonly missing: Float64Array<ArrayBuffer>;
  }[];
}

/** How losses of rows become one. */
export interface VocabMergeOptions<R extends "mean" | "sum" | "none" = "mean" | "sum" | "none"> {
  /** Default `"mean"`, over the rows that are not ignored. */
  readonly reduction?: R | undefined;
  /** The divisor of the mean, in place of the number of rows that are not ignored. */
  readonly normalizer?: number | undefined;
}

/** Cross-entropy over classes that are split between workers. */
export interface VocabParallelCrossEntropy {
  /**
   * What a worker's classes add. `logits` has its columns, of shape [N, C_k], or is bare with N targets; `target` has the N class
   * indices among all classes.
   */
  partial(
    logits: Floats,
    target: Indices,
    options?: {
      /** The class of the first column. Default 0. */
      readonly firstClass?: number | undefined;
      /** A target whose row counts for nothing, with a gradient of 0. Default −100. */
      readonly ignoreIndex?: number | undefined;
    },
  ): VocabState;
  /** The loss over all classes, from the states of all workers in any order. */
  merge<const R extends "mean" | "sum" | "none" = "mean">(
    states: readonly VocabState[],
    options?: VocabMergeOptions<R>,
  ): VocabMerged<R extends "none" ? Result<Floats> : number>;
  /** The gradient by a worker's logits: (softmax(x) − onehot(y))·gradOutput/divisor, over all classes. */
  grad<I extends Floats, const O extends (OutOption & { readonly gradOutput?: number | Floats | undefined }) | undefined = undefined>(
    logits: I,
    state: VocabState,
    merged: VocabMerged,
    options?: O,
  ): FunctionResult<I, O>;
}

const NAME = "vocabParallelCrossEntropy";
const ABSENT = -1;
const IGNORED = -2;

const rowsOf = (data: Float64Array<ArrayBuffer>, rows: number, classes: number) => ({ data, shape: [rows, classes] });

/** Each row's −ln softmax(x)_y in float64. */
function lossesOf(logits: Floats, target: Int32Array): Float64Array<ArrayBuffer> {
  const terms = new Terms();
  crossEntropy(logits, target, withTerms({ reduction: "sum", ignoreIndex: ABSENT } as const, terms));
  return terms.values as Float64Array<ArrayBuffer>;
}

function readLogits(call: string, given: unknown): Operand {
  const input = operand(call, "logits", given, FLOATS);
  const rank = input.shape.length;
  if (!input.bare && rank !== 2) fail("ERR_SHAPE", call, "logits", "of shape [N, C]", `shape ${showShape(input.shape)}`);
  return input;
}

function partial(given: unknown, rawTarget: unknown, rawOptions?: unknown): VocabState {
  const call = `${NAME}.partial`;
  const options = readObject(call, "options", rawOptions, ["firstClass", "ignoreIndex"]);
  const input = readLogits(call, given);
  const index = operand(call, "target", rawTarget, INDICES);
  const { outer: rows, classes } = indexLayout(call, input, index);
  if (classes === 0 && rows > 0) fail("ERR_SHAPE", call, "logits", "of at least one class", `shape ${showShape(input.shape)}`);
  const { firstClass: rawFirst = 0 } = options;
  const firstClass = readInteger(call, "firstClass", rawFirst, 0);
  const ignoreIndex = readIgnoreIndex(call, options, false);
  const from = elements(call, index);
  const target = Int32Array.from({ length: rows }, (_, row) => {
    const y = Number(from[row]);
    if (y === ignoreIndex) return IGNORED;
    if (!(y >= 0)) fail("ERR_RANGE", call, `target[${row}]`, `a class index ≥ 0, or ignoreIndex ${ignoreIndex}`, show(from[row]));
    return y >= firstClass && y < firstClass + classes ? y - firstClass : ABSENT;
  });
  // ln Σ exp(x) = max + (ln Σ exp(x) − max), of which the kernel gives the second in float64.
  const x = elements(call, input) as Float32Array;
  const greatest = Int32Array.from({ length: rows }, (_, row) => {
    let best = row * classes;
    for (let i = best + 1; i < (row + 1) * classes; i++) if (!((x[i] as number) <= (x[best] as number)) && !Number.isNaN(x[best])) best = i;
    return best - row * classes;
  });
  const tops = Float64Array.from(greatest, (c, row) => x[row * classes + c] as number);
  const logits = (input.bare ? { data: input.given, shape: [rows, classes] } : input.given) as Floats;
  const above = lossesOf(logits, greatest);
  const within = target.some((c) => c >= 0) ? lossesOf(logits, target.map((c) => Math.max(c, ABSENT))) : new Float64Array(rows);
  return {
    dtype: input.dtype as "float32" | "float64",
    firstClass,
    classes,
    // Of infinities alone there is no difference to the greatest.
    logSumExp: tops.map((top, row) => (Math.abs(top) === Infinity ? top : top + (above[row] as number))),
    target,
    // The classes' own probability, which is 0, says all where no logit is finite.
    loss: within.map((loss, row) => (tops[row] === -Infinity ? 0 : loss)),
  };
}

const STATE = ["dtype", "firstClass", "classes", "logSumExp", "target", "loss"];

function readState(call: string, name: string, given: unknown): VocabState {
  const state = readObject(call, name, given ?? null, STATE) as unknown as VocabState;
  const rows = state.logSumExp instanceof Float64Array ? state.logSumExp.length : -1;
  const whole = state.loss instanceof Float64Array && state.target instanceof Int32Array && state.loss.length === rows && state.target.length === rows;
  if (!whole) fail("ERR_TYPE", call, name, `a state that ${NAME}.partial gave`, show(given));
  readInteger(call, `${name}.firstClass`, state.firstClass, 0);
  const classes = readInteger(call, `${name}.classes`, state.classes, 0);
  readFloatType(call, state.dtype, `${name}.dtype`);
  const wrong = state.target.findIndex((c) => c >= classes || c < IGNORED);
  if (wrong >= 0) fail("ERR_RANGE", call, `${name}.target[${wrong}]`, `below ${classes}, ${ABSENT} for another worker's or ${IGNORED} for none, in a state that ${NAME}.partial gave`, show(state.target[wrong]));
  return state;
}

/** Reads states, in the order of their classes. */
function readStates(call: string, given: unknown): readonly [VocabState, ...VocabState[]] {
  if (!Array.isArray(given)) fail("ERR_TYPE", call, "states", "an array of states", show(given));
  const read = (given as readonly unknown[]).map((state, k) => readState(call, `states[${k}]`, state));
  const [first] = read;
  if (!first) fail("ERR_SHAPE", call, "states", "of at least one state", "none");
  read.forEach(({ dtype, target }, k) => {
    if (dtype !== first.dtype) fail("ERR_DTYPE", call, `states[${k}]`, `${first.dtype} as states[0] is`, dtype);
    if (target.length !== first.target.length) fail("ERR_SHAPE", call, `states[${k}]`, `of ${first.target.length} rows, as states[0] has`, String(target.length));
  });
  const sorted = read.sort((a, b) => a.firstClass - b.firstClass);
  let next = 0;
  for (const { firstClass, classes } of sorted) {
    if (firstClass !== next) fail("ERR_RANGE", call, "states", `of all classes, without a gap or an overlap: one that starts at class ${next}`, `one that starts at ${firstClass}`);
    next += classes;
  }
  return sorted as unknown as readonly [VocabState, ...VocabState[]];
}

/** Which state has each row's target; −1 where the row is ignored. */
function ownersOf(call: string, states: readonly [VocabState, ...VocabState[]]): Int32Array {
  return states[0].target.map((_, row) => {
    const owners = states.flatMap(({ target }, k) => ((target[row] as number) >= 0 ? [k] : []));
    const ignoring = states.filter(({ target }) => target[row] === IGNORED).length;
    if (owners.length === 0 && ignoring === 0) fail("ERR_RANGE", call, "states", "of all classes", `no class of row ${row}'s target among them`);
    // Each worker was given the same targets.
    if (owners.length > 1 || (ignoring > 0 && ignoring < states.length)) fail("ERR_RANGE", call, "states", "of the same targets", `ones that differ in row ${row}`);
    return owners[0] ?? ABSENT;
  });
}

function readMerge(call: string, given: unknown): { readonly reduction: string; readonly normalizer: number | undefined } {
  const { reduction = "mean", normalizer } = readObject(call, "options", given, ["reduction", "normalizer"]);
  if (typeof reduction !== "string") fail("ERR_TYPE", call, "reduction", '"mean", "sum" or "none"', show(reduction));
  if (!["mean", "sum", "none"].includes(reduction)) fail("ERR_RANGE", call, "reduction", '"mean", "sum" or "none"', show(reduction));
  return { reduction, normalizer: readNormalizer(call, normalizer, reduction) };
}

function merge(given: unknown, rawOptions?: unknown): VocabMerged {
  const call = `${NAME}.merge`;
  const { reduction, normalizer } = readMerge(call, rawOptions);
  const states = readStates(call, given);
  const [{ dtype }] = states;
  const owners = ownersOf(call, states);
  const [rows, parts] = [owners.length, states.length];
  const sums = Float64Array.from({ length: rows * parts }, (_, i) => states[i % parts]?.logSumExp[Math.floor(i / parts)] ?? Number.NaN);
  // −ln p(y) = −ln p(its worker's classes) − ln p(y among them): two terms ≥ 0, so that small losses keep their digits.
  const between = crossEntropy.valueAndGrad(rowsOf(sums, rows, parts), owners, { reduction: "none", ignoreIndex: ABSENT });
  const probabilities = softmax(rowsOf(sums, rows, parts));
  const losses = between.value.map((loss, row) => loss + (states[owners[row] as number]?.loss[row] ?? 0));
  const divisor = reduction === "mean" ? (normalizer ?? owners.reduce((count, owner) => count + Number(owner >= 0), 0)) : 1;
  const sum = treeOf(0, losses).total() / divisor;
  const single = dtype === "float32";
  const value = reduction === "none" ? (single ? Float32Array.from(losses) : losses) : single ? Math.fround(sum) : sum;
  const column = (from: Float64Array, k: number, which: (row: number) => boolean) => Float64Array.from({ length: rows }, (_, row) => (which(row) ? (from[row * parts + k] as number) : 0));
  return {
    value,
    divisor,
    parts: states.map(({ firstClass }, k) => ({
      firstClass,
      probability: column(probabilities, k, (row) => owners[row] !== ABSENT),
      missing: column(between.grads.input, k, (row) => owners[row] === k),
    })),
  };
}

function grad(given: unknown, rawState: unknown, rawMerged: unknown, rawOptions?: unknown): object {
  const call = `${NAME}.grad`;
  const options = readObject(call, "options", rawOptions, ["gradOutput", "out"]);
  const state = readState(call, "state", rawState);
  const { classes, firstClass, target } = state;
  const rows = target.length;
  const input = readLogits(call, given);
  if (input.bare ? input.size !== rows * classes : input.shape[0] !== rows || input.shape[1] !== classes) {
    fail("ERR_SHAPE", call, "logits", `of shape ${showShape([rows, classes])}, as the state's`, `shape ${showShape(input.shape)}`);
  }
  if (input.dtype !== state.dtype) fail("ERR_DTYPE", call, "logits", `${state.dtype} as the state is`, input.dtype);
  const { divisor: rawDivisor, value, parts } = readObject(call, "merged", rawMerged ?? null, ["value", "divisor", "parts"]) as unknown as VocabMerged;
  const divisor = readNumber(call, "merged.divisor", rawDivisor, "a number ≥ 0", (x) => x >= 0 && x < Infinity);
  const ofRows = (data: unknown) => data instanceof Float64Array && data.length === rows;
  const part = Array.isArray(parts) ? (parts as (VocabMerged["parts"][number] | null)[]).find((each) => each?.firstClass === firstClass) : undefined;
  if (!part || !ofRows(part.probability) || !ofRows(part.missing)) fail("ERR_RANGE", call, "merged", "what merge gave with this state among its states", "one without it");
  const { gradOutput = 1 } = options;
  let outer: (row: number) => number = () => gradOutput as number;
  if (typeof gradOutput !== "number") {
    const op = operand(call, "gradOutput", gradOutput, FLOATS);
    if (typeof value === "number") fail("ERR_TYPE", call, "gradOutput", "a number where the value is", show(gradOutput));
    needDtype(call, op, input);
    needFlatShape(call, op, [rows], "one for each row");
    const data = (elements(call, op) as Float32Array).slice();
    outer = (row) => data[row] as number;
  }
  const place = options.out === undefined ? undefined : output(call, "out", options.out, input, input.shape, "as logits has");

  const logits = (input.bare ? { data: input.given, shape: [rows, classes] } : input.given) as Floats;
  const factors = newFloats(state.dtype, rows);
  for (let row = 0; row < rows; row++) factors[row] = target[row] === IGNORED ? 0 : (outer(row) / divisor) * (part.probability[row] as number);
  const result = logSumExp.vjp(logits, factors) as unknown as Float32Array;
  const own = target.map((c) => Math.max(c, ABSENT));
  // q − onehot, where q − 1 has all its digits.
  const inside = own.some((c) => c >= 0) ? crossEntropy.valueAndGrad(logits, own, { reduction: "none", ignoreIndex: ABSENT, gradOutput: factors as never }).grads.input : undefined;
  own.forEach((c, row) => {
    const start = row * classes;
    // Ignored rows count for nothing, whatever is in them; without a finite logit here, and some elsewhere, these classes have a
    // probability of 0.
    if (target[row] === IGNORED || (state.logSumExp[row] === -Infinity && part.probability[row] === 0)) result.fill(0, start, start + classes);
    else if (c >= 0 && inside) result.set(inside.subarray(start, start + classes), start);
    // p_k·(q − onehot) + (p_k − 1)·onehot is p_k·q − onehot.
    if (c >= 0) result[start + c] = (result[start + c] as number) + (outer(row) / divisor) * (part.missing[row] as number);
  });
  if (!place) return result;
  (elements(call, place) as Float32Array).set(result);
  return place.given;
}

/**
 * Cross-entropy whose classes are split between workers, each with some columns of the logits: ℓ = ln Σ exp(x) − x_y, from each
 * worker's ln Σ exp over its own classes, and the loss within the classes of the worker that has the target.
 *
 * Each worker calls `partial` on its columns and sends the state, a plain object with a few numbers a row; `merge` gives the loss;
 * `grad` gives each worker the gradient by its own logits. Small losses keep their digits. The value agrees with `crossEntropy` on
 * all classes to the last digits, not bits, as a row's sum is cut; it does not depend on the order of the states.
 *
 * Source: Megatron-LM `vocab_parallel_cross_entropy`, Shoeybi et al., 2019.
 *
 * @group Losses
 * @formula \ell = \ln \sum_w \sum_{c \in w} e^{x_c} - x_y
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape or option, a negative target, states that overlap
 * or leave classes out, and a target beyond the last class.
 * @example
 * ```ts
 * const [left, right] = [Float32Array.of(2, 1), Float32Array.of(0)]; // one row of three classes, on two workers
 * const target = Int32Array.of(2);
 * const states = [left, right].map((logits, k) => vocabParallelCrossEntropy.partial(logits, target, { firstClass: 2 * k }));
 * const merged = vocabParallelCrossEntropy.merge(states);
 * merged.value; // 2.407606
 * vocabParallelCrossEntropy.grad(right, states[1]!, merged); // [-0.909969]
 * ```
 */
export const vocabParallelCrossEntropy: VocabParallelCrossEntropy = { partial, merge, grad } as VocabParallelCrossEntropy;
