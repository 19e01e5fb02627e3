// What the cases are written with: seeded draws, arguments, and formulas over the elements of arrays.
import type { Argument, Expected, Inputs } from "../cases/case.js";

export type Random = () => number;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** A float32 number between bounds: all draws are such, so that both element types compute on the same numbers. */
export const uniform = (random: Random, low: number, high: number) => Math.fround(low + (high - low) * random());

/** Roughly normal, within ±6. */
export function normal(random: Random, scale = 1) {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random();
  return Math.fround(scale * sum);
}

export const integer = (random: Random, below: number) => Math.floor(below * random());

/** −1 or 1. */
export const sign = (random: Random) => (random() < 0.5 ? -1 : 1);

/** A difference to a target at least 0.02 away from each kink. */
export function awayFrom(kinks: readonly number[], make: () => number) {
  for (;;) {
    const x = make();
    if (kinks.every((kink) => Math.abs(x - kink) > 0.02)) return x;
  }
}

export function drawn(shape: readonly number[], make: () => number, kind: Argument["kind"] = "float"): Argument {
  return { data: Array.from({ length: count(shape) }, make), shape, kind };
}

/** Numbers by hand, in one dimension unless told. */
export const given = (data: readonly number[], kind: Argument["kind"] = "float", shape = [data.length]): Argument => ({ data, shape, kind });

/** Rows by hand. */
export const matrix = (rows: readonly (readonly number[])[]): Argument => ({
  data: rows.flat(),
  shape: [rows.length, rows[0]?.length ?? 0],
  kind: "float",
});

type OptionSet = Readonly<Record<string, number | boolean | string>>;

/** The options of a set that the loss itself takes, without those that ask for an array or a variant. */
export function own(options: OptionSet, ...asked: readonly string[]): OptionSet {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !asked.includes(name)));
}

/** A positive factor for each element of a shape. */
export const factors = (random: Random, shape: readonly number[]) => drawn(shape, () => uniform(random, 0.25, 3));

/** A factor that broadcasts to the shape: `"last"`, on its last dimension; `"column"`, on all but that; or full. */
export function broadcastFactors(random: Random, shape: readonly number[], variant: "last" | "column" | "full") {
  const last = shape.slice(-1);
  return factors(random, variant === "full" ? shape : variant === "last" ? last : [...shape.slice(0, -1), ...last.map(() => 1)]);
}

/** The elements of an argument that is aligned right with a shape and broadcast to it. */
export function broadcast({ data, shape }: Argument, full: readonly number[]): number[] {
  if (shape.length === full.length && count(shape) === data.length && data.length === count(full)) return Array.from(data);
  const lead = full.length - shape.length;
  return Array.from({ length: count(full) }, (_, flat) => {
    let [rest, at, stride] = [flat, 0, 1];
    for (let k = full.length - 1; k >= 0; k--) {
      const index = rest % (full[k] ?? 1);
      rest = Math.floor(rest / (full[k] ?? 1));
      const size = k < lead ? 1 : (shape[k - lead] ?? 1);
      if (size !== 1) at += index * stride;
      stride *= size;
    }
    return data[at] ?? Number.NaN;
  });
}

export const numberOf = ({ options }: Inputs, name: string, otherwise: number) => {
  const value = options[name];
  return typeof value === "number" ? value : otherwise;
};

export const flagOf = ({ options }: Inputs, name: string, otherwise: boolean) => {
  const value = options[name];
  return typeof value === "boolean" ? value : otherwise;
};

export const argumentOf = ({ options }: Inputs, name: string): Argument | undefined => {
  const value = options[name];
  return typeof value === "object" ? value : undefined;
};

interface Pointwise {
  /** Whether the sum of `weight` divides the mean, or the number of elements. */
  readonly divisor?: "weight" | "count";
  /** The size of the terms that cancel in an element. */
  readonly scale?: (...elements: number[]) => number;
}

/** A formula over the elements of the arguments in order, broadcast to the first, times `weight` where it is given. */
export function pointwise(inputs: Inputs, formula: (...elements: number[]) => number, { divisor = "count", scale }: Pointwise = {}): Expected {
  const args = Object.values(inputs.args);
  const shape = args[0]?.shape ?? [];
  const columns = args.map((argument) => broadcast(argument, shape));
  const weight = argumentOf(inputs, "weight");
  const weights = weight && broadcast(weight, shape);
  const over = (f: (...elements: number[]) => number) =>
    Array.from({ length: count(shape) }, (_, i) => (weights?.[i] ?? 1) * f(...columns.map((column) => column[i] ?? Number.NaN)));
  const values = over(formula);
  return {
    values,
    shape,
    divisor: divisor === "weight" && weights ? weights.reduce((sum, w) => sum + w, 0) : values.length,
    ...(scale && { scale: over(scale) }),
  };
}

/** ln(1 + exp(x)) with all its digits. */
export const softplusOf = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** 1/(1 + exp(−x)) with all its digits. */
export const sigmoidOf = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** Sizes of one array: around a vector, a block of four, a block of 4096. */
export const FLAT_SHAPES: readonly (readonly number[])[] = [[1], [7], [33], [3, 5], [2, 3, 4], [], [4097]];

export const REDUCTIONS = ["mean", "sum", "none"];
