// What the interops share: a loss that a framework's own differentiation meets as a black box.
import { fail, show } from "../errors.js";
import type { Floats } from "../types.js";

/** Names of outputs with something for each; one output goes without a name. */
export type OneOrNamed<T> = T | Readonly<Record<string, T>>;

/** What `valueAndGrad` of a loss gives, or a function of the user's. */
export interface Outcome {
  /** A reduced value. */
  readonly value: number;
  /** The gradient by each output, under its name; that by a single output is alone, under any name. */
  readonly grads: Readonly<Record<string, Floats>>;
}

type Array = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** Checks what a loss gave for outputs of these names and sizes, or for the one output of a size; gives the gradients in order. */
export function gradientsOf(call: string, outcome: unknown, names: readonly string[] | undefined, sizes: readonly number[]): Array[] {
  const { value, grads } = (typeof outcome === "object" && outcome !== null ? outcome : {}) as Partial<Outcome>;
  if (typeof value !== "number") fail("ERR_TYPE", call, "loss", "a function that gives { value, grads } with a number as value, as valueAndGrad does without reduction \"none\"", show(value));
  const given = Object.entries(grads ?? {});
  if (!names && given.length !== 1) {
    fail("ERR_SHAPE", call, "loss", "a function that gives one gradient for one output, or named outputs", `gradients by ${given.map(([name]) => name).join(", ") || "nothing"}`);
  }
  return sizes.map((size, k) => {
    const name = names?.[k];
    const gradient: unknown = name === undefined ? given[0]?.[1] : grads?.[name];
    const data: unknown = typeof gradient === "object" && gradient !== null && "data" in gradient ? gradient.data : gradient;
    if (!(data instanceof Float32Array || data instanceof Float64Array) || data.length !== size) {
      fail("ERR_SHAPE", call, `grads${name === undefined ? "" : `.${name}`}`, `a float array of ${size} elements`, show(gradient));
    }
    return data as Array;
  });
}
