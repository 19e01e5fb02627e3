// The triplet loss of any distance: a kernel for those that have one, composition for a user's own.
import { fail, show } from "../errors.js";
import { marginRanking } from "../losses/marginRanking.js";
import type { KernelName } from "../runtime.js";
import type { Floats, Shaped } from "../types.js";
import { type Outcome, forms, gradientPlaces, readCommon } from "./common.js";
import { COMMON, LossSpec, readLossOptions, withTerms } from "./lossOptions.js";
import { FLOATS, Marshal, type Operand, needDtype, needFlatShape, needShape, operand, product } from "./marshal.js";
import { flag, positive, readObject, readOption } from "./options.js";
import { callRowLoss, prepareRowLoss, rowLayout } from "./rows.js";

/** What a distance function is called with: an argument of the loss, as it was given. */
export type DistanceRows = Shaped<Float32Array<ArrayBufferLike>> | Shaped<Float64Array<ArrayBufferLike>>;

/** What a distance function gives: the distance of each row, and its gradients by the elements of the row. */
export interface DistanceResult {
  readonly value: Floats;
  readonly grads: { readonly x1: Floats; readonly x2: Floats };
}

/** A distance of rows. */
export type DistanceCallback = (x1: DistanceRows, x2: DistanceRows) => DistanceResult;

const NAMES = ["anchor", "positive", "negative"] as const;
const DISTANCES = ["euclidean", "squaredEuclidean", "cosine"] as const;
const MARGIN = /* @__PURE__ */ positive("margin", 1);
const SWAP = /* @__PURE__ */ flag("swap", false);

/** The loss with the kernel of its named distances, typed by its signature. */
export function tripletWithDistance<L>({ name, kernel, cosine }: { readonly name: string; readonly kernel: KernelName; readonly cosine: KernelName }): L {
  const args = NAMES.map((each) => ({ name: each }));
  const common = { name, args, wrt: NAMES, ignored: ["distance"] };
  const norm = (p: number, eps: number) =>
    prepareRowLoss({ ...common, kernel, options: [MARGIN, SWAP], fill: ([margin = 0, swap = 0]) => [margin, p, eps, swap] });
  const kernels = {
    euclidean: norm(2, 1e-6),
    squaredEuclidean: norm(0, 0),
    cosine: prepareRowLoss({ ...common, kernel: cosine, options: [MARGIN, SWAP] }),
  };
  const spec = new LossSpec(name, [...COMMON, "distance", "margin", "swap"], NAMES);
  return forms<L>(name, 3, (given, rawOptions, grads) => {
    const { distance = "euclidean" } = readLossOptions(name, rawOptions, spec.known).own;
    if (typeof distance === "function") return callWith(spec, distance as DistanceCallback, given, rawOptions, grads);
    const expected = `${DISTANCES.map(show).join(", ")}, or a function`;
    if (typeof distance !== "string") fail("ERR_TYPE", name, "distance", expected, show(distance));
    const known = DISTANCES.find((each) => each === distance);
    if (!known) fail("ERR_RANGE", name, "distance", expected, show(distance));
    return callRowLoss(kernels[known], given, rawOptions, grads);
  });
}

/** The loss with a user's distance: margin ranking of its distances, and their gradients by the chain rule. */
function callWith(spec: LossSpec, distance: DistanceCallback, given: readonly unknown[], rawOptions: unknown, wantsGrads: boolean): Outcome {
  const call = spec.name;
  const options = readLossOptions(call, rawOptions, spec.known);
  const args = NAMES.map((name, k) => operand(call, name, given[k], FLOATS));
  const [anchor, positiveRows, negative] = args as [Operand, Operand, Operand];
  const { rows, classes } = rowLayout(call, anchor);
  for (const op of [positiveRows, negative]) {
    needDtype(call, op, anchor);
    needShape(call, op, anchor.shape, "as anchor has");
  }
  const margin = readOption(call, options.own, MARGIN, anchor.dtype === "float32");
  const swap = readOption(call, options.own, SWAP, false) === 1;
  const common = readCommon(spec, options, rows, anchor, wantsGrads, args, undefined);

  const size = product(rows);
  const measured = (x1: Operand, x2: Operand) => {
    const result: unknown = distance(x1.given as DistanceRows, x2.given as DistanceRows);
    const { value, grads } = readObject(call, "the result of distance", result, ["value", "grads"]);
    const read = (name: string, place: unknown, like: readonly number[], why: string) => {
      const op = operand(call, `the result of distance: ${name}`, place, FLOATS);
      needDtype(call, op, anchor);
      needFlatShape(call, op, like, why);
      const data = (op.data ?? (op.given as { readonly data: Float32Array }).data) as Float32Array;
      return data.slice();
    };
    const both = readObject(call, "the result of distance: grads", grads, ["x1", "x2"]);
    return {
      value: read("value", value, rows, "one for each row"),
      x1: read("grads.x1", both.x1, anchor.shape, "as anchor has"),
      x2: read("grads.x2", both.x2, anchor.shape, "as anchor has"),
    };
  };
  const near = measured(anchor, positiveRows);
  const far = measured(anchor, negative);
  const swapped = swap ? measured(positiveRows, negative) : undefined;
  const least = swapped ? far.value.map((d, row) => Math.min(d, swapped.value[row] ?? Number.NaN)) : far.value;

  const { reduction, normalizer, gradOutput, outValue, gradOutputs } = common;
  const shaped = (data: Float32Array) => ({ data, shape: rows });
  const ranking = { margin, reduction: reduction as "mean", normalizer, gradOutput: (gradOutputs?.given as undefined) ?? gradOutput };
  const asked = common.terms ? withTerms(ranking, common.terms) : ranking;
  const ranked = marginRanking.valueAndGrad(shaped(least), shaped(near.value), shaped(near.value.map(() => 1)), asked);
  const value: unknown = ranked.value;
  const { input1: byFar, input2: byNear } = ranked.grads;

  // As PyTorch, a tie of the two takes one half each.
  const share = (row: number) => {
    if (!swapped) return 1;
    const [a, b] = [far.value[row] as number, swapped.value[row] as number];
    return a < b ? 1 : a > b ? 0 : 0.5;
  };
  type Term = readonly [of: Float32Array, by: (row: number) => number];
  const terms: Readonly<Record<string, readonly Term[]>> = {
    anchor: [[near.x1, (row) => byNear[row] ?? 0], [far.x1, (row) => (byFar[row] ?? 0) * share(row)]],
    positive: [[near.x2, (row) => byNear[row] ?? 0], ...(swapped ? [[swapped.x1, (row: number) => (byFar[row] ?? 0) * (1 - share(row))] as const] : [])],
    negative: [[far.x2, (row) => (byFar[row] ?? 0) * share(row)], ...(swapped ? [[swapped.x2, (row: number) => (byFar[row] ?? 0) * (1 - share(row))] as const] : [])],
  };

  const marshal = new Marshal(call, anchor);
  for (const op of args) marshal.input(op);
  const values = reduction === "none" ? marshal.output(outValue, size, "") : undefined;
  const places = gradientPlaces(marshal, common);
  marshal.commit();
  const grads: Record<string, object> = {};
  common.gradients.forEach(({ of, out }, k) => {
    const place = places[k] as (typeof places)[number];
    const into = marshal.floats(place);
    const own = terms[of.name] ?? [];
    for (let row = 0; row < size; row++) {
      const factors = own.map(([, by]) => by(row));
      for (let i = row * classes; i < (row + 1) * classes; i++) {
        let sum = 0;
        // A factor of 0 takes no part, whatever it is a factor of.
        own.forEach(([of], term) => (sum += factors[term] === 0 ? 0 : (factors[term] as number) * (of[i] as number)));
        into[i] = sum;
      }
    }
    grads[of.name] = marshal.result(out, place);
  });
  if (values) {
    marshal.floats(values).set(value as Float32Array);
    const result = marshal.result(outValue, values);
    marshal.engine.finish();
    return { value: result, grads };
  }
  marshal.engine.finish();
  return { value, grads };
}
