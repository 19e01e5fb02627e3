// Rows of classes, for the cases of losses and functions over an axis.
import type { Argument, FunctionCase, Inputs } from "../cases/case.js";
import { type Random, count, drawn, factors, integer, normal, own, uniform } from "./draw.js";

/** Where classes and rows lie. */
export interface RowLayout {
  readonly classes: number;
  readonly rows: number;
  /** The shape of what has a value for each row. */
  readonly shape: readonly number[];
  /** The flat index of a class in a row. */
  readonly at: (row: number, c: number) => number;
}

/** Rows along an axis. */
export function along(shape: readonly number[], axis: number): RowLayout {
  const at = axis < 0 ? axis + shape.length : axis;
  const classes = shape[at] ?? 0;
  const inner = count(shape.slice(at + 1));
  const outer = count(shape.slice(0, at));
  return {
    classes,
    rows: outer * inner,
    shape: [...shape.slice(0, at), ...shape.slice(at + 1)],
    at: (row, c) => Math.floor(row / inner) * classes * inner + c * inner + (row % inner),
  };
}

/** Layouts (C), (N, C) and (N, C, d1, …, dk). */
export const classLayout = (shape: readonly number[]) => along(shape, Math.min(1, shape.length - 1));

export const rowOf = ({ data }: Argument, { classes, at }: RowLayout, row: number) =>
  Array.from({ length: classes }, (_, c) => data[at(row, c)] ?? Number.NaN);

/** Each row's softmax in one argument. */
export function softmaxRows(logits: Argument): Argument {
  const layout = classLayout(logits.shape);
  const data = new Array<number>(logits.data.length);
  for (let row = 0; row < layout.rows; row++) {
    const x = rowOf(logits, layout, row);
    const { max, log } = logSumExpOf(x);
    x.forEach((value, c) => (data[layout.at(row, c)] = Math.fround(Math.exp(value - max - log))));
  }
  return { ...logits, data };
}

/** ln Σ exp(x) in two parts, the maximum and the rest, which keep the digits of a confident row. */
export function logSumExpOf(x: readonly number[]): { readonly max: number; readonly log: number } {
  const max = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const top = x.indexOf(max);
  return { max, log: Math.log1p(x.reduce((sum, value, c) => (c === top ? sum : sum + Math.exp(value - max)), 0)) };
}

/** Class indices for each row; where one is ignored, row 0 is not. */
export function classTargets(random: Random, { shape, classes }: RowLayout, ignoreIndex?: number): Argument {
  const target = drawn(shape, () => integer(random, classes), "index");
  if (ignoreIndex === undefined) return target;
  const data = target.data.map((c, row) => (row > 0 && random() < 0.3 ? ignoreIndex : row === 0 && c === ignoreIndex ? (c + 1) % classes : c));
  return { ...target, data };
}

export const CLASS_SHAPES: readonly (readonly number[])[] = [[5], [1, 5], [7, 3], [2, 33], [150, 4], [2, 5, 3], [2, 3, 2, 2], [2, 1000]];

type OptionSet = Readonly<Record<string, number | boolean>>;

/** Inputs of a loss of class targets. `ignoreIndex` also says what some of the targets are. */
export function classInputs(random: Random, shape: readonly number[], options: OptionSet, make: () => number): Inputs {
  const layout = classLayout(shape);
  const ignored = options.ignoreIndex;
  const target = options.probabilities
    ? softmaxRows(drawn(shape, () => normal(random)))
    : classTargets(random, layout, typeof ignored === "number" ? ignored : undefined);
  return {
    args: { input: drawn(shape, make), target },
    options: { ...own(options, "weight", "probabilities"), ...(options.weight && { weight: factors(random, [layout.classes]) }) },
  };
}

export const logits = (random: Random) => () => normal(random);
export const logProbabilities = (random: Random) => () => uniform(random, -6, -0.1);

/** What the cases of the functions along an axis have in common. */
export const functionSample: Pick<FunctionCase, "options" | "shapes" | "sample"> = {
  options: [{}, { axis: 0 }, { axis: -2 }],
  shapes: [[4, 5], [7, 33], [150, 3], [2, 3, 4], [3, 2, 2, 5], [2, 1000]],
  sample: (random, shape) => ({ x: drawn(shape, () => normal(random, 2)) }),
};

/** A function of each row along an axis, in the layout of its argument. */
export function overAxis(x: Argument, axis: number, f: (row: readonly number[]) => readonly number[]) {
  const layout = along(x.shape, axis);
  const values = new Array<number>(x.data.length);
  for (let row = 0; row < layout.rows; row++) {
    f(rowOf(x, layout, row)).forEach((value, c) => (values[layout.at(row, c)] = value));
  }
  return { values, shape: x.shape };
}

/**
 * Scores that keep a distance of 0.02 from the bound of every hinge max(0, margin − x_y + x_c) of a row, y among its
 * `present` classes: those too close are drawn anew.
 */
export function awayFromHinges(input: Argument, layout: RowLayout, present: (row: number) => readonly number[], margin: number, make: () => number): Argument {
  const data = [...input.data];
  for (let row = 0; row < layout.rows; row++) {
    const score = (c: number) => data[layout.at(row, c)] ?? Number.NaN;
    const mine = present(row);
    for (let c = 0; c < layout.classes; c++) {
      while (!mine.includes(c) && mine.some((y) => Math.abs(margin - score(y) + score(c)) < 0.02)) data[layout.at(row, c)] = make();
    }
  }
  return { ...input, data };
}

/** Shapes of rows along the last dimension, for what compares two of them. */
export const PAIR_SHAPES: readonly (readonly number[])[] = [[5], [1, 5], [7, 3], [2, 33], [150, 4], [3, 2, 6], [2, 300]];

/** What a formula gives for two rows, with the size of its terms. */
type Sized = { readonly value: number; readonly scale: number };

/** A formula over each two rows of the same place. */
export function overPairs(x1: Argument, x2: Argument, f: (a: readonly number[], b: readonly number[]) => Sized) {
  const layout = along(x1.shape, -1);
  const all = Array.from({ length: layout.rows }, (_, row) => f(rowOf(x1, layout, row), rowOf(x2, layout, row)));
  return { values: all.map(({ value }) => value), scale: all.map(({ scale }) => scale), shape: layout.shape };
}

/** A formula over the elements of each sample of input and target. */
export function overSamples({ args }: Inputs, f: (x: readonly number[], y: readonly number[]) => number) {
  const { input, target } = args as Record<"input" | "target", Argument>;
  const samples = input.shape[0] ?? 0;
  const width = count(input.shape.slice(1));
  const of = ({ data }: Argument, k: number) => data.slice(k * width, (k + 1) * width);
  const values = Array.from({ length: samples }, (_, k) => f(of(input, k), of(target, k)));
  return { values, scale: values.map(() => 1), shape: [samples], divisor: samples };
}

/** The norm of an exponent. */
export function normOf(d: readonly number[], p: number): number {
  const sizes = d.map(Math.abs);
  if (sizes.some(Number.isNaN)) return Number.NaN;
  const most = Math.max(...sizes, 0);
  if (p === Infinity || most === 0) return most;
  return most * sizes.reduce((sum, size) => sum + (size / most) ** p, 0) ** (1 / p);
}

/** Numbers whose distance from those of the same place is 0.05 at least, so that differences meet no kink of a norm. */
export function apart(random: Random, ...from: readonly Argument[]): Argument {
  const [{ shape }] = from as [Argument];
  let i = -1;
  const make = () => {
    i++;
    for (;;) {
      const x = normal(random);
      if (from.every(({ data }) => Math.abs((data[i] ?? 0) - x) > 0.05)) return x;
    }
  };
  return drawn(shape, make);
}
