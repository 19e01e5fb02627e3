// How cells are measured, in Node and in a page.
import { measure, median, ratio } from "./measure.js";
import type { Result } from "./record.js";
import { type Engines, type FloatType, type Mode, type Row, type Shape, assertAgreement, draw, entrants, showShape } from "./rows.js";

export const MODES: readonly Mode[] = ["value", "gradient"];

export const sizeName = (shape: Shape) => shape.join("x");

/** Who is told how far a run is. */
export interface Watch {
  /** What is measured now. */
  show(what: string, detail?: string): void;
  /** One more cell is done. */
  step(): void;
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
export async function measureCells(rows: readonly Row[], dtypes: readonly FloatType[], engines: Engines, time: number, watch: Watch): Promise<Result[]> {
  const results: Result[] = [];
  const [reference = ""] = Object.keys(engines);
  for (const dtype of dtypes) {
    const { plain } = await PLAIN[dtype]();
    for (const row of rows) {
      const form = plain[row.title];
      for (const shape of row.shapes) {
        const cell = draw(row, shape, dtype);
        for (const mode of MODES) {
          watch.show(dtypes.length > 1 ? `${dtype} ${row.title}` : row.title, `${showShape(shape)} ${mode}`);
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
          watch.step();
        }
      }
    }
  }
  return results;
}
