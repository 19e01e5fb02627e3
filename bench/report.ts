// What a run prints: the table, means, the aims and whether they are met.
import { geometricMean } from "./measure.js";
import type { Overhead } from "./overhead.js";
import { CELLS } from "./peers/cells.js";
import { MATRIX } from "./peers/report.js";
import type { Aim, BenchRecord, Result } from "./record.js";
import { type FloatType, showShape } from "./rows.js";

const ratiosTo = (cells: readonly Result[], contestant: string) =>
  cells.map(({ ratios }) => ratios[contestant]).filter((ratio) => ratio !== undefined);

/** The cells that the aims are about, as far as they are measured here: those of `bench:peers` but for matrix products, value with gradient. */
const aimed = (cells: readonly Result[]) =>
  cells.filter(({ title, shape, mode }) => mode === "gradient" && !MATRIX.includes(title) && CELLS.some((row) => row.title === title && row.shapes.some((one) => showShape(one) === showShape(shape))));

/** The aims that these figures can tell of. */
export function judge(all: readonly Result[], overhead: readonly Overhead[]): Aim[] {
  const cells = aimed(all);
  const single = cells.filter(({ dtype }) => dtype === "float32");
  const atLeast = (title: string, aim: number, values: readonly number[]): Aim[] => {
    const got = geometricMean(values);
    return values.length === 0 ? [] : [{ title, aim, got, met: got >= aim }];
  };
  const worst = Math.max(...overhead.map(({ call, kernel }) => call - kernel));
  return [
    ...atLeast("float32: simd128 against scalar, cells shared with bench:peers, geometric mean, times", SCALAR_AIM, ratiosTo(single, "scalar")),
    ...atLeast("float64: simd128 against scalar, the same cells, geometric mean, times", SCALAR_AIM_64, ratiosTo(cells.filter(({ dtype }) => dtype === "float64"), "scalar")),
    ...atLeast(
      "float32: simd128 against plain JavaScript, those of them with an exp or log, geometric mean, times",
      PLAIN_AIM,
      ratiosTo(single.filter(({ expOrLog }) => expOrLog), "plain"),
    ),
    ...(overhead.length === 0 ? [] : [{ title: "overhead of a call on resident tensors with out, µs, at most", aim: OVERHEAD_AIM, got: worst, met: worst <= OVERHEAD_AIM }]),
  ];
}

const SCALAR_AIM = 3.5;
const SCALAR_AIM_64 = 1.8;
const PLAIN_AIM = 6;
const OVERHEAD_AIM = 0.5;

/** Columns of text: the first ones aligned left, the others right. */
function columns(rows: readonly (readonly string[])[], left: number): string {
  const widths = (rows[0] ?? []).map((_, k) => Math.max(...rows.map((row) => row[k]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((text, k) => (k < left ? text.padEnd(widths[k] ?? 0) : text.padStart(widths[k] ?? 0))).join("  ").trimEnd();
  return rows.map(line).join("\n");
}

const digits = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
const times = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? "–" : `${digits(value)} ×`);
const microseconds = (ns: number | undefined) => digits(ns === undefined ? undefined : ns / 1000);

/** Who was measured: the build that ratios are to, then the others. */
function contestants(cells: readonly Result[]) {
  const builds = ["simd128", "scalar"].filter((build) => cells.some(({ ns }) => build in ns));
  const [reference = "", ...others] = [...builds, "plain"];
  return { reference, others, ratioNames: others.map((other) => `${other}/${reference}`) };
}

function table(cells: readonly Result[]): string {
  const { reference, others, ratioNames } = contestants(cells);
  const all = [reference, ...others];
  const header = ["", "", "", ...all.map((name) => `${name} µs`), ...ratioNames];
  const rows = cells.map(({ title, shape, mode, ns, ratios }, k) => [
    title === cells[k - 1]?.title ? "" : title,
    showShape(shape),
    mode,
    ...all.map((name) => microseconds(ns[name])),
    ...others.map((name) => times(ratios[name])),
  ]);
  return columns([header, ...rows], 3);
}

function means(cells: readonly Result[]): string {
  const { others, ratioNames } = contestants(cells);
  const groups: [string, (cell: Result) => boolean | undefined][] = [
    ["all", () => true],
    ["value", ({ mode }) => mode === "value"],
    ["gradient", ({ mode }) => mode === "gradient"],
    ["with exp or log", ({ expOrLog }) => expOrLog],
    ["without", ({ expOrLog }) => expOrLog === false],
    ["by element", ({ rowwise }) => !rowwise],
    ["by rows of classes", ({ rowwise }) => rowwise],
    ...[...new Set(cells.map(({ shape }) => showShape(shape)))].map((size): [string, (cell: Result) => boolean] => [
      `  ${size}`,
      ({ shape }) => showShape(shape) === size,
    ]),
  ];
  const rows = groups.flatMap(([name, test]) => {
    const some = cells.filter(test);
    return some.length === 0 ? [] : [[name, String(some.length), ...others.map((other) => times(geometricMean(ratiosTo(some, other))))]];
  });
  return columns([["geometric means", "cells", ...ratioNames], ...rows], 1);
}

/** The tables of each element type, with `more` of its cells below them. */
export const figures = (cells: readonly Result[], more: (cells: readonly Result[], dtype: FloatType) => readonly string[] = () => []): string[] =>
  (["float32", "float64"] as const).flatMap((dtype) => {
    const some = cells.filter((cell) => cell.dtype === dtype);
    return some.length === 0 ? [] : [`${dtype}\n\n${table(some)}`, means(some), ...more(some, dtype)];
  });

/** The cells that stay below an aim which only the mean has to reach, worst first. */
function below(cells: readonly Result[], contestant: string, aim: number): string {
  const low = cells.flatMap((cell) => {
    const ratio = cell.ratios[contestant];
    return ratio !== undefined && ratio < aim ? [{ cell, ratio }] : [];
  });
  if (cells.length === 0) return `no cell to compare with ${contestant}`;
  if (low.length === 0) return `every cell is at ${aim} × ${contestant} or more`;
  low.sort((a, b) => a.ratio - b.ratio);
  const worst = low.slice(0, 8).map(({ cell, ratio }) => `${cell.title} ${showShape(cell.shape)} ${cell.mode} ${times(ratio)}`);
  return `${low.length} of ${cells.length} cells are below ${aim} × ${contestant}: ${worst.join("; ")}${low.length > worst.length ? "; …" : ""}`;
}

function overheads(title: string, list: readonly Overhead[]): string {
  const rows = list.map(({ title, call, kernel }) => [`  ${title}`, digits(call), digits(kernel), digits(call - kernel)]);
  return columns([[title, "call µs", "kernel µs", "overhead µs"], ...rows], 1);
}

function checks(list: readonly Overhead[]): string {
  const rows = list.map(({ title, elements, call, kernel, checks }) => [
    `  ${title}`,
    elements.toLocaleString("en"),
    digits(call),
    digits(kernel),
    digits(checks),
    `${((100 * checks) / call).toFixed(0)} %`,
  ]);
  return columns([["looking for elements out of range", "elements", "call µs", "kernel µs", "checks µs", "share"], ...rows], 1);
}

/** The README's part on the builds, with the record and the chart that it is of. */
export function readmePart({ cells, engine, engineVersion, cpu, date, overhead }: BenchRecord, record: string): string[] {
  const sizes = [...new Set(cells.map(({ shape }) => showShape(shape)))];
  const ofSize = (size: string) => cells.filter(({ shape }) => showShape(shape) === size);
  const name = (size: string) => {
    const titles = [...new Set(ofSize(size).map(({ title }) => title))];
    return titles.length === 1 ? `${size} (\`${titles[0]}\`)` : size;
  };
  const groups: (readonly [string, readonly Result[]])[] = [
    ...sizes.map((size) => [name(size), ofSize(size)] as const),
    ["all", cells],
    ["all with exp or log", cells.filter(({ expOrLog }) => expOrLog)],
    ["shared with `bench:peers`, without matrix products, value with gradient", aimed(cells)],
    ["of these, with exp or log", aimed(cells).filter(({ expOrLog }) => expOrLog)],
  ];
  const mean = (some: readonly Result[], dtype: FloatType, contestant: string) => {
    const ratios = ratiosTo(some.filter((cell) => cell.dtype === dtype), contestant);
    return ratios.length === 0 ? "–" : digits(geometricMean(ratios));
  };
  const line = ([title, some]: (typeof groups)[number]) => {
    const single = some.filter(({ dtype }) => dtype === "float32");
    return `| ${title} | ${single.length} | ${ratiosTo(single, "plain").length} | ${(["float32", "float64"] as const).flatMap((dtype) => [mean(some, dtype, "scalar"), mean(some, dtype, "plain")]).join(" | ")} |`;
  };
  const cost = (list: readonly Overhead[]) => list.map(({ title, call, kernel }) => `${title} ${digits(call - kernel)}`).join(", ");
  return [
    `On ${engine} ${engineVersion}, ${cpu}, ${date.slice(0, 10)}: times of the scalar build and of plain JavaScript divided by the SIMD build's (above 1, SIMD is`,
    `faster): geometric means over losses and functions, value alone and value with gradient ([record](bench/records/${record}.json)):`,
    "",
    "| size | cells | of them with a plain loop | scalar, float32 | plain, float32 | scalar, float64 | plain, float64 |",
    "|---|---|---|---|---|---|---|",
    ...groups.map(line),
    "",
    `What a call on tensors of 8 elements, made again and again, costs beside its kernel, in µs, in a fresh process: ${cost(overhead.fresh)}; once many kinds of calls have run:`,
    `${cost(overhead.used)}.`,
    "",
    `![Ratios by loss](bench/records/${record}.svg)`,
  ];
}

/** Everything but the paths of the files written. */
export function report(record: BenchRecord): string {
  const { cells, overhead, checked, aims } = record;
  const sections = figures(cells, (some, dtype) => {
    if (dtype !== "float32") return [];
    return [[below(some, "scalar", SCALAR_AIM), below(some.filter(({ expOrLog }) => expOrLog), "plain", PLAIN_AIM)].join("\n")];
  });
  if (overhead.fresh.length > 0) sections.push(overheads("8 elements, before other calls", overhead.fresh));
  if (overhead.used.length > 0) sections.push(overheads("8 elements, after all the others", overhead.used));
  if (checked.length > 0) sections.push(checks(checked));
  const verdicts = aims.map(({ title, aim, got, met }) => [met ? "met" : "MISSED", title, `aim ${aim}`, `got ${digits(got)}`]);
  if (verdicts.length > 0) sections.push(columns(verdicts, 2));
  const { engine, engineVersion, cpu, load, cores } = record;
  const busy = Math.max(...load) > cores + 0.5 ? "; the machine was busy with other work" : "";
  return [`${engine} ${engineVersion}, ${cpu}${busy}`, ...sections].join("\n\n");
}
