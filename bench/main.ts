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
import { basename, dirname } from "node:path";
import { Command } from "commander";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { loadCases } from "./cases.js";
import { measureCells, warmUp } from "./cells.js";
import { chart } from "./chart.js";
import { openOverhead } from "./overhead.js";
import { type BenchRecord, defaultPath, environment, loadNow } from "./record.js";
import { replacePart } from "./readme.js";
import { judge, readmePart, report } from "./report.js";
import { rowsOf } from "./rows.js";
import { Progress, type Selection, choose, countCells, dtypesOf, withSelection } from "./run.js";

interface Options extends Selection {
  record: boolean;
  out?: string;
  json?: boolean;
}

const command = new Command("npm run bench --").description(
  "Times simd128, scalar and plain JavaScript in turn: value alone and value with gradient, medians and ratios.",
);
const options = withSelection(command, 600)
  .option("--out <file.json>", "where the record goes, with its chart beside it (default: bench/records, and only for a whole run)")
  .option("--no-record", "write no files")
  .option("--json", "print the record instead of the report")
  .parse()
  .opts<Options>();

const dtypes = dtypesOf(options);
const rows = choose(rowsOf(await loadCases()), options, (message) => command.error(`error: ${message}`));
const engines = { simd128, scalar };

const load = loadNow();
const { tiny, checked } = await openOverhead(simd128);
const whole = !options.loss && !options.size;
const progress = new Progress(countCells(rows, dtypes));
if (whole) progress.show("overhead");
const fresh = whole ? tiny(options.time) : [];
progress.show("warm-up");
warmUp(rows, engines);
const cells = await measureCells(rows, dtypes, engines, options.time, progress);
if (whole) progress.show("overhead, after all the others");
const overhead = { fresh, used: whole ? tiny(options.time) : [] };
const passes = whole ? checked(options.time) : [];
progress.stop();

const about = environment();
const record: BenchRecord = {
  ...about,
  load: [load, loadNow()],
  time: options.time,
  // The aims are about many losses together.
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
  // The README shows both element types.
  if (options.out === undefined && dtypes.length === 2) replacePart("bench:builds", readmePart(record, basename(path, ".json")));
}
