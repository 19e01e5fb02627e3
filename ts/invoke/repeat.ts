// Calls that are made again on the same tensors, as in training: what such a call came to is kept, so that it need not be read
// anew. Tensors are told by their numbers, so that nothing of the user's is held.
import { type Engine, type KernelName, engine } from "../runtime.js";
import { Tensor } from "../tensor.js";
import type { Common, Outcome, Run } from "./common.js";
import { type Marshal, reducedValue } from "./marshal.js";
import type { Options } from "./options.js";

/** Objects that options may have in them: `out`, and in that `grads`. */
const NESTED: readonly string[] = ["out", "grads"];

const isPlain = (value: unknown): value is Options => typeof value === "object" && value !== null && value.constructor === Object;

function isSameList(list: readonly unknown[], given: unknown): boolean {
  if (!Array.isArray(given) || given.length !== list.length) return false;
  for (let k = 0; k < list.length; k++) if (given[k] !== list[k]) return false;
  return true;
}

/** What options hold, by which to tell whether others are the same: numbers, strings, flags, lists of names, tensors, and objects of them. */
class Likeness {
  readonly #keys: string[] = [];
  /** What there is but for tensors and objects. */
  readonly #values: unknown[] = [];
  /** Which tensor there is; 0 where there is none. */
  readonly #ids: number[] = [];
  readonly #objects: (Likeness | undefined)[] = [];

  /** The likeness of an object, if it can have one, and a copy of it; its tensors follow those that are there. */
  static of(given: unknown, tensors: object[], depth = 0): { readonly likeness: Likeness; readonly copy: Options } | undefined {
    if (!isPlain(given)) return undefined;
    const likeness = new Likeness();
    const copy: Record<string, unknown> = {};
    for (const key in given) {
      if (key === "__proto__") return undefined;
      let value = given[key];
      const id = Tensor.id(value);
      let object: Likeness | undefined;
      if (id !== 0) {
        tensors.push(value as object);
      } else if (typeof value === "object" && value !== null) {
        if (key === NESTED[depth]) {
          const nested = Likeness.of(value, tensors, depth + 1);
          if (!nested) return undefined;
          ({ likeness: object, copy: value } = nested);
        } else if (Array.isArray(value)) {
          value = Array.from(value as unknown[]);
          if (!(value as unknown[]).every((item) => typeof item === "string")) return undefined;
        } else {
          return undefined;
        }
      } else if (typeof value === "function") {
        return undefined;
      }
      copy[key] = value;
      likeness.#keys.push(key);
      likeness.#values.push(id !== 0 || object ? undefined : value);
      likeness.#ids.push(id);
      likeness.#objects.push(object);
    }
    // An object without keys may be of a kind that is refused.
    return likeness.#keys.length > 0 ? { likeness, copy } : undefined;
  }

  /** Whether an object holds the same; its tensors follow those that are there. */
  is(given: unknown, tensors: object[]): boolean {
    if (!isPlain(given)) return false;
    let k = 0;
    for (const key in given) {
      if (this.#keys[k] !== key) return false;
      const value = given[key];
      const id = this.#ids[k] as number;
      const object = this.#objects[k];
      const known = this.#values[k];
      if (id !== 0) {
        if (Tensor.id(value) !== id) return false;
        tensors.push(value as object);
      } else if (object) {
        if (!object.is(value, tensors)) return false;
      } else if (!Object.is(value, known) && !(Array.isArray(known) && isSameList(known, value))) {
        return false;
      }
      k++;
    }
    return k === this.#keys.length;
  }
}

/** Looks for an element that an argument must not have, and gives its position, or −1. Made of numbers: it outlives the call. */
export type Check = (engine: Engine) => number;

/** What a call came to. */
interface Known {
  readonly ids: readonly number[];
  /** Absent where there were none. */
  readonly options: Likeness | undefined;
  readonly call: string;
  readonly kernel: KernelName;
  readonly dtype: 0 | 1;
  readonly checks: readonly Check[];
  readonly block: Float64Array<ArrayBuffer>;
  /** The gradients, and which of the options' tensors each is in. */
  readonly names: readonly string[];
  readonly places: readonly number[];
  /** Which of them the values are in; −1 for a reduced one. */
  readonly values: number;
}

/** Tells of a call that is ready to run, so that it can be made again. */
export type Lesson = (call: string, kernel: KernelName, marshal: Marshal, common: Common, checks: readonly Check[]) => void;

/** How many first arguments there may be in turn. */
const ROOM = 4;
/** How often calls on the same arguments are learnt in vain. */
const PATIENCE = 4;

/** The last calls whose first argument is the same. */
interface Calls {
  /** The numbers of the last one's arguments. */
  ids: readonly number[];
  tries: number;
  known: Known | undefined;
}

/** One form of a loss, with the last calls of it. */
export class Repeat {
  readonly #arity: number;
  readonly #run: Run;
  readonly #grads: boolean;
  readonly #calls: Calls[] = [];
  #next = 0;

  constructor(arity: number, run: Run, grads: boolean) {
    this.#arity = arity;
    this.#run = run;
    this.#grads = grads;
  }

  /** Makes a call. */
  call(args: readonly unknown[]): Outcome {
    const options = args[this.#arity];
    const first = Tensor.id(args[0]);
    if (first === 0) return this.#run(args, options, this.#grads);
    const calls = this.#callsOn(first);
    const outcome = calls.known && this.#again(calls, calls.known, args);
    if (outcome) return outcome;
    if (this.#isOn(args, calls.ids)) {
      if (calls.tries < PATIENCE) return this.#learn(calls, args, options);
    } else {
      calls.ids = Array.from({ length: this.#arity }, (_, k) => Tensor.id(args[k]));
      calls.tries = 0;
      calls.known = undefined;
    }
    return this.#run(args, options, this.#grads);
  }

  /** The calls of a first argument; new ones take the place of the oldest. */
  #callsOn(first: number): Calls {
    for (let k = 0; k < this.#calls.length; k++) {
      const calls = this.#calls[k] as Calls;
      if (calls.ids[0] === first) return calls;
    }
    const calls = { ids: [first], tries: 0, known: undefined };
    this.#calls[this.#next] = calls;
    this.#next = (this.#next + 1) % ROOM;
    return calls;
  }

  #isOn(args: readonly unknown[], ids: readonly number[]): boolean {
    if (ids.length < this.#arity) return false;
    for (let k = 0; k < ids.length; k++) if (ids[k] === 0 || Tensor.id(args[k]) !== ids[k]) return false;
    return true;
  }

  /** Makes a call that has been made before on a copy of its options, so that these are sure to be what is kept of them. */
  #learn(calls: Calls, args: readonly unknown[], options: unknown): Outcome {
    calls.tries++;
    const { ids } = calls;
    const tensors: object[] = [];
    const seen = options === undefined ? undefined : Likeness.of(options, tensors);
    if (!seen && options !== undefined) return this.#run(args, options, this.#grads);
    return this.#run(args, seen?.copy, this.#grads, (call, kernel, marshal, common, checks) => {
      if (!marshal.isOn(this.#arity + tensors.length)) return;
      const at = (place: object | undefined) => (place ? tensors.indexOf(place) : -1);
      calls.known = {
        ids,
        options: seen?.likeness,
        call,
        kernel,
        dtype: marshal.dtype,
        checks,
        block: marshal.engine.views.block.slice(),
        names: common.gradients.map(({ of }) => of.name),
        places: common.gradients.map(({ out }) => at(out?.given)),
        values: at(common.outValue?.given),
      };
    });
  }

  #again(calls: Calls, known: Known, args: readonly unknown[]): Outcome | undefined {
    const options = args[this.#arity];
    const tensors: object[] = [];
    if (known.options ? !known.options.is(options, tensors) : options !== undefined) return undefined;
    // From here on no code of the user's runs. What that of the options has disposed of has no number any more.
    if (!this.#isOn(args, known.ids)) return undefined;
    for (let k = 0; k < tensors.length; k++) if (Tensor.id(tensors[k]) === 0) return undefined;
    const current = engine();
    if (current.failed) return undefined;
    for (let k = 0; k < known.checks.length; k++) if ((known.checks[k] as Check)(current) >= 0) return undefined;
    current.views.block.set(known.block);
    const reduced = current.run(known.call, known.kernel, known.dtype);
    current.finish();
    calls.tries = 0;
    const grads: Record<string, object> = {};
    for (let k = 0; k < known.names.length; k++) grads[known.names[k] as string] = tensors[known.places[k] as number] as object;
    return { value: known.values < 0 ? reducedValue(known.dtype, reduced) : tensors[known.values], grads };
  }
}
