// Calls that are made again on the same tensors, as in training: what such a call came to is kept, so that it need not be read
// anew. Tensors are told by their numbers, so that nothing of the user's is held.
import { type Engine, type KernelName, engine } from "../runtime.js";
import { Tensor } from "../tensor.js";
import type { Common, Outcome, Run } from "./common.js";
import type { Marshal } from "./marshal.js";
import type { Options } from "./options.js";

/** An object of numbers, strings, flags, tensors and objects of them, by which to tell whether another is the same. */
class Likeness {
  readonly #keys: string[] = [];
  /** Where there is neither a tensor nor an object. */
  readonly #values: unknown[] = [];
  /** Which tensor there is; 0 where there is none. */
  readonly #ids: number[] = [];
  readonly #objects: (Likeness | undefined)[] = [];

  /** The likeness of an object, if it can have one, and a copy of it; its tensors follow those that are there. */
  static of(given: object, tensors: object[]): { readonly likeness: Likeness; readonly copy: Options } | undefined {
    if (given.constructor !== Object) return undefined;
    const likeness = new Likeness();
    const copy: Record<string, unknown> = {};
    for (const key in given) {
      const value = (given as Options)[key];
      const id = Tensor.id(value);
      const object = id === 0 && typeof value === "object" && value !== null ? Likeness.of(value, tensors) : undefined;
      if (id !== 0) tensors.push(value as object);
      else if (!object && (typeof value === "object" || typeof value === "function")) return undefined;
      copy[key] = object ? object.copy : value;
      likeness.#keys.push(key);
      likeness.#values.push(id !== 0 || object ? undefined : value);
      likeness.#ids.push(id);
      likeness.#objects.push(object?.likeness);
    }
    return { likeness, copy };
  }

  /** Whether an object is the same; its tensors follow those that are there. */
  is(given: unknown, tensors: object[]): boolean {
    if (typeof given !== "object" || given === null || given.constructor !== Object) return false;
    let k = 0;
    for (const key in given) {
      if (this.#keys[k] !== key) return false;
      const value = (given as Options)[key];
      const id = this.#ids[k] as number;
      const object = this.#objects[k];
      if (id !== 0) {
        if (Tensor.id(value) !== id) return false;
        tensors.push(value as object);
      } else if (object) {
        if (!object.is(value, tensors)) return false;
      } else if (!Object.is(value, this.#values[k])) {
        return false;
      }
      k++;
    }
    return k === this.#keys.length;
  }
}

/** Looks for an element that an argument must not have, and gives its position, or −1. */
export type Check = (engine: Engine) => number;

/** What a call came to. */
interface Known {
  readonly ids: readonly number[];
  readonly options: Likeness | undefined;
  readonly call: string;
  readonly kernel: KernelName;
  readonly dtype: 0 | 1;
  readonly checks: readonly Check[];
  readonly block: Float64Array<ArrayBuffer>;
  /** The gradients, and which of the options' tensors each is in. */
  readonly gradients: readonly (readonly [name: string, at: number])[];
  /** Which of them the values are in; −1 for a reduced one. */
  readonly values: number;
}

/** How often calls on the same arguments are learnt in vain. */
const PATIENCE = 4;

/** One form of a loss, and the call of it that is known. */
export class Repeat {
  readonly #arity: number;
  readonly #run: Run;
  readonly #grads: boolean;
  /** The numbers of the last call's arguments. */
  #ids: readonly number[] = [];
  #tries = 0;
  #known: Known | undefined;

  constructor(arity: number, run: Run, grads: boolean) {
    this.#arity = arity;
    this.#run = run;
    this.#grads = grads;
  }

  /** Makes a call. */
  call(args: readonly unknown[]): Outcome {
    const outcome = this.#known && this.#again(this.#known, args);
    if (outcome) return outcome;
    const options = args[this.#arity];
    const ids = new Array<number>(this.#arity);
    let same = true;
    for (let k = 0; k < ids.length; k++) {
      const id = Tensor.id(args[k]);
      ids[k] = id;
      if (id === 0 || id !== this.#ids[k]) same = false;
    }
    this.#ids = ids;
    if (!same) this.#tries = 0;
    if (!same || this.#tries === PATIENCE) return this.#run(args, options, this.#grads);
    this.#tries++;
    return this.#learn(args, options, ids);
  }

  /** Makes a call that may come again, on a copy of its options, so that both are sure to be the same. */
  #learn(args: readonly unknown[], options: unknown, ids: readonly number[]): Outcome {
    const tensors: object[] = [];
    const seen = typeof options === "object" && options !== null ? Likeness.of(options, tensors) : undefined;
    if (!seen && options !== undefined) return this.#run(args, options, this.#grads);
    return this.#run(args, seen?.copy, this.#grads, (call, kernel, marshal, common, checks) => {
      if (!marshal.isOn(ids.length + tensors.length)) return;
      const at = (place: object | undefined) => (place ? tensors.indexOf(place) : -1);
      const gradients = common.gradients.map(({ of, out }) => [of.name, at(out?.given)] as const);
      const values = at(common.outValue?.given);
      this.#known = { ids, options: seen?.likeness, call, kernel, dtype: marshal.dtype, checks, block: marshal.engine.views.block.slice(), gradients, values };
    });
  }

  #again(known: Known, args: readonly unknown[]): Outcome | undefined {
    const { ids, call, kernel, dtype, gradients, values } = known;
    const options = args[this.#arity];
    const tensors: object[] = [];
    if (known.options ? !known.options.is(options, tensors) : options !== undefined) return undefined;
    // From here on no code of the user's runs. What that of the options has disposed of has no number any more.
    for (let k = 0; k < ids.length; k++) if (Tensor.id(args[k]) !== ids[k]) return undefined;
    for (let k = 0; k < tensors.length; k++) if (Tensor.id(tensors[k]) === 0) return undefined;
    const current = engine();
    if (current.failed) return undefined;
    for (const check of known.checks) if (check(current) >= 0) return undefined;
    current.views.block.set(known.block);
    const reduced = current.run(call, kernel, dtype);
    current.finish();
    this.#tries = 0;
    const grads: Record<string, object> = {};
    for (const [name, at] of gradients) grads[name] = tensors[at] as object;
    return { value: values < 0 ? (dtype ? reduced : Math.fround(reduced)) : tensors[values], grads };
  }
}

/** Tells of a call that is ready to run, so that it can be made again. */
export type Lesson = (call: string, kernel: KernelName, marshal: Marshal, common: Common, checks: readonly Check[]) => void;
