// What a call of ours costs beside its kernel: the same work once through the facade and once by the raw exports.
import type { Tensor } from "fused-loss";
import { measure, median } from "./measure.js";
import type { FusedLoss } from "./rows.js";

/** Times of a call and of its raw parts, in microseconds. */
export interface Overhead {
  readonly title: string;
  readonly elements: number;
  readonly call: number;
  readonly kernel: number;
  /** The pass over the arguments that looks for elements out of range. */
  readonly checks: number;
}

interface RawCall {
  readonly name: string;
  readonly run: () => unknown;
}

type Export = (...args: readonly number[]) => number;

/**
 * A copy of the package whose engine tells what it is called with. The call block stays in memory, so that a call that
 * was told can be made again, by itself and as often as one likes.
 */
async function loadSpied() {
  const calls: RawCall[] = [];
  let telling = false;
  const spy = ([name, value]: [string, unknown]) => {
    if (typeof value !== "function") return [name, value] as const;
    const raw = value as Export;
    const told: Export = (...args) => {
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
      if (telling) calls.push({ name, run: args.length === 2 ? () => raw(a, b) : () => raw(a, b, c, d, e) });
      return raw(...args);
    };
    return [name, told] as const;
  };
  const copy = (await import(`${import.meta.resolve("fused-loss")}?spied`)) as FusedLoss;
  const { Instance } = WebAssembly;
  WebAssembly.Instance = function (module: WebAssembly.Module, imports: WebAssembly.Imports) {
    return { exports: Object.fromEntries(Object.entries(new Instance(module, imports).exports).map(spy)) };
  } as unknown as typeof Instance;
  copy.zeros([1]).dispose(); // makes the engine
  WebAssembly.Instance = Instance;
  const tell = (run: () => unknown): RawCall[] => {
    calls.length = 0;
    telling = true;
    run();
    telling = false;
    return [...calls];
  };
  return { copy, tell };
}

const ramp = (n: number, low: number, high: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, (_, i) => low + ((high - low) * (i + 0.5)) / n);
const signs = (n: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? -1 : 1));

/** A call with the tensors that it is on. */
interface Subject {
  readonly run: () => unknown;
  readonly tensors: readonly Tensor[];
}
/** Makes the call for one copy of the package; tensors are each copy's own. */
type MakeSubject = (engine: FusedLoss) => Subject;

function valueOf(name: "mse" | "bce" | "hinge", x: Float32Array<ArrayBuffer>, y: Float32Array<ArrayBuffer>): MakeSubject {
  return (engine) => {
    const [input, target] = [engine.tensor(x), engine.tensor(y)];
    const loss = engine[name] as typeof engine.mse;
    return { run: () => loss(input, target), tensors: [input, target] };
  };
}

function gradientOf(name: "mse" | "bce" | "hinge", x: Float32Array<ArrayBuffer>, y: Float32Array<ArrayBuffer>): MakeSubject {
  return (engine) => {
    const [input, target, grad] = [engine.tensor(x), engine.tensor(y), engine.tensor(x)];
    const options = { out: { grads: { input: grad } } };
    const loss = engine[name] as typeof engine.mse;
    return { run: () => loss.valueAndGrad(input, target, options), tensors: [input, target, grad] };
  };
}

const crossEntropy: MakeSubject = (engine) => {
  const [input, target, grad] = [engine.tensor(ramp(8, -1, 1), [2, 4]), engine.tensor(Int32Array.of(1, 3)), engine.zeros([2, 4])];
  const options = { out: { grads: { input: grad } } };
  return { run: () => engine.crossEntropy.valueAndGrad(input, target, options), tensors: [input, target, grad] };
};

/** Calls so small that they are nearly all overhead. */
const TINY: readonly (readonly [title: string, make: MakeSubject])[] = [
  ["mse", valueOf("mse", ramp(8, -1, 1), ramp(8, 1, 2))],
  ["mse with gradient", gradientOf("mse", ramp(8, -1, 1), ramp(8, 1, 2))],
  ["crossEntropy with gradient", crossEntropy],
];

/** Calls that look at every element first. */
const CHECKED = [65536, 1048576].flatMap((n) =>
  ([["bce", ramp(n, 0.01, 0.99), ramp(n, 0, 1)], ["hinge", ramp(n, -2, 2), signs(n)]] as const).flatMap(([name, x, y]) => [
    [name, n, valueOf(name, x, y)] as const,
    [`${name} with gradient`, n, gradientOf(name, x, y)] as const,
  ]),
);

/** Measures overhead: of the tiny calls and of the checked ones, with so many milliseconds for each. */
export async function openOverhead(engine: FusedLoss) {
  const { copy, tell } = await loadSpied();
  const one = (title: string, elements: number, make: MakeSubject, ms: number): Overhead => {
    const [ours, spied] = [make(engine), make(copy)];
    const parts = tell(spied.run).map(({ name, run }, k) => ({ kind: name.startsWith("check_") ? "checks" : "kernel", name: `${k} ${name}`, run }));
    const samples = measure([{ name: "call", run: ours.run }, ...parts], ms);
    const microseconds = (name: string) => median(samples[name] ?? []) / 1000;
    const total = (kind: string) => parts.reduce((sum, part) => sum + (part.kind === kind ? microseconds(part.name) : 0), 0);
    for (const tensor of [...ours.tensors, ...spied.tensors]) tensor.dispose();
    return { title, elements, call: microseconds("call"), kernel: total("kernel"), checks: total("checks") };
  };
  return {
    tiny: (ms: number) => TINY.map(([title, make]) => one(title, 8, make, ms)),
    checked: (ms: number) => CHECKED.map(([title, elements, make]) => one(title, elements, make, ms)),
  };
}
