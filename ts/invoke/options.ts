// Options: reading and checking them.
import { fail, show } from "../errors.js";

export type Options = Readonly<Record<string, unknown>>;

/** A number or flag among a loss's options; flags become 0 or 1. */
export interface OptionSpec {
  readonly name: string;
  readonly default: number | boolean;
  /** What a number must be, in words and as a test. */
  readonly expected?: string;
  readonly test?: (value: number) => boolean;
}

/** A number > 0. */
export const positive = (name: string, value: number): OptionSpec => ({
  name,
  default: value,
  expected: "a finite number > 0",
  test: (x) => x > 0 && x < Infinity,
});

/** A number ≥ 0. */
export const nonNegative = (name: string, value: number): OptionSpec => ({
  name,
  default: value,
  expected: "a finite number ≥ 0",
  test: (x) => x >= 0 && x < Infinity,
});

/** A number from 0 to 1. */
export const fraction = (name: string, value: number): OptionSpec => ({
  name,
  default: value,
  expected: "a number from 0 to 1",
  test: (x) => x >= 0 && x <= 1,
});

/** The exponent of a norm. */
export const exponent = (name: string, value: number): OptionSpec => ({
  name,
  default: value,
  expected: "a number ≥ 1, or Infinity",
  test: (x) => x >= 1,
});

/** Any finite number. */
export const finite = (name: string, value: number): OptionSpec => ({
  name,
  default: value,
  expected: "a finite number",
  test: Number.isFinite,
});

/** One of some numbers; the first is the default. */
export const oneOf = (name: string, values: readonly [number, ...number[]]): OptionSpec => ({
  name,
  default: values[0],
  expected: values.join(" or "),
  test: (x) => values.includes(x),
});

/** True or false. */
export const flag = (name: string, value: boolean): OptionSpec => ({ name, default: value });

/** Reads a number that must hold what `expected` says, and `test` tests. */
export function readNumber(call: string, name: string, given: unknown, expected: string, test: ((x: number) => boolean) | undefined): number {
  if (typeof given !== "number") fail("ERR_TYPE", call, name, expected, show(given));
  if (test?.(given) === false) fail("ERR_RANGE", call, name, expected, show(given));
  return given;
}

/** Reads a number or flag, or its default. A number must hold what it must once rounded to the loss's dtype, too. */
export function readOption(call: string, options: Options, spec: OptionSpec, float32: boolean): number {
  const given = options[spec.name];
  if (given === undefined) return Number(spec.default);
  if (typeof spec.default === "boolean") {
    if (typeof given !== "boolean") fail("ERR_TYPE", call, spec.name, "true or false", show(given));
    return Number(given);
  }
  const expected = spec.expected ?? "a number";
  const value = readNumber(call, spec.name, given, expected, spec.test);
  if (float32 && spec.test?.(Math.fround(value)) === false) fail("ERR_RANGE", call, spec.name, `${expected} in float32`, show(given));
  return value;
}

/** No options. */
export const EMPTY: Options = {};

/** Whether a list has an item, which is the first most often: a call of `includes` takes longer than a look at that. */
export const has = <T>(list: readonly T[], item: T) => list[0] === item || list.includes(item);

/** Reads an object of options, none of which may be unknown. */
export function readObject(call: string, name: string, given: unknown, known: readonly string[]): Options {
  if (given === undefined) return EMPTY;
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given) || Array.isArray(given)) {
    fail("ERR_TYPE", call, name, `an object with any of ${known.join(", ")}`, show(given));
  }
  let empty = true;
  for (const key in given) {
    empty = false;
    if (!has(known, key)) fail("ERR_OPTION", call, name, `an object with any of ${known.join(", ")}`, `one with ${show(key)}`);
  }
  // What a Map, a Promise or a Date holds would go unseen.
  if (empty && Object.prototype.toString.call(given) !== "[object Object]") {
    fail("ERR_TYPE", call, name, `an object with any of ${known.join(", ")}`, show(given));
  }
  return given as Options;
}

/** Whether it is an object of no class, of which all that counts is enumerated. */
export const isPlain = (value: unknown): value is Options => typeof value === "object" && value !== null && value.constructor === Object;

/**
 * Reads the values of an object of options, in the order of the names that are known. Of a plain object those count
 * that are enumerated, as in a spread: looking for each name in objects of many shapes takes several times as long.
 */
export function readValues(call: string, name: string, given: unknown, known: readonly string[]): readonly unknown[] {
  const object = readObject(call, name, given, known);
  const values = new Array<unknown>(known.length);
  // Getters of a class are not enumerated.
  if (isPlain(object)) for (const key in object) values[known.indexOf(key)] = object[key];
  else for (let k = 0; k < known.length; k++) values[k] = (object as Options)[known[k] as string];
  return values;
}

/** Reads an integer from `low` to `high`. */
export function readInteger(call: string, name: string, given: unknown, low: number, high = Infinity, expected = `an integer ${high < Infinity ? `from ${low} to ${high}` : `≥ ${low}`}`): number {
  return readNumber(call, name, given, expected, (x) => Number.isSafeInteger(x) && x >= low && x <= high);
}

/** Reads a finite number > 0; `more` is said beside that. */
export const readPositive = (call: string, name: string, given: unknown, more = "") => readNumber(call, name, given, `a finite number > 0${more}`, (x) => x > 0 && x < Infinity);

/** Reads the element type of floats. */
export function readFloatType(call: string, given: unknown, name = "dtype"): "float32" | "float64" {
  const expected = '"float32" or "float64"';
  if (typeof given !== "string") fail("ERR_TYPE", call, name, expected, show(given));
  if (given !== "float32" && given !== "float64") fail("ERR_RANGE", call, name, expected, show(given));
  return given;
}
