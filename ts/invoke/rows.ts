// From a user's call of a loss or function of rows along the last dimension to the engine's call block and back.
import { fail, show, showShape } from "../errors.js";
import { SLOT } from "../block.js";
import type { KernelName } from "../runtime.js";
import type { DType } from "../tensor.js";
import {
  type Gradient,
  type Outcome,
  factor,
  fillCommon,
  finish,
  forms,
  gradientPlaces,
  readCommon,
  valuePlace,
  withForm,
} from "./common.js";
import { BASIC, COMMON, LossSpec, Numbers, readLossOptions } from "./lossOptions.js";
import {
  FLAGS,
  FLOATS,
  INDICES,
  Marshal,
  NOWHERE,
  type Operand,
  type Place,
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
import { type OptionSpec, readObject } from "./options.js";
import { type Domain, checkDomain, domainChecks } from "./pointwise.js";
import type { Lesson } from "./repeat.js";
import { type Layout, fillRows } from "./rowwise.js";

/** An argument of a loss of rows. */
export interface RowArgumentSpec {
  readonly name: string;
  /** Whether it has one element a row; else it has the first argument's shape. */
  readonly per?: "row";
  /** Whether integer arrays will do. */
  readonly flags?: boolean;
  /** Whether each row is a list of class indices that ends at its first −1. */
  readonly indices?: boolean;
  readonly domain?: Domain;
}

/** What the facade knows of a loss of rows. */
export interface RowLossSpec {
  readonly name: string;
  readonly kernel: KernelName;
  /** In the order of the kernel's operands. */
  readonly args: readonly RowArgumentSpec[];
  /** In the order of the kernel's options. */
  readonly options?: readonly OptionSpec[];
  /** What it can differentiate by, in the kernel's order, the default ones first. */
  readonly wrt: readonly string[];
  readonly defaults?: number;
  /** Whether there is a factor for each class. */
  readonly weight?: boolean;
  /** Whether rows lie along the last dimension, or each sample of the first is one. */
  readonly rows?: "last" | "samples";
  /** What the last dimension must be. */
  readonly width?: number;
  /** Whether there is a value for each row, or for each entry of a row. */
  readonly values?: "rows" | "entries";
  readonly batchmean?: boolean;
  /** The kernel's options, where they are not the loss's own in order. */
  readonly fill?: (numbers: readonly number[]) => readonly number[];
  /** Options that somebody else reads. */
  readonly ignored?: readonly string[];
}

/** A loss's specification with nothing left out. */
class PreparedRowLoss {
  readonly common: LossSpec;
  readonly kernel: KernelName;
  readonly args: readonly { readonly spec: RowArgumentSpec; readonly allowed: readonly DType[] }[];
  readonly numbers: Numbers;
  readonly weight: boolean;
  readonly samples: boolean;
  readonly width: number | undefined;
  readonly entries: boolean;
  readonly fill: ((numbers: readonly number[]) => readonly number[]) | undefined;

  constructor(spec: RowLossSpec) {
    this.kernel = spec.kernel;
    this.args = spec.args.map((arg) => ({ spec: arg, allowed: arg.indices ? INDICES : arg.flags ? FLAGS : FLOATS }));
    this.numbers = new Numbers(spec.options);
    this.weight = spec.weight ?? false;
    this.samples = spec.rows === "samples";
    this.width = spec.width;
    this.entries = spec.values === "entries";
    this.fill = spec.fill;
    const known = [...COMMON, ...this.numbers.names, ...(spec.weight ? ["weight"] : []), ...(spec.ignored ?? [])];
    this.common = new LossSpec(spec.name, known, spec.wrt, spec.wrt.slice(0, spec.defaults), spec.batchmean ? [...BASIC, "batchmean"] : BASIC);
  }
}

/** Rows of the last dimension, or of all but the first. */
export function rowLayout(call: string, op: Operand, samples = false, width?: number): Layout {
  needOwnShape(call, op);
  const { shape } = op;
  const last = samples ? 1 : shape.length - 1;
  if (shape.length === 0) fail("ERR_SHAPE", call, op.name, "of at least one dimension", "shape []");
  const rows = shape.slice(0, last);
  const classes = product(shape, last);
  if (width !== undefined && classes !== width) fail("ERR_SHAPE", call, op.name, `of shape (…, ${width})`, `shape ${showShape(shape)}`);
  return { outer: product(rows), classes, inner: 1, rows };
}

function placeLists(marshal: Marshal, call: string, op: Operand, classes: number): Place {
  if (op.dtype !== "bigint64") return marshal.indices(op, undefined);
  return marshal.indices(op, (from, to) => {
    const into = marshal.int32(to);
    let open = false;
    for (let i = 0; i < op.size; i++) {
      const value = from[i] as bigint;
      open = (open || i % classes === 0) && value !== -1n;
      // What follows a list is never read.
      if (open && (value < 0n || value >= BigInt(classes))) wrongClass(call, op, classes, i, value);
      into[i] = open ? Number(value) : -1;
    }
  });
}

function wrongClass(call: string, op: Operand, classes: number, i: number, got: unknown): never {
  fail("ERR_RANGE", call, `${op.name}[${i}]`, `a class index from 0 to ${classes - 1}, or -1 to end its row's list`, show(got));
}

export function callRowLoss(spec: PreparedRowLoss, given: readonly unknown[], rawOptions: unknown, grads: boolean, lesson?: Lesson): Outcome {
  const { name: call, known, wrt } = spec.common;
  const options = readLossOptions(call, rawOptions, known);
  const args: Operand[] = [];
  let layout: Layout | undefined;
  for (let k = 0; k < spec.args.length; k++) {
    const { spec: arg, allowed } = spec.args[k] as PreparedRowLoss["args"][number];
    const op = operand(call, arg.name, given[k], allowed);
    args.push(op);
    const first = args[0] as Operand;
    layout ??= rowLayout(call, first, spec.samples, spec.width);
    if (isFloat(op.dtype)) needDtype(call, op, first);
    if (arg.per === "row") needShape(call, op, layout.rows, `as ${first.name} of shape ${showShape(first.shape)} needs`);
    else if (!sameShape(op.shape, first.shape)) needShape(call, op, first.shape, `as ${first.name} has`);
  }
  const input = args[0] as Operand;
  const { classes, outer, rows } = layout as Layout;
  if (classes === 0 && outer > 0) fail("ERR_SHAPE", call, input.name, "of at least one element a row", `shape ${showShape(input.shape)}`);
  const read = spec.numbers.read(call, options.own, input.dtype);
  const numbers = spec.fill ? spec.fill(read) : read;
  const weight = spec.weight ? factor(call, "weight", options, input) : undefined;
  if (weight) needShape(call, weight, [classes], "one for each class");
  const valueShape = spec.entries ? input.shape : rows;
  const common = readCommon(spec.common, options, valueShape, input, grads, args, undefined);

  const marshal = new Marshal(call, input);
  const places: Place[] = [];
  let indexPlace = NOWHERE;
  for (let k = 0; k < args.length; k++) {
    const op = args[k] as Operand;
    if (spec.args[k]?.spec.indices) {
      indexPlace = placeLists(marshal, call, op, classes);
      places.push(NOWHERE);
    } else {
      places.push(marshal.input(op));
    }
  }
  const weightPlace = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const size = product(valueShape);
  const values = valuePlace(marshal, common, size, outer);
  const gradPlaces = gradientPlaces(marshal, common);
  marshal.commit();
  for (let k = 0; k < args.length; k++) {
    const { domain, indices } = (spec.args[k] as PreparedRowLoss["args"][number]).spec;
    const op = args[k] as Operand;
    if (domain) checkDomain(marshal, call, op, places[k] as Place, domain);
    if (!indices) continue;
    const bad = marshal.engine.exports.check_lists(indexPlace.address, outer, classes);
    if (bad >= 0) wrongClass(call, op, classes, bad, marshal.read(op)[bad]);
  }

  const { block } = marshal.engine.views;
  fillRows(block, layout as Layout, places[0] as Place);
  let divisor = 1;
  if (common.normalizer !== undefined) divisor = common.normalizer;
  else if (common.reduction === "batchmean") divisor = input.shape[0] ?? 1;
  else if (common.reduction === "mean") divisor = size;
  fillCommon(block, common, divisor, spec.entries ? NOWHERE : gradOutputs, spec.entries ? NOWHERE : values);
  for (let k = 1; k < places.length; k++) block[SLOT.operands + k * SLOT.operand] = (places[k] as Place).address;
  if (spec.entries) {
    block[SLOT.operands + 2 * SLOT.operand] = gradOutputs.address;
    block[SLOT.grads + 3] = values.address;
  }
  block[SLOT.index] = indexPlace.address;
  block[SLOT.weight] = weightPlace.address;
  for (let k = 0; k < gradPlaces.length; k++) {
    const { name } = (common.gradients[k] as Gradient).of;
    block[SLOT.grads + wrt.indexOf(name)] = (gradPlaces[k] as Place).address;
  }
  for (let k = 0; k < numbers.length; k++) block[SLOT.options + k] = numbers[k] as number;
  if (indexPlace === NOWHERE) lesson?.(call, spec.kernel, marshal, common, domainChecks(call, marshal.dtype, spec.args.map((arg) => arg.spec), places));
  const reduced = marshal.engine.run(call, spec.kernel, marshal.dtype);
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** A loss's specification, ready for calls. */
export const prepareRowLoss = (spec: RowLossSpec) => new PreparedRowLoss(spec);

/** A loss of rows along the last dimension, typed by its signature. */
export function rowLoss<L>(spec: RowLossSpec): L {
  const loss = prepareRowLoss(spec);
  return forms<L>(spec.name, spec.args.length, (args, options, grads, lesson) => callRowLoss(loss, args, options, grads, lesson));
}

const SIDES = ["x1", "x2"] as const;

/** A function of two arrays of rows with a value for each row, and its vector-Jacobian product. */
export function pairFunction<F>(spec: { readonly name: string; readonly kernel: KernelName; readonly options: readonly OptionSpec[] }): F {
  const own = new Numbers(spec.options);
  const known = ["out", ...own.names];

  function start(call: string, given1: unknown, given2: unknown, rawOptions: unknown) {
    const options = readObject(call, "options", rawOptions, known);
    const x1 = operand(call, "x1", given1, FLOATS);
    const x2 = operand(call, "x2", given2, FLOATS);
    const layout = rowLayout(call, x1);
    needDtype(call, x2, x1);
    needShape(call, x2, x1.shape, "as x1 has");
    if (layout.classes === 0 && layout.outer > 0) fail("ERR_SHAPE", call, "x1", "of at least one element a row", `shape ${showShape(x1.shape)}`);
    return { options, x1, x2, layout, numbers: own.read(call, options, x1.dtype) };
  }

  function run(marshal: Marshal, call: string, layout: Layout, places: readonly Place[], numbers: readonly number[], fill: (block: Float64Array) => void) {
    const { block } = marshal.engine.views;
    fillRows(block, layout, places[0] as Place);
    block[SLOT.operands + SLOT.operand] = (places[1] as Place).address;
    numbers.forEach((value, k) => (block[SLOT.options + k] = value));
    fill(block);
    marshal.engine.run(call, spec.kernel, marshal.dtype);
  }

  const value = (given1: unknown, given2: unknown, rawOptions?: unknown) => {
    const call = spec.name;
    const { options, x1, x2, layout, numbers } = start(call, given1, given2, rawOptions);
    const out = options.out === undefined ? undefined : output(call, "out", options.out, x1, layout.rows, "as the value has");
    const marshal = new Marshal(call, x1);
    const places = [marshal.input(x1), marshal.input(x2)];
    const outPlace = marshal.output(out, layout.outer, "");
    marshal.commit();
    run(marshal, call, layout, places, numbers, (block) => (block[SLOT.values] = outPlace.address));
    const result = marshal.result(out, outPlace);
    marshal.engine.finish();
    return result;
  };

  const vjp = (given1: unknown, given2: unknown, gradOutput: unknown, rawOptions?: unknown) => {
    const call = `${spec.name}.vjp`;
    const { options, x1, x2, layout, numbers } = start(call, given1, given2, rawOptions);
    const outer = operand(call, "gradOutput", gradOutput, FLOATS);
    needDtype(call, outer, x1);
    needFlatShape(call, outer, layout.rows, "as the value has");
    const given = readObject(call, "out", options.out, SIDES);
    const outs = SIDES.map((side) => (given[side] === undefined ? undefined : output(call, `out.${side}`, given[side], x1, x1.shape, "as x1 has")));
    const marshal = new Marshal(call, x1);
    const places = [marshal.input(x1), marshal.input(x2)];
    const outerPlace = marshal.input(outer);
    const outPlaces = outs.map((out, k) => marshal.output(out, x1.size, SIDES[k] as string));
    marshal.commit();
    run(marshal, call, layout, places, numbers, (block) => {
      block[SLOT.gradOutputs] = outerPlace.address;
      outPlaces.forEach((place, k) => (block[SLOT.grads + k] = place.address));
    });
    const [grad1, grad2] = outPlaces.map((place, k) => marshal.result(outs[k], place));
    marshal.engine.finish();
    return { x1: grad1, x2: grad2 };
  };

  return withForm(spec.name, value, { vjp }) as F;
}
