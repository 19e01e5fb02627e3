// Records what passes between the facade and its engine, so that another host of the same kernels, native Rust or a WebAssembly
// runtime without JavaScript, can play it and compare every bit. The players are crates/replay and test/packaging/replay.py.
import { SLOT } from "../../ts/block.js";
import { type Digests, digests } from "../packaging/play.js";
import { corpus } from "./corpus.js";

/** The kinds of records, each with its numbers in little endian. */
const RECORD = { buffer: 1, freed: 2, written: 3, call: 4, answer: 5 } as const;

/** What is compared at a time: a change is taken down as whole pieces. */
const PIECE = 1024;

const upTo = (count: number) => Array.from({ length: count }, (_, k) => k);

/** Slots of a call block that hold addresses. */
const ADDRESSES = [
  ...[SLOT.gradOutputs, SLOT.values, SLOT.weightGrad, SLOT.terms],
  ...upTo(4).map((k) => SLOT.grads + k),
  ...upTo(3).map((k) => SLOT.index + k),
  ...upTo(5).map((k) => SLOT.operands + k * SLOT.operand),
];

type Export = (...args: number[]) => number | undefined;

class Recorder {
  readonly #records: Buffer[] = [];
  /** What each buffer of the facade holds as far as the tape knows, by address. */
  readonly #known = new Map<number, Buffer>();
  /** Address of each buffer by its handle. */
  readonly #handles = new Map<number, number>();
  #bytes = 0;
  /** Calls of kernels and checks. */
  calls = 0;

  constructor(readonly memory: WebAssembly.Memory) {}

  #sizes(kind: number, ...numbers: number[]) {
    const record = Buffer.alloc(1 + 4 * numbers.length);
    record[0] = kind;
    numbers.forEach((number, k) => record.writeUInt32LE(number, 1 + 4 * k));
    this.#records.push(record);
  }

  /** Takes down what has changed in the buffers. */
  #changes(kind: number) {
    for (const [address, known] of this.#known) {
      const now = Buffer.from(this.memory.buffer, address, known.length);
      if (now.equals(known)) continue;
      for (let at = 0; at < now.length; at += PIECE) {
        const piece = now.subarray(at, at + PIECE);
        if (piece.equals(known.subarray(at, at + PIECE))) continue;
        this.#sizes(kind, address + at, piece.length);
        this.#records.push(Buffer.from(piece));
        piece.copy(known, at);
      }
    }
    this.#bytes = Math.max(this.#bytes, this.memory.buffer.byteLength);
  }

  #call(name: string, args: readonly number[], result: number) {
    const record = Buffer.alloc(3 + name.length + 8 * (args.length + 1));
    let at = record.writeUInt8(RECORD.call, 0);
    at = record.writeUInt8(name.length, at);
    at += record.write(name, at, "latin1");
    at = record.writeUInt8(args.length, at);
    for (const number of [...args, result]) at = record.writeDoubleLE(number, at);
    this.#records.push(record);
  }

  /** The exports, each taken down as it is called. */
  wrapped(exports: WebAssembly.Exports): WebAssembly.Exports {
    const sizes = new Map<number, number>();
    const entries = Object.entries(exports).map(([name, value]) => {
      if (typeof value !== "function" || /^__wbindgen|^__(abort|instance)/.test(name)) return [name, value] as const;
      const run = value as Export;
      return [
        name,
        (...args: number[]) => {
          this.#changes(RECORD.written);
          const result = run(...args);
          this.#call(name, args, result ?? 0);
          const [first = 0] = args;
          if (name === "buffer_allocate") sizes.set(result ?? 0, Math.max(first, 16));
          else if (name === "__wbg_buffer_free") {
            this.#known.delete(this.#handles.get(first) ?? 0);
            this.#sizes(RECORD.freed, this.#handles.get(first) ?? 0);
          } else if (name === "buffer_address") {
            const address = result ?? 0;
            if (this.#handles.get(first) === address && this.#known.has(address)) return result;
            const size = sizes.get(first) ?? 0;
            this.#handles.set(first, address);
            // What fresh memory holds is nobody's promise: players clear it too.
            const known = Buffer.alloc(size);
            new Uint8Array(this.memory.buffer, address, size).fill(0);
            this.#known.set(address, known);
            this.#sizes(RECORD.buffer, address, size);
          } else {
            this.calls++;
            this.#changes(RECORD.answer);
            // What the next call does not use would look like an operand of it.
            if (!name.startsWith("check_") && name !== "sum_rows") {
              const block = new Float64Array(this.memory.buffer, args[1]);
              for (const slot of ADDRESSES) block[slot] = 0;
            }
          }
          return result;
        },
      ] as const;
    });
    return Object.fromEntries<WebAssembly.ExportValue>(entries);
  }

  tape(): Buffer {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(this.#bytes);
    return Buffer.concat([head, ...this.#records]);
  }
}

export interface Recorded<T> {
  readonly answer: T;
  readonly tape: Buffer;
  /** How many calls of kernels and checks are on it. */
  readonly calls: number;
}

/** Records what a fresh engine of a build is asked while it plays. */
export async function recorded<T>(library: { reset(): void }, play: () => T): Promise<Recorded<Awaited<T>>> {
  const { Instance } = WebAssembly;
  let recorder: Recorder | undefined;
  library.reset();
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, args: [WebAssembly.Module, WebAssembly.Imports]) {
      const { exports } = new target(...args);
      recorder = new Recorder(exports["memory"] as WebAssembly.Memory);
      return { exports: recorder.wrapped(exports) };
    },
  });
  try {
    const answer = await play();
    if (!recorder) throw new Error("No engine was started.");
    return { answer, tape: recorder.tape(), calls: recorder.calls };
  } finally {
    WebAssembly.Instance = Instance;
    library.reset();
  }
}

/** The digests of a build's answers to the corpus, and what its engine is asked meanwhile. */
export const recordCorpus = (library: { reset(): void }): Promise<Recorded<Digests>> => recorded(library, () => digests(library, corpus()));
