// From a user's call to the engine's call block and back: every loss and function goes through here.
import { fail, show, showShape } from "./errors.js";
import { FLAGS, FLOATS, INDICES, Marshal, NOWHERE, type Operand, type Ref, type Shape, needDtype, needFlatShape, needOwnShape, needShape, operand, product, sameShape } from "./marshal.js";
import { BASIC, COMMON, type Common, type LossSpec, type OptionSpec, output, readCommon, readObject, readOption } from "./options.js";
import { type KernelName, MAX_RANK, SLOT } from "./runtime.js";
import type { TypedArray } from "./tensor.js";

function fillCommon(block: Float64Array, common: Common, divisor: number, gradOutputs: Ref, values: Ref) {
  block[SLOT.divisor] = divisor;
  block[SLOT.gradOutput] = common.gradOutput;
  block[SLOT.gradOutputs] = gradOutputs.address;
  block[SLOT.values] = values.address;
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

/** Strides of an operand over the full shape, with neighbours merged; empty when it is contiguous. */
function broadcastDims(call: string, op: Operand, full: Shape): [size: number, stride: number][] {
  const lead = full.length - op.shape.length;
  const dims: [number, number][] = [];
  let stride = 1;
  for (let i = full.length - 1; i >= 0; i--) {
    const whole = full[i] ?? 1;
    const own = i < lead ? 1 : (op.shape[i - lead] ?? 1);
    if (lead < 0 || (own !== 1 && own !== whole)) {
      fail("ERR_SHAPE", call, op.name, `of a shape that broadcasts to ${showShape(full)}, aligned right`, `shape ${showShape(op.shape)}`);
    }
    const step = own === 1 ? 0 : stride;
    stride *= own;
    if (whole === 1) continue;
    const inner = dims[0];
    if (inner && step === inner[1] * inner[0]) inner[0] *= whole;
    else dims.unshift([whole, step]);
  }
  if (op.shape.length > full.length) {
    fail("ERR_SHAPE", call, op.name, `of a shape that broadcasts to ${showShape(full)}, aligned right`, `shape ${showShape(op.shape)}`);
  }
  if (dims.length > MAX_RANK) fail("ERR_SHAPE", call, op.name, `of at most ${MAX_RANK} alternating dimensions`, showShape(op.shape));
  return dims.length === 0 || (dims.length === 1 && dims[0]?.[1] === 1) ? [] : dims;
}

function fillOperand(block: Float64Array, slot: number, ref: Ref, dims: readonly [number, number][] = []) {
  block[slot] = ref.address;
  block[slot + 1] = dims.length;
  dims.forEach(([size, stride], k) => {
    block[slot + 2 + 2 * k] = size;
    block[slot + 3 + 2 * k] = stride;
  });
}

function checkDomain(marshal: Marshal, call: string, op: Operand, ref: Ref, domain: keyof typeof DOMAINS) {
  const { code, expected } = DOMAINS[domain];
  const bad = marshal.engine.exports.check_domain(marshal.code, code, ref.address, op.size);
  if (bad >= 0) fail("ERR_RANGE", call, `${op.name}[${bad}]`, expected, show(marshal.element(ref, bad)));
}

function pointwiseLossSpec(spec: PointwiseSpec): LossSpec {
  const weight = spec.weight ? ["weight"] : [];
  const known = [...COMMON, ...(spec.options ?? []).map((o) => o.name), ...weight, ...(spec.extra ? [spec.extra.option] : [])];
  const wrt = spec.weight === "mean" || spec.weight === "full" ? [...spec.wrt, "weight"] : spec.wrt;
  const reductions = spec.batchmean ? [...BASIC, "batchmean"] : BASIC;
  return { name: spec.name, known, reductions, wrt, defaults: spec.defaults ?? spec.wrt.length };
}

/** Runs a pointwise loss. */
function callPointwise(spec: PointwiseSpec, loss: LossSpec, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const call = spec.name;
  const options = readObject(call, "options", rawOptions, loss.known);

  const args = spec.args.map((arg, k) => operand(call, arg.name, given[k], arg.flags ? [...FLOATS, ...FLAGS] : FLOATS));
  const input = args[0] as Operand;
  const { shape, size } = input;
  const dims: [number, number][][] = args.map((op, k) => {
    if (FLOATS.includes(op.dtype)) needDtype(call, op, input);
    const arg = spec.args[k];
    const lacks = arg?.lastMayLack && shape.length > 0 && !sameShape(op.shape, shape);
    if (lacks && sameShape(op.shape, shape.slice(0, -1))) {
      return broadcastDims(call, { ...op, shape: [...op.shape, 1] }, shape);
    }
    if (lacks && sameShape(op.shape, [...shape.slice(0, -1), 1])) return broadcastDims(call, op, shape);
    const also = arg?.lastMayLack ? " (the last dimension may be 1 or missing)" : "";
    if (k > 0) needShape(call, op, shape, `as ${input.name} has${also}`);
    return [];
  });
  const numbers = (spec.options ?? []).map((option) => readOption(call, options, option));
  const common = readCommon(loss, options, shape, input, grads);
  if (common.reduction === "batchmean") needOwnShape(call, input);
  if (common.reduction === "batchmean" && shape.length === 0) {
    fail("ERR_SHAPE", call, input.name, 'of at least one dimension with reduction "batchmean"', "shape []");
  }

  const factor = (name: string) => {
    const value = options[name];
    if (value === undefined) return undefined;
    const op = operand(call, name, value, FLOATS);
    needDtype(call, op, input);
    return op;
  };
  const weight = spec.weight ? factor("weight") : undefined;
  if (weight && spec.weight !== "broadcast") needShape(call, weight, shape, `as ${input.name} has`);
  const weightDims = weight && spec.weight === "broadcast" ? broadcastDims(call, weight, shape) : [];
  if (!weight && common.wrt.includes("weight")) {
    fail("ERR_OPTION", call, "wrt", "without weight where no weight is given", '"weight"');
  }
  const extra = spec.extra ? factor(spec.extra.option) : undefined;
  if (extra) {
    args.push(extra);
    dims.push(broadcastDims(call, extra, shape));
  }

  const marshal = new Marshal(call, input.dtype);
  const refs = args.map((op) => marshal.input(op));
  const weightRef = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = none ? marshal.output(common.outValue, size) : NOWHERE;
  const places = common.wrt.map((name) => {
    const of = name === "weight" ? (weight as Operand) : (args.find((op) => op.name === name) as Operand);
    const out = common.outGrads[name];
    const op = out === undefined ? undefined : output(call, `out.grads.${name}`, out, input, of.shape, `as ${name} has`);
    const ref = marshal.output(op, of.size, name);
    // The gradient of a broadcast argument is first computed for every element.
    return { name, op, ref, whole: of.size === size ? ref : marshal.scratch(size) };
  });
  marshal.commit();
  spec.args.forEach(({ domain }, k) => {
    if (domain) checkDomain(marshal, call, args[k] as Operand, refs[k] as Ref, domain);
  });

  const { block } = marshal.engine.views;
  const divisor = none || common.reduction === "sum" ? 1
    : (common.normalizer ?? (common.reduction === "batchmean" ? (shape[0] ?? 1) : weight && spec.weight === "mean" ? Number.NaN : size));
  fillCommon(block, common, divisor, gradOutputs, values);
  block[SLOT.shape] = size;
  for (let k = 0; k < 3; k++) block[SLOT.grads + k] = 0;
  block[SLOT.weightGrad] = 0;
  for (const { name, whole } of places) {
    block[name === "weight" ? SLOT.weightGrad : SLOT.grads + spec.wrt.indexOf(name)] = whole.address;
  }
  numbers.forEach((value, k) => (block[SLOT.options + k] = value));
  refs.forEach((ref, k) => fillOperand(block, SLOT.operands + k * SLOT.operand, ref, dims[k]));
  fillOperand(block, SLOT.weight, weightRef, weightDims);

  const reduced = marshal.engine.run(call, extra ? (spec.extra as { kernel: KernelName }).kernel : spec.kernel, marshal.code);
  const result: Record<string, object> = {};
  for (const { name, op, ref, whole } of places) {
    if (whole !== ref) {
      const columns = ref.size === 0 ? 0 : size / ref.size;
      marshal.engine.exports.sum_rows(marshal.code, whole.address, ref.size, columns, ref.address);
    }
    result[name] = marshal.result(op, ref);
  }
  const value = none ? marshal.result(common.outValue, values) : marshal.code === 0 ? Math.fround(reduced) : reduced;
  marshal.engine.finish();
  return { value, grads: result };
}

/** The two forms of a loss: the value alone, and with its gradients. */
function forms<L>(arity: number, run: (args: readonly unknown[], options: unknown, grads: boolean) => Outcome): L {
  const loss = (...args: unknown[]) => run(args, args[arity], false).value;
  return Object.assign(loss, { valueAndGrad: (...args: unknown[]) => run(args, args[arity], true) }) as L;
}

/** A pointwise loss, typed by its signature. */
export function pointwise<L>(spec: PointwiseSpec): L {
  const loss = pointwiseLossSpec(spec);
  return forms<L>(spec.args.length, (args, options, grads) => callPointwise(spec, loss, args, options, grads));
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
    const numbers = (spec.options ?? []).map((option) => readOption(call, options, option));
    const out = options.out === undefined ? undefined : output(call, "out", options.out, x, x.shape, "as x has");
    const marshal = new Marshal(call, x.dtype);
    const xRef = marshal.input(x);
    const outerRef = marshal.input(outer);
    const outRef = marshal.output(out, x.size, "x");
    marshal.commit();
    const { block } = marshal.engine.views;
    block[SLOT.divisor] = 1;
    block[SLOT.gradOutput] = 1;
    block[SLOT.gradOutputs] = outerRef.address;
    block[SLOT.values] = outer ? 0 : outRef.address;
    block[SLOT.shape] = x.size;
    block.fill(0, SLOT.grads, SLOT.weightGrad + 1);
    if (outer) block[SLOT.grads] = outRef.address;
    numbers.forEach((value, k) => (block[SLOT.options + k] = value));
    fillOperand(block, SLOT.operands, xRef);
    fillOperand(block, SLOT.weight, NOWHERE);
    marshal.engine.run(call, spec.kernel, marshal.code);
    const result = marshal.result(out, outRef);
    marshal.engine.finish();
    return result;
  };
  const value = (x: unknown, options?: unknown) => run(spec.name, x, NOWHERE, options);
  const vjp = (x: unknown, gradOutput: unknown, options?: unknown) => run(`${spec.name}.vjp`, x, gradOutput, options);
  return Object.assign(value, { vjp }) as F;
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
  const [outer = 0, classes = 0, ...rest] = shape;
  return { outer, classes, inner: product(rest), rows: [outer, ...rest] };
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
  needShape(call, target, layout.rows, `as ${input.name} of shape ${showShape(shape)} needs`);
  return layout;
}

/** Places class indices, and checks them once they are in place. */
function placeIndices(marshal: Marshal, call: string, op: Operand, classes: number, ignoreIndex: number | undefined) {
  const ignored = ignoreIndex === undefined ? "" : `, or ignoreIndex ${ignoreIndex}`;
  const wrong = (i: number, got: unknown): never =>
    fail("ERR_RANGE", call, `${op.name}[${i}]`, `a class index from 0 to ${classes - 1}${ignored}`, show(got));
  // The engine compares int32: an index to ignore that the target's type cannot hold is matched by none.
  const [low, high] = op.dtype === "uint32" ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  const fits = ignoreIndex !== undefined && ignoreIndex >= low && ignoreIndex <= high;
  let ignore = fits ? ignoreIndex | 0 : Number.NaN;
  let convert: ((from: TypedArray, to: Ref) => void) | undefined;
  if (op.dtype === "bigint64") {
    ignore = -1;
    const skip = ignoreIndex === undefined ? undefined : BigInt(ignoreIndex);
    convert = (from, to) => {
      const into = marshal.engine.views.int32.subarray(to.address >>> 2);
      (from as BigInt64Array).forEach((value, i) => {
        if (value !== skip && (value < 0n || value >= BigInt(classes))) wrong(i, value);
        into[i] = value === skip ? -1 : Number(value);
      });
    };
  }
  const ref = marshal.indices(op, convert);
  const check = () => {
    const bad = marshal.engine.exports.check_classes(ref.address, op.size, classes, ignore);
    if (bad >= 0) wrong(bad, marshal.read(op)[bad]);
  };
  return { ref, ignore, check };
}

/** Fills what all row kernels read; the rest of the block is cleared. */
function fillRows(block: Float64Array, layout: Layout, input: Ref) {
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

function callClassLoss(spec: ClassLossSpec, loss: LossSpec, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const call = spec.name;
  const options = readObject(call, "options", rawOptions, loss.known);
  const input = operand(call, "input", given[0], FLOATS);
  const target = operand(call, "target", given[1], spec.distributions ? [...INDICES, ...FLOATS] : INDICES);
  const distribution = FLOATS.includes(target.dtype);
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
  const numbers = (spec.options ?? []).map((option) => readOption(call, options, option));
  const able = distribution ? loss : { ...loss, wrt: ["input"] };
  const common = readCommon(able, options, layout.rows, input, grads);
  let weight: Operand | undefined;
  if (options.weight !== undefined) {
    weight = operand(call, "weight", options.weight, FLOATS);
    needDtype(call, weight, input);
    if (rows > 0 || !input.bare) needShape(call, weight, [classes], "one for each class");
  }
  if (!weight && common.wrt.includes("weight")) {
    fail("ERR_OPTION", call, "wrt", "without weight where no weight is given", '"weight"');
  }

  const marshal = new Marshal(call, input.dtype);
  const inputRef = marshal.input(input);
  const indices = distribution ? undefined : placeIndices(marshal, call, target, classes, ignoreIndex);
  const targetRef = distribution ? marshal.input(target) : NOWHERE;
  const weightRef = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = none ? marshal.output(common.outValue, rows) : NOWHERE;
  const places = common.wrt.map((name) => {
    const of = name === "weight" ? (weight as Operand) : name === "target" ? target : input;
    const out = common.outGrads[name];
    const op = out === undefined ? undefined : output(call, `out.grads.${name}`, out, input, of.shape, `as ${name} has`);
    return { name, op, ref: marshal.output(op, of.size, name) };
  });
  marshal.commit();
  indices?.check();

  const { block } = marshal.engine.views;
  fillRows(block, layout, inputRef);
  const mean = common.normalizer ?? (distribution ? rows : Number.NaN);
  fillCommon(block, common, none || common.reduction === "sum" ? 1 : mean, gradOutputs, values);
  block[SLOT.operands + SLOT.operand] = targetRef.address;
  block[SLOT.index] = indices?.ref.address ?? 0;
  block[SLOT.ignore] = indices?.ignore ?? Number.NaN;
  block[SLOT.weight] = weightRef.address;
  for (const { name, ref } of places) {
    block[name === "weight" ? SLOT.weightGrad : name === "target" ? SLOT.grads + 1 : SLOT.grads] = ref.address;
  }
  numbers.forEach((value, k) => (block[SLOT.options + k] = value));
  const reduced = marshal.engine.run(call, spec.kernel, marshal.code);
  const result: Record<string, object> = {};
  for (const { name, op, ref } of places) result[name] = marshal.result(op, ref);
  const value = none ? marshal.result(common.outValue, values) : marshal.code === 0 ? Math.fround(reduced) : reduced;
  marshal.engine.finish();
  return { value, grads: result };
}

/** A loss of (input, class targets), typed by its signature. */
export function classLoss<L>(spec: ClassLossSpec): L {
  const known = [...COMMON, "weight", "ignoreIndex", ...(spec.options ?? []).map((o) => o.name)];
  const wrt = spec.distributions ? ["input", "target", "weight"] : ["input"];
  const loss: LossSpec = { name: spec.name, known, reductions: BASIC, wrt, defaults: 1 };
  return forms<L>(2, (args, options, grads) => callClassLoss(spec, loss, args, options, grads));
}

/** A function of the rows along an axis, with its vector-Jacobian product. */
export function rowFunction<F>(spec: { readonly name: string; readonly kernel: KernelName; readonly reduces?: boolean }): F {
  const known = ["out", "axis"];
  const run = (call: string, given: unknown, rawGradOutput: unknown, rawOptions: unknown) => {
    const options = readObject(call, "options", rawOptions, known);
    const x = operand(call, "x", given, FLOATS);
    needOwnShape(call, x);
    const rank = x.shape.length;
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
    const marshal = new Marshal(call, x.dtype);
    const xRef = marshal.input(x);
    const outerRef = marshal.input(outer);
    const outRef = marshal.output(out, product(shape), spec.reduces && !outer ? "" : "x");
    marshal.commit();
    const { block } = marshal.engine.views;
    fillRows(block, layout, xRef);
    if (spec.reduces) block[SLOT.gradOutputs] = outerRef.address;
    else block[SLOT.operands + SLOT.operand] = outerRef.address;
    block[spec.reduces && !outer ? SLOT.values : SLOT.grads] = outRef.address;
    marshal.engine.run(call, spec.kernel, marshal.code);
    const result = marshal.result(out, outRef);
    marshal.engine.finish();
    return result;
  };
  const value = (x: unknown, options?: unknown) => run(spec.name, x, NOWHERE, options);
  const vjp = (x: unknown, gradOutput: unknown, options?: unknown) => run(`${spec.name}.vjp`, x, gradOutput, options);
  return Object.assign(value, { vjp }) as F;
}
