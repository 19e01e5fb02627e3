// The elementary functions as the WebAssembly binary computes them, float64 references of them, and inputs that are hard.
//
// sigmoid, logSigmoid and softplus are exported; exp is the gradient of poissonNll where the target is 0. The others stand
// inside of losses only, and are called in a module of their own, made of the same text with the same flags.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { logSigmoid, sigmoid, softplus } from "fused-loss";
import { type DType, type Floats, lossOf, zeros } from "../support/call.js";
import { sigmoidOf, softplusOf } from "../support/draw.js";

/** Inputs of a call at most. */
export const CHUNK = 1 << 16;

export interface ElementaryFunction {
  readonly name: string;
  /** The largest error promised, in units in the last place. */
  readonly bound: Readonly<Record<DType, number>>;
  /** In float64, from JavaScript's own functions. */
  readonly reference: (x: number) => number;
  /** Of {@link CHUNK} inputs at most, a multiple of eight. */
  readonly call: <F extends Floats>(x: F) => F;
}

type Export = (n: number, x: number, y: number) => void;

/** The exports of crates/kernels/examples/functions.rs on arrays. */
function load(): (name: string) => ElementaryFunction["call"] {
  const script = fileURLToPath(new URL("../../scripts/functions.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const module = new WebAssembly.Module(readFileSync(stdout.trim()));
  const { exports } = new WebAssembly.Instance(module);
  const memory = exports.memory as WebAssembly.Memory;
  // The module never allocates, so what is added is free.
  const bytes = CHUNK * Float64Array.BYTES_PER_ELEMENT;
  const start = memory.buffer.byteLength;
  memory.grow((2 * bytes) / 2 ** 16);
  return (name) =>
    <F extends Floats>(x: F) => {
      const Type = x.constructor as new (buffer: ArrayBuffer, start: number, length: number) => F;
      const view = (k: number) => new Type(memory.buffer, start + k * bytes, x.length);
      view(0).set(x);
      (exports[`${name}_${x instanceof Float32Array ? "float32" : "float64"}`] as Export)(x.length, start, start + bytes);
      return view(1).slice() as F;
    };
}

/** As softplus turns into the identity nowhere but where it is that. */
const NOWHERE = 2 ** 127;

/** The slope of eˣ − y·x at y = 0. */
function exp<F extends Floats>(x: F): F {
  const y = zeros(x.length, x instanceof Float32Array ? "float32" : "float64");
  return lossOf({ name: "poissonNll" }).valueAndGrad(x, y, { reduction: "sum" }).grads.input as F;
}

export function elementaryFunctions(): readonly ElementaryFunction[] {
  const called = load();
  const tight = { float32: 1, float64: 1 };
  const loose = { float32: 2, float64: 2 };
  const composed = { float32: 2.5, float64: 3 };
  return [
    { name: "exp", bound: tight, reference: Math.exp, call: exp },
    { name: "log", bound: tight, reference: Math.log, call: called("log") },
    { name: "log1p", bound: loose, reference: Math.log1p, call: called("log1p") },
    { name: "expm1", bound: loose, reference: Math.expm1, call: called("expm1") },
    { name: "tanh", bound: loose, reference: Math.tanh, call: called("tanh") },
    { name: "sigmoid", bound: composed, reference: sigmoidOf, call: (x) => sigmoid(x) as typeof x },
    { name: "logSigmoid", bound: composed, reference: (x) => -softplusOf(-x), call: (x) => logSigmoid(x) as typeof x },
    { name: "softplus", bound: composed, reference: softplusOf, call: (x) => softplus(x, { threshold: NOWHERE }) as typeof x },
  ];
}

const words = new BigUint64Array(1);
const number = new Float64Array(words.buffer);

/** So many float64 numbers further, away from 0. */
function stepped(x: number, steps: number): number {
  number[0] = x;
  words[0] = (words[0] ?? 0n) + BigInt(steps);
  return number[0];
}

/**
 * Where float64 functions go wrong if anywhere: the borders and the middles of the pieces that arguments are reduced to, the
 * last finite, normal and subnormal results, what lies around 0 and 1, and special values.
 */
export function hardInputs(): Float64Array<ArrayBuffer> {
  const around: number[] = [1, 0.5, 2, 0.6, 0.3, Math.SQRT1_2, Math.SQRT2, Math.SQRT1_2 - 1, Math.SQRT2 - 1, 36.7368, 37.43, 19.0615, 709.782712893384, 708.3964185322641, 744.4400719213812, 745.1332191019412, 2 ** -1022, Number.MAX_VALUE];
  for (let n = 0; n <= 1076; n++) around.push(n * Math.LN2, (n + 0.5) * Math.LN2, (n + 0.5) * (Math.LN2 / 2));
  for (let n = -1074; n < 1024; n++) around.push(2 ** n, 2 ** n * Math.SQRT2);
  const inputs = [0, -0, Infinity, -Infinity, NaN];
  for (const x of around) {
    for (let steps = -2; steps <= 2; steps++) inputs.push(stepped(x, steps), -stepped(x, steps));
  }
  return Float64Array.from(inputs);
}

/**
 * So many float64 numbers: a quarter spread over all there are, the rest over those between 2^-64 and 2^10.5 of both signs, where
 * the functions are neither the identity nor constant. Spread evenly over the bits, which is evenly over the logarithm.
 */
export function spreadInputs(count: number): Float64Array<ArrayBuffer> {
  const inputs = new Float64Array(count);
  const bits = new BigUint64Array(inputs.buffer);
  const bitsOf = (x: number) => {
    number[0] = x;
    return words[0] ?? 0n;
  };
  const [low, high] = [bitsOf(2 ** -64), bitsOf(2 ** 10.5)];
  const all = BigInt(Math.max(count >> 2, 1));
  const half = BigInt(Math.max((count - Number(all)) >> 1, 1));
  for (let k = 0n; k < BigInt(count); k++) {
    // An odd step, so that low bits vary too.
    if (k < all) bits[Number(k)] = (2n ** 64n / all) * k + k * 0x9e3779b97fn;
    else {
      const j = k - all;
      bits[Number(k)] = low + ((high - low) * (j % half)) / half + (j < half ? 0n : 1n << 63n);
    }
  }
  return inputs;
}
