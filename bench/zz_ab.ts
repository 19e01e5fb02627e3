// tsx ab.ts A B [filter regex] [--ms n]: ratio A/B of times, >1: B faster
import { load } from "/tmp/ab/load.mjs";
import { loadCases } from "/work/main/bench/cases.ts";
import { draw, rowsOf, entrants } from "/work/main/bench/rows.ts";
import { sampleOnce, median } from "/work/main/bench/measure.ts";
import { CELLS } from "/work/main/bench/peers/cells.ts";
const [,, a, b, filter = ".", dtype = "float32", roundsArg="9"] = process.argv;
const engines = { A: await load(a), B: await load(b) } as any;
const rows = rowsOf(await loadCases());
const re = new RegExp(filter);
let logs: number[] = [];
for (const cell of CELLS as any) {
  for (const shape of cell.shapes) {
    const name = cell.title + " " + shape.join("x");
    if (!re.test(name) || cell.title === "adaptiveLogSoftmax") continue;
    const row0 = rows.find((r) => r.title === cell.title)!;
    const row = { ...row0, options: { ...row0.options, ...cell.options } };
    const c = draw(row, shape, dtype as any);
    const es = entrants(c, "gradient", engines, undefined);
    for (const e of es) for (let t = performance.now(); performance.now() - t < 150;) e.run();
    const s: Record<string, number[]> = { A: [], B: [] };
    for (let i = 0; i < +roundsArg; i++) for (const e of i % 2 ? es : [...es].reverse()) s[e.name].push(sampleOnce(e.run, 25));
    let same = "same"; 
    const [x, y] = es.map((e) => e.answer());
    if (x.value !== y.value || x.arrays.some((p, k) => Buffer.compare(Buffer.from(p.buffer), Buffer.from(y.arrays[k].buffer)))) same = "DIFFERENT";
    const n = shape.reduce((p: number, q: number) => p * q, 1);
    const r = median(s.A.map((v, i) => v / s.B[i]));
    logs.push(Math.log(r));
    console.log(name.padEnd(42), (median(s.A) / n).toFixed(3).padStart(9), (median(s.B) / n).toFixed(3).padStart(9), r.toFixed(3).padStart(7), same);
    es.forEach((e) => e.dispose());
  }
}
console.log("geomean", Math.exp(logs.reduce((p, q) => p + q, 0) / logs.length).toFixed(3));
