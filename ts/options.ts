// Options: reading and checking them.
import { fail, show } from "./errors.js";
import { FLOATS, type Operand, type Shape, needDtype, needFlatShape, operand } from "./marshal.js";

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

/** Any finite number. */
export const finite = (name: string, value: number): OptionSpec => ({
  name,
  default: value,
  expected: "a finite number",
  test: Number.isFinite,
});

/** True or false. */
export const flag = (name: string, value: boolean): OptionSpec => ({ name, default: value });

/** Reads a number or flag, or its default. */
export function readOption(call: string, options: Options, spec: OptionSpec): number {
  const given = options[spec.name];
  if (given === undefined) return Number(spec.default);
  if (typeof spec.default === "boolean") {
    if (typeof given !== "boolean") fail("ERR_TYPE", call, spec.name, "true or false", show(given));
    return Number(given);
  }
  const expected = spec.expected ?? "a number";
  if (typeof given !== "number") fail("ERR_TYPE", call, spec.name, expected, show(given));
  if (spec.test?.(given) === false) fail("ERR_RANGE", call, spec.name, expected, show(given));
  return given;
}

const EMPTY: Options = {};

/** Reads an object of options, none of which may be unknown. */
export function readObject(call: string, name: string, given: unknown, known: readonly string[]): Options {
  if (given === undefined) return EMPTY;
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given) || Array.isArray(given)) {
    fail("ERR_TYPE", call, name, `an object with any of ${known.join(", ")}`, show(given));
  }
  for (const key in given) {
    if (!known.includes(key)) fail("ERR_OPTION", call, name, `an object with any of ${known.join(", ")}`, `one with ${show(key)}`);
  }
  return given as Options;
}

/** What the options that every loss has say. */
export interface Common {
  readonly reduction: string;
  readonly normalizer: number | undefined;
  readonly gradOutput: number;
  readonly gradOutputs: Operand | undefined;
  readonly wrt: readonly string[];
  readonly outValue: Operand | undefined;
  readonly outGrads: Options;
}

/** The names of the options that every loss has. */
export const COMMON = ["reduction", "normalizer", "gradOutput", "wrt", "out"];

/** What reading the options of a loss takes. */
export interface LossSpec {
  /** The name users call it by. */
  readonly name: string;
  /** The names of its own options. */
  readonly known: readonly string[];
  readonly reductions: readonly string[];
  /** What it can differentiate by. */
  readonly wrt: readonly string[];
  /** What it differentiates by unless told. */
  readonly defaultWrt: readonly string[];
}

/** The reductions that every loss has. */
export const BASIC = ["mean", "sum", "none"];

const OUTS = ["value", "grads"];
const NOTHING: readonly string[] = [];

function readNames(call: string, wrt: unknown, able: readonly string[]): readonly string[] {
  if (!Array.isArray(wrt)) fail("ERR_TYPE", call, "wrt", "an array of names", show(wrt));
  const names = new Set(wrt as unknown[]);
  for (const name of names) {
    if (typeof name !== "string" || !able.includes(name)) {
      fail("ERR_OPTION", call, "wrt", `names among ${able.map(show).join(", ")}`, show(name));
    }
  }
  return Array.from(names) as string[];
}

/** Reads the options that every loss has. */
export function readCommon(spec: LossSpec, options: Options, valueShape: Shape, like: Operand, grads: boolean): Common {
  const { name: call, reductions, wrt: able } = spec;
  const { reduction: givenReduction, normalizer, gradOutput, wrt, out } = options;
  const reduction = givenReduction === undefined ? "mean" : givenReduction;
  if (typeof reduction !== "string" || !reductions.includes(reduction)) {
    fail(typeof reduction === "string" ? "ERR_RANGE" : "ERR_TYPE", call, "reduction", `one of ${reductions.map(show).join(", ")}`, show(reduction));
  }
  if (normalizer !== undefined) {
    if (typeof normalizer !== "number") fail("ERR_TYPE", call, "normalizer", "a finite number > 0", show(normalizer));
    if (!(normalizer > 0 && normalizer < Infinity)) fail("ERR_RANGE", call, "normalizer", "a finite number > 0", show(normalizer));
    if (reduction === "sum" || reduction === "none") {
      fail("ERR_OPTION", call, "normalizer", `absent with reduction "${reduction}", which divides by nothing`, show(normalizer));
    }
  }
  let outer = 1;
  let gradOutputs: Operand | undefined;
  if (typeof gradOutput === "number") {
    outer = gradOutput;
  } else if (gradOutput !== undefined) {
    if (reduction !== "none") fail("ERR_TYPE", call, "gradOutput", `a number with reduction "${reduction}"`, show(gradOutput));
    if (grads) {
      gradOutputs = operand(call, "gradOutput", gradOutput, FLOATS);
      needDtype(call, gradOutputs, like);
      needFlatShape(call, gradOutputs, valueShape, "as the value has");
    }
  }
  let wanted = grads ? spec.defaultWrt : NOTHING;
  if (wrt !== undefined) {
    const names = readNames(call, wrt, able);
    if (grads) wanted = names;
  }
  const outs = readObject(call, "out", out, OUTS);
  const outGrads = readObject(call, "out.grads", outs.grads, able);
  if (grads) {
    for (const name in outGrads) {
      if (outGrads[name] !== undefined && !wanted.includes(name)) {
        fail("ERR_OPTION", call, `out.grads.${name}`, `absent, or ${name} in wrt`, "a place for a gradient that is not asked for");
      }
    }
  }
  let outValue: Operand | undefined;
  if (outs.value !== undefined) {
    if (reduction !== "none") fail("ERR_OPTION", call, "out.value", `absent with reduction "${reduction}", whose value is a number`, show(outs.value));
    outValue = output(call, "out.value", outs.value, like, valueShape, "as the value has");
  }
  return { reduction, normalizer, gradOutput: outer, gradOutputs, wrt: wanted, outValue, outGrads };
}

/** Reads a place for a result. */
export function output(call: string, name: string, given: unknown, like: Operand, shape: Shape, why: string): Operand {
  const op = operand(call, name, given, FLOATS);
  needDtype(call, op, like);
  needFlatShape(call, op, shape, why);
  return op;
}
