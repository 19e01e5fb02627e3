// Calls that are made again on the same tensors, as in training: what such a call came to is kept, so that it need not be read
// anew. Tensors are told by their numbers, so that nothing of the user's is held.
import { type Engine, type KernelName, engine } from "../runtime.js";
import { Tensor } from "../tensor.js";
import type { Common, Outcome, Run } from "./common.js";
import { type Marshal, reducedValue } from "./marshal.js";
import { isPlain } from "./options.js";

/** Objects that options may have in them: `out`, and in that `grads`. */
const NESTED: readonly string[] = ["out", "grads"];

function isSameList(list: readonly unknown[], given: unknown): boolean {
  if (!Array.isArray(given) || given.length !== list.length) return false;
  for (let k = 0; k < list.length; k++) if (given[k] !== list[k]) return false;
  return true;
}

/**
 * A copy of options, by which they are read once for all: of what is plain in them, and not of what they refer to. `reads`: what
 * {@link Likeness.is} has read of them already, in the same order.
 */
function copyOf(given: unknown, reads: unknown[], depth = 0): unknown {
  if (!isPlain(given)) return given;
  const copy: Record<string, unknown> = {};
  let empty = true;
  for (const key in given) {
    empty = false;
    const value = reads.length > 0 ? reads.shift() : given[key];
    const nested = key === NESTED[depth] ? copyOf(value, reads, depth + 1) : value;
    // Not by assignment, for which one name is not like the others.
    Object.defineProperty(copy, key, { value: nested, enumerable: true, configurable: true, writable: true });
  }
  // What has no keys may be of a kind that is refused.
  return empty ? given : copy;
}

/** What options hold, by which to tell whether others are the same: numbers, strings, flags, lists of names, tensors, and objects of them. */
class Likeness {
  readonly #keys: string[] = [];
  /** What there is but for tensors and objects. */
  readonly #values: unknown[] = [];
  /** Which tensor there is; 0 where there is none. */
  readonly #ids: number[] = [];
  readonly #objects: (Likeness | undefined)[] = [];

  /** The likeness of an object, if it can have one; its tensors follow those that are there. */
  static of(given: unknown, tensors: object[], depth = 0): Likeness | undefined {
    if (!isPlain(given)) return undefined;
    const likeness = new Likeness();
    for (const key in given) {
      const value = given[key];
      const id = Tensor.id(value);
      let object: Likeness | undefined;
      let known: unknown;
      if (id !== 0) {
        tensors.push(value as object);
      } else if (key === NESTED[depth] && value !== undefined) {
        object = Likeness.of(value, tensors, depth + 1);
        if (!object) return undefined;
      } else if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
        known = Array.from(value);
      } else if ((typeof value === "object" && value !== null) || typeof value === "function") {
        return undefined;
      } else {
        known = value;
      }
      likeness.#keys.push(key);
      likeness.#values.push(known);
      likeness.#ids.push(id);
      likeness.#objects.push(object);
    }
    return likeness.#keys.length > 0 ? likeness : undefined;
  }

  /** Whether an object holds the same; its tensors follow those that are there, and so does what is read of it. */
  is(given: unknown, tensors: object[], reads: unknown[]): boolean {
    if (!isPlain(given)) return false;
    let k = 0;
    for (const key in given) {
      if (this.#keys[k] !== key) return false;
      const value = given[key];
      reads.push(value);
      const id = this.#ids[k] as number;
      const object = this.#objects[k];
      const known = this.#values[k];
      if (id !== 0) {
        if (Tensor.id(value) !== id) return false;
        tensors.push(value as object);
      } else if (object) {
        if (!object.is(value, tensors, reads)) return false;
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
    const { known, ids } = calls;
    const reads: unknown[] = [];
    const outcome = known && this.#again(calls, known, args, options, reads);
    if (outcome) return outcome;
    if (!this.#isOn(args, ids)) {
      calls.ids = Array.from({ length: this.#arity }, (_, k) => Tensor.id(args[k]));
      calls.tries = 0;
      calls.known = undefined;
    } else if (calls.tries < PATIENCE) {
      return this.#learn(calls, ids, args, copyOf(options, reads));
    }
    return this.#run(args, known ? copyOf(options, reads) : options, this.#grads);
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

  /** Makes a call that has been made before, on a copy of its options. */
  #learn(calls: Calls, ids: readonly number[], args: readonly unknown[], options: unknown): Outcome {
    calls.tries++;
    const tensors: object[] = [];
    const likeness = Likeness.of(options, tensors);
    if (!likeness && options !== undefined) return this.#run(args, options, this.#grads);
    return this.#run(args, options, this.#grads, (call, kernel, marshal, common, checks) => {
      if (!marshal.isOn(this.#arity + tensors.length)) return;
      const at = (place: object | undefined) => (place ? tensors.indexOf(place) : -1);
      calls.known = {
        ids,
        options: likeness,
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

  #again(calls: Calls, known: Known, args: readonly unknown[], options: unknown, reads: unknown[]): Outcome | undefined {
    const tensors: object[] = [];
    if (known.options ? !known.options.is(options, tensors, reads) : options !== undefined) return undefined;
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
