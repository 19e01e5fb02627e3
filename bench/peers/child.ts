// A JavaScript contestant of `npm run bench:peers` in a process of its own; the protocol is that of torch_peer.py.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as simd128 from "fused-loss";
import { sampleOnce } from "../measure.js";
import type { Floats, FusedLoss } from "../rows.js";
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
}

const lossOf = (engine: FusedLoss, name: string) => (engine as unknown as Record<string, { valueAndGrad: Call }>)[name]?.valueAndGrad;

/** On resident tensors, with `out`; or on plain typed arrays, with fresh results. */
function ours(name: string, inputs: readonly Input[], options: object, resident: boolean): Prepared {
  const call = lossOf(simd128, name);
  if (!call) throw new Error(`fused-loss has no ${name}`);
  const wanted = inputs.filter((input) => input.wanted);
  if (!resident) {
    const all = [...inputs.map(({ data, shape }) => ({ data, shape })), options];
    return {
      run: () => call(...all),
      answer() {
        const { value, grads } = call(...all);
        return { value, grads: wanted.map((input) => grads[input.name] as Floats) };
      },
    };
  }
  const tensors = inputs.map(({ data, shape }) => simd128.tensor(data, shape));
  const results = wanted.map(({ shape }) => simd128.zeros(shape));
  const grads = Object.fromEntries(wanted.map((input, k) => [input.name, results[k]]));
  const all = [...tensors, { ...options, out: { grads } }];
  return {
    run: () => call(...all),
    answer: () => ({ value: call(...all).value, grads: results.map((result) => result.data.slice()) }),
  };
}

function prepare(kind: string, { loss, options, inputs: specs }: Prepare): Prepared {
  const inputs = specs.map(({ name, kind: type, shape, file, wanted }) => {
    const bytes = readFileSync(file);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    return { name, data: type === "index" ? new Int32Array(buffer) : new Float32Array(buffer), shape, wanted };
  });
  return ours(loss, inputs, options, kind === "resident");
}

const norm = (values: Floats) => Math.sqrt(Array.from(values, (x) => x * x).reduce((sum, x) => sum + x, 0));

const [, , kind = "resident"] = process.argv;
let prepared: Prepared | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as { readonly prepare?: Prepare; readonly sample?: number };
  let answer: Answer;
  try {
    if (command.prepare) {
      prepared = prepare(kind, command.prepare);
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
