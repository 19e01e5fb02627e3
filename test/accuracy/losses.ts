// Errors of losses and functions, and of PyTorch, on the rows that rows.py drew up.
import { readFileSync, readdirSync } from "node:fs";
import { AdaptiveLogSoftmax } from "fused-loss";
import { type Floats, type Shaped, functionOf, lossOf, vjpOf } from "../support/call.js";
import { ulps } from "./measure.js";

type Written = number | "NaN" | "Infinity" | "-Infinity";

interface Results {
  readonly values?: readonly Written[];
  readonly mean?: Written;
  readonly grads: Readonly<Record<string, readonly Written[]>>;
}

interface Case extends Results {
  readonly title: string;
  readonly args: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: readonly Written[]; readonly kind: "float" | "index" }[];
  readonly options: Readonly<Record<string, number | string>>;
  readonly repeats?: number;
  readonly along?: "rows" | "columns";
  readonly gradOutput?: readonly number[];
  readonly torch?: Results;
}

export interface Rows {
  readonly loss: string;
  readonly torch: string;
  readonly capability: string;
  readonly cases: readonly Case[];
}

/** An error, in units in the last place. */
export interface Found {
  readonly title: string;
  readonly part: "value" | "gradient";
  /** Of what: the terms, their mean, or an argument's name. */
  readonly of: string;
  readonly ours: number;
  readonly torch: number | undefined;
}

const folder = new URL("rows/", import.meta.url);

export const allRows = (): readonly Rows[] =>
  readdirSync(folder)
    .sort()
    .map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Rows);

/** An array of a shape, repeated as a case says. */
function repeated<A extends Floats | Int32Array<ArrayBuffer>>(data: A, shape: readonly number[], { repeats = 1, along }: Case): { data: A; shape: readonly number[] } {
  // What has no columns stands for its rows.
  if (repeats === 1 || (along === "columns" && shape.length < 2)) return { data, shape };
  const outer = along === "columns" ? (shape[0] ?? 1) : 1;
  const width = data.length / outer;
  const result = new (data.constructor as new (length: number) => A)(data.length * repeats);
  for (let row = 0; row < outer; row++) {
    const part = data.subarray(row * width, (row + 1) * width);
    for (let k = 0; k < repeats; k++) result.set(part, (row * repeats + k) * width);
  }
  const at = along === "columns" ? shape.length - 1 : 0;
  return { data: result, shape: shape.map((size, k) => (k === at ? size * repeats : size)) };
}

/**
 * The largest error, each in units of its exact value; of one that is 0 in units of the largest of the array, or of 1 where all
 * are 0. Results that the exact ones are repeated in are all looked at.
 */
function worst(got: ArrayLike<number>, exact: readonly Written[], outer = 1): number {
  const want = exact.map(Number);
  const scale = want.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0) || 1;
  const width = want.length / outer;
  const copies = got.length / want.length;
  if (!Number.isInteger(copies)) return Infinity;
  let most = 0;
  for (let k = 0; k < want.length; k++) {
    const one = want[k] ?? Number.NaN;
    const start = Math.floor(k / width) * width * copies + (k % width);
    let last: number | undefined;
    for (let copy = 0; copy < copies; copy++) {
      const x = got[start + copy * width] ?? Number.NaN;
      // Copies mostly have the same bits.
      if (x !== last) most = Math.max(most, ulps(x, one, "float32", one === 0 ? scale : one));
      last = x;
    }
  }
  return most;
}

/** A layer of a head of 3 classes and a cluster, with the weights among the arguments. */
function adaptive(args: Readonly<Record<string, Shaped<ArrayLike<number>>>>) {
  const { input, headWeight, projection, tailWeight, target } = args;
  const layer = new AdaptiveLogSoftmax({ inFeatures: 6, classes: 6, cutoffs: [3], divValue: 2 });
  const { head, tail } = layer.parameters;
  head.weight.data.set(headWeight?.data ?? []);
  tail[0]?.projection.data.set(projection?.data ?? []);
  tail[0]?.weight.data.set(tailWeight?.data ?? []);
  const result = layer.valueAndGrad(input as Shaped<Float32Array<ArrayBuffer>>, target?.data as Int32Array<ArrayBuffer>);
  layer.dispose();
  return result;
}

export function errorsOf(name: string, one: Case): Found[] {
  const { title, options, gradOutput, torch, grads, values, mean } = one;
  const args = Object.fromEntries(
    one.args.map(({ name: argument, shape, data, kind }) => [argument, repeated(kind === "index" ? Int32Array.from(data.map(Number)) : Float32Array.from(data.map(Number)), shape, one)]),
  );
  const outerOf = (argument: string) => (one.along === "columns" ? (one.args.find((each) => each.name === argument)?.shape[0] ?? 1) : 1);
  const found: Found[] = [];
  const compare = (part: Found["part"], of: string, got: ArrayLike<number>, exact: readonly Written[], theirs: readonly Written[] | undefined, outer = 1) => {
    found.push({ title, part, of, ours: worst(got, exact, outer), torch: theirs && worst(theirs.map(Number), exact) });
  };
  let gradients: Readonly<Record<string, Floats>>;
  if (name === "AdaptiveLogSoftmax") {
    const { value, output, grads: own } = adaptive(args);
    compare("value", "the terms", output.map((x) => -x), values ?? [], torch?.values);
    compare("value", "the mean", [value], [mean ?? "NaN"], torch && [torch.mean ?? "NaN"]);
    const [cluster] = own.tail;
    gradients = { input: own.input, headWeight: own.head.weight, ...(cluster && { projection: cluster.projection, tailWeight: cluster.weight }) };
  } else if (gradOutput && values) {
    const call = functionOf({ name });
    const result = call(...Object.values(args), options);
    compare("value", "the results", result, values, torch?.values);
    const upstream = Float32Array.from(result, (_, i) => gradOutput[i % gradOutput.length] ?? 0);
    const shape = result.length === args.x?.data.length ? args.x.shape : [result.length];
    gradients = vjpOf(call, args, { data: upstream, shape }, options);
  } else {
    const loss = lossOf({ name });
    if (values) {
      const terms = loss(...Object.values(args), { ...options, reduction: "none" }) as Floats;
      compare("value", "the terms", terms, values, torch?.values);
    }
    const result = loss.valueAndGrad(...Object.values(args), { ...options, wrt: Object.keys(grads) });
    compare("value", "the mean", [result.value as number], [mean ?? "NaN"], torch && [torch.mean ?? "NaN"]);
    gradients = result.grads;
  }
  for (const [argument, exact] of Object.entries(grads)) {
    compare("gradient", argument, gradients[argument] ?? [], exact, torch?.grads[argument], outerOf(argument));
  }
  return found;
}
