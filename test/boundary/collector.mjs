// Run by tensor.test.ts with --expose-gc: what the garbage collector frees, and what it may not.
import { setImmediate } from "node:timers";
import { mse, tensor, zeros } from "fused-loss";

const gc = globalThis.gc;
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Collects, and lets finalizers run. */
async function collect() {
  for (let i = 0; i < 4; i++) {
    gc();
    await turn();
  }
}
const bytes = () => zeros([1]).data.buffer.byteLength;

const MEGABYTE = 2 ** 18;
const result = {};

// 10,000 tensors of 1 MB, none disposed. Finalizers run between turns of the event loop.
for (let i = 0; i < 10_000; i++) {
  const x = zeros([MEGABYTE]);
  x.data[0] = i;
  if (i % 100 === 99) await collect();
}
result.bytes = bytes();

// A view keeps its tensor alive: its memory is given to no other.
const view = zeros([MEGABYTE]).data.fill(5);
const part = tensor(new Float32Array(MEGABYTE).fill(6)).data.subarray(1, MEGABYTE - 1);
await collect();
for (let i = 0; i < 50; i++) zeros([MEGABYTE]).data.fill(7);
await collect();
for (let i = 0; i < 50; i++) zeros([MEGABYTE]).data.fill(8);
const detached = view.buffer.byteLength === 0;
result.view = detached ? "stale" : view.every((x) => x === 5) ? "kept" : "lost";
result.part = part.length === 0 ? "stale" : part.every((x) => x === 6) ? "kept" : "lost";

// Disposed tensors are freed once, not again by the collector.
for (let i = 0; i < 1000; i++) zeros([MEGABYTE]).dispose();
await collect();
const kept = zeros([MEGABYTE]);
kept.data.fill(9);
await collect();
for (let i = 0; i < 20; i++) zeros([MEGABYTE]).data.fill(1);
result.kept = kept.data.every((x) => x === 9);
result.after = bytes();

// So are those made by calls: nothing is left behind.
const input = zeros([MEGABYTE]);
const target = zeros([MEGABYTE]);
for (let i = 0; i < 200; i++) mse.valueAndGrad(input, target);
await collect();
result.calls = bytes();
console.log(JSON.stringify(result));
