// What the benchmark of the repository (main.ts) and that of the command line (cli/main.ts) share: what they are told, and how
// they show how far they are.
import { Presets, SingleBar } from "cli-progress";
import { type Command, InvalidArgumentError, Option } from "commander";
import { MODES, type Watch, sizeName } from "./cells.js";
import type { FloatType, Row } from "./rows.js";

/** What both programs are told. */
export interface Selection {
  readonly loss?: readonly string[] | undefined;
  readonly size?: readonly string[] | undefined;
  readonly dtype: FloatType | "both";
  readonly time: number;
}

export function milliseconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError("It must be a number > 0.");
  return value;
}

/** Adds the options of a selection; `time` is what a cell gets unless told. */
export const withSelection = (command: Command, time: number): Command =>
  command
    .option("--loss <names...>", "only these losses and functions")
    .option("--size <sizes...>", "only these sizes, as 65536 or 4096x10")
    .addOption(new Option("--dtype <type>", "element type").choices(["float32", "float64", "both"]).default("float32"))
    .option("--time <ms>", "measuring time for each cell", milliseconds, time);

export const dtypesOf = ({ dtype }: Selection): readonly FloatType[] => (dtype === "both" ? ["float32", "float64"] : [dtype]);

/** The rows of these losses, or of all, in these sizes, or in all; `refuse` ends the program. */
export function choose(all: readonly Row[], { loss, size }: Pick<Selection, "loss" | "size">, refuse: (message: string) => never): Row[] {
  const check = (what: string, wanted: readonly string[], known: readonly string[]) => {
    const unknown = wanted.filter((name) => !known.includes(name));
    if (unknown.length > 0) refuse(`no ${what} ${unknown.join(", ")}; there are ${[...new Set(known)].join(", ")}`);
  };
  check("loss", loss ?? [], all.flatMap(({ title, of }) => [of.name, title]));
  const rows = all.filter(({ title, of }) => !loss || loss.includes(title) || loss.includes(of.name));
  check("size", size ?? [], rows.flatMap(({ shapes }) => shapes.map(sizeName)));
  return rows
    .map((row) => ({ ...row, shapes: row.shapes.filter((shape) => !size || size.includes(sizeName(shape))) }))
    .filter(({ shapes }) => shapes.length > 0);
}

export const countCells = (rows: readonly Row[], dtypes: readonly FloatType[]) =>
  dtypes.length * MODES.length * rows.reduce((sum, { shapes }) => sum + shapes.length, 0);

/** How far a run is, on stderr: as a bar on a terminal, as a line for each row otherwise. */
export class Progress implements Watch {
  readonly #total: number;
  readonly #start = performance.now();
  readonly #bar = process.stderr.isTTY
    ? new SingleBar({ format: "{bar} {value}/{total}  {what}", stream: process.stderr, clearOnComplete: true }, Presets.shades_classic)
    : undefined;
  #done = 0;
  #shown = "";

  constructor(total: number) {
    this.#total = total;
    this.#bar?.start(total, 0, { what: "" });
  }

  show(what: string, detail = "") {
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(0).padStart(4);
    if (this.#bar) this.#bar.update(this.#done, { what: `${what} ${detail}` });
    else if (what !== this.#shown) console.error(`${seconds} s  ${this.#done}/${this.#total}  ${what}`);
    this.#shown = what;
  }

  /** One more cell is done. */
  step() {
    this.#done++;
  }

  stop() {
    this.#bar?.stop();
  }
}
