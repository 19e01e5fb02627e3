// Plays the corpus (test/support/corpus.ts) in any engine: of the language alone, as it is copied into projects of every kind.
import type { Call, Packed } from "../support/corpus.js";

type Floats = Float32Array | Float64Array;
type FloatsClass = Float32ArrayConstructor | Float64ArrayConstructor;
type Value = number | Floats;
type Named<T> = Readonly<Record<string, T>>;

/** A loss or function of a build, as far as all are the same. */
interface Callable {
  (...args: unknown[]): Value;
  valueAndGrad(...args: unknown[]): { readonly value: Value; readonly grads: Named<Floats> };
  vjp(...args: unknown[]): Floats | Named<Floats>;
}

/** A digest for each loss and function. */
export type Digests = Named<string>;

function bytesOf(base64: string): ArrayBuffer {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

function unpacked({ kind, shape, data }: Packed, Floats: FloatsClass) {
  if (kind === "number") return Number(data);
  return { data: kind === "index" ? new Int32Array(bytesOf(data)) : Floats.from(new Float64Array(bytesOf(data))), shape };
}

/** Their bytes; NaN, whose bits no engine promises, as that of the language. */
function bytes(value: Value): Uint8Array {
  const numbers = typeof value === "number" ? Float64Array.of(value) : value.slice();
  numbers.forEach((x, i) => Number.isNaN(x) && (numbers[i] = NaN));
  return new Uint8Array(numbers.buffer);
}

/** Numbers of either sign, each a fraction of few bits. */
const outer = ({ length }: Floats, Floats: FloatsClass) => Floats.from(Array.from({ length }, (_, i) => (((i * 7919) % 257) - 128) / 64));

/** All that a build answers to a call in a dtype. */
function answers(library: object, { name, args, options, wrt, reductions = [] }: Call, Floats: FloatsClass): Value[] {
  const call = (library as Named<Callable>)[name];
  if (!call) throw new Error(`There is no ${name}.`);
  const own = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, typeof value === "object" ? unpacked(value, Floats) : value]));
  const given = args.map((argument) => unpacked(argument, Floats));
  if (wrt === undefined) {
    const value = call(...given, own) as Floats;
    const grads = call.vjp(...given, outer(value, Floats), own);
    return [value, ...(ArrayBuffer.isView(grads) ? [grads] : Object.values(grads))];
  }
  return reductions.flatMap((reduction) => {
    const { value, grads } = call.valueAndGrad(...given, { ...own, wrt, reduction });
    const all = [call(...given, { ...own, reduction }), value, ...Object.values(grads)];
    if (typeof value === "number") return all;
    const gradOutput = outer(value, Floats);
    return [...all, ...Object.values(call.valueAndGrad(...given, { ...own, wrt, reduction, gradOutput }).grads)];
  });
}

async function digest(parts: readonly Uint8Array[]): Promise<string> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", whole)).subarray(0, 8);
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Calls that threads share out, on numbers made by integers, as the corpus would be large with them. */
const LARGE: readonly (readonly [name: string, rows: number, classes: number])[] = [["bceWithLogits", 300_001, 1], ["huber", 1_000_003, 1], ["crossEntropy", 4_099, 100], ["multiLabelSoftMargin", 4_099, 101]];

function largeAnswers(library: object, [name, rows, classes]: (typeof LARGE)[number], Floats: FloatsClass): Value[] {
  const call = (library as Named<Callable>)[name] as Callable;
  const shape = [rows, classes];
  const input = { data: outer(new Floats(rows * classes), Floats), shape };
  const labels = { data: Int32Array.from({ length: rows }, (_, i) => (i * 31) % classes), shape: [rows] };
  const target = name === "crossEntropy" ? labels : { data: Floats.from(Array.from(input.data, (_, i) => (i * 31) % 2)), shape };
  const { value, grads } = call.valueAndGrad(input, target);
  return [call(input, target), value, ...Object.values(grads), call(input, target, { reduction: "none" })];
}

/** The digests of a build's answers in both dtypes: of each loss and function the first 16 hexadecimal digits of their SHA-256. */
export async function digests(library: object, corpus: readonly Call[]): Promise<Digests> {
  const result: Record<string, string> = {};
  for (const name of new Set(corpus.map((call) => call.name))) {
    const calls = corpus.filter((call) => call.name === name);
    const parts = calls.flatMap((call) => [Float32Array, Float64Array].flatMap((Floats) => answers(library, call, Floats).map(bytes)));
    result[name] = await digest(parts);
  }
  // Last, as memory that has grown stays.
  for (const call of LARGE) result[`${call[0]} of ${call[1]} × ${call[2]}`] = await digest([Float32Array, Float64Array].flatMap((Floats) => largeAnswers(library, call, Floats).map(bytes)));
  return result;
}
