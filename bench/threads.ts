// npm run bench:threads: fused-loss/threads on all cores against itself on one thread, in turn: at sizes around those from which
// calls are split, where it must not be slower, and on large inputs; calls one after the other, and calls a millisecond apart,
// when the workers are asleep.
import { availableParallelism } from "node:os";
import { Command } from "commander";
import * as threads from "fused-loss/threads";
import { count } from "../test/support/draw.js";
import { loadCases } from "./cases.js";
import { measure, median } from "./measure.js";
import { type Shape, draw, entrants, rowsOf, showShape } from "./rows.js";

const { time, loss } = new Command("npm run bench:threads --")
  .description("Times calls of fused-loss/threads, value with gradient in float32, on all cores against one thread, in turn.")
  .option("--time <ms>", "for each cell", Number, 600)
  .option("--loss <names...>", "only these losses")
  .parse()
  .opts<{ time: number; loss?: string[] }>();

const ELEMENTS: readonly Shape[] = [[1_000], [8_192], [16_384], [32_768], [65_536], [131_072], [262_144], [1_048_576]];
const ROWS: readonly Shape[] = [[16, 10], [819, 10], [1_639, 10], [4_096, 10], [16, 1_000], [17, 1_000], [128, 1_000], [64, 32_000]];
const CASES: Readonly<Record<string, readonly Shape[]>> = {
  mse: ELEMENTS,
  smoothL1: ELEMENTS,
  bce: ELEMENTS,
  bceWithLogits: ELEMENTS,
  klDiv: ELEMENTS,
  crossEntropy: ROWS,
  multiMargin: ROWS,
};

const never = new Int32Array(new SharedArrayBuffer(4));

/** The median of calls that each come when all has been idle for a millisecond. */
function rested(run: () => unknown, calls: number): number {
  const all = Array.from({ length: calls }, () => {
    Atomics.wait(never, 0, 0, 1);
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return median(all);
}

const both = (run: () => unknown) => [median(measure([{ name: "", run }], time / 6)[""] ?? []), rested(run, time / 4)] as const;

const cores = availableParallelism();
console.log(`${cores} threads against one; × is how many times faster\n`);
const rows = rowsOf(await loadCases());
for (const [name, shapes] of Object.entries(CASES).filter(([name]) => loss?.includes(name) ?? true)) {
  const row = rows.find(({ title }) => title === name);
  if (!row) throw new Error(`no case of ${name}`);
  for (const shape of shapes) {
    const cell = draw(row, shape, "float32");
    const [entrant] = entrants(cell, "gradient", { threads: threads }, undefined);
    if (!entrant) throw new Error(`no entrant for ${name}`);
    const ratios: number[] = [];
    const afterRest: number[] = [];
    let micros = 0;
    // A pool that is parked costs nothing and one that is open cannot be closed for a call: three times each, in turn.
    for (let turn = 0; turn < 3; turn++) {
      await threads.startThreads();
      const [fast, fastRested] = both(entrant.run);
      threads.stopThreads();
      const [slow, slowRested] = both(entrant.run);
      ratios.push(slow / fast);
      afterRest.push(slowRested / fastRested);
      micros = fast / 1000;
    }
    entrant.dispose();
    console.log(`${name.padEnd(14)} ${showShape(shape).padStart(12)} (${count(shape).toLocaleString("en").padStart(9)}): ${micros.toFixed(1).padStart(8)} µs  ${median(ratios).toFixed(2)} ×, apart ${median(afterRest).toFixed(2)} ×`);
  }
}
