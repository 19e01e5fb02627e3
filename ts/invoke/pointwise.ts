// From a user's call of a pointwise loss or function to the engine's call block and back.
import { fail, show, showShape } from "../errors.js";
import { SLOT } from "../block.js";
import { MAX_RANK, type KernelName } from "../runtime.js";
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
  withVjp,
} from "./common.js";
import { BASIC, COMMON, LossSpec, Numbers, readLossOptions } from "./lossOptions.js";
import {
  FLAGS,
  FLOATS,
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
  sameShape,
} from "./marshal.js";
import { type OptionSpec, readObject } from "./options.js";
import type { Check, Lesson } from "./repeat.js";

const DOMAINS = {
  unit: { code: 0, expected: "in [0, 1]" },
  nonNegative: { code: 1, expected: "≥ 0" },
  sign: { code: 2, expected: "1 or -1" },
} as const;

/** What the elements of an argument must be. */
export type Domain = keyof typeof DOMAINS;

/** An argument of a pointwise loss. */
export interface ArgumentSpec {
  readonly name: string;
  /** Whether integer arrays will do. */
  readonly flags?: boolean;
  readonly domain?: Domain;
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

const domainCheck = (call: string, dtype: 0 | 1, domain: Domain, address: number, size: number): Check => (engine) => engine.checkDomain(call, dtype, DOMAINS[domain].code, address, size);

export function checkDomain(marshal: Marshal, call: string, op: Operand, { address, size }: Place, domain: Domain) {
  const { expected } = DOMAINS[domain];
  const bad = domainCheck(call, marshal.dtype, domain, address, size)(marshal.engine);
  if (bad >= 0) fail("ERR_RANGE", call, `${op.name}[${bad}]`, expected, show(marshal.read(op)[bad]));
}

/** The checks of a call that is made again. */
export function domainChecks(call: string, dtype: 0 | 1, args: readonly { readonly domain?: Domain | undefined }[], places: readonly Place[]): readonly Check[] {
  return args.flatMap(({ domain }, k) => {
    const { address, size } = places[k] as Place;
    return domain ? [domainCheck(call, dtype, domain, address, size)] : [];
  });
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

/** A loss's specification with nothing left out: one shape for all, so that a call reads it fast. */
class PreparedPointwise {
  readonly common: LossSpec;
  readonly kernel: KernelName;
  readonly args: readonly PreparedArgument[];
  readonly numbers: Numbers;
  readonly weight: PointwiseSpec["weight"];
  readonly extra: PointwiseSpec["extra"];
  /** What the kernel differentiates by, in its order. */
  readonly kernelWrt: readonly string[];

  constructor(spec: PointwiseSpec) {
    const { weight, extra } = spec;
    this.kernel = spec.kernel;
    this.args = spec.args.map(({ name, flags, domain, lastMayLack = false }) => ({ name, allowed: flags ? FLAGS : FLOATS, domain, lastMayLack }));
    this.numbers = new Numbers(spec.options);
    this.weight = weight;
    this.extra = extra;
    this.kernelWrt = spec.wrt;
    const known = [...COMMON, ...this.numbers.names, ...(weight ? ["weight"] : []), ...(extra ? [extra.option] : [])];
    const wrt = weight === "mean" || weight === "full" ? [...spec.wrt, "weight"] : spec.wrt;
    this.common = new LossSpec(spec.name, known, wrt, spec.wrt.slice(0, spec.defaults), spec.batchmean ? [...BASIC, "batchmean"] : BASIC);
  }
}

interface PreparedArgument {
  readonly name: string;
  readonly allowed: readonly DType[];
  readonly domain: ArgumentSpec["domain"];
  readonly lastMayLack: boolean;
}

/** Runs a pointwise loss. */
function callPointwise(spec: PreparedPointwise, given: readonly unknown[], rawOptions: unknown, grads: boolean, lesson: Lesson | undefined): Outcome {
  const { name: call, known } = spec.common;
  const options = readLossOptions(call, rawOptions, known);
  // Arrays have their length from the start, as a first `push` would make room for seventeen.
  const args = new Array<Operand>(spec.args.length);
  const dims = new Array<Dims>(spec.args.length);
  for (let k = 0; k < spec.args.length; k++) {
    const arg = spec.args[k] as PreparedArgument;
    const op = operand(call, arg.name, given[k], arg.allowed);
    args[k] = op;
    const first = args[0] as Operand;
    if (isFloat(op.dtype)) needDtype(call, op, first);
    if (arg.lastMayLack) {
      dims[k] = lastDims(call, op, first);
    } else {
      if (!sameShape(op.shape, first.shape)) needShape(call, op, first.shape, `as ${first.name} has`);
      dims[k] = CONTIGUOUS;
    }
  }
  const input = args[0] as Operand;
  const { shape, size } = input;
  const weight = spec.weight ? factor(call, "weight", options, input) : undefined;
  let weightDims = CONTIGUOUS;
  if (weight && spec.weight === "broadcast") weightDims = broadcastDims(call, weight, shape);
  else if (weight) needShape(call, weight, shape, `as ${input.name} has`);
  const common = readCommon(spec.common, options, shape, input, grads, args, weight);
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
  const numbers = spec.numbers.read(call, options.own, input.dtype);

  const marshal = new Marshal(call, input);
  const places = new Array<Place>(args.length);
  for (let k = 0; k < args.length; k++) places[k] = marshal.input(args[k]);
  const weightPlace = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  // Terms are what the values are.
  const values = common.terms ? marshal.scratch(size) : valuePlace(marshal, common, size);
  const gradPlaces = gradientPlaces(marshal, common);
  // The gradient of a broadcast argument is first computed for every element.
  const wholes = new Array<Place>(gradPlaces.length);
  for (let k = 0; k < wholes.length; k++) {
    const place = gradPlaces[k] as Place;
    wholes[k] = place.size === size ? place : marshal.scratch(size);
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
  if (common.terms && Number.isNaN(divisor)) common.terms.divisor = Float64Array.from(marshal.floats(weightPlace));
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

  lesson?.(call, kernel, marshal, common, domainChecks(call, marshal.dtype, spec.args, places));
  const reduced = marshal.engine.run(call, kernel, marshal.dtype);
  if (common.terms) common.terms.values = Float64Array.from(marshal.floats(values));
  for (let k = 0; k < wholes.length; k++) {
    const place = gradPlaces[k] as Place;
    const whole = wholes[k] as Place;
    if (whole !== place && place.size > 0) {
      marshal.engine.exports.sum_rows(marshal.dtype, whole.address, place.size, size / place.size, place.address);
    }
  }
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** A pointwise loss, typed by its signature. */
export function pointwise<L>(spec: PointwiseSpec): L {
  const loss = new PreparedPointwise(spec);
  return forms<L>(spec.name, spec.args.length, (args, options, grads, lesson) => callPointwise(loss, args, options, grads, lesson));
}

/** A function of each element, with its vector-Jacobian product. */
export function elementwise<F>(spec: { readonly name: string; readonly kernel: KernelName; readonly options?: readonly OptionSpec[] }): F {
  const own = new Numbers(spec.options);
  const known = ["out", ...own.names];
  const run = (call: string, given: unknown, rawGradOutput: unknown, rawOptions: unknown) => {
    const options = readObject(call, "options", rawOptions, known);
    const x = operand(call, "x", given, FLOATS);
    const outer = rawGradOutput === NOWHERE ? undefined : operand(call, "gradOutput", rawGradOutput, FLOATS);
    if (outer) {
      needDtype(call, outer, x);
      needFlatShape(call, outer, x.shape, "as x has");
    }
    const numbers = own.read(call, options, x.dtype);
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
