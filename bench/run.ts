// What the benchmark of the repository (main.ts) and that of the command line (cli/main.ts) share: which cells, and how they
// are measured.
import { Presets, SingleBar } from "cli-progress";
import { type Command, InvalidArgumentError, Option } from "commander";
import { measure, median, ratio } from "./measure.js";
import type { Result } from "./record.js";
import { type Engines, type FloatType, type Mode, type Row, type Shape, assertAgreement, draw, entrants, showShape } from "./rows.js";

/** What both programs are told. */
export interface Selection {
  readonly loss?: readonly string[] | undefined;
  readonly size?: readonly string[] | undefined;
  readonly dtype: FloatType | "both";
  readonly time: number;
}

export const MODES: readonly Mode[] = ["value", "gradient"];

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

const sizeName = (shape: Shape) => shape.join("x");

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
export class Progress {
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

/** Calls everything on little work, so that the facade's code is in its final form before the first cell. */
export function warmUp(rows: readonly Row[], engines: Engines) {
  for (const row of rows) {
    const cell = draw(row, shapeLike(row, 32, [4, 8]), "float32");
    for (const mode of MODES) {
      const all = entrants(cell, mode, engines, undefined);
      measure(all, 40);
      for (const entrant of all) entrant.dispose();
    }
  }
}

/** A shape that suits a row: of so many elements, or of so many rows and classes. */
export function shapeLike({ of, rowwise }: Row, elements: number, [rows, classes]: readonly [number, number]): Shape {
  if (!rowwise) return [elements];
  return ("wrt" in of ? of.shapeOf?.(rows, classes) : undefined) ?? [rows, classes];
}

// One copy of the loops for each element type, as the engine compiles a loop for the types that it has seen.
const PLAIN = { float32: () => import("./plain.ts?float32"), float64: () => import("./plain.ts?float64") };

/** Measures every cell of the rows, in turn; ratios are to the first of the engines. */
export async function measureCells(rows: readonly Row[], dtypes: readonly FloatType[], engines: Engines, time: number, progress: Progress): Promise<Result[]> {
  const results: Result[] = [];
  const [reference = ""] = Object.keys(engines);
  for (const dtype of dtypes) {
    const { plain } = await PLAIN[dtype]();
    for (const row of rows) {
      const form = plain[row.title];
      for (const shape of row.shapes) {
        const cell = draw(row, shape, dtype);
        for (const mode of MODES) {
          progress.show(dtypes.length > 1 ? `${dtype} ${row.title}` : row.title, `${showShape(shape)} ${mode}`);
          const all = entrants(cell, mode, engines, form);
          assertAgreement(`${row.title} ${showShape(shape)} ${mode}`, all, dtype);
          const samples = measure(all, time);
          for (const entrant of all) entrant.dispose();
          const names = all.map(({ name }) => name);
          const others = names.filter((name) => name !== reference);
          results.push({
            title: row.title,
            rowwise: row.rowwise,
            shape,
            mode,
            dtype,
            expOrLog: form?.expOrLog,
            ns: Object.fromEntries(names.map((name) => [name, median(samples[name] ?? [])])),
            ratios: Object.fromEntries(others.map((name) => [name, ratio(samples, name, reference) ?? Number.NaN])),
            rounds: samples[reference]?.length ?? 0,
          });
          progress.step();
        }
      }
    }
  }
  return results;
}
