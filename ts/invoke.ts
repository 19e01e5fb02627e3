// From a user's call to the engine's call block and back: every loss and function goes through here.
import { fail, show, showShape } from "./errors.js";
import {
  FLAGS,
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
import { type OptionSpec, type Options, readObject, readOption } from "./options.js";
import { type KernelName, MAX_RANK, SLOT } from "./runtime.js";
import type { DType } from "./tensor.js";

/** A gradient that a call is to give: of which operand, and where to, if told. */
interface Gradient {
  readonly of: Operand;
  readonly out: Operand | undefined;
}

/** What the options that every loss has say. */
interface Common {
  readonly reduction: string;
  readonly normalizer: number | undefined;
  readonly gradOutput: number;
  readonly gradOutputs: Operand | undefined;
  readonly outValue: Operand | undefined;
  readonly gradients: readonly Gradient[];
}

/** The names of the options that every loss has. */
const COMMON = ["reduction", "normalizer", "gradOutput", "wrt", "out"];

/** What reading the options of a loss takes. */
interface LossSpec {
  /** The name users call it by. */
  readonly name: string;
  /** The names of its own options. */
  readonly known: readonly string[];
  readonly reductions: readonly string[];
  /** What it can differentiate by. */
  readonly wrt: readonly string[];
  /** What it differentiates by unless told. */
  readonly defaultWrt: readonly string[];
}

/** The reductions that every loss has. */
const BASIC = ["mean", "sum", "none"];

const OUTS = ["value", "grads"];
const NOTHING: readonly string[] = [];

function readNames(call: string, wrt: unknown, able: readonly string[]): readonly string[] {
  if (!Array.isArray(wrt)) fail("ERR_TYPE", call, "wrt", "an array of names", show(wrt));
  const names = new Set(wrt as unknown[]);
  for (const name of names) {
    if (typeof name !== "string" || !able.includes(name)) {
      fail("ERR_OPTION", call, "wrt", `names among ${able.map(show).join(", ")}`, show(name));
    }
  }
  return Array.from(names) as string[];
}

function named(operands: readonly Operand[], name: string): Operand | undefined {
  for (const op of operands) if (op.name === name) return op;
  return undefined;
}

/** Reads the options that every loss has. */
function readCommon(
  spec: LossSpec,
  options: Options,
  valueShape: Shape,
  like: Operand,
  grads: boolean,
  args: readonly Operand[],
  weight: Operand | undefined,
): Common {
  const { name: call, reductions, wrt: able } = spec;
  const { reduction: givenReduction, normalizer, gradOutput, wrt, out } = options;
  const reduction = givenReduction === undefined ? "mean" : givenReduction;
  if (typeof reduction !== "string" || !reductions.includes(reduction)) {
    fail(typeof reduction === "string" ? "ERR_RANGE" : "ERR_TYPE", call, "reduction", `one of ${reductions.map(show).join(", ")}`, show(reduction));
  }
  if (normalizer !== undefined) {
    if (typeof normalizer !== "number") fail("ERR_TYPE", call, "normalizer", "a finite number > 0", show(normalizer));
    if (!(normalizer > 0 && normalizer < Infinity)) fail("ERR_RANGE", call, "normalizer", "a finite number > 0", show(normalizer));
    if (reduction === "sum" || reduction === "none") {
      fail("ERR_OPTION", call, "normalizer", `absent with reduction "${reduction}", which divides by nothing`, show(normalizer));
    }
  }
  let outer = 1;
  let gradOutputs: Operand | undefined;
  if (typeof gradOutput === "number") {
    outer = gradOutput;
  } else if (gradOutput !== undefined) {
    if (reduction !== "none") fail("ERR_TYPE", call, "gradOutput", `a number with reduction "${reduction}"`, show(gradOutput));
    if (grads) {
      gradOutputs = operand(call, "gradOutput", gradOutput, FLOATS);
      needDtype(call, gradOutputs, like);
      needFlatShape(call, gradOutputs, valueShape, "as the value has");
    }
  }
  let wanted = grads ? spec.defaultWrt : NOTHING;
  if (wrt !== undefined) {
    const names = readNames(call, wrt, able);
    if (grads) wanted = names;
  }
  const outs = readObject(call, "out", out, OUTS);
  const givenGrads = readObject(call, "out.grads", outs.grads, able);
  const gradients: Gradient[] = [];
  if (grads) {
    for (const name in givenGrads) {
      if (givenGrads[name] !== undefined && !wanted.includes(name)) {
        fail("ERR_OPTION", call, `out.grads.${name}`, `absent, or ${name} in wrt`, "a place for a gradient that is not asked for");
      }
    }
    for (const name of wanted) {
      const of = name === "weight" ? weight : named(args, name);
      if (!of) fail("ERR_OPTION", call, "wrt", `without ${name} where no ${name} is given`, show(name));
      if (!isFloat(of.dtype)) fail("ERR_OPTION", call, "wrt", `without ${name} where it holds integers`, show(name));
      const place = givenGrads[name];
      const out = place === undefined ? undefined : output(call, `out.grads.${name}`, place, like, of.shape, `as ${name} has`);
      gradients.push({ of, out });
    }
  }
  let outValue: Operand | undefined;
  if (outs.value !== undefined) {
    if (reduction !== "none") fail("ERR_OPTION", call, "out.value", `absent with reduction "${reduction}", whose value is a number`, show(outs.value));
    outValue = output(call, "out.value", outs.value, like, valueShape, "as the value has");
  }
  return { reduction, normalizer, gradOutput: outer, gradOutputs, outValue, gradients };
}

/** Writes what all losses read. */
function fillCommon(block: Float64Array, common: Common, divisor: number, gradOutputs: Place, values: Place) {
  block[SLOT.divisor] = divisor;
  block[SLOT.gradOutput] = common.gradOutput;
  block[SLOT.gradOutputs] = gradOutputs.address;
  block[SLOT.values] = values.address;
}

const NO_NUMBERS: readonly number[] = [];

function readNumbers(call: string, options: Options, specs: readonly OptionSpec[] | undefined, like: Operand): readonly number[] {
  if (!specs) return NO_NUMBERS;
  const numbers: number[] = [];
  for (const spec of specs) numbers.push(readOption(call, options, spec, like.dtype === "float32"));
  return numbers;
}

/** The value of a call, and its gradients. */
export interface Outcome {
  readonly value: unknown;
  readonly grads: Record<string, object>;
}

// ---------------------------------------------------------------------------------------------------------------------
// Pointwise losses

const DOMAINS = {
  unit: { code: 0, expected: "in [0, 1]" },
  nonNegative: { code: 1, expected: "≥ 0" },
  sign: { code: 2, expected: "1 or -1" },
} as const;

/** An argument of a pointwise loss. */
export interface ArgumentSpec {
  readonly name: string;
  /** Whether integer arrays will do. */
  readonly flags?: boolean;
  readonly domain?: keyof typeof DOMAINS;
  /** Whether its last dimension may be 1 or missing. */
  readonly lastMayLack?: boolean;
}

/** What the facade knows of a pointwise loss. */
export interface PointwiseSpec {
  readonly name: string;
  readonly kernel: KernelName;
  readonly args: readonly ArgumentSpec[];
  /** In the order of the kernel's options. */
  readonly options?: readonly OptionSpec[];
  /** What it can differentiate by, in the kernel's order, the default ones first; "weight" is not among them. */
  readonly wrt: readonly string[];
  readonly defaults?: number;
  /** `mean`: the full shape, and its sum divides the mean; `full`: the full shape; `broadcast`: aligned right. */
  readonly weight?: "mean" | "full" | "broadcast";
  /** An option that is a further, broadcast argument, with the kernel that takes it. */
  readonly extra?: { readonly option: string; readonly kernel: KernelName };
  readonly batchmean?: boolean;
}

/** Dimensions of an operand from the outermost, as size and stride; none when it is contiguous. */
type Dims = readonly (readonly [size: number, stride: number])[];
const CONTIGUOUS: Dims = [];

/** Strides of an operand over the full shape, with neighbours merged. */
function broadcastDims(call: string, op: Operand, full: Shape): Dims {
  const lead = full.length - op.shape.length;
  const dims: [number, number][] = [];
  let fits = lead >= 0;
  let stride = 1;
  for (let i = full.length - 1; i >= 0; i--) {
    const whole = full[i] ?? 1;
    const own = i < lead ? 1 : (op.shape[i - lead] ?? 1);
    if (own !== 1 && own !== whole) fits = false;
    const step = own === 1 ? 0 : stride;
    stride *= own;
    if (whole === 1) continue;
    const inner = dims[0];
    if (inner && step === inner[1] * inner[0]) inner[0] *= whole;
    else dims.unshift([whole, step]);
  }
  if (!fits) {
    fail("ERR_SHAPE", call, op.name, `of a shape that broadcasts to ${showShape(full)}, aligned right`, `shape ${showShape(op.shape)}`);
  }
  if (dims.length > MAX_RANK) fail("ERR_SHAPE", call, op.name, `of at most ${MAX_RANK} alternating dimensions`, showShape(op.shape));
  return dims.length === 0 || (dims.length === 1 && dims[0]?.[1] === 1) ? CONTIGUOUS : dims;
}

function fillOperand(block: Float64Array, slot: number, place: Place, dims: Dims) {
  block[slot] = place.address;
  block[slot + 1] = dims.length;
  for (let k = 0; k < dims.length; k++) {
    const [size, stride] = dims[k] as readonly [number, number];
    block[slot + 2 + 2 * k] = size;
    block[slot + 3 + 2 * k] = stride;
  }
}

function checkDomain(marshal: Marshal, call: string, op: Operand, place: Place, domain: keyof typeof DOMAINS) {
  const { code, expected } = DOMAINS[domain];
  const bad = marshal.engine.exports.check_domain(marshal.dtype, code, place.address, op.size);
  if (bad >= 0) fail("ERR_RANGE", call, `${op.name}[${bad}]`, expected, show(marshal.read(op)[bad]));
}

/** Strides of an argument whose last dimension may be 1 or missing. */
function lastDims(call: string, op: Operand, input: Operand): Dims {
  const { shape } = input;
  if (sameShape(op.shape, shape) || shape.length === 0) return CONTIGUOUS;
  const lead = shape.slice(0, -1);
  if (sameShape(op.shape, lead)) return broadcastDims(call, { ...op, shape: [...lead, 1] }, shape);
  if (sameShape(op.shape, [...lead, 1])) return broadcastDims(call, op, shape);
  const expected = `of ${input.name}'s shape ${showShape(shape)}, whose last dimension may be 1 or missing`;
  fail("ERR_SHAPE", call, op.name, expected, `shape ${showShape(op.shape)}`);
}

function factor(call: string, name: string, options: Options, input: Operand): Operand | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const op = operand(call, name, given, FLOATS);
  needDtype(call, op, input);
  return op;
}

/** A reduced value as the loss's dtype has it, or the array of all values. */
function finish(marshal: Marshal, common: Common, reduced: number, values: Place, places: readonly Place[]): Outcome {
  const grads: Record<string, object> = {};
  for (let k = 0; k < places.length; k++) {
    const { of, out } = common.gradients[k] as Gradient;
    grads[of.name] = marshal.result(out, places[k] as Place);
  }
  let value: unknown = marshal.dtype ? reduced : Math.fround(reduced);
  if (common.reduction === "none") value = marshal.result(common.outValue, values);
  marshal.engine.finish();
  return { value, grads };
}

/** A loss's specification with nothing left out: one shape for all, so that a call reads it fast. */
class PreparedPointwise implements LossSpec {
  readonly name: string;
  readonly kernel: KernelName;
  readonly args: readonly PreparedArgument[];
  readonly options: readonly OptionSpec[] | undefined;
  readonly weight: PointwiseSpec["weight"];
  readonly extra: PointwiseSpec["extra"];
  /** What the kernel differentiates by, in its order. */
  readonly kernelWrt: readonly string[];
  readonly known: readonly string[];
  readonly reductions: readonly string[];
  readonly wrt: readonly string[];
  readonly defaultWrt: readonly string[];

  constructor(spec: PointwiseSpec) {
    const { weight, extra, options = [] } = spec;
    this.name = spec.name;
    this.kernel = spec.kernel;
    this.args = spec.args.map(({ name, flags, domain, lastMayLack = false }) => ({ name, allowed: flags ? FLAGS : FLOATS, domain, lastMayLack }));
    this.options = spec.options;
    this.weight = weight;
    this.extra = extra;
    this.kernelWrt = spec.wrt;
    const own = options.map((option) => option.name);
    this.known = [...COMMON, ...own, ...(weight ? ["weight"] : []), ...(extra ? [extra.option] : [])];
    this.reductions = spec.batchmean ? [...BASIC, "batchmean"] : BASIC;
    this.wrt = weight === "mean" || weight === "full" ? [...spec.wrt, "weight"] : spec.wrt;
    this.defaultWrt = spec.wrt.slice(0, spec.defaults);
  }
}

interface PreparedArgument {
  readonly name: string;
  readonly allowed: readonly DType[];
  readonly domain: ArgumentSpec["domain"];
  readonly lastMayLack: boolean;
}

/** Runs a pointwise loss. */
function callPointwise(spec: PreparedPointwise, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const call = spec.name;
  const options = readObject(call, "options", rawOptions, spec.known);
  const args: Operand[] = [];
  const dims: Dims[] = [];
  for (let k = 0; k < spec.args.length; k++) {
    const arg = spec.args[k] as PreparedArgument;
    const op = operand(call, arg.name, given[k], arg.allowed);
    args.push(op);
    const first = args[0] as Operand;
    if (isFloat(op.dtype)) needDtype(call, op, first);
    if (arg.lastMayLack) {
      dims.push(lastDims(call, op, first));
    } else {
      if (!sameShape(op.shape, first.shape)) needShape(call, op, first.shape, `as ${first.name} has`);
      dims.push(CONTIGUOUS);
    }
  }
  const input = args[0] as Operand;
  const { shape, size } = input;
  const weight = spec.weight ? factor(call, "weight", options, input) : undefined;
  let weightDims = CONTIGUOUS;
  if (weight && spec.weight === "broadcast") weightDims = broadcastDims(call, weight, shape);
  else if (weight) needShape(call, weight, shape, `as ${input.name} has`);
  const common = readCommon(spec, options, shape, input, grads, args, weight);
  if (common.reduction === "batchmean") {
    needOwnShape(call, input);
    if (shape.length === 0) fail("ERR_SHAPE", call, input.name, 'of at least one dimension with reduction "batchmean"', "shape []");
  }
  let { kernel } = spec;
  if (spec.extra) {
    const extra = factor(call, spec.extra.option, options, input);
    if (extra) {
      args.push(extra);
      dims.push(broadcastDims(call, extra, shape));
      ({ kernel } = spec.extra);
    }
  }
  const numbers = readNumbers(call, options, spec.options, input);

  const marshal = new Marshal(call, input);
  const places: Place[] = [];
  for (const op of args) places.push(marshal.input(op));
  const weightPlace = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = none ? marshal.output(common.outValue, size, "") : NOWHERE;
  const gradPlaces: Place[] = [];
  // The gradient of a broadcast argument is first computed for every element.
  const wholes: Place[] = [];
  for (const { of, out } of common.gradients) {
    const place = marshal.output(out, of.size, of.name);
    gradPlaces.push(place);
    wholes.push(of.size === size ? place : marshal.scratch(size));
  }
  marshal.commit();
  for (let k = 0; k < spec.args.length; k++) {
    const domain = spec.args[k]?.domain;
    if (domain) checkDomain(marshal, call, args[k] as Operand, places[k] as Place, domain);
  }

  const { block } = marshal.engine.views;
  let divisor = 1;
  if (common.normalizer !== undefined) divisor = common.normalizer;
  else if (common.reduction === "batchmean") divisor = shape[0] ?? 1;
  // NaN stands for the sum of the weights.
  else if (common.reduction === "mean") divisor = weight && spec.weight === "mean" ? Number.NaN : size;
  fillCommon(block, common, divisor, gradOutputs, values);
  block[SLOT.shape] = size;
  for (let slot: number = SLOT.grads; slot <= SLOT.weightGrad; slot++) block[slot] = 0;
  for (let k = 0; k < wholes.length; k++) {
    const { name } = (common.gradients[k] as Gradient).of;
    const slot = name === "weight" ? SLOT.weightGrad : SLOT.grads + spec.kernelWrt.indexOf(name);
    block[slot] = (wholes[k] as Place).address;
  }
  for (let k = 0; k < numbers.length; k++) block[SLOT.options + k] = numbers[k] as number;
  for (let k = 0; k < places.length; k++) {
    fillOperand(block, SLOT.operands + k * SLOT.operand, places[k] as Place, dims[k] as Dims);
  }
  fillOperand(block, SLOT.weight, weightPlace, weightDims);

  const reduced = marshal.engine.run(call, kernel, marshal.dtype);
  for (let k = 0; k < wholes.length; k++) {
    const place = gradPlaces[k] as Place;
    const whole = wholes[k] as Place;
    if (whole !== place && place.size > 0) {
      marshal.engine.exports.sum_rows(marshal.dtype, whole.address, place.size, size / place.size, place.address);
    }
  }
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** The two forms of a loss: the value alone, and with its gradients. */
function forms<L>(arity: number, run: (args: readonly unknown[], options: unknown, grads: boolean) => Outcome): L {
  const loss = (...args: unknown[]) => run(args, args[arity], false).value;
  return Object.assign(loss, { valueAndGrad: (...args: unknown[]) => run(args, args[arity], true) }) as L;
}

/** A pointwise loss, typed by its signature. */
export function pointwise<L>(spec: PointwiseSpec): L {
  const loss = new PreparedPointwise(spec);
  return forms<L>(spec.args.length, (args, options, grads) => callPointwise(loss, args, options, grads));
}

/** The two forms of a function: itself, and its vector-Jacobian product. */
function withVjp<F>(name: string, run: (call: string, x: unknown, gradOutput: unknown, options: unknown) => object): F {
  const value = (x: unknown, options?: unknown) => run(name, x, NOWHERE, options);
  const vjp = (x: unknown, gradOutput: unknown, options?: unknown) => run(`${name}.vjp`, x, gradOutput, options);
  return Object.assign(value, { vjp }) as F;
}

/** A function of each element, with its vector-Jacobian product. */
export function elementwise<F>(spec: { readonly name: string; readonly kernel: KernelName; readonly options?: readonly OptionSpec[] }): F {
  const known = ["out", ...(spec.options ?? []).map((o) => o.name)];
  const run = (call: string, given: unknown, rawGradOutput: unknown, rawOptions: unknown) => {
    const options = readObject(call, "options", rawOptions, known);
    const x = operand(call, "x", given, FLOATS);
    const outer = rawGradOutput === NOWHERE ? undefined : operand(call, "gradOutput", rawGradOutput, FLOATS);
    if (outer) {
      needDtype(call, outer, x);
      needFlatShape(call, outer, x.shape, "as x has");
    }
    const numbers = readNumbers(call, options, spec.options, x);
    const out = options.out === undefined ? undefined : output(call, "out", options.out, x, x.shape, "as x has");
    const marshal = new Marshal(call, x);
    const xPlace = marshal.input(x);
    const outerPlace = marshal.input(outer);
    const outPlace = marshal.output(out, x.size, "x");
    marshal.commit();
    const { block } = marshal.engine.views;
    block[SLOT.divisor] = 1;
    block[SLOT.gradOutput] = 1;
    block[SLOT.gradOutputs] = outerPlace.address;
    block[SLOT.values] = outer ? 0 : outPlace.address;
    block[SLOT.shape] = x.size;
    block.fill(0, SLOT.grads, SLOT.weightGrad + 1);
    if (outer) block[SLOT.grads] = outPlace.address;
    numbers.forEach((value, k) => (block[SLOT.options + k] = value));
    fillOperand(block, SLOT.operands, xPlace, CONTIGUOUS);
    fillOperand(block, SLOT.weight, NOWHERE, CONTIGUOUS);
    marshal.engine.run(call, spec.kernel, marshal.dtype);
    const result = marshal.result(out, outPlace);
    marshal.engine.finish();
    return result;
  };
  return withVjp<F>(spec.name, run);
}

// ---------------------------------------------------------------------------------------------------------------------
// Row losses and functions

/** Rows of classes: the shape as (outer, classes, inner), and the shape of what has a value for each row. */
interface Layout {
  readonly outer: number;
  readonly classes: number;
  readonly inner: number;
  readonly rows: Shape;
}

/** (C), (N, C) or (N, C, d1, …, dk). */
function classLayout(call: string, input: Operand, shape: Shape): Layout {
  if (shape.length === 0) fail("ERR_SHAPE", call, input.name, "of shape (C), (N, C) or (N, C, d1, …, dk)", "shape []");
  if (shape.length === 1) return { outer: 1, classes: shape[0] ?? 0, inner: 1, rows: [] };
  const [outer = 0, classes = 0] = shape;
  const rows = shape.length === 2 ? [outer] : [outer, ...shape.slice(2)];
  return { outer, classes, inner: product(shape, 2), rows };
}

/** The layout of an input with class-index targets: a bare input takes its rows from a one-dimensional target. */
function indexLayout(call: string, input: Operand, target: Operand): Layout {
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
interface ClassIndices {
  readonly op: Operand;
  readonly classes: number;
  readonly ignoreIndex: number;
  /** `ignoreIndex` as the engine, which compares int32, sees it; NaN where no target can be equal to it. */
  readonly ignore: number;
}

function classIndices(op: Operand, classes: number, ignoreIndex: number): ClassIndices {
  let ignore = Number.NaN;
  if (op.dtype === "bigint64") ignore = -1;
  else if (op.dtype === "uint32" ? ignoreIndex >= 0 && ignoreIndex < 2 ** 32 : ignoreIndex === (ignoreIndex | 0)) ignore = ignoreIndex | 0;
  return { op, classes, ignoreIndex, ignore };
}

function wrongClass(call: string, { op, classes, ignoreIndex }: ClassIndices, i: number, got: unknown): never {
  fail("ERR_RANGE", call, `${op.name}[${i}]`, `a class index from 0 to ${classes - 1}, or ignoreIndex ${ignoreIndex}`, show(got));
}

/** 64-bit indices become int32 here; those to ignore become −1. */
function placeIndices(marshal: Marshal, call: string, indices: ClassIndices): Place {
  const { op, classes, ignoreIndex } = indices;
  if (op.dtype !== "bigint64") return marshal.indices(op, undefined);
  return marshal.indices(op, (from, to) => {
    const into = marshal.int32(to);
    const skip = BigInt(ignoreIndex);
    for (let i = 0; i < op.size; i++) {
      const value = from[i] as bigint;
      if (value !== skip && (value < 0n || value >= BigInt(classes))) wrongClass(call, indices, i, value);
      into[i] = value === skip ? -1 : Number(value);
    }
  });
}

function checkIndices(marshal: Marshal, call: string, indices: ClassIndices, place: Place) {
  const { op, classes, ignore } = indices;
  const bad = marshal.engine.exports.check_classes(place.address, op.size, classes, ignore);
  if (bad >= 0) wrongClass(call, indices, bad, marshal.read(op)[bad]);
}

/** Fills what all row kernels read; the rest of the block is cleared. */
function fillRows(block: Float64Array, layout: Layout, input: Place) {
  block.fill(0, SLOT.divisor, SLOT.operands);
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
  /** Whether the target may be a distribution, with gradients by it and by the weight. */
  readonly distributions?: boolean;
}

/** As {@link PreparedPointwise}, for losses of class targets. */
class PreparedClassLoss {
  readonly name: string;
  readonly kernel: KernelName;
  readonly options: readonly OptionSpec[] | undefined;
  readonly allowed: readonly DType[];
  readonly byIndex: LossSpec;
  readonly byDistribution: LossSpec;

  constructor({ name, kernel, options, distributions }: ClassLossSpec) {
    this.name = name;
    this.kernel = kernel;
    this.options = options;
    this.allowed = distributions ? INDICES_OR_FLOATS : INDICES;
    const known = [...COMMON, "weight", "ignoreIndex", ...(options ?? []).map((option) => option.name)];
    const basic = { name, known, reductions: BASIC, defaultWrt: ["input"] };
    this.byIndex = { ...basic, wrt: ["input"] };
    this.byDistribution = { ...basic, wrt: ["input", "target", "weight"] };
  }
}

function callClassLoss(spec: PreparedClassLoss, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const call = spec.name;
  const options = readObject(call, "options", rawOptions, spec.byIndex.known);
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

  const { ignoreIndex = -100 } = options;
  if (typeof ignoreIndex !== "number") fail("ERR_TYPE", call, "ignoreIndex", "an integer", show(ignoreIndex));
  if (!Number.isSafeInteger(ignoreIndex)) fail("ERR_RANGE", call, "ignoreIndex", "an integer", show(ignoreIndex));
  if (distribution && options.ignoreIndex !== undefined) {
    fail("ERR_OPTION", call, "ignoreIndex", "absent where the targets are probabilities", show(ignoreIndex));
  }
  const numbers = readNumbers(call, options, spec.options, input);
  const able = distribution ? spec.byDistribution : spec.byIndex;
  const weight = factor(call, "weight", options, input);
  if (weight && (rows > 0 || !input.bare)) needShape(call, weight, [classes], "one for each class");
  const common = readCommon(able, options, layout.rows, input, grads, [input, target], weight);

  const marshal = new Marshal(call, input);
  const inputPlace = marshal.input(input);
  const indices = distribution ? undefined : classIndices(target, classes, ignoreIndex);
  const indexPlace = indices ? placeIndices(marshal, call, indices) : NOWHERE;
  const targetPlace = distribution ? marshal.input(target) : NOWHERE;
  const weightPlace = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = none ? marshal.output(common.outValue, rows, "") : NOWHERE;
  const gradPlaces: Place[] = [];
  for (const { of, out } of common.gradients) gradPlaces.push(marshal.output(out, of.size, of.name));
  marshal.commit();
  if (indices) checkIndices(marshal, call, indices, indexPlace);

  const { block } = marshal.engine.views;
  fillRows(block, layout, inputPlace);
  const mean = common.normalizer ?? (distribution ? rows : Number.NaN);
  fillCommon(block, common, none || common.reduction === "sum" ? 1 : mean, gradOutputs, values);
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
  const reduced = marshal.engine.run(call, spec.kernel, marshal.dtype);
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** A loss of (input, class targets), typed by its signature. */
export function classLoss<L>(spec: ClassLossSpec): L {
  const loss = new PreparedClassLoss(spec);
  return forms<L>(2, (args, options, grads) => callClassLoss(loss, args, options, grads));
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
    const { axis = -1 } = options;
    const expected = `an integer from ${-rank} to ${rank - 1}`;
    if (typeof axis !== "number") fail("ERR_TYPE", call, "axis", expected, show(axis));
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank) fail("ERR_RANGE", call, "axis", expected, show(axis));
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
