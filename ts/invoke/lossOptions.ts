// The options of a loss: those that all losses have, and the numbers and flags among its own.
import type { DType } from "../tensor.js";
import type { Place } from "./marshal.js";
import { EMPTY, type OptionSpec, type Options, readOption, readValues } from "./options.js";

/** The names of the options that every loss has. */
export const COMMON = ["out", "reduction", "normalizer", "gradOutput", "wrt"];

/** The reductions that every loss has. */
export const BASIC = ["mean", "sum", "none"];

/** What reading the options of a loss takes. A class, so that all have one shape and are read fast. */
export class LossSpec {
  /** What the places for the gradients are called, and why they have their shapes, in the order of `wrt`: a call makes no strings. */
  readonly paths: readonly string[];
  readonly whys: readonly string[];

  constructor(
    /** The name users call it by. */
    readonly name: string,
    /** The names of its options: {@link COMMON}, then its own. */
    readonly known: readonly string[],
    /** What it can differentiate by. */
    readonly wrt: readonly string[],
    /** What it differentiates by unless told. */
    readonly defaultWrt: readonly string[] = wrt,
    readonly reductions: readonly string[] = BASIC,
  ) {
    this.paths = wrt.map((name) => `out.grads.${name}`);
    this.whys = wrt.map((name) => `as ${name} has`);
  }
}

/** The terms of a call's sum, and of its divisor. A class, as rollup takes the fields of an object literal for constants. */
export class Terms {
  /** The loss that users call, and its dtype and reduction. */
  loss = "";
  dtype: DType = "float32";
  reduction = "";
  /** Where the engine puts them. */
  place: Place | undefined;
  /** In float64; what `partial` is after. */
  values: Float64Array<ArrayBuffer> | undefined;
  /** The divisor, or the weights that add up to it. */
  divisor: number | Float64Array<ArrayBuffer> = 1;
}

class WithTerms {
  constructor(
    readonly options: object,
    readonly terms: Terms,
  ) {}
}

/** Options that ask for the terms of a call, too; no user has them. */
export const withTerms = <O extends object>(options: O, terms: Terms): O => new WithTerms(options, terms) as object as O;

/** The options of one call. A class for the same reason as {@link LossSpec}. */
export class LossOptions {
  out: unknown;
  reduction: unknown;
  normalizer: unknown;
  gradOutput: unknown;
  wrt: unknown;
  terms: Terms | undefined;
  /** The loss's own, if there are any. */
  own = EMPTY;
}

/** Reads the options of a loss, as `readValues` does. */
export function readLossOptions(call: string, raw: unknown, known: readonly string[]): LossOptions {
  const options = new LossOptions();
  if (raw === undefined) return options;
  let given = raw;
  if (given instanceof WithTerms) ({ options: given, terms: options.terms } = given);
  const values = readValues(call, "options", given, known);
  // By index, as a pattern would ask for an iterator; COMMON come first.
  options.out = values[0];
  options.reduction = values[1];
  options.normalizer = values[2];
  options.gradOutput = values[3];
  options.wrt = values[4];
  let own: Record<string, unknown> | undefined;
  for (let k = COMMON.length; k < values.length; k++) if (values[k] !== undefined) (own ??= {})[known[k] as string] = values[k];
  if (own) options.own = own;
  return options;
}

/** The numbers and flags among a loss's own options, in the kernel's order. */
export class Numbers {
  readonly names: readonly string[];
  readonly #specs: readonly OptionSpec[];
  readonly #defaults: readonly number[];

  constructor(specs: readonly OptionSpec[] = []) {
    this.#specs = specs;
    this.#defaults = specs.map((spec) => Number(spec.default));
    this.names = specs.map(({ name }) => name);
  }

  /** What a call has for them, given where its own options are. */
  read(call: string, own: Options, dtype: DType): readonly number[] {
    if (own === EMPTY) return this.#defaults;
    const numbers = new Array<number>(this.#specs.length);
    for (let k = 0; k < numbers.length; k++) numbers[k] = readOption(call, own, this.#specs[k] as OptionSpec, dtype === "float32");
    return numbers;
  }
}
