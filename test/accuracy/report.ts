// What is recorded of errors, and the README's tables of them.
import { readFileSync } from "node:fs";
import { median } from "../../bench/measure.js";
import { type Found, type Rows, errorsOf } from "./losses.js";
import type { Judgement } from "./reference.js";

/** An elementary function. */
export interface FunctionLine {
  readonly name: string;
  readonly float32: Judgement;
  readonly float64: Judgement;
  /** That of the float64 functions of this JavaScript engine, which `npm test` sets the float32 ones against. */
  readonly reference: Judgement;
}

export const functionsFile = new URL("functions.json", import.meta.url);
export const readFunctions = () => (JSON.parse(readFileSync(functionsFile, "utf8")) as { readonly lines: readonly FunctionLine[] }).lines;

/** Lines of Markdown. */
export function functionsPart(lines: readonly FunctionLine[]): string[] {
  const [first] = lines;
  const cells = (of: (line: FunctionLine) => string) => lines.map(of).join(" | ");
  const bound = ({ error }: Judgement) => (Math.ceil(error * 100) / 100).toFixed(2);
  return [
    `${first?.float32.seen.toLocaleString("en")} float32 and ${first?.float64.seen.toLocaleString("en")} float64 inputs, MPFR ${first?.float32.mpfr}:`,
    "",
    `| | ${cells(({ name }) => name)} |`,
    `|---|${lines.map(() => "---|").join("")}`,
    `| float32, largest error | ${cells(({ float32 }) => bound(float32))} |`,
    `| at | ${cells(({ float32 }) => shortest(Number(float32.at)))} |`,
    `| not the nearest number | ${cells(({ float32 }) => `${((100 * float32.wrong) / float32.seen).toFixed(2)} %`)} |`,
    `| float64, largest error | ${cells(({ float64 }) => bound(float64))} |`,
    `| at | ${cells(({ float64 }) => String(Number(float64.at)))} |`,
  ];
}

/** A float32 number in the fewest digits that tell it. */
function shortest(x: number): string {
  for (let digits = 1; digits < 9; digits++) if (Math.fround(Number(x.toPrecision(digits))) === x) return String(Number(x.toPrecision(digits)));
  return String(Number(x.toPrecision(9)));
}

/** As JSON has it. */
type Ulps = number | "Infinity";

/** The worst of a part of a case. */
export interface Entry {
  readonly title: string;
  readonly part: Found["part"];
  readonly ours: Ulps;
  /** None where PyTorch has no such loss. */
  readonly torch?: Ulps;
}

/** By loss. */
export type LossRecord = Readonly<Record<string, readonly Entry[]>>;

export const recordFile = new URL("losses.json", import.meta.url);
export const readRecord = () => JSON.parse(readFileSync(recordFile, "utf8")) as LossRecord;

/** Three digits, rounded up, so that what is recorded is a bound. */
function up(x: number): Ulps {
  if (!Number.isFinite(x)) return "Infinity";
  if (x === 0) return 0;
  const step = 10 ** (Math.floor(Math.log10(x)) - 2);
  return Number((Math.ceil(x / step) * step).toPrecision(3));
}

/** The errors of a loss on its rows, without those of 10^7 elements if so wished. */
export function entriesOf({ loss, cases }: Rows, { many }: { readonly many: boolean }): Entry[] {
  return cases
    .filter(({ repeats }) => many || repeats === undefined)
    .flatMap((one) => {
      const found = errorsOf(loss, one);
      return (["value", "gradient"] as const).map((part) => {
        const some = found.filter((each) => each.part === part);
        const theirs = some.map(({ torch }) => torch).filter((error) => error !== undefined);
        const most = (errors: readonly number[]) => up(Math.max(...errors));
        return { title: one.title, part, ours: most(some.map(({ ours }) => ours)), ...(theirs.length > 0 && { torch: most(theirs) }) };
      });
    });
}

/** Kinds of rows, each a column of the README's, and their titles. */
const KINDS = {
  drawn: ["drawn"],
  "all equal": ["equal"],
  "one huge": ["huge"],
  "±1e4": ["±1e4"],
  "−∞ masks": ["masks"],
  small: ["small"],
  subnormal: ["subnormal"],
  "10⁷ elements": ["many"],
} as const;
export const TITLES: readonly string[] = Object.values(KINDS).flat();

/** From so many units on, a quarter of the value at least, no digit is right. */
const NONE_RIGHT = 2 ** 22;

function show(error: number, none = "all"): string {
  if (error === Infinity) return "∞";
  if (error >= NONE_RIGHT && none) return none;
  if (error >= 9999.5) return error.toExponential(0).replace("+", "");
  return error.toFixed(error >= 9.95 ? 0 : 1);
}

const marked = (ours: number, torch: number | undefined) => (torch !== undefined && ours > torch + 0.5 ? `**${show(ours)}**` : show(ours));
const pair = ({ ours, torch }: Entry) => `${marked(Number(ours), torch === undefined ? undefined : Number(torch))} / ${torch === undefined ? "–" : show(Number(torch))}`;

/** Lines of Markdown. */
export function readmePart(record: LossRecord): string[] {
  const losses = Object.keys(record);
  const PARTS = ["value", "gradient"] as const;
  const entryOf = (loss: string, title: string, part: Found["part"]) => record[loss]?.find((entry) => entry.title === title && entry.part === part);
  const compared = Object.values(record)
    .flat()
    .filter((entry) => entry.torch !== undefined)
    .map(({ title, part, ours, torch }) => ({ title, part, ours: Number(ours), torch: Number(torch) }));
  const worse = losses.flatMap((loss) => {
    const some = (record[loss] ?? []).filter(({ ours, torch }) => torch !== undefined && Number(ours) > Number(torch) + 0.5);
    return some.map(({ title, part, ours, torch }) => `\`${loss}\` ${title}, ${part} (${show(Number(ours), "")} against ${show(Number(torch), "")})`);
  });
  const heads = Object.entries(KINDS);
  const cell = (some: readonly { ours: number; torch: number }[]) => {
    const ends = (of: (one: { ours: number; torch: number }) => number) => `${show(median(some.map(of)))}, ${show(Math.max(...some.map(of)))}`;
    return `${ends(({ ours }) => ours)} | ${ends(({ torch }) => torch)}`;
  };
  return [
    "| rows | losses | value, ours | PyTorch | gradient, ours | PyTorch |",
    "|---|---|---|---|---|---|",
    ...heads.map(([head, [title]]) => {
      const some = compared.filter((entry) => entry.title === title);
      return `| ${head} | ${some.length / 2} | ${PARTS.map((part) => cell(some.filter((entry) => entry.part === part))).join(" | ")} |`;
    }),
    "",
    `Median, worst. PyTorch is closer by more than half a unit in ${worse.length} of ${compared.length}: ${worse.join("; ")}.`,
    "",
    ...PARTS.flatMap((part) => [
      `<details><summary>The ${part} of each, ours / PyTorch</summary>`,
      "",
      `| | ${heads.map(([head]) => head).join(" | ")} |`,
      `|---|${heads.map(() => "---|").join("")}`,
      ...losses.map((loss) => {
        const cells = heads.map(([, [title]]) => entryOf(loss, title, part)).map((entry) => (entry ? pair(entry) : ""));
        return `| \`${loss}\` | ${cells.join(" | ")} |`;
      }),
      "",
      "</details>",
      "",
    ]),
    "–: PyTorch has no such loss. ∞: infinite or NaN where the exact value is neither. All: no digit is right. Bold: PyTorch is closer by more than half a unit.",
  ];
}
