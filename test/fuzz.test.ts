// Calls of every loss and function with one or two hostile things in them. Each gives the right answer, which is that of the
// scalar build on copies, or an error of this package before anything is written; never a trap, and never a write elsewhere.
//   FUZZ_CASES=1000000 npm test -- fuzz      more of them
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { DTYPES, givenTo } from "./support/call.js";
import { functionCases, lossCases } from "./support/cases.js";
import { count, seeded } from "./support/draw.js";

const CASES = Number(process.env.FUZZ_CASES ?? 10_000);
vi.setConfig({ testTimeout: 60_000 + CASES });

type Floats = Float32Array | Float64Array;
type Named = Record<string, unknown>;

/** What a hostile object throws: not an error of the package, and to be passed on as it is. */
class Hostile extends Error {}
const throwing = () => {
  throw new Hostile("a getter");
};

const isArray = (value: unknown): value is Floats | Int32Array => ArrayBuffer.isView(value) && !(value instanceof DataView);

/** The array behind a value that a call was given. */
function arrayOf(value: unknown): Floats | Int32Array {
  if (isArray(value)) return value;
  const { data } = (value ?? {}) as { readonly data?: unknown };
  return isArray(data) ? data : Float32Array.of(1);
}

const shapeOf = (value: unknown) => (value as { readonly shape?: readonly number[] } | null)?.shape ?? [arrayOf(value).length];

/** A copy in the middle of a larger buffer, at any multiple of its element's size, or of another kind of buffer. */
function placed<A extends Floats | Int32Array>(array: A, make: (bytes: number) => ArrayBufferLike, offset = 0): A {
  const buffer = make(array.byteLength + 64);
  const Class = array.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => A;
  const copy = new Class(buffer, offset, array.length);
  copy.set(array);
  return copy;
}

const resizable = (bytes: number) => new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(bytes, { maxByteLength: 2 * bytes });

/** What an argument or option may be in place of what it should; each is made from that. */
const VALUES: Readonly<Record<string, (valid: unknown) => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  number: () => 1,
  NaN: () => NaN,
  minusOne: () => -1,
  zero: () => 0,
  minusZero: () => -0,
  fraction: () => 0.5,
  huge: () => 1e308,
  tiny: () => 1e-320,
  infinity: () => Infinity,
  unsafe: () => 2 ** 53,
  string: () => "1",
  symbol: () => Symbol("one"),
  bigint: () => 1n,
  boolean: () => true,
  function: () => () => 1,
  empty: () => ({}),
  list: (valid) => Array.from(arrayOf(valid)),
  nested: () => [[1, 2], [3]],
  throwing: () => ({ get data() { return throwing(); }, get shape() { return throwing(); } }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  changing: (valid) => {
    let reads = 0;
    return { get data() { return reads++ === 0 ? arrayOf(valid) : new Float32Array(1); }, get shape() { return reads++ < 2 ? shapeOf(valid) : [2 ** 31, 2]; } };
  },
  primitive: () => ({ [Symbol.toPrimitive]: throwing }),
  otherFloats: (valid) => ({ data: arrayOf(valid) instanceof Float32Array ? Float64Array.from(arrayOf(valid)) : Float32Array.from(arrayOf(valid)), shape: shapeOf(valid) }),
  integers: (valid) => ({ data: Int32Array.from(arrayOf(valid)), shape: shapeOf(valid) }),
  bytes: (valid) => ({ data: Uint8Array.from(arrayOf(valid)), shape: shapeOf(valid) }),
  shorts: (valid) => ({ data: Int16Array.from(arrayOf(valid)), shape: shapeOf(valid) }),
  clamped: (valid) => ({ data: Uint8ClampedArray.from(arrayOf(valid)), shape: shapeOf(valid) }),
  bigints: (valid) => ({ data: BigInt64Array.from(Array.from(arrayOf(valid), (x) => BigInt(Math.trunc(x) || 0))), shape: shapeOf(valid) }),
  largeBigints: (valid) => ({ data: new BigInt64Array(arrayOf(valid).length).fill(2n ** 60n), shape: shapeOf(valid) }),
  unsigned: (valid) => ({ data: new Uint32Array(arrayOf(valid).length).fill(2 ** 31), shape: shapeOf(valid) }),
  negative: (valid) => ({ data: new Int32Array(arrayOf(valid).length).fill(-1), shape: shapeOf(valid) }),
  beyond: (valid) => ({ data: new Int32Array(arrayOf(valid).length).fill(2 ** 31 - 1), shape: shapeOf(valid) }),
  allNaN: (valid) => ({ data: arrayOf(valid).slice().fill(NaN), shape: shapeOf(valid) }),
  infinities: (valid) => ({ data: arrayOf(valid).slice().fill(-Infinity), shape: shapeOf(valid) }),
  dataView: (valid) => ({ data: new DataView(arrayOf(valid).slice().buffer), shape: shapeOf(valid) }),
  bare: (valid) => arrayOf(valid),
  detached: (valid) => {
    const array = arrayOf(valid).slice();
    structuredClone(array.buffer, { transfer: [array.buffer] });
    return { data: array, shape: shapeOf(valid) };
  },
  shared: (valid) => ({ data: placed(arrayOf(valid), (bytes) => new SharedArrayBuffer(bytes)), shape: shapeOf(valid) }),
  resizable: (valid) => ({ data: placed(arrayOf(valid), resizable), shape: shapeOf(valid) }),
  shrunk: (valid) => {
    const array = placed(arrayOf(valid), resizable);
    (array.buffer as ArrayBuffer & { resize(bytes: number): void }).resize(4);
    return { data: array, shape: shapeOf(valid) };
  },
  odd: (valid) => ({ data: placed(arrayOf(valid), (bytes) => new ArrayBuffer(bytes), arrayOf(valid).BYTES_PER_ELEMENT), shape: shapeOf(valid) }),
  flat: (valid) => ({ data: arrayOf(valid), shape: [arrayOf(valid).length] }),
  column: (valid) => ({ data: arrayOf(valid), shape: [arrayOf(valid).length, 1] }),
  deep: (valid) => ({ data: arrayOf(valid), shape: [...shapeOf(valid), ...new Array<number>(40).fill(1)] }),
  noShape: (valid) => ({ data: arrayOf(valid), shape: [] }),
  emptyRows: () => ({ data: new Float32Array(0), shape: [0, 3] }),
  emptyShape: () => ({ data: new Float64Array(0), shape: [3, 0] }),
  longer: (valid) => ({ data: arrayOf(valid), shape: shapeOf(valid).map((size) => size + 1) }),
  fractional: (valid) => ({ data: arrayOf(valid), shape: shapeOf(valid).map((size) => size + 0.5) }),
  notSizes: (valid) => ({ data: arrayOf(valid), shape: shapeOf(valid).map(() => NaN) }),
  below: (valid) => ({ data: arrayOf(valid), shape: shapeOf(valid).map((size) => -size) }),
  wrapping: (valid) => ({ data: arrayOf(valid), shape: [2 ** 16, 2 ** 16] }),
  textShape: (valid) => ({ data: arrayOf(valid), shape: "3" }),
  disposed: (valid) => {
    const array = arrayOf(valid);
    const tensor = simd128.tensor(array, [...shapeOf(valid)]);
    tensor.dispose();
    return tensor;
  },
};

/** Where results are to go; made from the call's first argument and what the loss gives. */
const OUTS: Readonly<Record<string, (first: Floats | Int32Array) => unknown>> = {
  same: (first) => first,
  shifted: (first) => new (first.constructor as Float32ArrayConstructor)(first.buffer as ArrayBuffer, 0, Math.max(0, first.length - 1)),
  fresh: (first) => first.slice(),
  short: (first) => first.slice(1),
  long: (first) => new (first.constructor as Float32ArrayConstructor)(first.length + 1),
  otherFloats: (first) => (first instanceof Float32Array ? new Float64Array(first.length) : new Float32Array(first.length)),
  integers: (first) => new Int32Array(first.length),
  null: () => null,
  list: (first) => Array.from(first),
  odd: (first) => placed(first, (bytes) => new ArrayBuffer(bytes), first.BYTES_PER_ELEMENT),
  shared: (first) => placed(first, (bytes) => new SharedArrayBuffer(bytes)),
};

/** Options that most losses have, or one only, or none. */
const OPTIONS = ["reduction", "normalizer", "gradOutput", "wrt", "weight", "posWeight", "ignoreIndex", "labelSmoothing", "unknown"];

const subjects = [
  ...lossCases.flatMap((one) => one.options.map((options) => ({ one, sample: (shape: readonly number[]) => one.sample(seeded(count(shape)), shape, options) }))),
  ...functionCases.flatMap((one) => one.options.map((options) => ({ one, sample: (shape: readonly number[]) => ({ args: one.sample(seeded(count(shape)), shape), options }) }))),
];

/** What each kind of change may put in. */
const HOSTILE = { argument: VALUES, option: VALUES, out: OUTS };
const changes = fc
  .constantFrom(...(Object.keys(HOSTILE) as (keyof typeof HOSTILE)[]))
  .chain((kind) => fc.record({ kind: fc.constant(kind), at: fc.nat(20), value: fc.constantFrom(...Object.keys(HOSTILE[kind])) }));

const plans = fc.record({
  subject: fc.nat(subjects.length - 1),
  shape: fc.nat(20),
  dtype: fc.constantFrom(...DTYPES),
  reduction: fc.constantFrom(undefined, "sum", "none"),
  gradients: fc.boolean(),
  changes: fc.array(changes, { minLength: 1, maxLength: 2 }),
});
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

/** A call by a plan; the same arrays every time, but new ones. */
function prepared({ subject, shape, dtype, reduction, gradients, changes }: Plan) {
  const { one, sample } = subjects[subject] as (typeof subjects)[number];
  const shapes = one.shapes.filter((each) => count(each) <= 400);
  const inputs = sample(shapes[shape % shapes.length] ?? [1]);
  const given = givenTo(inputs, dtype);
  const args: unknown[] = Object.values(given.args);
  const isLoss = "wrt" in one;
  const options: Named = { ...given.options, ...(isLoss && reduction !== undefined && { reduction }) };
  const valid = [...args];
  const first = arrayOf(args[0]);
  const own = [...new Set([...Object.keys(options), ...Object.keys(Object.assign({}, ...one.options) as Named)]), ...OPTIONS];
  for (const { kind, at, value } of changes) {
    if (kind === "argument") args[at % args.length] = VALUES[value]?.(valid[at % valid.length]);
    else if (kind === "option") options[own[at % own.length] ?? ""] = VALUES[value]?.(valid[0]);
    else {
      const place = OUTS[value]?.(first);
      const grads = isLoss ? { [one.wrt[at % one.wrt.length] ?? ""]: place } : undefined;
      options.out = !isLoss ? place : at % 3 === 0 ? { value: place } : at % 3 === 1 ? { grads } : { value: place, grads };
    }
  }
  const call = (library: object) => {
    const f = (library as Record<string, Record<string, (...args: unknown[]) => unknown> & ((...args: unknown[]) => unknown)>)[one.name];
    if (!f) throw new Error(one.name);
    if (!gradients) return f(...args, options);
    return isLoss ? f.valueAndGrad?.(...args, options) : f.vjp?.(...args, first, options);
  };
  return { name: one.name, args, options, call };
}

/** Every view of JavaScript's memory in what a call was given. */
function viewsIn(value: unknown, depth = 0): ArrayBufferView[] {
  if (ArrayBuffer.isView(value)) return [value];
  if (typeof value !== "object" || value === null || depth === 4) return [];
  const keys = safely(() => Object.keys(value)) ?? [];
  return keys.flatMap((key) => viewsIn(safely(() => Object.getOwnPropertyDescriptor(value, key)?.value as unknown), depth + 1));
}

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

// A detached buffer has no bytes.
const bytesOf = (buffer: ArrayBufferLike) => (buffer.byteLength === 0 ? new Uint8Array() : Uint8Array.from(new Uint8Array(buffer)));

/** Where the bytes of a buffer are others now; −1 where they are the same. */
function firstChange(buffer: ArrayBufferLike, before: Uint8Array, except: readonly ArrayBufferView[]): number {
  const now = bytesOf(buffer);
  for (const view of except) if (view.buffer === buffer) now.set(before.subarray(view.byteOffset, view.byteOffset + view.byteLength), view.byteOffset);
  return now.findIndex((byte, i) => byte !== before[i]);
}

/** What a call gave, with NaN as it is in the language, to be compared. */
function shown(result: unknown): string {
  const text = (_: string, value: unknown): unknown => {
    if (isArray(value)) return [value.constructor.name, ...Array.from(value, (x) => (Object.is(x, -0) ? "-0" : String(x)))];
    return typeof value === "number" ? String(value) : value;
  };
  return JSON.stringify(result, text);
}

function outcome(call: () => unknown) {
  try {
    return { result: call() };
  } catch (error) {
    return { error };
  }
}

const ended = { byAnswer: 0, byError: 0 };

const told = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : typeof error);

/** What is wrong with the way a call went; nothing mostly. */
function complaint(plan: Plan): string | undefined {
  const { name, args, options, call } = prepared(plan);
  const buffers = [...new Set(viewsIn([args, options]).map(({ buffer }) => buffer))];
  const before = buffers.map(bytesOf);
  const { result, error } = outcome(() => call(simd128));
  const changed = (except: readonly ArrayBufferView[]) => buffers.some((buffer, k) => firstChange(buffer, before[k] as Uint8Array, except) >= 0);
  ended[error === undefined ? "byAnswer" : "byError"]++;
  if (error !== undefined) {
    if (changed([])) return `${name} wrote before it threw ${told(error)}`;
    if (error instanceof Hostile) return undefined;
    // What a revoked proxy throws is the language's.
    if (error instanceof TypeError && /revoked/.test(error.message)) return undefined;
    const { code, argument, message } = error as { readonly code?: unknown; readonly argument?: unknown; readonly message?: unknown };
    if (!(error instanceof simd128.LossTypeError || error instanceof simd128.LossRangeError)) return `${name} threw ${told(error)}`;
    if (code === "ERR_ENGINE") return `${name} trapped: ${String(message)}`;
    return typeof argument === "string" && String(message).startsWith(name) ? undefined : `${name} threw ${String(message)}`;
  }
  const again = prepared(plan);
  const expected = outcome(() => again.call(scalar));
  if (expected.error !== undefined) return `${name} gave ${shown(result).slice(0, 200)}, but the scalar build threw ${told(expected.error)}`;
  const [ours, theirs] = [shown(result), shown(expected.result)];
  if (ours !== theirs) return `${name} gave ${ours.slice(0, 200)} in place of ${theirs.slice(0, 200)}`;
  return changed(viewsIn(options.out)) ? `${name} wrote where it was not told to` : undefined;
}

it(`hold in ${CASES.toLocaleString("en")} calls with something hostile in them`, () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const found = complaint(plan);
      if (found !== undefined) throw new Error(found);
    }),
    { seed: 5, numRuns: CASES },
  );
  // Of both there are many.
  expect(ended.byAnswer).toBeGreaterThan(CASES / 15);
  expect(ended.byError).toBeGreaterThan(CASES / 10);
  // The engine has not failed: it still computes.
  expect(simd128.mse(Float32Array.of(3), Float32Array.of(1))).toBe(4);
});
