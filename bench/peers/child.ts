// A JavaScript contestant of `npm run bench:peers` in a process of its own; the protocol is that of torch_peer.py.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as simd128 from "fused-loss";
import * as threads from "fused-loss/threads";
import { sampleOnce } from "../measure.js";
import { plain } from "../plain.js";
import { type Floats, type FusedLoss, closure } from "../rows.js";
import type { Answer, Prepare } from "./protocol.js";

type Data = Floats | Int32Array<ArrayBuffer>;
interface Input {
  readonly name: string;
  readonly data: Data;
  readonly shape: readonly number[];
  readonly wanted: boolean;
}
type Call = (...args: unknown[]) => { readonly value: number; readonly grads: Readonly<Record<string, unknown>> };

/** A call that can be repeated, and what it gives. */
interface Prepared {
  readonly run: () => unknown;
  answer(): { readonly value: number; readonly grads: readonly Floats[] };
  dispose?(): void;
}
/** Libraries that compete, each with a module that makes a call of it. */
const LIBRARIES: Readonly<Record<string, string>> = { tfjs: "./tfjs.mjs", jax: "./jax.mjs" };
type Peer = { prepare(loss: string, inputs: readonly Input[], options: Prepare["options"]): Prepared };

const lossOf = (engine: FusedLoss, name: string) => (engine as unknown as Record<string, { valueAndGrad: Call }>)[name]?.valueAndGrad;

/** On resident tensors, with `out`; or on plain typed arrays, with fresh results. */
function ours(engine: FusedLoss, name: string, inputs: readonly Input[], options: object, resident: boolean): Prepared {
  const call = lossOf(engine, name);
  if (!call) throw new Error(`fused-loss has no ${name}`);
  const wanted = inputs.filter((input) => input.wanted);
  if (!resident) {
    const run = closure(call, [...inputs.map(({ data, shape }) => ({ data, shape })), options]) as () => ReturnType<Call>;
    return {
      run,
      answer() {
        const { value, grads } = run();
        return { value, grads: wanted.map((input) => grads[input.name] as Floats) };
      },
    };
  }
  const tensors = inputs.map(({ data, shape }) => engine.tensor(data, shape));
  const results = wanted.map(({ shape }) => engine.zeros(shape));
  const grads = Object.fromEntries(wanted.map((input, k) => [input.name, results[k]]));
  const run = closure(call, [...tensors, { ...options, out: { grads } }]) as () => ReturnType<Call>;
  return {
    run,
    answer: () => ({ value: run().value, grads: results.map((result) => result.data.slice()) }),
    dispose: () => [...tensors, ...results].forEach((tensor) => tensor.dispose()),
  };
}

/** The plain loop of ../plain.ts, into arrays that are there. */
function plainLoop(title: string, inputs: readonly Input[]): Prepared {
  const loop = plain[title]?.loss as ((...args: unknown[]) => number) | undefined;
  if (!loop) throw new Error(`no plain loop of ${title} is written`);
  const rank = inputs[0]?.shape.length ?? 0;
  if (rank > 2) throw new Error("the plain loops take rows of contiguous classes");
  const grads = inputs.filter(({ wanted }) => wanted).map(({ data }) => new Float32Array(data.length));
  const run = closure(loop, [...inputs.map(({ data }) => data), ...(rank === 2 ? [inputs[0]?.shape[1]] : []), ...grads]) as () => number;
  return { run, answer: () => ({ value: run(), grads }) };
}

interface AdaptiveOptions {
  readonly classes: number;
  readonly cutoffs: readonly number[];
  readonly seed: number;
}

/** The adaptive softmax, with the gradients of its parameters, in PyTorch's order. */
function adaptive([input, target]: readonly Input[], options: AdaptiveOptions, resident: boolean): Prepared {
  const [samples = 0, inFeatures = 0] = input?.shape ?? [];
  const layer = new simd128.AdaptiveLogSoftmax({ inFeatures, ...options });
  const x = { data: input?.data as Float32Array<ArrayBuffer>, shape: [samples, inFeatures] };
  const y = target?.data as Int32Array<ArrayBuffer>;
  const made: simd128.Tensor[] = [];
  const keep = (tensor: simd128.Tensor<"float32">) => {
    made.push(tensor);
    return tensor;
  };
  const like = ({ shape }: { readonly shape: readonly number[] }) => keep(simd128.zeros(shape));
  const { head, tail } = layer.parameters;
  const grads = { input: like(x), head: { weight: like(head.weight) }, tail: tail.map(({ projection, weight }) => ({ projection: like(projection), weight: like(weight) })) };
  const [of, more] = resident ? [keep(simd128.tensor(x.data, x.shape)), { out: { output: like({ shape: [samples] }), grads } }] : [x, {}];
  const run = () => layer.valueAndGrad(of, y, more);
  return {
    run,
    answer() {
      const { value, grads } = run();
      const all: unknown[] = [grads.input, grads.head.weight, ...grads.tail.flatMap(({ projection, weight }) => [projection, weight])];
      return { value, grads: all.map((grad) => (grad instanceof Float32Array ? (grad as Floats) : (grad as simd128.Tensor<"float32">).data.slice())) };
    },
    dispose: () => [layer, ...made].forEach((one) => one.dispose()),
  };
}

async function prepare(kind: string, { loss, title, options, inputs: specs }: Prepare): Promise<Prepared> {
  const inputs = specs.map(({ name, kind: type, shape, file, wanted }) => {
    const bytes = readFileSync(file);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    return { name, data: type === "index" ? new Int32Array(buffer) : new Float32Array(buffer), shape, wanted };
  });
  if (kind === "plain") return plainLoop(title, inputs);
  const library = LIBRARIES[kind];
  if (library !== undefined) return ((await import(library)) as Peer).prepare(loss, inputs, options);
  const engine = kind === "threads" ? (threads as unknown as FusedLoss) : simd128;
  if (loss === "adaptiveLogSoftmax" && kind === "threads") throw new Error("not split among threads");
  if (loss === "adaptiveLogSoftmax") return adaptive(inputs, options as unknown as AdaptiveOptions, kind === "resident");
  return ours(engine, loss, inputs, options, kind !== "arrays");
}

const norm = (values: Floats) => Math.sqrt(Array.from(values, (x) => x * x).reduce((sum, x) => sum + x, 0));

const [, , kind = "resident"] = process.argv;
let prepared: Prepared | undefined;
if (kind === "threads") await threads.startThreads(2);
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as { readonly prepare?: Prepare; readonly sample?: number };
  let answer: Answer;
  try {
    if (command.prepare) {
      prepared?.dispose?.();
      prepared = undefined;
      prepared = await prepare(kind, command.prepare);
      const { value, grads } = prepared.answer();
      answer = { value, norms: grads.map(norm) };
    } else {
      answer = { ns: sampleOnce((prepared as Prepared).run, command.sample ?? 10) };
    }
  } catch (error) {
    answer = { missing: String(error).slice(0, 300) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
