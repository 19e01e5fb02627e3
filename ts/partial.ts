// Sums of a part of a batch, and what they add up to. The tree is that of crates/kernels/src/reduce.rs.
import { fail, show } from "./errors.js";
import { losses } from "./invoke/common.js";
import { Terms, withTerms } from "./invoke/lossOptions.js";
import { type Options, readFloatType, readInteger, readObject, readPositive } from "./invoke/options.js";
import type { Flags, Floats, Indices, Result } from "./types.js";

/** Terms of a leaf of the tree. */
const BLOCK = 4096;

/** What {@link partial} gives: a plain object of numbers, strings and typed arrays, to be sent by `postMessage` or `v8.serialize`. */
export interface PartialState {
  /** The name of the loss. */
  readonly loss: string;
  readonly dtype: "float32" | "float64";
  readonly reduction: "mean" | "sum" | "batchmean";
  /** The place of the first term in the whole batch, and how many terms there are. */
  readonly start: number;
  readonly count: number;
  /** In order: terms before the first border of 4096, sums of the largest aligned groups of blocks of 4096, terms after the last border. */
  readonly sum: Float64Array<ArrayBuffer>;
  /** What divides the sum: `whole` of the whole batch; `count`, this part's share; or `weights`, this part's sum, as `sum` is. */
  readonly divisor:
    | { readonly whole: number }
    | { readonly count: number }
    | { readonly weights: Float64Array<ArrayBuffer> };
}

/** What {@link merge} gives. */
export interface Merged {
  /** The loss of all parts, as one call gives it. */
  readonly value: number;
  /** What its sum was divided by. */
  readonly divisor: number;
  /** The parts as one, which can be merged with others. */
  readonly state: PartialState;
}

/** Any loss of the package. */
export interface AnyLoss {
  (...args: never[]): unknown;
  /** The value with its gradients. */
  valueAndGrad(...args: never[]): { readonly value: unknown; readonly grads: object };
}

type Last<A extends readonly unknown[]> = Required<A> extends readonly [...unknown[], infer L] ? Exclude<L, undefined> : never;

/**
 * The options of a loss, and where its part of the batch begins.
 *
 * @typeParam F - The loss, or its `valueAndGrad`.
 */
export type PartialOptions<F extends (...args: never[]) => unknown> = Omit<Last<Parameters<F>>, "reduction"> & {
  /** The place of the first term in the whole batch: how many rows, or for losses by element how many elements, come before. Default 0. */
  readonly start?: number | undefined;
  /** As the loss has it, but for `"none"`. Default `"mean"`. */
  readonly reduction?: "mean" | "sum" | "batchmean" | undefined;
};

type Argument = Floats | Indices | Flags | readonly number[] | number;

const group = (from: number, to: number) => {
  // The largest aligned group of blocks that begins at `from` and does not go beyond `to`.
  let size = 1;
  while (from % (2 * size) === 0 && from + 2 * size <= to) size *= 2;
  return size;
};

/** Terms that are no whole block, by lane from `at` in their block on. */
function sumOf(terms: ArrayLike<number>, at: number): number {
  const lanes = new Float64Array(8);
  for (let i = 0; i < terms.length; i++) {
    const lane = (at + i) % 8;
    lanes[lane] = (lanes[lane] as number) + (terms[i] as number);
  }
  const [a, b, c, d, e, f, g, h] = lanes as unknown as readonly [number, number, number, number, number, number, number, number];
  return a + e + (c + g) + (b + f + (d + h));
}

/** The sum of an aligned group of blocks. */
interface Group {
  readonly block: number;
  readonly size: number;
  readonly sum: number;
}

/** Adds the group that follows. Two halves of a larger aligned group become one. */
function addGroup(groups: Group[], block: number, size: number, sum: number) {
  const left = groups.at(-1);
  if (left?.size === size && left.block % (2 * size) === 0) {
    groups.pop();
    addGroup(groups, left.block, 2 * size, left.sum + sum);
  } else {
    groups.push({ block, size, sum });
  }
}

/** Terms in a row, as the sums of what is whole. */
class Tree {
  /** Terms before the first border. */
  readonly #head: number[] = [];
  /** Terms after the last border. */
  #tail: number[] = [];
  /** Aligned groups of blocks in a row. */
  readonly #groups: Group[] = [];
  end: number;

  constructor(readonly start: number) {
    this.end = start;
  }

  term(value: number) {
    const { start, end } = this;
    this.end++;
    if (start % BLOCK > 0 && end < Math.ceil(start / BLOCK) * BLOCK) {
      this.#head.push(value);
      return;
    }
    this.#tail.push(value);
    if (this.end % BLOCK > 0) return;
    const sum = sumOf(this.#tail, 0);
    this.#tail = [];
    addGroup(this.#groups, this.end / BLOCK - 1, 1, sum);
  }

  /** The sum of a group of blocks that begins where the tree ends. */
  group(size: number, sum: number) {
    addGroup(this.#groups, this.end / BLOCK, size, sum);
    this.end += size * BLOCK;
  }

  /** Appends what a state of so many terms holds. */
  append(data: Float64Array, count: number) {
    const end = this.end + count;
    let next = 0;
    while (this.end < end) {
      const block = this.end / BLOCK;
      const last = Math.floor(end / BLOCK);
      if (Number.isInteger(block) && block < last) this.group(group(block, last), data[next++] as number);
      else this.term(data[next++] as number);
    }
  }

  data(): Float64Array<ArrayBuffer> {
    return Float64Array.from([...this.#head, ...this.#groups.map(({ sum }) => sum), ...this.#tail]);
  }

  total(): number {
    const groups = [...this.#groups];
    // The last, short block is a leaf as the others are.
    if (this.#tail.length > 0) addGroup(groups, Math.floor(this.end / BLOCK), 1, sumOf(this.#tail, 0));
    const parts = groups.map(({ sum }) => sum);
    if (this.#head.length > 0) parts.unshift(sumOf(this.#head, this.start % BLOCK));
    return parts.length === 0 ? 0 : parts.reduceRight((right, left) => left + right);
  }
}

/** How many numbers a state of terms holds. */
function lengthFor(start: number, count: number): number {
  const end = start + count;
  const [first, last] = [Math.ceil(start / BLOCK), Math.floor(end / BLOCK)];
  if (first > last) return count;
  let groups = 0;
  for (let block = first; block < last; block += group(block, last)) groups++;
  return first * BLOCK - start + groups + (end - last * BLOCK);
}

export function treeOf(start: number, terms: Float64Array): Tree {
  const tree = new Tree(start);
  for (let i = 0; i < terms.length; ) {
    const block = terms.subarray(i, i + BLOCK);
    if (tree.end % BLOCK === 0 && block.length === BLOCK) {
      tree.group(1, sumOf(block, 0));
      i += BLOCK;
    } else {
      tree.term(terms[i++] as number);
    }
  }
  return tree;
}

function run(call: string, loss: unknown, args: unknown, given: unknown, grads: boolean) {
  const known = typeof loss === "function" ? losses.get(loss) : undefined;
  if (!known) fail("ERR_TYPE", call, "loss", "a loss of this entry", show(loss));
  if (!known.separate) fail("ERR_OPTION", call, "loss", "one whose terms are each of an element or a row", "one whose terms are each of the whole batch");
  if (!Array.isArray(args)) fail("ERR_TYPE", call, "args", "an array of the loss's arguments", show(args));
  if (args.length !== known.arity) fail("ERR_SHAPE", call, "args", `of the loss's ${known.arity} arguments`, `${args.length} of them`);
  // The loss refuses what it does not know.
  const keys = typeof given === "object" && given !== null ? Object.keys(given) : [];
  const { start: rawStart = 0, ...options } = readObject(call, "options", given, ["start", ...keys]) as Options & { readonly start?: unknown };
  const start = readInteger(call, "start", rawStart, 0);
  if (options.reduction === "none") fail("ERR_OPTION", call, "reduction", '"mean", "sum" or "batchmean"', show(options.reduction));
  if (grads && options.reduction !== "sum" && options.normalizer === undefined) {
    fail("ERR_OPTION", call, "normalizer", 'given, as the divisor of the whole batch is part of every gradient, or reduction "sum"', show(options.normalizer));
  }
  const terms = new Terms();
  const result = known.run(args as readonly unknown[], withTerms(options, terms), grads);
  const { values, divisor, reduction } = terms as Terms & { readonly values: Float64Array<ArrayBuffer> };
  const whole = reduction === "sum" || options.normalizer !== undefined;
  const state: PartialState = {
    loss: terms.loss,
    dtype: terms.dtype as PartialState["dtype"],
    reduction: reduction as PartialState["reduction"],
    start,
    count: values.length,
    sum: treeOf(start, values).data(),
    divisor: typeof divisor !== "number" ? { weights: treeOf(start, divisor).data() } : whole ? { whole: divisor } : { count: divisor },
  };
  return { state, grads: result.grads };
}

/** The type of {@link partial}. */
export interface PartialFunction {
  /** The state of a part of a batch. */
  <F extends AnyLoss>(loss: F, args: readonly Argument[], options?: PartialOptions<F>): PartialState;
  /**
   * The state of a part of a batch, with the gradients of the part. For these the divisor of the whole must be known beforehand:
   * `normalizer` is needed, unless the reduction is `"sum"`. Gradients by what belongs to the part's samples are exactly those of
   * the whole batch; those by what all samples share (`linearWeight`, `bias`, a weight for each class) are this part's share, and
   * the whole's are their sum.
   */
  valueAndGrad<F extends AnyLoss, const A extends readonly Argument[]>(
    loss: F,
    args: A,
    options: PartialOptions<F["valueAndGrad"]>,
  ): { readonly state: PartialState; readonly grads: Readonly<Record<string, A[0] extends Floats ? Result<A[0]> : Float32Array<ArrayBuffer>>> };
}

/**
 * The sums of a loss over a part of a batch, from which {@link merge} makes the loss of the whole, as one call gives it to the
 * last bit: for gradient accumulation over micro-batches, and for shards on several machines. Parts may have any size.
 *
 * `start` tells where the part begins: how many terms of the batch come before it, one for each row, or for losses by element
 * (`mse`, `bce`, …) one for each element. `args` are the loss's arguments.
 *
 * Not for losses whose terms are each of the whole batch (`clip`, `infoNce`, `ntXent`, `sigLip`, `supCon`, which throw), nor for
 * `AdaptiveLogSoftmax`. An empty part counts for nothing.
 *
 * @group Functions
 * @throws TypeError or RangeError, with a `code`, for what the loss throws at, reduction `"none"`, and a loss that has no terms of its own.
 * @example
 * ```ts
 * const [x, y] = [Float32Array.of(1, 2, 3), Float32Array.of(0, 0, 0)];
 * const first = partial(mse, [x.subarray(0, 2), y.subarray(0, 2)]);
 * const second = partial(mse, [x.subarray(2), y.subarray(2)], { start: 2 });
 * merge([first, second]).value; // mse(x, y)
 * ```
 */
export const partial = /* @__PURE__ */ Object.assign((loss: unknown, args: unknown, options?: unknown) => run("partial", loss, args, options, false).state, {
  valueAndGrad: (loss: unknown, args: unknown, options?: unknown) => run("partial.valueAndGrad", loss, args, options, true),
}) as PartialFunction;

const REDUCTIONS = ["mean", "sum", "batchmean"];
const FIELDS = ["loss", "dtype", "reduction", "start", "count", "sum", "divisor"];

function readState(call: string, name: string, given: unknown): PartialState {
  const expected = "a state that partial or merge gave";
  const state = readObject(call, name, given ?? null, FIELDS) as unknown as PartialState;
  const { start, count, divisor } = state;
  readInteger(call, `${name}.start`, start, 0);
  readInteger(call, `${name}.count`, count, 0);
  readFloatType(call, state.dtype, `${name}.dtype`);
  if (typeof state.loss !== "string") fail("ERR_TYPE", call, `${name}.loss`, `a loss's name, in ${expected}`, show(state.loss));
  if (!REDUCTIONS.includes(state.reduction)) fail("ERR_RANGE", call, `${name}.reduction`, `"mean", "sum" or "batchmean", in ${expected}`, show(state.reduction));
  const check = (field: string, data: unknown) => {
    if (!(data instanceof Float64Array)) fail("ERR_TYPE", call, `${name}.${field}`, `a Float64Array, in ${expected}`, show(data));
    const length = lengthFor(start, count);
    if (data.length !== length) fail("ERR_SHAPE", call, `${name}.${field}`, `of ${length} numbers, in ${expected}`, `length ${data.length}`);
  };
  check("sum", state.sum);
  const kinds = readObject(call, `${name}.divisor`, divisor ?? null, ["whole", "count", "weights"]);
  if (Object.keys(kinds).length !== 1) fail("ERR_OPTION", call, `${name}.divisor`, `one of whole, count and weights, in ${expected}`, Object.keys(kinds).join(", ") || "none");
  if ("weights" in kinds) check("divisor.weights", kinds.weights);
  else if ("count" in kinds) readInteger(call, `${name}.divisor.count`, kinds.count, 0);
  else readPositive(call, `${name}.divisor.whole`, kinds.whole, `, in ${expected}`);
  return state;
}

/** The divisors of parts, as one. */
function mergeDivisors(states: readonly PartialState[], start: number): { readonly total: number; readonly divisor: PartialState["divisor"] } {
  const [first] = states as readonly [PartialState];
  if ("whole" in first.divisor) return { total: first.divisor.whole, divisor: first.divisor };
  if ("count" in first.divisor) {
    const count = states.reduce((sum, { divisor }) => sum + (divisor as { readonly count: number }).count, 0);
    return { total: count, divisor: { count } };
  }
  const tree = new Tree(start);
  for (const { divisor, count } of states) tree.append((divisor as { readonly weights: Float64Array }).weights, count);
  return { total: tree.total(), divisor: { weights: tree.data() } };
}

/**
 * The loss of a batch from the states of its parts, in any order: where they begin at 0, to the last bit what one call on the
 * whole batch gives, however it was cut.
 *
 * @param states - What {@link partial} gave for parts that follow each other without a gap, all of the same loss and options; or
 * what `merge` itself gave as `state`. A state does not hold the loss's own options: that they are the same is the caller's to see to.
 * @throws TypeError or RangeError, with a `code`, for no state, for what is none, for states of another loss, element type, reduction or
 * kind of divisor, and for parts that overlap or leave a gap.
 * @example
 * ```ts
 * const parts = [0, 2].map((start) => partial(mse, [Float32Array.of(1, 2), Float32Array.of(0, 0)], { start }));
 * merge(parts).value; // 2.5
 * ```
 */
export function merge(states: readonly PartialState[]): Merged {
  const call = "merge";
  if (!Array.isArray(states)) fail("ERR_TYPE", call, "states", "an array of states", show(states));
  if (states.length === 0) fail("ERR_SHAPE", call, "states", "of at least one state", "none");
  const read = (states as readonly unknown[]).map((state, k) => readState(call, `states[${k}]`, state));
  const [first] = read as [PartialState];
  const kind = ({ divisor }: PartialState) => ("whole" in divisor ? `divisor ${divisor.whole}` : (Object.keys(divisor)[0] ?? ""));
  const traits = (state: PartialState) => `${state.loss}, ${state.dtype}, ${state.reduction}, ${kind(state)}`;
  read.forEach((state, k) => {
    if (traits(state) !== traits(first)) fail("ERR_OPTION", call, `states[${k}]`, `of the same call as states[0]: ${traits(first)}`, traits(state));
  });
  const parts = read.filter(({ count }) => count > 0).sort((a, b) => a.start - b.start);
  const start = parts[0]?.start ?? first.start;
  const tree = new Tree(start);
  for (const { start, count, sum } of parts) {
    if (start !== tree.end) fail("ERR_RANGE", call, "states", `without a gap or an overlap: one that starts at term ${tree.end}`, `one that starts at ${start}`);
    tree.append(sum, count);
  }
  const { total, divisor } = mergeDivisors(parts.length > 0 ? parts : [first], start);
  // As one call, whose sum need not be 0 where the weights add up to 0.
  const value = "weights" in divisor && total === 0 ? Number.NaN : tree.total() / total;
  const state: PartialState = { ...first, start, count: tree.end - start, sum: tree.data(), divisor };
  return { value: state.dtype === "float32" ? Math.fround(value) : value, divisor: total, state };
}
