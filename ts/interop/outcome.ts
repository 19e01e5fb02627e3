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

/** Outputs in order, with their names if they have some, and what errors call each. */
export interface InOrder<T> {
  readonly names: readonly string[] | undefined;
  readonly labels: readonly string[];
  readonly things: readonly T[];
}

/** One thing or several by name, in order; a `kind` of thing each, of which `is` tells. */
export function inOrder<T>(call: string, argument: string, kind: string, given: unknown, is: (value: unknown) => value is T): InOrder<T> {
  if (is(given)) return { names: undefined, labels: [argument], things: [given] };
  if (typeof given !== "object" || given === null || Array.isArray(given)) return fail("ERR_TYPE", call, argument, `${kind}, or an object of such by name`, show(given));
  const names = Object.keys(given);
  const labels = names.map((name) => `${argument}.${name}`);
  const things = Object.values(given as Readonly<Record<string, unknown>>).map((value, k) => (is(value) ? value : fail("ERR_TYPE", call, labels[k] as string, kind, show(value))));
  return { names, labels, things };
}

/** Things in order as one, or by their names. */
export const named = <T>(names: readonly string[] | undefined, things: readonly T[]): OneOrNamed<T> =>
  names ? Object.fromEntries(names.map((name, k) => [name, things[k] as T])) : (things[0] as T);

export function needLoss(call: string, loss: unknown) {
  if (typeof loss !== "function") fail("ERR_TYPE", call, "loss", "a function that gives { value, grads }", show(loss));
}

/** The value of a loss of these outputs, and the gradients by them in order, each in its output's shape. */
export function evaluate<O>(call: string, loss: (outputs: O) => unknown, names: readonly string[] | undefined, outputs: readonly Shaped<Float32Array<ArrayBuffer>>[]) {
  const outcome = loss(named(names, outputs) as O);
  const { value, grads } = (typeof outcome === "object" && outcome !== null ? outcome : {}) as Partial<Outcome>;
  if (typeof value !== "number") return fail("ERR_TYPE", call, "loss", "a function that gives { value, grads } with a number as value, as valueAndGrad does without reduction \"none\"", show(value));
  const given = Object.entries(grads ?? {});
  if (!names && given.length !== 1) {
    fail("ERR_SHAPE", call, "loss", "a function that gives one gradient for one output, or named outputs", `gradients by ${given.map(([name]) => name).join(", ") || "nothing"}`);
  }
  const gradients = outputs.map(({ data: { length }, shape }, k) => {
    const name = names?.[k];
    const argument = name === undefined ? "grads" : `grads.${name}`;
    const gradient: unknown = name === undefined ? given[0]?.[1] : grads?.[name];
    const data: unknown = typeof gradient === "object" && gradient !== null && "data" in gradient ? gradient.data : gradient;
    const expected = `a float array of ${length} elements`;
    if (!(data instanceof Float32Array || data instanceof Float64Array)) return fail("ERR_TYPE", call, argument, expected, show(gradient));
    if (data.length !== length) fail("ERR_SHAPE", call, argument, expected, `one of ${data.length}`);
    // The frameworks compute in float32.
    return { data: data instanceof Float64Array ? Float32Array.from(data) : data, shape: [...shape] };
  });
  return { value, gradients };
}
