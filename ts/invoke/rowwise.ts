// From a user's call of a row loss or function to the engine's call block and back.
import { fail, show, showShape } from "../errors.js";
import { SLOT } from "../block.js";
import type { KernelName } from "../runtime.js";
import type { DType } from "../tensor.js";
import {
  type Common,
  type Gradient,
  type Outcome,
  factor,
  fillCommon,
  finish,
  forms,
  gradientPlaces,
  readCommon,
  valuePlace,
  withVjp,
} from "./common.js";
import { COMMON, LossSpec, Numbers, readLossOptions } from "./lossOptions.js";
import {
  FLOATS,
  INDICES,
  INDICES_OR_FLOATS,
  Marshal,
  NOWHERE,
  type Operand,
  type Place,
  type Shape,
  isFloat,
  needDtype,
  needFlatShape,
  needOwnShape,
  needShape,
  operand,
  output,
  product,
  sameShape,
} from "./marshal.js";
import { EMPTY, type OptionSpec, type Options, readInteger, readObject } from "./options.js";
import type { Check, Lesson } from "./repeat.js";

/** Rows of classes: the shape as (outer, classes, inner), and the shape of what has a value for each row. */
export interface Layout {
  readonly outer: number;
  readonly classes: number;
  readonly inner: number;
  readonly rows: Shape;
}

/** (C), (N, C) or (N, C, d1, …, dk). */
function classLayout(call: string, input: Operand, shape: Shape): Layout {
  if (shape.length === 0) fail("ERR_SHAPE", call, input.name, "of shape (C), (N, C) or (N, C, d1, …, dk)", "shape []");
  if (shape.length === 1) return { outer: 1, classes: shape[0] ?? 0, inner: 1, rows: [] };
  // By index, as a pattern would ask for an iterator.
  const outer = shape[0] ?? 0;
  const classes = shape[1] ?? 0;
  const rows = shape.length === 2 ? [outer] : [outer, ...shape.slice(2)];
  return { outer, classes, inner: product(shape, 2), rows };
}

/** The layout of an input with class-index targets: a bare input takes its rows from a one-dimensional target. */
export function indexLayout(call: string, input: Operand, target: Operand): Layout {
  let shape = input.shape;
  if (input.bare && target.shape.length === 1) {
    const rows = target.size;
    if (rows === 0 ? input.size > 0 : input.size % rows > 0) {
      fail("ERR_SHAPE", call, input.name, `of a length that ${rows} rows divide, as many as target has`, `length ${input.size}`);
    }
    shape = [rows, rows === 0 ? 0 : input.size / rows];
  }
  const layout = classLayout(call, input, shape);
  if (!sameShape(target.shape, layout.rows)) {
    needShape(call, target, layout.rows, `as ${input.name} of shape ${showShape(shape)} needs`);
  }
  return layout;
}

/** A batch of class indices, and the one that leaves a row out. */
export interface ClassIndices {
  readonly op: Operand;
  readonly classes: number;
  /** `undefined` where every row counts. */
  readonly ignoreIndex: number | undefined;
  /** `ignoreIndex` as the engine, which compares int32, sees it; NaN where no target can be equal to it. */
  readonly ignore: number;
}

export function classIndices(op: Operand, classes: number, ignoreIndex: number | undefined): ClassIndices {
  if (ignoreIndex === undefined) return { op, classes, ignoreIndex, ignore: Number.NaN };
  let ignore = Number.NaN;
  if (op.dtype === "bigint64") ignore = -1;
  else if (op.dtype === "uint32" ? ignoreIndex >= 0 && ignoreIndex < 2 ** 32 : ignoreIndex === (ignoreIndex | 0)) ignore = ignoreIndex | 0;
  return { op, classes, ignoreIndex, ignore };
}

export function wrongClass(call: string, { op, classes, ignoreIndex }: ClassIndices, i: number, got: unknown): never {
  fail("ERR_RANGE", call, `${op.name}[${i}]`, `a class index from 0 to ${classes - 1}${ignoreIndex === undefined ? "" : `, or ignoreIndex ${ignoreIndex}`}`, show(got));
}

/** 64-bit indices become int32 here; those to ignore become −1. */
export function placeIndices(marshal: Marshal, call: string, indices: ClassIndices): Place {
  const { op, classes, ignoreIndex } = indices;
  if (op.dtype !== "bigint64") return marshal.indices(op, undefined);
  return marshal.indices(op, (from, to) => {
    const into = marshal.int32(to);
    const skip = ignoreIndex === undefined ? undefined : BigInt(ignoreIndex);
    for (let i = 0; i < op.size; i++) {
      const value = from[i] as bigint;
      if (value !== skip && (value < 0n || value >= BigInt(classes))) wrongClass(call, indices, i, value);
      into[i] = value === skip ? -1 : Number(value);
    }
  });
}

/** Looks for the first index that is none. */
const indexCheck = (address: number, size: number, classes: number, ignore: number): Check => (engine) => engine.exports.check_classes(address, size, classes, ignore);

export function checkIndices(marshal: Marshal, call: string, indices: ClassIndices, place: Place) {
  const { op, classes, ignore } = indices;
  const bad = indexCheck(place.address, op.size, classes, ignore)(marshal.engine);
  if (bad >= 0) wrongClass(call, indices, bad, marshal.read(op)[bad]);
}

export function readIgnoreIndex(call: string, own: Options, distribution: boolean): number {
  const given = own === EMPTY ? undefined : own.ignoreIndex;
  const ignoreIndex = readInteger(call, "ignoreIndex", given === undefined ? -100 : given, Number.MIN_SAFE_INTEGER, Infinity, "an integer");
  if (distribution && given !== undefined) {
    fail("ERR_OPTION", call, "ignoreIndex", "absent where the targets are probabilities", show(ignoreIndex));
  }
  return ignoreIndex;
}

/** Gives the weights of the targets, where the terms are asked for and these weights are the divisor. */
export function weighTerms(marshal: Marshal, common: Common, { ignore }: ClassIndices, indices: Place, weights: Place) {
  const { terms } = common;
  if (!terms || !Number.isNaN(terms.divisor)) return;
  const weight = weights === NOWHERE ? undefined : marshal.floats(weights);
  terms.divisor = Float64Array.from(marshal.int32(indices), (c) => (c === ignore ? 0 : weight ? (weight[c] ?? Number.NaN) : 1));
}

/** Fills what all row kernels read; the rest of the block is cleared. */
export function fillRows(block: Float64Array, layout: Layout, input: Place) {
  // A call of `fill` costs more for so few.
  for (let slot: number = SLOT.divisor; slot < SLOT.operands; slot++) block[slot] = 0;
  block[SLOT.divisor] = 1;
  block[SLOT.gradOutput] = 1;
  block[SLOT.shape] = layout.outer;
  block[SLOT.shape + 1] = layout.classes;
  block[SLOT.shape + 2] = layout.inner;
  block[SLOT.ignore] = Number.NaN;
  block[SLOT.operands] = input.address;
  block[SLOT.operands + SLOT.operand] = 0;
  block[SLOT.weight] = 0;
}

/** What the facade knows of a loss of (input, class targets). */
export interface ClassLossSpec {
  readonly name: string;
  readonly kernel: KernelName;
  /** In the order of the kernel's options; absent options that have no neutral number are 0. */
  readonly options?: readonly OptionSpec[];
  /** Whether the target may be a distribution, and what is differentiable then: all, the weight too, or the input. */
  readonly distributions?: "all" | "input";
  /** What divides the mean of index targets: the sum of the targets' weights (default), or the number of rows. */
  readonly mean?: "weights" | "count";
  /** Whether there is a factor for each class. Default: yes. */
  readonly weight?: boolean;
  /** Whether an index can leave its row out. Default: yes. */
  readonly ignoreIndex?: boolean;
}

/** As {@link PreparedPointwise}, for losses of class targets. */
class PreparedClassLoss {
  readonly kernel: KernelName;
  readonly numbers: Numbers;
  readonly allowed: readonly DType[];
  readonly byIndex: LossSpec;
  readonly byDistribution: LossSpec;
  readonly countMean: boolean;
  readonly weight: boolean;
  readonly ignoreIndex: boolean;

  constructor({ name, kernel, options, distributions, mean, weight = true, ignoreIndex = true }: ClassLossSpec) {
    this.kernel = kernel;
    this.numbers = new Numbers(options);
    this.allowed = distributions ? INDICES_OR_FLOATS : INDICES;
    this.countMean = mean === "count";
    this.weight = weight;
    this.ignoreIndex = ignoreIndex;
    const known = [...COMMON, ...(weight ? ["weight"] : []), ...(ignoreIndex ? ["ignoreIndex"] : []), ...this.numbers.names];
    this.byIndex = new LossSpec(name, known, ["input"]);
    this.byDistribution = distributions === "all" ? new LossSpec(name, known, ["input", "target", "weight"], ["input"]) : this.byIndex;
  }
}

function callClassLoss(spec: PreparedClassLoss, given: readonly unknown[], rawOptions: unknown, grads: boolean, lesson: Lesson | undefined): Outcome {
  const { name: call, known } = spec.byIndex;
  const options = readLossOptions(call, rawOptions, known);
  const input = operand(call, "input", given[0], FLOATS);
  const target = operand(call, "target", given[1], spec.allowed);
  const distribution = isFloat(target.dtype);
  let layout: Layout;
  if (distribution) {
    needOwnShape(call, input);
    needDtype(call, target, input);
    needShape(call, target, input.shape, "as input has");
    layout = classLayout(call, input, input.shape);
  } else {
    layout = indexLayout(call, input, target);
  }
  const { classes } = layout;
  const rows = layout.outer * layout.inner;
  if (classes === 0 && rows > 0) fail("ERR_SHAPE", call, "input", "of at least one class", `shape ${showShape(input.shape)}`);

  const ignoreIndex = readIgnoreIndex(call, options.own, distribution);
  const numbers = spec.numbers.read(call, options.own, input.dtype);
  const able = distribution ? spec.byDistribution : spec.byIndex;
  const weight = spec.weight ? factor(call, "weight", options, input) : undefined;
  if (weight && (rows > 0 || !input.bare)) needShape(call, weight, [classes], "one for each class");
  const common = readCommon(able, options, layout.rows, input, grads, [input, target], weight);

  const marshal = new Marshal(call, input);
  const inputPlace = marshal.input(input);
  const indices = distribution ? undefined : classIndices(target, classes, spec.ignoreIndex ? ignoreIndex : undefined);
  const indexPlace = indices ? placeIndices(marshal, call, indices) : NOWHERE;
  const targetPlace = distribution ? marshal.input(target) : NOWHERE;
  const weightPlace = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = valuePlace(marshal, common, rows);
  const gradPlaces = gradientPlaces(marshal, common);
  marshal.commit();
  if (indices) checkIndices(marshal, call, indices, indexPlace);

  const { block } = marshal.engine.views;
  fillRows(block, layout, inputPlace);
  const mean = common.normalizer ?? (distribution || spec.countMean ? rows : Number.NaN);
  fillCommon(block, common, none || common.reduction === "sum" ? 1 : mean, gradOutputs, values);
  if (indices) weighTerms(marshal, common, indices, indexPlace, weightPlace);
  block[SLOT.operands + SLOT.operand] = targetPlace.address;
  block[SLOT.index] = indexPlace.address;
  block[SLOT.ignore] = indices?.ignore ?? Number.NaN;
  block[SLOT.weight] = weightPlace.address;
  for (let k = 0; k < gradPlaces.length; k++) {
    const { of } = common.gradients[k] as Gradient;
    const slot = of === weight ? SLOT.weightGrad : of === target ? SLOT.grads + 1 : SLOT.grads;
    block[slot] = (gradPlaces[k] as Place).address;
  }
  for (let k = 0; k < numbers.length; k++) block[SLOT.options + k] = numbers[k] as number;
  lesson?.(call, spec.kernel, marshal, common, indices ? [indexCheck(indexPlace.address, target.size, classes, indices.ignore)] : []);
  const reduced = marshal.engine.run(call, spec.kernel, marshal.dtype);
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** A loss of (input, class targets), typed by its signature. */
export function classLoss<L>(spec: ClassLossSpec): L {
  const loss = new PreparedClassLoss(spec);
  return forms<L>(spec.name, 2, (args, options, grads, lesson) => callClassLoss(loss, args, options, grads, lesson));
}

/** A function of the rows along an axis, with its vector-Jacobian product. */
export function rowFunction<F>(spec: { readonly name: string; readonly kernel: KernelName; readonly reduces?: boolean }): F {
  const known = ["out", "axis"];
  const run = (call: string, given: unknown, rawGradOutput: unknown, rawOptions: unknown) => {
    const options = readObject(call, "options", rawOptions, known);
    const x = operand(call, "x", given, FLOATS);
    needOwnShape(call, x);
    const rank = x.shape.length;
    if (rank === 0) fail("ERR_SHAPE", call, "x", "of at least one dimension", "shape []");
    const { axis: rawAxis = -1 } = options;
    const axis = readInteger(call, "axis", rawAxis, -rank, rank - 1);
    const at = axis < 0 ? axis + rank : axis;
    const rows = [...x.shape.slice(0, at), ...x.shape.slice(at + 1)];
    const layout: Layout = { outer: product(x.shape, 0, at), classes: x.shape[at] ?? 0, inner: product(x.shape, at + 1), rows };
    const valueShape = spec.reduces ? rows : x.shape;
    const outer = rawGradOutput === NOWHERE ? undefined : operand(call, "gradOutput", rawGradOutput, FLOATS);
    if (outer) {
      needDtype(call, outer, x);
      needFlatShape(call, outer, valueShape, "as the value has");
    }
    const shape = outer ? x.shape : valueShape;
    const out = options.out === undefined ? undefined : output(call, "out", options.out, x, shape, outer ? "as x has" : "as the value has");
    const marshal = new Marshal(call, x);
    const xPlace = marshal.input(x);
    const outerPlace = marshal.input(outer);
    const outPlace = marshal.output(out, product(shape), spec.reduces && !outer ? "" : "x");
    marshal.commit();
    const { block } = marshal.engine.views;
    fillRows(block, layout, xPlace);
    if (spec.reduces) block[SLOT.gradOutputs] = outerPlace.address;
    else block[SLOT.operands + SLOT.operand] = outerPlace.address;
    block[spec.reduces && !outer ? SLOT.values : SLOT.grads] = outPlace.address;
    // Without elements there is nothing to sweep, however many rows there are.
    if (outPlace.size > 0) marshal.engine.run(call, spec.kernel, marshal.dtype);
    const result = marshal.result(out, outPlace);
    marshal.engine.finish();
    return result;
  };
  return withVjp<F>(spec.name, run);
}
