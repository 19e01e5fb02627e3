import { fail, show } from "../errors.js";
import { readInteger, readNumber, readObject } from "../invoke/options.js";
import { type RandomState, Xoshiro128 } from "./random.js";

/** What a {@link BalancedSampler} is made from. */
export interface BalancedSamplerOptions {
  /** Number of classes; labels are integers below it. */
  readonly classes: number;
  /** The most items that are kept of each class. Default 1024. */
  readonly capacity?: number | undefined;
  /** Items of a batch, where `next` is not told. */
  readonly batchSize?: number | undefined;
  /**
   * An integer from 0 to 2³² − 1. Equal seeds and equal calls give equal batches, on every machine: the generator,
   * xoshiro128**, works on integers only. Default 0.
   */
  readonly seed?: number | undefined;
}

/** Items with their labels, in random order. */
export interface Batch<Item> {
  readonly items: Item[];
  /** Class indices, as `crossEntropy` takes them. */
  readonly labels: Int32Array<ArrayBuffer>;
}

/** The items of a class in a {@link BalancedSamplerState}. */
export interface RingState<Item> {
  readonly items: readonly Item[];
  /** Where the oldest item is, once the buffer is full. */
  readonly oldest: number;
  /** The places in `items`: those drawn in this pass, then the others. */
  readonly order: readonly number[];
  /** How many of them are drawn. */
  readonly drawn: number;
  /** How many items of the class were ever pushed. */
  readonly pushed: number;
  /** What is owed to the class by its frequency, in items. */
  readonly credit: number;
}

/** All that a {@link BalancedSampler} is; JSON where the items are. */
export interface BalancedSamplerState<Item> {
  readonly classes: number;
  readonly capacity: number;
  readonly rings: readonly RingState<Item>[];
  readonly random: RandomState;
  /** Which class is the next to have one item more than others, among those that have any. */
  readonly turn: number;
  /** Whether batches follow the frequencies. */
  readonly frequencies: boolean;
}

const NAME = "BalancedSampler";
const KNOWN = ["classes", "capacity", "batchSize", "seed"];
const STATE = ["classes", "capacity", "rings", "random", "turn", "frequencies"];
const RING = ["items", "oldest", "order", "drawn", "pushed", "credit"];

/** The items of a class: a circular buffer, gone through in random order, one pass after the other. */
class Ring<Item> {
  readonly items: Item[];
  readonly #order: number[];
  /** Where each of the items is in the order. */
  readonly #places: number[];
  #oldest: number;
  #drawn: number;
  pushed: number;
  credit: number;

  constructor({ items, oldest, order, drawn, pushed, credit }: RingState<Item>) {
    this.items = [...items];
    this.#order = [...order];
    this.#places = [];
    order.forEach((place, at) => (this.#places[place] = at));
    this.#oldest = oldest;
    this.#drawn = drawn;
    this.pushed = pushed;
    this.credit = credit;
  }

  get state(): RingState<Item> {
    return { items: [...this.items], oldest: this.#oldest, order: [...this.#order], drawn: this.#drawn, pushed: this.pushed, credit: this.credit };
  }

  push(item: Item, capacity: number) {
    this.pushed++;
    if (this.items.length < capacity) {
      this.#places.push(this.#order.length);
      this.#order.push(this.items.length);
      this.items.push(item);
      return;
    }
    const place = this.#oldest;
    this.items[place] = item;
    this.#oldest = (place + 1) % capacity;
    // What is new was not drawn yet.
    const at = this.#places[place] as number;
    if (at < this.#drawn) this.#exchange(at, --this.#drawn);
  }

  draw(count: number, random: Xoshiro128): Item[] {
    const all = this.items.length;
    const taken: Item[] = [];
    // A pass that began before this batch may end in it: what of it is in the batch comes last in the passes that follow.
    let [early, last, inPass] = [0, 0, 0];
    while (taken.length < count) {
      if (this.#drawn === all) {
        if (inPass < all) early = inPass;
        last = early;
        this.#drawn = inPass = 0;
      }
      if (this.#drawn >= all - last) last = 0;
      this.#exchange(this.#drawn, this.#drawn + random.below(all - last - this.#drawn));
      taken.push(this.items[this.#order[this.#drawn] as number] as Item);
      this.#drawn++;
      inPass++;
    }
    return taken;
  }

  #exchange(i: number, j: number) {
    swap(this.#order, i, j);
    this.#places[this.#order[i] as number] = i;
    this.#places[this.#order[j] as number] = j;
  }
}

/** Checks the saved state of a class. */
function readRing<Item>(call: string, name: string, given: unknown, capacity: number, classes: number): Ring<Item> {
  const { items, oldest, order, drawn, pushed, credit } = readObject(call, name, given, RING);
  if (!Array.isArray(items)) fail("ERR_TYPE", call, `${name}.items`, `an array of at most ${capacity}`, show(items));
  if (items.length > capacity) fail("ERR_SHAPE", call, `${name}.items`, `an array of at most ${capacity}`, `one of ${items.length}`);
  const size = items.length;
  const places = Array.isArray(order) ? new Set(order as unknown[]) : undefined;
  if (places?.size !== size || !items.every((_, place) => places.has(place)) || (order as unknown[]).length !== size) {
    fail("ERR_RANGE", call, `${name}.order`, `the integers from 0 to below ${size} in any order`, show(order));
  }
  // What is rounded is less than one item a class, and together 0.
  const owed = readNumber(call, `${name}.credit`, credit, `a number from −${classes} to ${classes}`, (x) => Math.abs(x) <= classes);
  return new Ring({
    items: items as Item[],
    oldest: readInteger(call, `${name}.oldest`, oldest, 0, size === capacity ? size - 1 : 0),
    order: order as number[],
    drawn: readInteger(call, `${name}.drawn`, drawn, 0, size),
    pushed: readInteger(call, `${name}.pushed`, pushed, size),
    credit: owed,
  });
}

/**
 * Batches of equal numbers of every class, from a stream in which classes are not equally frequent: n/C items of each of the
 * C classes that have any, and the remainder from classes in turn, so that over many batches their numbers stay within one
 * of each other.
 *
 * Each class has a circular buffer: once it is full, an item pushed takes the place of its oldest. A class is drawn from
 * without replacement until all of its items were drawn, then anew, so an item is in a batch twice only where the class has
 * fewer items than the batch takes of it. Classes without items are left out. After `useFrequencies()` batches follow the
 * frequencies of all that was ever pushed instead, for fine-tuning: over many batches each class has its exact share.
 *
 * Source: the balanced batches of imbalanced-learn `BalancedBatchGenerator`, on a stream in place of a data set.
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
  /** Number of classes. */
  readonly classes: number;
  /** The most items that are kept of each class. */
  readonly capacity: number;
  /** Items of a batch, where `next` is not told. */
  readonly batchSize: number | undefined;
  readonly #random: Xoshiro128;
  #rings: readonly Ring<Item>[];
  #turn = 0;
  #frequencies = false;

  constructor(rawOptions: BalancedSamplerOptions) {
    const { classes, capacity = 1024, batchSize, seed = 0 } = readObject(NAME, "options", rawOptions, KNOWN);
    this.classes = readInteger(NAME, "classes", classes, 1, 2 ** 31 - 1);
    this.capacity = readInteger(NAME, "capacity", capacity, 1);
    this.batchSize = batchSize === undefined ? undefined : readInteger(NAME, "batchSize", batchSize, 1);
    this.#random = new Xoshiro128(readInteger(NAME, "seed", seed, 0, 2 ** 32 - 1));
    this.#rings = Array.from({ length: this.classes }, () => new Ring<Item>({ items: [], oldest: 0, order: [], drawn: 0, pushed: 0, credit: 0 }));
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
    const ring = this.#rings[readInteger(`${NAME}.push`, "label", label, 0, this.classes - 1)] as Ring<Item>;
    ring.push(item, this.capacity);
  }

  /** The next batch, of `batchSize` items, by default as many as the sampler was made for. */
  next(batchSize: number | undefined = this.batchSize): Batch<Item> {
    const call = `${NAME}.next`;
    const size = readInteger(call, "batchSize", batchSize, 1);
    const present = this.#rings.flatMap(({ items }, label) => (items.length > 0 ? [label] : []));
    if (present.length === 0) fail("ERR_RANGE", call, "the sampler", "with an item at least", "an empty one");
    const shares = this.#frequencies ? this.#byFrequency(size, present) : this.#equal(size, present);
    const batch: { item: Item; label: number }[] = [];
    present.forEach((label, k) => {
      for (const item of (this.#rings[label] as Ring<Item>).draw(shares[k] as number, this.#random)) batch.push({ item, label });
    });
    for (let i = batch.length - 1; i > 0; i--) swap(batch, i, this.#random.below(i + 1));
    return { items: batch.map(({ item }) => item), labels: Int32Array.from(batch, ({ label }) => label) };
  }

  /** From now on classes are as frequent in batches as among all items pushed, or with false equally again. */
  useFrequencies(on = true): void {
    if (typeof on !== "boolean") fail("ERR_TYPE", `${NAME}.useFrequencies`, "on", "true or false", show(on));
    this.#frequencies = on;
  }

  /**
   * All that the sampler is, for {@link restore}: `structuredClone` and JSON can hold it where they can hold the items,
   * which are not copied themselves.
   */
  save(): BalancedSamplerState<Item> {
    const { classes, capacity } = this;
    return { classes, capacity, rings: this.#rings.map(({ state }) => state), random: this.#random.state, turn: this.#turn, frequencies: this.#frequencies };
  }

  /**
   * Goes on where a sampler of as many classes and the same capacity was saved: the batches are the same as there.
   * `batchSize` stays this sampler's own.
   */
  restore(state: BalancedSamplerState<Item>): void {
    const call = `${NAME}.restore`;
    const { classes, capacity, rings, random, turn, frequencies } = readObject(call, "state", state, STATE);
    readInteger(call, "state.classes", classes, this.classes, this.classes, `${this.classes} as this sampler has`);
    readInteger(call, "state.capacity", capacity, this.capacity, this.capacity, `${this.capacity} as this sampler has`);
    if (!Array.isArray(rings)) fail("ERR_TYPE", call, "state.rings", `an array of ${this.classes}`, show(rings));
    if (rings.length !== this.classes) fail("ERR_SHAPE", call, "state.rings", `an array of ${this.classes}`, show(rings));
    const read = rings.map((ring, label) => readRing<Item>(call, `state.rings[${label}]`, ring, this.capacity, this.classes));
    const integers = "an array of 4 integers, not all 0";
    if (!Array.isArray(random)) fail("ERR_TYPE", call, "state.random", integers, show(random));
    if (random.length !== 4) fail("ERR_SHAPE", call, "state.random", integers, `one of ${random.length}`);
    const words = random.map((word, i) => readInteger(call, `state.random[${i}]`, word, -(2 ** 31), 2 ** 31 - 1));
    // From where the generator would never come away.
    if (words.every((word) => word === 0)) fail("ERR_RANGE", call, "state.random", integers, show(random));
    const present = read.filter(({ items }) => items.length > 0).length;
    const next = readInteger(call, "state.turn", turn, 0, Math.max(0, present - 1));
    if (typeof frequencies !== "boolean") fail("ERR_TYPE", call, "state.frequencies", "true or false", show(frequencies));
    this.#rings = read;
    this.#random.state = words as unknown as RandomState;
    this.#turn = next;
    this.#frequencies = frequencies;
  }

  /** Batches of `batchSize` items, without end. */
  *[Symbol.iterator](): Generator<Batch<Item>, never> {
    for (;;) yield this.next();
  }

  #equal(size: number, present: readonly number[]): number[] {
    const each = Math.floor(size / present.length);
    const rest = size % present.length;
    const shares = present.map((_, k) => each + ((k - this.#turn + present.length) % present.length < rest ? 1 : 0));
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
}

const fraction = (rings: readonly { readonly credit: number }[], shares: readonly number[], k: number) => (rings[k]?.credit ?? 0) - (shares[k] ?? 0);

function swap<T>(array: T[], i: number, j: number) {
  [array[i], array[j]] = [array[j] as T, array[i] as T];
}
