// From a user's call of a loss of sequences to the engine's call block and back.
import { fail, show, showShape } from "../errors.js";
import type { KernelName } from "../runtime.js";
import { type Outcome, finish, forms, gradientPlaces, readCommon, valuePlace } from "./common.js";
import { COMMON, LossSpec, readLossOptions } from "./lossOptions.js";
import { FLOATS, INDICES, Marshal, type Operand, elements, needOwnShape, needShape, operand } from "./marshal.js";
import { type OptionSpec, flag, readInteger, readOption } from "./options.js";
import { fillWhole } from "./whole.js";

const ZERO_INFINITY: OptionSpec = /* @__PURE__ */ flag("zeroInfinity", false);
const GRADIENTS = ["logits", "logProbs"];

const int32 = (call: string, name: string, given: unknown) => readInteger(call, name, given, -(2 ** 31), 2 ** 31 - 1, "an integer of 32 bits");

/** Integers, which may also be plain numbers: typed arrays hold them from here on. */
function integers(call: string, name: string, given: unknown): Operand {
  if (typeof given !== "object" || given === null) fail("ERR_TYPE", call, name, "an array of integers: a typed one, number[], { data, shape }, or a tensor", show(given));
  return operand(call, name, Array.isArray(given) ? Int32Array.from(given, (value, i) => int32(call, `${name}[${i}]`, value)) : given, INDICES);
}

/** Lengths from 0 to a bound, one for each sample. */
function readLengths(call: string, name: string, given: unknown, shape: readonly number[], most: number, why: string) {
  const op = typeof given === "number" && shape.length === 0 ? operand(call, name, Int32Array.of(int32(call, name, given)), INDICES) : integers(call, name, given);
  const samples = shape[0] ?? 1;
  if (op.size !== samples || op.shape.length > 1) needShape(call, op, shape, "one for each sample");
  const from = elements(call, op);
  const values = Array.from(from as Int32Array, Number); // not yet of 32 bits, which a bigint may exceed
  const wrong = values.findIndex((length) => length < 0 || length > most);
  if (wrong >= 0) fail("ERR_RANGE", call, shape.length > 0 ? `${name}[${wrong}]` : name, `from 0 to ${most}, ${why}`, show(from[wrong]));
  // Copies, as a getter among the options may still write in a tensor.
  const lengths = Int32Array.from(values);
  return { given: op, op: operand(call, name, lengths, INDICES), lengths };
}

/** The samples' labels: in rows, or where those are concatenated one after the other. */
function readTargets(call: string, given: unknown, batched: boolean, samples: number) {
  const op = integers(call, "targets", given);
  const rank = op.shape.length;
  if (batched ? rank < 1 || rank > 2 : rank !== 1) {
    fail("ERR_SHAPE", call, "targets", batched ? "of shape (N, S), or the labels of all samples one after the other" : "of shape (S)", `shape ${showShape(op.shape)}`);
  }
  const stride = rank === 2 ? (op.shape[1] ?? 0) : undefined;
  if (stride !== undefined) needShape(call, op, [samples, stride], "a row for each sample");
  return { op, stride };
}

function callSequenceLoss(spec: LossSpec, kernel: KernelName, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const call = spec.name;
  const options = readLossOptions(call, rawOptions, spec.known);
  const logProbs = operand(call, "logProbs", given[0], FLOATS);
  needOwnShape(call, logProbs);
  const { shape } = logProbs;
  const batched = shape.length === 3;
  if (!batched && shape.length !== 2) fail("ERR_SHAPE", call, "logProbs", "of shape (T, N, C) or (T, C)", `shape ${showShape(shape)}`);
  const frames = shape[0] ?? 0;
  const samples = batched ? (shape[1] ?? 0) : 1;
  const classes = shape[shape.length - 1] ?? 0;
  if (classes === 0) fail("ERR_SHAPE", call, "logProbs", "of at least one class", `shape ${showShape(shape)}`);
  const perSample = batched ? [samples] : [];

  const targets = readTargets(call, given[1], batched, samples);
  const inputs = readLengths(call, "inputLengths", given[2], perSample, frames, "the number of frames");
  const concatenated = batched && targets.stride === undefined;
  const most = concatenated ? targets.op.size : (targets.stride ?? targets.op.size);
  const labels = readLengths(call, "targetLengths", given[3], perSample, most, concatenated ? "the number of all labels" : "the labels that there is room for");
  const sum = labels.lengths.reduce((total, length) => total + length, 0);
  if (concatenated && sum !== targets.op.size) {
    fail("ERR_SHAPE", call, "targets", `of ${sum} labels, the sum of targetLengths, where they are one after the other`, `shape ${showShape(targets.op.shape)}`);
  }

  const { blank: rawBlank = 0, gradient = "logits" } = options.own;
  const expected = `a class index from 0 to ${classes - 1}`;
  const blank = readInteger(call, "blank", rawBlank, 0, classes - 1, expected);
  const known = GRADIENTS.map(show).join(" or ");
  if (typeof gradient !== "string") fail("ERR_TYPE", call, "gradient", known, show(gradient));
  if (!GRADIENTS.includes(gradient)) fail("ERR_RANGE", call, "gradient", known, show(gradient));
  const zeroInfinity = readOption(call, options.own, ZERO_INFINITY, false);
  const common = readCommon(spec, options, perSample, logProbs, grads, [logProbs], undefined);
  const classesOf = elements(call, targets.op);
  labels.lengths.reduce((start, length, n) => {
    const first = targets.stride === undefined ? start : n * targets.stride;
    for (let i = first; i < first + length; i++) {
      const label = Number(classesOf[i]);
      if (label < 0 || label >= classes || label === blank) fail("ERR_RANGE", call, `targets[${i}]`, `${expected} that is not the blank, ${blank}`, show(classesOf[i]));
    }
    return start + length;
  }, 0);

  const marshal = new Marshal(call, logProbs);
  const input = marshal.input(logProbs);
  [inputs, labels].forEach(({ given }) => marshal.reads(given));
  const integral = ({ op }: { readonly op: Operand }) => marshal.indices(op, op.dtype === "bigint64" ? (from, to) => marshal.int32(to).set(Array.from(from, Number)) : undefined);
  const index = [targets, inputs, labels].map(integral);
  const gradOutputs = marshal.input(common.gradOutputs);
  const values = valuePlace(marshal, common, samples);
  const places = gradientPlaces(marshal, common);
  marshal.commit();
  const mean = common.reduction === "mean";
  fillWhole(marshal.engine.views.block, common, {
    sizes: [frames, samples, classes, labels.lengths.reduce((most, length) => Math.max(most, length), 0)],
    args: [input],
    index,
    divisor: mean ? (common.normalizer ?? samples) : 1,
    gradOutputs,
    values,
    grads: places,
    numbers: [blank, zeroInfinity, gradient === "logits" ? 1 : 0, mean ? 1 : 0, targets.stride ?? 0],
  });
  const reduced = marshal.engine.run(call, kernel, marshal.dtype);
  return finish(marshal, common, reduced, values, places);
}

/** A loss of (logProbs, targets, inputLengths, targetLengths), typed by its signature. */
export function sequenceLoss<L>({ name, kernel }: { readonly name: string; readonly kernel: KernelName }): L {
  const spec = new LossSpec(name, [...COMMON, "blank", "zeroInfinity", "gradient"], ["logProbs"]);
  return forms<L>(name, 4, (args, options, grads) => callSequenceLoss(spec, kernel, args, options, grads));
}
