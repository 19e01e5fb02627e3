// Batches whose samples are all compared with each other, for the cases of losses of similarities.
import type { Argument, Inputs, LossCase } from "../cases/case.js";
import { REDUCTIONS, type Random, drawn, flagOf, integer, normal, own } from "./draw.js";
import { along, logSumExpOf, rowOf } from "./rows.js";

const rowsOf = (x: Argument) => {
  const layout = along(x.shape, -1);
  return Array.from({ length: layout.rows }, (_, row) => rowOf(x, layout, row));
};

/** The products of all rows of one with all of another, or their cosines. */
export function similaritiesOf(x: Argument, y: Argument, normalize: boolean): number[][] {
  const prepared = (of: Argument) =>
    rowsOf(of).map((row) => {
      const norm = normalize ? Math.max(1e-12, Math.hypot(...row)) : 1;
      return row.map((value) => value / norm);
    });
  const others = prepared(y);
  return prepared(x).map((a) => others.map((b) => a.reduce((sum, value, k) => sum + value * (b[k] ?? Number.NaN), 0)));
}

/** −ln of one term's share among itself and others, all given as logarithms. */
export function shareLoss(own: number, others: readonly number[]): number {
  if (others.length === 0) return 0;
  const { max, log } = logSumExpOf(others);
  const gap = max === -Infinity ? max : max + log - own;
  return Math.max(gap, 0) + Math.log1p(Math.exp(-Math.abs(gap)));
}

export const SHAPES: readonly (readonly number[])[] = [[2, 3], [5, 4], [9, 33], [33, 5], [70, 6]];

/** What the losses of two arrays have in common; `values` has a value for each sample of the scaled similarities. */
export function pairCase(
  name: string,
  [first, second]: readonly [string, string],
  options: LossCase["options"],
  logitsOf: (inputs: Inputs, similarities: readonly (readonly number[])[]) => number[][],
  values: (logits: readonly (readonly number[])[]) => number[],
  edges: LossCase["edges"],
): LossCase {
  return {
    name,
    form: "batch",
    wrt: [first, second],
    defaults: 2,
    reductions: REDUCTIONS,
    options,
    shapes: [[1, 4], ...SHAPES],
    sample: (random, shape, given) => ({ args: { [first]: drawn(shape, () => normal(random, 0.3)), [second]: drawn(shape, () => normal(random, 0.3)) }, options: own(given) }),
    oracle: (inputs) => {
      const logits = logitsOf(inputs, similaritiesOf(inputs.args[first] as Argument, inputs.args[second] as Argument, flagOf(inputs, "normalize", false)));
      return { ...sized(values(logits), logits), shape: [logits.length] };
    },
    edges,
  };
}

/** Values with the size of the logits that they come from. */
export function sized(values: readonly number[], logits: readonly (readonly number[])[]) {
  return { values, divisor: values.length, scale: logits.map((row, i) => Math.abs(values[i] ?? 0) + Math.max(...row.map(Math.abs))) };
}

/** Samples with labels, of which at least two are the same. */
export function labelledSample(random: Random, shape: readonly number[], options: Parameters<LossCase["sample"]>[2]): Inputs {
  const samples = shape[0] ?? 0;
  const labels = drawn([samples], () => integer(random, Math.ceil(samples / 3)) * 1000 - 7, "index");
  const data = labels.data.map((label, i) => (i === 1 ? (labels.data[0] ?? 0) : label));
  return { args: { embeddings: drawn(shape, () => normal(random, 0.3)), labels: { ...labels, data } }, options: own(options) };
}
