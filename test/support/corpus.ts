// One corpus of calls for every engine, CPU and build: each loss and function with each of its option sets on its shapes, and
// its edge rows. The numbers are drawn here and travel as bytes, as engines differ in Math.exp and the like.
import type { Argument, Inputs, LossCase } from "../cases/case.js";
import { ableTo } from "./call.js";
import { functionCases, lossCases } from "./cases.js";
import { count, seeded } from "./draw.js";

/** An argument in base64 of float64 numbers, or of Int32 class indices; or a number that JSON lacks, such as `Infinity`. */
export interface Packed {
  readonly kind: Argument["kind"] | "number";
  readonly shape: readonly number[];
  readonly data: string;
}

export interface Call {
  readonly name: string;
  readonly args: readonly Packed[];
  readonly options: Readonly<Record<string, number | boolean | string | Packed>>;
  /** Of losses: what it is differentiated by. Functions have none. */
  readonly wrt?: readonly string[];
  readonly reductions?: readonly string[];
}

function packed({ data, shape, kind }: Argument): Packed {
  const bytes = kind === "index" ? Int32Array.from(data) : Float64Array.from(data);
  return { kind, shape, data: Buffer.from(bytes.buffer).toString("base64") };
}

function packedOption(value: number | boolean | string | Argument) {
  if (typeof value === "object") return packed(value);
  return typeof value !== "number" || Number.isFinite(value) ? value : ({ kind: "number", shape: [], data: String(value) } as const);
}

function call(name: string, { args, options }: Inputs): Pick<Call, "name" | "args" | "options"> {
  const entries = Object.entries(options).map(([key, value]) => [key, packedOption(value)] as const);
  return { name, args: Object.values(args).map(packed), options: Object.fromEntries(entries) };
}

function callsOf(loss: LossCase): Call[] {
  const drawn = loss.options.flatMap((options) => loss.shapes.map((shape) => loss.sample(seeded(count(shape) + 1), shape, options)));
  return [...drawn, ...loss.edges.map(({ inputs }) => inputs)].map((inputs) => ({
    ...call(loss.name, inputs),
    wrt: ableTo(loss, inputs),
    reductions: loss.reductions.filter((reduction) => reduction !== "batchmean" || Object.values(inputs.args)[0]?.shape.length !== 0),
  }));
}

export const corpus = (): Call[] => [
  ...lossCases.flatMap(callsOf),
  ...functionCases.flatMap((one) => [
    ...one.options.flatMap((options) => one.shapes.map((shape) => call(one.name, { args: one.sample(seeded(count(shape) + 1), shape), options }))),
    ...one.edges.map(({ args, options = {} }) => call(one.name, { args, options })),
  ]),
];
