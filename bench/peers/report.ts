// The record of `npm run bench:peers`, and what the terminal and the README say of it.
import { geometricMean } from "../measure.js";
import type { environment } from "../record.js";
import { type Shape, showShape } from "../rows.js";

/** One measured cell. */
export interface Measured {
  readonly title: string;
  readonly shape: Shape;
  /** Median nanoseconds a call. */
  readonly ns: Readonly<Record<string, number>>;
  /** How many times longer than ours on resident tensors: median over rounds. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Why a contestant was not measured. */
  readonly missing: Readonly<Record<string, string>>;
}

export type PeersRecord = ReturnType<typeof environment> & { readonly load: readonly [number, number]; readonly cells: readonly Measured[] };

/** Ours on resident tensors and with `out`, which all others are compared with. */
export const OURS = "resident";
/** The others, and what they are called. */
export const PEERS = { eager: "torch eager", compiled: "torch compiled", tfjs: "tfjs", jax: "jax", plain: "plain" } as const;
/** Two threads of ours, and of PyTorch. */
export const TWO = { ours: "threads", eager: "torch eager, 2 threads", compiled: "torch compiled, 2 threads" } as const;
const HEADS = { [PEERS.eager]: "PyTorch eager", [PEERS.compiled]: "PyTorch compiled", [PEERS.tfjs]: "tfjs wasm", [PEERS.jax]: "jax-js wasm", [PEERS.plain]: "plain loop" };
/** Matrix products, whose aim is another. */
export const MATRIX = ["linearCrossEntropy", "adaptiveLogSoftmax"];

export const showCell = ({ title, shape }: Pick<Measured, "title" | "shape">) => `${title} ${showShape(shape)}`;

function better(ratios: Measured["ratios"], { eager, compiled }: { readonly eager: string; readonly compiled: string }): number | undefined {
  const both = [ratios[eager], ratios[compiled]].filter((ratio) => ratio !== undefined);
  return both.length > 0 ? Math.min(...both) : undefined;
}

/** How many times longer the better of eager and compiled takes. */
export const best = ({ ratios }: Measured) => better(ratios, PEERS);

/** The same with two threads of each. */
function bestOfTwo({ ratios }: Measured): number | undefined {
  const [theirs, ours] = [better(ratios, TWO), ratios[TWO.ours]];
  return theirs === undefined || ours === undefined ? undefined : theirs / ours;
}

/** The geometric mean, the number of cells, and the least of a column. */
function column(cells: readonly Measured[], of: (cell: Measured) => number | undefined) {
  const found = cells.flatMap((cell) => {
    const ratio = of(cell);
    return ratio === undefined ? [] : [{ cell, ratio }];
  });
  if (found.length === 0) return undefined;
  const least = found.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  return { mean: geometricMean(found.map(({ ratio }) => ratio)), count: found.length, least };
}

const withoutMatrix = (cells: readonly Measured[]) => cells.filter(({ title }) => !MATRIX.includes(title));

const columns = (cells: readonly Measured[]) =>
  [
    ["the better of PyTorch eager and compiled, without the two matrix products", column(withoutMatrix(cells), best)] as const,
    ["the same, two threads of each", column(withoutMatrix(cells), bestOfTwo)] as const,
    ...Object.entries(HEADS).map(([name, head]) => [head, column(cells, ({ ratios }) => ratios[name])] as const),
  ].flatMap(([head, found]) => (found ? [{ head, ...found }] : []));

/** A line for each contestant. */
export function summary({ cells }: PeersRecord): string {
  const lines = columns(cells).map(
    ({ head, mean, count, least }) => `${head}: ${mean.toFixed(2)} × ours, geometric mean of ${count} cells; least ${least.ratio.toFixed(2)} × (${showCell(least.cell)})`,
  );
  return lines.join("\n");
}

const times = (ratio: number) => ratio.toFixed(ratio >= 9.95 ? 0 : ratio >= 0.995 ? 1 : 2);

/** The cells that PyTorch was measured in, and those of them in which it is faster. */
function againstTorch(cells: readonly Measured[]) {
  const measured = cells.filter((cell) => best(cell) !== undefined);
  return { measured, losing: measured.filter((cell) => (best(cell) ?? 1) < 1) };
}

/** What the README's head says of speed. */
export function headline({ cells }: PeersRecord): string[] {
  const { measured, losing } = againstTorch(cells);
  const some = withoutMatrix(measured);
  const mean = (of: (cell: Measured) => number | undefined) => (column(some, of)?.mean ?? NaN).toFixed(1);
  const onArrays = (cell: Measured) => {
    const [theirs, ours] = [best(cell), cell.ratios.arrays];
    return theirs === undefined || ours === undefined ? undefined : theirs / ours;
  };
  const slower = some.filter((cell) => (onArrays(cell) ?? 1) < 1).length;
  return [
    `- **Fast**: on tensors, [${mean(best)} times PyTorch](#speed): against the better of eager and compiled, one thread each, the geometric`,
    `  mean of ${some.length} cells without the two matrix products (\`linearCrossEntropy\`, \`adaptiveLogSoftmax\`). Of all ${measured.length} cells ours is faster in`,
    `  ${measured.length - losing.length} and slower in ${losing.length}, which are named. With two threads each, on tensors, it is ${mean(bestOfTwo)} times. On plain arrays, which are`,
    `  copied in and out, one thread each, it is ${mean(onArrays)} times, and slower in ${slower} of the ${some.length}.`,
  ];
}

/** The README's part on peers, with the record and the chart that it is of. */
export function readmePart({ cells, engine, engineVersion, cpu, date }: PeersRecord, record: string): string[] {
  const names = Object.keys(HEADS);
  const { measured, losing } = againstTorch(cells);
  const onTwo = ({ ratios }: Measured) => ratios[TWO.ours] ?? 0;
  const slowerOnTwo = cells.filter((cell) => onTwo(cell) > 1.1);
  const listed = (some: readonly Measured[], of: (cell: Measured) => number | undefined) => some.map((cell) => `${showCell(cell)} (${times(of(cell) ?? 0)} ×)`).join(", ");
  const shown = (ratio: number | undefined) => (ratio === undefined ? "–" : ratio < 1 ? `**${times(ratio)}**` : times(ratio));
  return [
    `On ${engine} ${engineVersion}, ${cpu}, ${date.slice(0, 10)} ([record](bench/records/${record}.json)); where we lose stands in bold:`,
    "",
    "| against | geometric mean | cells | least |",
    "|---|---|---|---|",
    ...columns(cells).map(({ head, mean, count, least }) => `| ${head} | ${times(mean)} × | ${count} | ${shown(least.ratio)} × (${showCell(least.cell)}) |`),
    "",
    losing.length === 0
      ? "No cell loses to PyTorch."
      : `PyTorch is faster in ${losing.length} of ${measured.length} cells: ${listed(losing, best)}.`,
    "",
    `With \`fused-loss/threads\` and two threads, these take more than 1.1 times as long as on one: ${listed(slowerOnTwo, onTwo) || "none"}.`,
    "",
    "<details><summary>All cells: how many times as long as ours each takes</summary>",
    "",
    `| cell | ours, µs | ours on plain arrays | ${names.map((name) => HEADS[name as keyof typeof HEADS]).join(" | ")} | PyTorch, two threads of each |`,
    `|---|---|---|${names.map(() => "---|").join("")}---|`,
    ...cells.map((cell) => `| ${showCell(cell)} | ${((cell.ns[OURS] ?? 0) / 1000).toFixed(1)} | ${cell.ratios.arrays === undefined ? "–" : times(cell.ratios.arrays)} | ${names.map((name) => shown(cell.ratios[name])).join(" | ")} | ${shown(bestOfTwo(cell))} |`),
    "",
    "–: not measured: it has no such loss, no loop is written, it does not take the shape or threads, or the answer was another; the record says which.",
    "",
    "</details>",
    "",
    `![Ratios by cell](bench/records/${record}.svg)`,
  ];
}
