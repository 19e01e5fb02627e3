import { fail, show } from "../errors.js";
import { readObject } from "../invoke/options.js";
import { type RandomState, Xoshiro128 } from "./random.js";

/** What a {@link BalancedSampler} is made from. */
export interface BalancedSamplerOptions {
  /** Number of classes; labels are integers below it. */
  readonly classes: number;
  /** The most items that are kept of each class. Default 1024. */
  readonly capacity?: number | undefined;
  /** Items of a batch, where `next` is not told. */
  readonly batchSize?: number | undefined;
  /** An integer from 0 to 2³² − 1. Equal seeds and pushes give equal batches, on every machine. Default 0. */
  readonly seed?: number | undefined;
}

/** Items with their labels, in random order. */
export interface Batch<Item> {
  readonly items: Item[];
  /** Class indices, as `crossEntropy` takes them. */
  readonly labels: Int32Array<ArrayBuffer>;
}

/** The items of a class: a circular buffer, gone through in random order, one pass after the other. */
interface Ring<Item> {
  readonly items: Item[];
  /** Where the oldest item is, once the buffer is full. */
  oldest: number;
  /** The slots: those drawn in this pass, then the others. */
  readonly order: number[];
  /** Where each slot is in the order. */
  readonly places: number[];
  /** How many of them are drawn. */
  drawn: number;
  /** How many items of the class were ever pushed. */
  pushed: number;
  /** What is owed to the class by its frequency, in items. */
  credit: number;
}

/** All that a {@link BalancedSampler} is; JSON where the items are. */
export interface BalancedSamplerState<Item> {
  readonly classes: number;
  readonly capacity: number;
  readonly rings: readonly Readonly<Ring<Item>>[];
  readonly random: RandomState;
  readonly turn: number;
  readonly frequencies: boolean;
}

const NAME = "BalancedSampler";
const KNOWN = ["classes", "capacity", "batchSize", "seed"];

function integer(call: string, name: string, value: unknown, low: number, high = Infinity): number {
  const expected = high < Infinity ? `an integer from ${low} to ${high}` : `an integer ≥ ${low}`;
  if (typeof value !== "number") fail("ERR_TYPE", call, name, expected, show(value));
  if (!Number.isSafeInteger(value) || value < low || value > high) fail("ERR_RANGE", call, name, expected, show(value));
  return value;
}

/**
 * Batches of equal numbers of every class, from a stream in which classes are not equally frequent: n/C items of each of the
 * C classes that have any, and the remainder from classes in turn.
 *
 * Each class has a circular buffer: once it is full, an item pushed takes the place of its oldest. A class is drawn from
 * without replacement until all of its items were drawn, then anew, so an item is in a batch twice only where the class has
 * fewer items than the batch takes of it. Classes without items are left out. After `useFrequencies()` batches follow the
 * frequencies of all that was ever pushed instead, for fine-tuning: over many batches each class has its exact share.
 *
 * @throws TypeError or RangeError, with a `code`, for a wrong option, label or batch size, and where nothing was pushed.
 * @example
 * ```ts
 * import { BalancedSampler } from "fused-loss/sampling";
 * const sampler = new BalancedSampler<string>({ classes: 2, capacity: 100, batchSize: 4, seed: 1 });
 * ["a", "b", "c", "d"].forEach((item) => sampler.push(item, 0));
 * ["x", "y"].forEach((item) => sampler.push(item, 1));
 * for (const { items, labels } of sampler) {
 *   labels.filter((label) => label === 1).length; // 2
 *   break; // it goes on for ever
 * }
 * ```
 */
export class BalancedSampler<Item> implements Iterable<Batch<Item>> {
  readonly classes: number;
  readonly capacity: number;
  readonly batchSize: number | undefined;
  readonly #random: Xoshiro128;
  #rings: Ring<Item>[];
  #turn = 0;
  #frequencies = false;

  constructor(rawOptions: BalancedSamplerOptions) {
    const { classes, capacity = 1024, batchSize, seed = 0 } = readObject(NAME, "options", rawOptions, KNOWN);
    this.classes = integer(NAME, "classes", classes, 1, 2 ** 31 - 1);
    this.capacity = integer(NAME, "capacity", capacity, 1);
    this.batchSize = batchSize === undefined ? undefined : integer(NAME, "batchSize", batchSize, 1);
    this.#random = new Xoshiro128(integer(NAME, "seed", seed, 0, 2 ** 32 - 1));
    this.#rings = Array.from({ length: this.classes }, () => ({ items: [], oldest: 0, order: [], places: [], drawn: 0, pushed: 0, credit: 0 }));
  }

  /** How many items of each class are kept. */
  get sizes(): number[] {
    return this.#rings.map(({ items }) => items.length);
  }

  /** How many items of each class were ever pushed. */
  get counts(): number[] {
    return this.#rings.map(({ pushed }) => pushed);
  }

  /** Adds an item of a class; where the class is full, its oldest item goes. */
  push(item: Item, label: number): void {
    const ring = this.#rings[integer(`${NAME}.push`, "label", label, 0, this.classes - 1)] as Ring<Item>;
    ring.pushed++;
    if (ring.items.length < this.capacity) {
      ring.places.push(ring.order.length);
      ring.order.push(ring.items.length);
      ring.items.push(item);
      return;
    }
    const slot = ring.oldest;
    ring.items[slot] = item;
    ring.oldest = (slot + 1) % this.capacity;
    const at = ring.places[slot] as number;
    // What is new was not drawn yet.
    if (at < ring.drawn) exchange(ring, at, --ring.drawn);
  }

  /** The next batch. */
  next(batchSize: number | undefined = this.batchSize): Batch<Item> {
    const call = `${NAME}.next`;
    const size = integer(call, "batchSize", batchSize, 1);
    const present = this.#rings.flatMap(({ items }, label) => (items.length > 0 ? [label] : []));
    if (present.length === 0) fail("ERR_RANGE", call, "the sampler", "with an item at least", "an empty one");
    const shares = this.#frequencies ? this.#byFrequency(size, present) : this.#equal(size, present);
    const batch: { item: Item; label: number }[] = [];
    present.forEach((label, k) => {
      for (const item of this.#draw(this.#rings[label] as Ring<Item>, shares[k] as number)) batch.push({ item, label });
    });
    for (let i = batch.length - 1; i > 0; i--) swap(batch, i, this.#random.below(i + 1));
    return { items: batch.map(({ item }) => item), labels: Int32Array.from(batch, ({ label }) => label) };
  }

  /** From now on classes are as frequent in batches as among all items pushed, or with false equally again. */
  useFrequencies(on = true): void {
    if (typeof on !== "boolean") fail("ERR_TYPE", `${NAME}.useFrequencies`, "on", "a boolean", show(on));
    this.#frequencies = on;
  }

  /** A copy of all that the sampler is, which `structuredClone` and, where the items can be, JSON can hold. */
  save(): BalancedSamplerState<Item> {
    const { classes, capacity } = this;
    return { classes, capacity, rings: this.#rings.map(copy), random: this.#random.state, turn: this.#turn, frequencies: this.#frequencies };
  }

  /** Goes on where a sampler of as many classes and the same capacity was saved: the batches are the same. */
  restore(state: BalancedSamplerState<Item>): void {
    const call = `${NAME}.restore`;
    const { classes, capacity, rings, random, turn, frequencies } = readObject(call, "state", state, ["classes", "capacity", "rings", "random", "turn", "frequencies"]);
    integer(call, "state.classes", classes, this.classes, this.classes);
    integer(call, "state.capacity", capacity, this.capacity, this.capacity);
    if (!Array.isArray(rings) || rings.length !== this.classes) fail("ERR_SHAPE", call, "state.rings", `an array of ${this.classes}`, show(rings));
    if (!Array.isArray(random) || random.length !== 4) fail("ERR_SHAPE", call, "state.random", "an array of 4 integers", show(random));
    this.#turn = integer(call, "state.turn", turn, 0);
    this.#rings = (rings as Ring<Item>[]).map(copy);
    this.#random.state = [...(random as unknown as RandomState)];
    this.#frequencies = frequencies === true;
  }

  /** Batches of `batchSize` items, without end. */
  *[Symbol.iterator](): Generator<Batch<Item>, never> {
    for (;;) yield this.next();
  }

  #equal(size: number, present: readonly number[]): number[] {
    const each = Math.floor(size / present.length);
    const rest = size % present.length;
    const shares = present.map((_, k) => each + ((((k - this.#turn) % present.length) + present.length) % present.length < rest ? 1 : 0));
    this.#turn = (this.#turn + rest) % present.length;
    return shares;
  }

  /** What each class is owed, rounded so that the batch is full; what is rounded is owed next time. */
  #byFrequency(size: number, present: readonly number[]): number[] {
    const rings = present.map((label) => this.#rings[label] as Ring<Item>);
    const all = rings.reduce((sum, { pushed }) => sum + pushed, 0);
    for (const ring of rings) ring.credit += (size * ring.pushed) / all;
    const shares = rings.map(({ credit }) => Math.max(0, Math.floor(credit)));
    const by = rings.map((_, k) => k).sort((a, b) => fraction(rings, shares, b) - fraction(rings, shares, a) || a - b);
    let left = size - shares.reduce((sum, share) => sum + share, 0);
    for (let i = 0; left > 0; i = (i + 1) % by.length, left--) (shares[by[i] as number] as number)++;
    for (let i = by.length - 1; left < 0; i = (i + by.length - 1) % by.length) {
      if ((shares[by[i] as number] as number) === 0) continue;
      (shares[by[i] as number] as number)--;
      left++;
    }
    rings.forEach((ring, k) => (ring.credit -= shares[k] as number));
    return shares;
  }

  #draw(ring: Ring<Item>, count: number): Item[] {
    const { items, order } = ring;
    const all = items.length;
    const taken: Item[] = [];
    // A pass that began before this batch may end in it: what of it is in the batch comes last in the passes that follow.
    let [early, last, inPass] = [0, 0, 0];
    while (taken.length < count) {
      if (ring.drawn === all) {
        if (inPass < all) early = inPass;
        last = early;
        ring.drawn = inPass = 0;
      }
      if (ring.drawn >= all - last) last = 0;
      exchange(ring, ring.drawn, ring.drawn + this.#random.below(all - last - ring.drawn));
      taken.push(items[order[ring.drawn] as number] as Item);
      ring.drawn++;
      inPass++;
    }
    return taken;
  }
}

const fraction = (rings: readonly { readonly credit: number }[], shares: readonly number[], k: number) => (rings[k]?.credit ?? 0) - (shares[k] ?? 0);

const copy = <Item>(ring: Readonly<Ring<Item>>): Ring<Item> => ({ ...ring, items: [...ring.items], order: [...ring.order], places: [...ring.places] });

/** Swaps two places of a ring's order. */
function exchange({ order, places }: Ring<unknown>, i: number, j: number) {
  swap(order, i, j);
  places[order[i] as number] = i;
  places[order[j] as number] = j;
}

function swap<T>(array: T[], i: number, j: number) {
  [array[i], array[j]] = [array[j] as T, array[i] as T];
}
