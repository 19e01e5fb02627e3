// Run by soak.test.ts with --expose-gc: many calls of every kind and size, with tensors that are disposed or left to the collector, and
// the memory that is held after each quarter of them.
import { setImmediate } from "node:timers/promises";
import { bce, crossEntropy, ctc, huber, infoNce, linearCrossEntropy, logSoftmax, mse, softmax, tensor, tripletMargin, zeros } from "fused-loss";

const [calls, dispose] = [Number(process.argv[2]), process.argv[3] === "dispose"];

/** The same numbers in every run. */
let state = 1;
const draw = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

const numbers = Float64Array.from({ length: 2 ** 14 }, (_, i) => ((i * 7919) % 1009) / 1009);
function array(size) {
  const Floats = draw(2) === 0 ? Float32Array : Float64Array;
  return Floats.from(numbers.subarray(draw(100)).subarray(0, size));
}

const made = [];
/** Some data as an array, and some as a tensor. */
function given(data, shape) {
  if (draw(2) === 0) return { data, shape };
  const x = tensor(data, shape);
  made.push(x);
  return x;
}
const like = (data, seed) => data.map((_, i) => numbers[(i * 31 + seed) % numbers.length]);
const labels = (rows, classes) => Int32Array.from({ length: rows }, () => draw(classes));

/** Sizes differ by call, so that memory is cut up. */
const KINDS = [
  () => {
    const x = array(1 + draw(3000));
    for (const loss of [mse, huber, bce]) loss.valueAndGrad(given(x, [x.length]), given(like(x, 5), [x.length]), { reduction: ["mean", "sum", "none"][draw(3)] });
  },
  () => {
    const [rows, classes] = [1 + draw(20), 2 + draw(100)];
    const x = array(rows * classes);
    crossEntropy.valueAndGrad(given(x, [rows, classes]), labels(rows, classes), { labelSmoothing: draw(2) / 4 });
    softmax(given(x, [rows, classes]));
  },
  () => {
    const [rows, size] = [2 + draw(8), 1 + draw(40)];
    const x = array(rows * size);
    tripletMargin.valueAndGrad(given(x, [rows, size]), given(like(x, 3), [rows, size]), given(like(x, 7), [rows, size]));
    infoNce.valueAndGrad(given(x, [rows, size]), given(like(x, 9), [rows, size]));
  },
  () => {
    const [time, batch, classes] = [6 + draw(20), 1 + draw(3), 3 + draw(8)];
    const x = array(time * batch * classes);
    const shape = [time, batch, classes];
    ctc.valueAndGrad({ data: logSoftmax({ data: x, shape }), shape }, { data: labels(batch * 2, classes - 1).map((c) => c + 1), shape: [batch, 2] }, new Int32Array(batch).fill(time), new Int32Array(batch).fill(2));
  },
  () => {
    const x = array(8 * 16);
    linearCrossEntropy.valueAndGrad(given(x, [8, 16]), given(like(x.constructor.from({ length: 800 }), 1), [50, 16]), labels(8, 50));
  },
  // Faults leave nothing behind either.
  () => {
    for (const call of [() => mse(zeros([3]), zeros([4])), () => crossEntropy(given(array(4), [2, 2]), Int32Array.of(0, 9)), () => zeros([2 ** 31])]) {
      try {
        call();
        throw new Error("no fault");
      } catch (error) {
        if (!error.code) throw error;
      }
    }
  },
];

/** Collects, and lets finalizers run. */
async function collect() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await setImmediate();
  }
}

const held = [];
for (let quarter = 0; quarter < 4; quarter++) {
  for (let k = 0; k < calls / 4; k++) {
    KINDS[draw(KINDS.length)]();
    if (dispose) for (const x of made) x.dispose();
    made.length = 0;
    // A program that never returns to its event loop has no finalizers run.
    if (k % 250 === 249) await setImmediate();
  }
  await collect();
  held.push({ engine: zeros([1]).data.buffer.byteLength, process: process.memoryUsage.rss() });
}
console.log(JSON.stringify(held));
