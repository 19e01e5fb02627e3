// Measures in a worker, so that the page stays live: the benchmark of bench/, with the cases that the page offers.
import { simd } from "wasm-feature-detect";
import { type Watch, measureCells, warmUp } from "../bench/cells.js";
import type { Result } from "../bench/record.js";
import { type Engines, type FloatType, type Shape, rowsOf } from "../bench/rows.js";
import bceWithLogits from "../test/cases/bceWithLogits.js";
import crossEntropy from "../test/cases/crossEntropy.js";
import huber from "../test/cases/huber.js";
import klDiv from "../test/cases/klDiv.js";
import mse from "../test/cases/mse.js";
import { messageOf } from "./worker.js";

const CASES = [mse, huber, bceWithLogits, klDiv, crossEntropy];

export interface ToMachine {
  readonly cells: readonly { readonly loss: string; readonly shape: Shape }[];
  readonly dtype: FloatType;
  /** Milliseconds for each cell. */
  readonly time: number;
}

export type FromMachine =
  | { readonly type: "progress"; readonly done: number; readonly what: string }
  | { readonly type: "cells"; readonly cells: readonly Result[] }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly message: string };

const post = (message: FromMachine) => postMessage(message);

async function run({ cells, dtype, time }: ToMachine) {
  let done = 0;
  const watch: Watch = {
    show: (what, detail = "") => post({ type: "progress", done, what: `${what} ${detail}` }),
    step: () => done++,
  };
  watch.show("preparing the engines");
  const scalar = await import("fused-loss/scalar");
  const engines: Engines = (await simd()) ? { simd128: await import("fused-loss"), scalar } : { scalar };
  const rows = rowsOf(CASES);
  warmUp(rows.filter(({ title }) => cells.some(({ loss }) => loss === title)), engines);
  for (const { loss, shape } of cells) {
    const row = rows.find(({ title }) => title === loss);
    if (!row) throw new Error(`There is no case of ${loss}.`);
    post({ type: "cells", cells: await measureCells([{ ...row, shapes: [shape] }], [dtype], engines, time, watch) });
  }
  post({ type: "end" });
}

addEventListener("message", ({ data }: MessageEvent<ToMachine>) => {
  run(data).catch((error: unknown) => post({ type: "error", message: messageOf(error) }));
});
