import { fail, show } from "../errors.js";
import { arrayOf, lengthOf } from "../arrays.js";
import type { TypedArray } from "../tensor.js";
import { readFloatType, readInteger, readNumber, readObject } from "../invoke/options.js";

type IntegerArray = ArrayLike<number> | ArrayLike<bigint>;

/** Class indices or counts: an array of any kind, `{ data, shape }` with one, or a tensor. */
export type Integers = IntegerArray | { readonly data: IntegerArray; readonly shape: readonly number[] };

/** Options of {@link classCounts}. */
export interface ClassCountsOptions {
  /** Labels of this index are not counted. Default −100. */
  readonly ignoreIndex?: number | undefined;
}

/**
 * How often each class occurs: count_c = Σ [label = c]. `labels` may have any shape; `classes` is how many classes there are.
 *
 * Source: NumPy `bincount`.
 *
 * @throws TypeError or RangeError, with a `code`, for labels that are not class indices.
 * @example
 * ```ts
 * import { classCounts } from "fused-loss/sampling";
 * classCounts([0, 2, 2], 3); // [1, 0, 2]
 * ```
 */
export function classCounts(labels: Integers, classes: number, options?: ClassCountsOptions): Float64Array<ArrayBuffer> {
  const call = "classCounts";
  const count = readInteger(call, "classes", classes, 1, 2 ** 31 - 1);
  const { ignoreIndex: givenIgnored = -100 } = readObject(call, "options", options, ["ignoreIndex"]);
  const ignoreIndex = readInteger(call, "ignoreIndex", givenIgnored, Number.MIN_SAFE_INTEGER, Infinity, "an integer");
  const counts = new Float64Array(count);
  forEach(call, "labels", labels, (label, i) => {
    if (label === ignoreIndex) return;
    if (!(Number.isInteger(label) && label >= 0 && label < count)) fail("ERR_RANGE", call, `labels[${i}]`, `a class index from 0 to ${count - 1}`, show(label));
    (counts[label] as number)++;
  });
  return counts;
}

function forEach(call: string, name: string, given: Integers, each: (value: number, i: number) => void) {
  const array = arrayOf(given);
  if (!array) fail("ERR_TYPE", call, name, "an array of integers, { data, shape } with one, or a tensor", show(given));
  if (ArrayBuffer.isView(array)) lengthOf(call, name, array as unknown as TypedArray);
  for (let i = 0; i < array.length; i++) {
    const value = array[i];
    if (typeof value !== "number" && typeof value !== "bigint") fail("ERR_TYPE", call, `${name}[${i}]`, "an integer", show(value));
    each(Number(value), i);
  }
}

/** Options of {@link classWeights}. */
export interface ClassWeightsOptions<D extends "float32" | "float64" = "float32" | "float64"> {
  /**
   * `"balanced"`: n/(C·n_c), so that every class has the same weight in all (scikit-learn); `"inverse"`: 1/n_c;
   * `"effective"`: (1 − β)/(1 − β^n_c), scaled to a sum of C (Cui et al., 2019). C counts the classes that occur. Default
   * `"balanced"`.
   */
  readonly scheme?: "balanced" | "inverse" | "effective" | undefined;
  /** β of `"effective"`, from 0 to below 1. Default 0.999. */
  readonly beta?: number | undefined;
  /** The element type of the result. Default `"float32"`. */
  readonly dtype?: D | undefined;
}

const SCHEMES = ["balanced", "inverse", "effective"];

/**
 * Weights for the classes of a loss, its `weight` option, from how often they occur, as {@link classCounts} gives it:
 * w_c = n/(C·n_c), or as `scheme` says. What does not occur has weight 0.
 *
 * Source: scikit-learn `compute_class_weight`; Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019.
 *
 * @throws TypeError or RangeError, with a `code`, for counts that are no integers ≥ 0, or a wrong option.
 * @example
 * ```ts
 * import { classWeights } from "fused-loss/sampling";
 * classWeights([30, 10]); // [0.666667, 2]
 * ```
 */
export function classWeights<D extends "float32" | "float64" = "float32">(
  counts: Integers,
  options?: ClassWeightsOptions<D>,
): D extends "float32" ? Float32Array<ArrayBuffer> : Float64Array<ArrayBuffer> {
  const call = "classWeights";
  const { scheme = "balanced", beta: rawBeta = 0.999, dtype = "float32" } = readObject(call, "options", options, ["scheme", "beta", "dtype"]);
  const known = SCHEMES.map(show).join(", ");
  if (typeof scheme !== "string") fail("ERR_TYPE", call, "scheme", `one of ${known}`, show(scheme));
  if (!SCHEMES.includes(scheme)) fail("ERR_RANGE", call, "scheme", `one of ${known}`, show(scheme));
  const beta = readNumber(call, "beta", rawBeta, "a number from 0 to below 1", (x) => x >= 0 && x < 1);
  const type = readFloatType(call, dtype);
  let [present, all] = [0, 0];
  const numbers: number[] = [];
  forEach(call, "counts", counts, (count, i) => {
    if (!(Number.isSafeInteger(count) && count >= 0)) fail("ERR_RANGE", call, `counts[${i}]`, "an integer ≥ 0", show(count));
    numbers.push(count);
    all += count;
    if (count > 0) present++;
  });
  const raw = numbers.map((count) => {
    if (count === 0) return 0;
    if (scheme === "balanced") return all / (present * count);
    // 1 − βⁿ without cancelling where β is near 1.
    return scheme === "inverse" ? 1 / count : (1 - beta) / (beta === 0 ? 1 : -Math.expm1(count * Math.log(beta)));
  });
  const scale = scheme === "effective" ? present / raw.reduce((sum, weight) => sum + weight, 0) : 1;
  const weights = raw.map((weight) => weight * scale || 0);
  return (type === "float32" ? Float32Array.from(weights) : Float64Array.from(weights)) as never;
}
