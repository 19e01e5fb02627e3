// npm run bench: both builds of fused-loss against each other and against plain loops, in turn in one run.
//
// To add a row: nothing, if the loss has its case in test/cases — it is measured by element, value alone and value with
// gradient. To compare it with plain JavaScript, write the loop that a user would write into plain.ts, under the name of
// the case. A loss on rows of classes, or one with variants, has an entry in ROWWISE of rows.ts. To let someone else
// compete (a peer library), make one more entrant in rows.ts: it joins the turns, the check and the record by its name.
//
// A run fails if the answers differ: the builds must agree bit for bit, the plain loop to a few digits.
//
// Every call of a cell is on the same numbers. At 1,024 elements a branch predictor learns them by heart, so that loops
// with branches on the data (hinge, quantile, …) look faster there, by the element, than they are on new data.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SingleBar, Presets } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { chart } from "./chart.js";
import { measure, median, ratio } from "./measure.js";
import { openOverhead } from "./overhead.js";
import { type BenchRecord, type Result, defaultPath, environment, loadNow } from "./record.js";
import { judge, report } from "./report.js";
import { type FloatType, type Mode, type Shape, assertAgreement, draw, entrants, loadRows, showShape } from "./rows.js";

interface Options {
  loss?: string[];
  size?: string[];
  dtype: FloatType | "both";
  time: number;
  record: boolean;
  out?: string;
  json?: boolean;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError("It must be a number > 0.");
  return value;
}

const options = new Command("npm run bench --")
  .description("Times simd128, scalar and plain JavaScript in turn: value alone and value with gradient, medians and ratios.")
  .option("--loss <names...>", "only these losses and functions")
  .option("--size <sizes...>", "only these sizes, as 65536 or 4096x10")
  .addOption(new Option("--dtype <type>", "element type").choices(["float32", "float64", "both"]).default("float32"))
  .option("--time <ms>", "measuring time for each cell", milliseconds, 600)
  .option("--out <file.json>", "where the record goes, with its chart beside it (default: bench/records, and only for a whole run)")
  .option("--no-record", "write no files")
  .option("--json", "print the record instead of the report")
  .parse()
  .opts<Options>();

const dtypes: readonly FloatType[] = options.dtype === "both" ? ["float32", "float64"] : [options.dtype];
const sizeName = (shape: Shape) => shape.join("x");
const rows = await loadRows();
const { loss: losses, size: sizes } = options;

function refuse(what: string, wanted: readonly string[], known: readonly string[]) {
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  console.error(`No ${what} ${unknown.join(", ")}; there are ${[...new Set(known)].join(", ")}`);
  process.exit(1);
}
refuse("loss", losses ?? [], rows.flatMap(({ title, of }) => [of.name, title]));
refuse("size", sizes ?? [], rows.flatMap(({ shapes }) => shapes.map(sizeName)));

const chosen = rows
  .filter(({ title, of }) => !losses || losses.includes(title) || losses.includes(of.name))
  .map((row) => ({ ...row, shapes: row.shapes.filter((shape) => !sizes || sizes.includes(sizeName(shape))) }));
const modes: readonly Mode[] = ["value", "gradient"];
const total = dtypes.length * modes.length * chosen.reduce((sum, { shapes }) => sum + shapes.length, 0);

// The report goes to stdout, progress to stderr: as a bar on a terminal, as a line for each row otherwise.
const bar = process.stderr.isTTY
  ? new SingleBar({ format: "{bar} {value}/{total}  {what}", stream: process.stderr, clearOnComplete: true }, Presets.shades_classic)
  : undefined;
const start = performance.now();
let [done, shown] = [0, ""];
function progress(what: string, detail = "") {
  if (bar) bar.update(done, { what: `${what} ${detail}` });
  else if (what !== shown) console.error(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${done}/${total}  ${what}`);
  shown = what;
}

async function measureCells(dtype: FloatType): Promise<Result[]> {
  // One copy of the loops for each element type, as the engine compiles a loop for the types that it has seen.
  const { plain } = (await import(`./plain.ts?${dtype}`)) as typeof import("./plain.js");
  const results: Result[] = [];
  for (const row of chosen) {
    const form = plain[row.title];
    for (const shape of row.shapes) {
      const cell = draw(row, shape, dtype);
      for (const mode of modes) {
        const what = `${row.title} ${showShape(shape)} ${mode}`;
        progress(dtypes.length > 1 ? `${dtype} ${row.title}` : row.title, `${showShape(shape)} ${mode}`);
        const all = entrants(cell, mode, { simd128, scalar }, form);
        assertAgreement(what, all, dtype);
        const samples = measure(all, options.time);
        for (const entrant of all) entrant.dispose();
        const names = all.map(({ name }) => name);
        const others = names.filter((name) => name !== "simd128");
        results.push({
          title: row.title,
          rowwise: row.rowwise,
          shape,
          mode,
          dtype,
          expOrLog: form?.expOrLog,
          ns: Object.fromEntries(names.map((name) => [name, median(samples[name] ?? [])])),
          ratios: Object.fromEntries(others.map((name) => [name, ratio(samples, name, "simd128") ?? Number.NaN])),
          rounds: samples.simd128?.length ?? 0,
        });
        done++;
      }
    }
  }
  return results;
}

/** Calls everything on little work, so that the facade's code is in its final form before the first cell. */
function warmUp() {
  for (const row of chosen) {
    const ofRows = "wrt" in row.of ? row.of.shapeOf?.(4, 8) : undefined;
    const cell = draw(row, row.rowwise ? (ofRows ?? [4, 8]) : [32], "float32");
    for (const mode of modes) {
      const all = entrants(cell, mode, { simd128, scalar }, undefined);
      measure(all, 40);
      for (const entrant of all) entrant.dispose();
    }
  }
}

const load = loadNow();
const { tiny, checked } = await openOverhead(simd128);
const whole = !losses && !sizes;
bar?.start(total, 0, { what: "" });
if (whole) progress("overhead");
const fresh = whole ? tiny(options.time) : [];
progress("warm-up");
warmUp();
const cells: Result[] = [];
for (const dtype of dtypes) cells.push(...(await measureCells(dtype)));
if (whole) progress("overhead, after all the others");
const overhead = { fresh, used: whole ? tiny(options.time) : [] };
const passes = whole ? checked(options.time) : [];
bar?.stop();

const about = environment();
const record: BenchRecord = {
  ...about,
  load: [load, loadNow()],
  time: options.time,
  // The aims are about all losses together.
  aims: whole ? judge(cells, [...overhead.fresh, ...overhead.used]) : [],
  overhead,
  checked: passes,
  cells,
};
console.log(options.json ? JSON.stringify(record, null, 2) : report(record));

const path = options.out ?? (whole ? defaultPath(about) : undefined);
if (options.record && path) {
  const image = path.replace(/(?:\.json)?$/, ".svg");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
  writeFileSync(image, chart(record));
  console.error(`\nrecord: ${path}\nchart:  ${image}`);
}
