// Comparisons that say where they fail.
import { expect } from "vitest";

/** How far a number may be from another: `relative` to it, plus an `absolute` amount. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute?: number | readonly number[];
}

/** Units in the last place at 1. */
export const ULP = { float32: 2 ** -23, float64: 2 ** -52 } as const;

type Numbers = ArrayLike<number>;

/** Two steps of the smallest numbers there are: all that is left of a relative error there. */
const STEPS = { float32: 2 ** -148, float64: 2 ** -1073 } as const;

/** Numbers near others, computed in a type; NaN and infinities are to be the same. */
export function expectClose(what: string, got: Numbers, want: Numbers, dtype: keyof typeof STEPS, { relative, absolute = 0 }: Tolerance) {
  if (got.length !== want.length) expect.fail(`${what}: ${got.length} elements in place of ${want.length}`);
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] as number, want[i] as number];
    if (Object.is(a, b) || a === b) continue;
    const bound = relative * Math.abs(b) + (typeof absolute === "number" ? absolute : (absolute[i] ?? 0)) + STEPS[dtype];
    if (Number.isFinite(b) && Math.abs(a - b) <= bound) continue;
    expect.fail(`${what}: element ${i} is ${a} in place of ${b}, off by ${Math.abs(a - b)}, more than ${bound}`);
  }
}

/** A sum with the errors of its additions added back (Neumaier). */
export function total(values: readonly number[]): number {
  let [sum, lost] = [0, 0];
  for (const x of values) {
    const next = sum + x;
    if (Number.isFinite(next)) lost += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
    sum = next;
  }
  return sum + lost;
}

/** The largest size among finite numbers. */
export function largest(values: Iterable<number>): number {
  let most = 0;
  for (const x of values) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  return most;
}

const words = (numbers: Float32Array | Float64Array) =>
  numbers instanceof Float32Array
    ? new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length)
    : new BigUint64Array(numbers.buffer, numbers.byteOffset, numbers.length);

const arrayOf = (value: number | Numbers) =>
  value instanceof Float32Array || value instanceof Float64Array ? value : Float64Array.from(typeof value === "number" ? [value] : Array.from(value));

/** The same bits; one NaN is as good as another. */
export function expectSameBits(what: string, got: number | Numbers, want: number | Numbers) {
  const [a, b] = [arrayOf(got), arrayOf(want)];
  if (a.constructor !== b.constructor || a.length !== b.length) {
    expect.fail(`${what}: ${a.constructor.name}(${a.length}) in place of ${b.constructor.name}(${b.length})`);
  }
  const [x, y] = [words(a), words(b)];
  for (let i = 0; i < x.length; i++) {
    if (x[i] !== y[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) {
      expect.fail(`${what}: element ${i} is ${a[i]} (${x[i]?.toString(16)}) in place of ${b[i]} (${y[i]?.toString(16)})`);
    }
  }
}

/** The same bits of several arrays by name. */
export function expectSameGrads(what: string, got: Readonly<Record<string, Numbers>>, want: Readonly<Record<string, Numbers>>, names = Object.keys(want)) {
  const found = Object.keys(got).join(", ");
  if (found !== names.join(", ")) expect.fail(`${what}: gradients by ${found} in place of ${names.join(", ")}`);
  for (const name of names) expectSameBits(`${what}: gradient by ${name}`, got[name] ?? [], want[name] ?? []);
}
