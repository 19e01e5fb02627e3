import { loadRows, draw, entrants, assertAgreement } from "./rows.js";
import { CELLS } from "./peers/cells.js";
import { measure, median, ratio, geometricMean } from "./measure.js";
const [pa, pb, filter = ".", mode = "gradient", dtype = "float32"] = process.argv.slice(2);
const A = await import(pa!), B = await import(pb!);
const rows = await loadRows(); const all: number[] = [];
for (const { title, shapes } of CELLS) {
  if (!new RegExp(filter).test(title)) continue;
  const row = rows.find((r) => r.title === title); if (!row) continue;
  for (const shape of shapes) {
    if (title === "linearCrossEntropy") continue;
    const cell = draw(row, shape, dtype as never);
    const es = entrants(cell, mode as never, { a: A as never, b: B as never }, undefined);
    let note = ""; try { assertAgreement(title, es, dtype as never); } catch (e) { note = (e as Error).message; }
    const s = measure(es, 400); const r = ratio(s, "a", "b")!; all.push(r);
    console.log(title.padEnd(28), shape.join("x").padEnd(14), (median(s.a!) / 1000).toFixed(2).padStart(10), (median(s.b!) / 1000).toFixed(2).padStart(10), "us  a/b", r.toFixed(3), note);
    es.forEach((e) => e.dispose());
  }
}
console.log("geomean", geometricMean(all).toFixed(3));
