// From a user's call of a loss of the similarities in a batch to the engine's call block and back.
import { fail, showShape } from "../errors.js";
import type { KernelName } from "../runtime.js";
import { type Gradient, type Outcome, finish, forms, gradientPlaces, readCommon } from "./common.js";
import { COMMON, LossSpec, Numbers, readLossOptions } from "./lossOptions.js";
import { FLOATS, INDICES, Marshal, NOWHERE, type Operand, needDtype, needOwnShape, needShape, operand } from "./marshal.js";
import type { OptionSpec } from "./options.js";
import { fillWhole } from "./whole.js";

/** What the facade knows of a loss of similarities. */
export interface SimilarityLossSpec {
  readonly name: string;
  readonly kernel: KernelName;
  /** Its arrays of samples, one or two. */
  readonly args: readonly string[];
  /** Whether an array of labels follows. */
  readonly labels?: boolean;
  /** In the order of the kernel's options. */
  readonly options: readonly OptionSpec[];
  /** Whether the kernel knows what divides the mean; else it is the number of samples. */
  readonly ownMean?: boolean;
}

function callSimilarityLoss(spec: SimilarityLossSpec, common_: LossSpec, own: Numbers, given: readonly unknown[], rawOptions: unknown, grads: boolean): Outcome {
  const { name: call, known: names } = common_;
  const options = readLossOptions(call, rawOptions, names);
  const arrays: Operand[] = [];
  for (const [k, name] of spec.args.entries()) {
    const op = operand(call, name, given[k], FLOATS);
    arrays.push(op);
    needOwnShape(call, op);
    const first = arrays[0] as Operand;
    const [rows, elements] = op.shape;
    if (op.shape.length !== 2 || (elements === 0 && rows !== 0)) fail("ERR_SHAPE", call, name, "of shape (N, D), D ≥ 1", `shape ${showShape(op.shape)}`);
    needDtype(call, op, first);
    needShape(call, op, first.shape, `as ${first.name} has`);
  }
  const input = arrays[0] as Operand;
  const [samples = 0, width = 0] = input.shape;
  const labels = spec.labels ? operand(call, "labels", given[spec.args.length], INDICES) : undefined;
  if (labels) needShape(call, labels, [samples], "one for each sample");
  const numbers = own.read(call, options.own, input.dtype);
  const common = readCommon(common_, options, [samples], input, grads, arrays, undefined);

  const marshal = new Marshal(call, input);
  const places = arrays.map((op) => marshal.input(op));
  // Labels stand for nothing but which of them are equal: each becomes the place where it is first.
  const firsts = labels ? marshal.scratch(samples, 4) : NOWHERE;
  if (labels) marshal.indices(labels, () => undefined);
  const gradOutputs = marshal.input(common.gradOutputs);
  const none = common.reduction === "none";
  const values = none ? marshal.output(common.outValue, samples, "") : NOWHERE;
  const gradPlaces = gradientPlaces(marshal, common);
  marshal.commit();
  if (labels) {
    const known = new Map<unknown, number>();
    const from = marshal.read(labels);
    const to = marshal.int32(firsts);
    for (let i = 0; i < samples; i++) {
      const first = known.get(from[i]) ?? i;
      known.set(from[i], first);
      to[i] = first;
    }
  }
  const mean = common.normalizer ?? (spec.ownMean ? Number.NaN : samples);
  fillWhole(marshal.engine.views.block, common, {
    sizes: [samples, width],
    args: places,
    index: [firsts],
    divisor: none || common.reduction === "sum" ? 1 : mean,
    gradOutputs,
    values,
    grads: spec.args.map((name) => gradPlaces[common.gradients.findIndex(({ of }: Gradient) => of.name === name)]),
    numbers,
  });
  const reduced = marshal.engine.run(call, spec.kernel, marshal.dtype);
  return finish(marshal, common, reduced, values, gradPlaces);
}

/** A loss of the similarities of all pairs of a batch, typed by its signature. */
export function similarityLoss<L>(spec: SimilarityLossSpec): L {
  const own = new Numbers(spec.options);
  const common = new LossSpec(spec.name, [...COMMON, ...own.names], spec.args);
  return forms<L>(spec.name, spec.args.length + (spec.labels ? 1 : 0), (args, options, grads) => callSimilarityLoss(spec, common, own, args, options, grads), false);
}
