// What the interops share: a loss that a framework's own differentiation meets as a black box.
import { fail, show } from "../errors.js";
import type { Floats, Shaped } from "../types.js";

/** One output, or several by name. */
export type OneOrNamed<T> = T | Readonly<Record<string, T>>;

/** What the outputs of a model are to its loss: the data and shape of each. */
export type Outputs<O, T> = O extends T ? Shaped<Float32Array<ArrayBuffer>> : { readonly [K in keyof O]: Shaped<Float32Array<ArrayBuffer>> };

/** What `valueAndGrad` of a loss gives, or a function of the user's. */
export interface Outcome {
  /** A reduced value. */
  readonly value: number;
  /** The gradient by each output, under its name; that by a single output is alone, under any name. */
  readonly grads: Readonly<Record<string, Floats>>;
}

/** Things in order as one, or by their names. */
export const named = <T>(names: readonly string[] | undefined, things: readonly T[]): OneOrNamed<T> =>
  names ? Object.fromEntries(names.map((name, k) => [name, things[k] as T])) : (things[0] as T);

/** One thing or several by name in order; a `kind` of thing each, of which `is` tells. */
export function inOrder<T>(call: string, argument: string, kind: string, given: unknown, is: (value: unknown) => value is T) {
  if (is(given)) return { names: undefined, things: [given] };
  if (typeof given !== "object" || given === null || Array.isArray(given)) return fail("ERR_TYPE", call, argument, `${kind}, or an object of such by name`, show(given));
  const entries = Object.entries(given as Readonly<Record<string, unknown>>);
  const things = entries.map(([name, value]) => (is(value) ? value : fail("ERR_TYPE", call, `${argument}.${name}`, kind, show(value))));
  return { names: entries.map(([name]) => name), things };
}

export function needLoss(call: string, loss: unknown) {
  if (typeof loss !== "function") fail("ERR_TYPE", call, "loss", "a function that gives { value, grads }", show(loss));
}

/** Checks what a loss gave for outputs of these names and sizes, or for the one output of a size; gives the gradients in order. */
export function gradientsOf(call: string, outcome: unknown, names: readonly string[] | undefined, sizes: readonly number[]): Float32Array<ArrayBufferLike>[] {
  const { value, grads } = (typeof outcome === "object" && outcome !== null ? outcome : {}) as Partial<Outcome>;
  if (typeof value !== "number") fail("ERR_TYPE", call, "loss", "a function that gives { value, grads } with a number as value, as valueAndGrad does without reduction \"none\"", show(value));
  const given = Object.entries(grads ?? {});
  if (!names && given.length !== 1) {
    fail("ERR_SHAPE", call, "loss", "a function that gives one gradient for one output, or named outputs", `gradients by ${given.map(([name]) => name).join(", ") || "nothing"}`);
  }
  return sizes.map((size, k) => {
    const name = names?.[k];
    const argument = name === undefined ? "grads" : `grads.${name}`;
    const gradient: unknown = name === undefined ? given[0]?.[1] : grads?.[name];
    const data: unknown = typeof gradient === "object" && gradient !== null && "data" in gradient ? gradient.data : gradient;
    const expected = `a float array of ${size} elements`;
    if (!(data instanceof Float32Array || data instanceof Float64Array)) return fail("ERR_TYPE", call, argument, expected, show(gradient));
    if (data.length !== size) fail("ERR_SHAPE", call, argument, expected, `one of ${data.length}`);
    // The frameworks compute in float32.
    return data instanceof Float64Array ? Float32Array.from(data) : data;
  });
}
