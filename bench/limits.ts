// npm run bench:limits: what does not show in a table of warm calls. The first call of a process; the first call of a loss on
// many elements, against a warm one; and mse with its gradient on more than any cache holds, against a loop of two loads and
// one store on as much memory, in turn.
import { spawnSync } from "node:child_process";
import { Command } from "commander";
import { mse, zeros } from "fused-loss";
import { measure, median, ratio } from "./measure.js";
import { instantiate } from "./wat.js";

const { rounds } = new Command("npm run bench:limits --")
  .description("Times first calls in fresh processes, and mse out of cache against the machine's bandwidth.")
  .option("--rounds <number>", "processes for each first call", Number, 7)
  .parse()
  .opts<{ rounds: number }>();

const line = (what: string, got: string, aim: string) => console.log(what.padEnd(66), got.padStart(20), `  (aim: ${aim})`);

/** Medians over processes of the numbers that a program writes. */
function inProcesses(program: string): number[] {
  const all = Array.from({ length: rounds }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as number[];
  });
  return (all[0] ?? []).map((_, k) => median(all.map((numbers) => numbers[k] ?? Number.NaN)));
}

const entry = JSON.stringify(import.meta.resolve("fused-loss"));
const TIMED = `const timed = (run) => { const start = performance.now(); run(); return performance.now() - start; };`;

const [loading = 0, first = 0] = inProcesses(`${TIMED}
  const start = performance.now();
  const { mse } = await import(${entry});
  const loading = performance.now() - start;
  const x = new Float32Array(8);
  console.log(JSON.stringify([loading, timed(() => mse.valueAndGrad(x, x))]));`);
line("first call of a process: unpack, compile, instantiate, mse of 8", `${first.toFixed(1)} ms`, "15 ms");
console.log(`before it, import of the package: ${loading.toFixed(1)} ms`);

for (const name of ["mse", "bceWithLogits", "klDiv", "softMargin"]) {
  const [cold = 0, warm = 0] = inProcesses(`${TIMED}
    const L = await import(${entry});
    L.l1(new Float32Array(8), new Float32Array(8)); // the engine is there, this loss is new to it
    const [x, y, grad] = [0.25, 0.75, 0].map((value) => { const made = L.zeros([2 ** 20]); made.data.fill(value); return made; });
    const run = () => L.${name}.valueAndGrad(x, y, { out: { grads: { input: grad } } });
    const cold = timed(run);
    const all = Array.from({ length: 60 }, () => timed(run)).slice(20).sort((a, b) => a - b);
    console.log(JSON.stringify([cold, all[20]]));`);
  line(`first call of ${name} on 1,048,576 elements, against a warm one`, `${(cold / warm).toFixed(2)} ×, ${cold.toFixed(2)} ms`, "1.5 ×");
}

/** Adds two arrays into a third, 32 bytes a turn. */
const copyLike = (pages: number) =>
  instantiate(`(module (memory ${pages}) (export "memory" (memory 0))
    (func (export "run") (param $x i32) (param $y i32) (param $to i32) (param $bytes i32) (local $end i32)
      (local.set $end (i32.add (local.get $x) (local.get $bytes)))
      (loop $again
        (v128.store (local.get $to) (f32x4.add (v128.load (local.get $x)) (v128.load (local.get $y))))
        (v128.store offset=16 (local.get $to) (f32x4.add (v128.load offset=16 (local.get $x)) (v128.load offset=16 (local.get $y))))
        (local.set $x (i32.add (local.get $x) (i32.const 32)))
        (local.set $y (i32.add (local.get $y) (i32.const 32)))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (br_if $again (i32.lt_u (local.get $x) (local.get $end))))))`);

const ELEMENTS = 2 ** 24;
const BYTES = 4 * ELEMENTS;
const bare = copyLike((3 * BYTES) / 2 ** 16) as unknown as { memory: WebAssembly.Memory; run(x: number, y: number, to: number, bytes: number): void };
new Float32Array(bare.memory.buffer).fill(0.5);
const [x, y, grad] = [zeros([ELEMENTS]), zeros([ELEMENTS]), zeros([ELEMENTS])] as const;
x.data.fill(0.5);
const options = { out: { grads: { input: grad } } };
const samples = measure(
  [
    { name: "mse", run: () => mse.valueAndGrad(x, y, options) },
    { name: "loop", run: () => bare.run(0, BYTES, 2 * BYTES, BYTES) },
  ],
  4000,
);
const bandwidth = (name: string) => `${((3 * BYTES) / median(samples[name] ?? [])).toFixed(1)} GB/s`;
line("mse with gradient on 16,777,216 elements, against two loads and a store", `${((ratio(samples, "loop", "mse") ?? Number.NaN) * 100).toFixed(0)} %`, "90 %");
console.log(`${bandwidth("mse")}, against ${bandwidth("loop")}`);
