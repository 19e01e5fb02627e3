// From a user's call of a loss on the logits of a linear layer to the engine's call block and back.
import { fail, showShape } from "../errors.js";
import type { KernelName } from "../runtime.js";
import { type Gradient, type Outcome, factor, finish, forms, gradientPlaces, readCommon, valuePlace } from "./common.js";
import { COMMON, LossSpec, Numbers, readLossOptions } from "./lossOptions.js";
import {
  FLOATS,
  INDICES_OR_FLOATS,
  Marshal,
  NOWHERE,
  type Operand,
  type Shape,
  isFloat,
  needDtype,
  needOwnShape,
  needShape,
  operand,
} from "./marshal.js";
import { type OptionSpec, readOption } from "./options.js";
import { checkIndices, classIndices, placeIndices, readIgnoreIndex, weighTerms } from "./rowwise.js";
import { fillWhole } from "./whole.js";

/** What it can differentiate by, in the kernel's order. */
const WRT = ["input", "linearWeight", "bias"];

/** Rows of a chunk; 0 leaves them to the kernel. */
const CHUNK: OptionSpec = { name: "chunk", default: 0, expected: "an integer ≥ 1", test: (x) => Number.isSafeInteger(x) && x >= 1 };

/** What the facade knows of a loss of (input, linearWeight, class targets). */
export interface LinearLossSpec {
  readonly name: string;
  readonly kernel: KernelName;
  /** In the order of the kernel's options. */
  readonly options: readonly OptionSpec[];
}

/** As `PreparedClassLoss`, with the default gradients of calls without and with a bias. */
class PreparedLinearLoss {
  readonly kernel: KernelName;
  readonly numbers: Numbers;
  readonly plain: LossSpec;
  readonly biased: LossSpec;

  constructor({ name, kernel, options }: LinearLossSpec) {
    this.kernel = kernel;
    this.numbers = new Numbers(options);
    const known = [...COMMON, "bias", "weight", "ignoreIndex", ...this.numbers.names, CHUNK.name];
    this.plain = new LossSpec(name, known, WRT, WRT.slice(0, 2));
    this.biased = new LossSpec(name, known, WRT);
  }
}

/** The shape of what has a value for each row. A bare input takes its rows from a one-dimensional array of indices. */
function rowShape(call: string, input: Operand, linearWeight: Operand, target: Operand): Shape {
  const byIndex = !isFloat(target.dtype);
  if (!byIndex) needOwnShape(call, input);
  needOwnShape(call, linearWeight);
  if (linearWeight.shape.length !== 2) fail("ERR_SHAPE", call, "linearWeight", `of shape [C, in], for an input of shape ${showShape(input.shape)}`, `shape ${showShape(linearWeight.shape)}`);
  const width = linearWeight.shape[1] ?? 0;
  if (input.bare && byIndex && target.shape.length === 1) {
    const rows = target.size;
    if (input.size !== rows * width) {
      fail("ERR_SHAPE", call, "input", `of ${rows} rows, as many as target has, of ${width}, as linearWeight has columns`, `length ${input.size}`);
    }
    return [rows];
  }
  const rank = input.shape.length;
  if (rank !== 1 && rank !== 2) fail("ERR_SHAPE", call, "input", "of shape (in) or (N, in)", `shape ${showShape(input.shape)}`);
  if (input.shape[rank - 1] !== width) {
    const expected = `of shape [C, ${input.shape[rank - 1]}], as input of shape ${showShape(input.shape)} needs`;
    fail("ERR_SHAPE", call, "linearWeight", expected, `shape ${showShape(linearWeight.shape)}`);
  }
  return input.shape.slice(0, -1);
}

function callLinearLoss(spec: PreparedLinearLoss, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const { name: call, known } = spec.plain;
  const options = readLossOptions(call, rawOptions, known);
  const input = operand(call, "input", given[0], FLOATS);
  const linearWeight = operand(call, "linearWeight", given[1], FLOATS);
  const target = operand(call, "target", given[2], INDICES_OR_FLOATS);
  const distribution = isFloat(target.dtype);
  needDtype(call, linearWeight, input);
  if (distribution) needDtype(call, target, input);
  const rowsShape = rowShape(call, input, linearWeight, target);
  const rows = rowsShape[0] ?? 1;
  const [classes = 0, width = 0] = linearWeight.shape;
  if (classes === 0 && rows > 0) fail("ERR_SHAPE", call, "linearWeight", "of at least one class", `shape ${showShape(linearWeight.shape)}`);
  const targetShape = distribution ? [...rowsShape, classes] : rowsShape;
  needShape(call, target, targetShape, `as input of shape ${showShape(input.shape)} and linearWeight of shape ${showShape(linearWeight.shape)} need`);

  const ignoreIndex = readIgnoreIndex(call, options.own, distribution);
  const numbers = spec.numbers.read(call, options.own, input.dtype);
  const chunk = readOption(call, options.own, CHUNK, false);
  const bias = factor(call, "bias", options, input);
  const weight = factor(call, "weight", options, input);
  if (bias) needShape(call, bias, [classes], "one for each class");
  if (weight) needShape(call, weight, [classes], "one for each class");
  const args = bias ? [input, linearWeight, bias] : [input, linearWeight];
  const common = readCommon(bias ? spec.biased : spec.plain, options, rowsShape, input, grads, args, undefined);

  const marshal = new Marshal(call, input);
  const inputPlace = marshal.input(input);
  const linearPlace = marshal.input(linearWeight);
  const indices = distribution ? undefined : classIndices(target, classes, ignoreIndex);
  const indexPlace = indices ? placeIndices(marshal, call, indices) : NOWHERE;
  const targetPlace = distribution ? marshal.input(target) : NOWHERE;
  const biasPlace = marshal.input(bias);
  const weightPlace = marshal.input(weight);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = valuePlace(marshal, common, rows);
  const gradPlaces = gradientPlaces(marshal, common);
  marshal.commit();
  if (indices) checkIndices(marshal, call, indices, indexPlace);

  const mean = common.normalizer ?? (distribution ? rows : Number.NaN);
  const byKernel = WRT.map((name) => gradPlaces[common.gradients.findIndex(({ of }: Gradient) => of.name === name)]);
  fillWhole(marshal.engine.views.block, common, {
    sizes: [rows, width, classes, chunk],
    args: [inputPlace, linearPlace, biasPlace, targetPlace],
    index: [indexPlace],
    ignore: indices?.ignore ?? Number.NaN,
    weight: weightPlace,
    divisor: none || common.reduction === "sum" ? 1 : mean,
    gradOutputs,
    values,
    grads: byKernel,
    numbers,
  });
  if (indices) weighTerms(marshal, common, indices, indexPlace, weightPlace);
  const reduced = marshal.engine.run(call, spec.kernel, marshal.dtype);
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** A loss of (input, linearWeight, class targets), typed by its signature. */
export function linearLoss<L>(spec: LinearLossSpec): L {
  const loss = new PreparedLinearLoss(spec);
  return forms<L>(spec.name, 3, (args, options, grads) => callLinearLoss(loss, args, options, grads));
}
