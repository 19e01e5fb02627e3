import { load } from "/tmp/ab/load.mjs";
import { loadCases } from "/work/main/bench/cases.ts";
import { draw, rowsOf, entrants } from "/work/main/bench/rows.ts";
import { CELLS } from "/work/main/bench/peers/cells.ts";
const [,, a, name, ms = "2000", dtype = "float32"] = process.argv;
const rows = rowsOf(await loadCases());
for (const cell of CELLS as any) for (const shape of cell.shapes) if (cell.title + " " + shape.join("x") === name) {
  const row0 = rows.find((r) => r.title === cell.title)!;
  const c = draw({ ...row0, options: { ...row0.options, ...cell.options } }, shape, dtype as any);
  const [e] = entrants(c, "gradient", { A: await load(a) } as any, undefined);
  let k = 0; for (let t = performance.now(); performance.now() - t < +ms; k++) e.run();
  console.log(k);
}
