// BalancedSampler, classCounts and classWeights.
import fc from "fast-check";
import { crossEntropy, tensor } from "fused-loss";
import { BalancedSampler, type BalancedSamplerState, classCounts, classWeights } from "fused-loss/sampling";
import { describe, expect, it } from "vitest";
import { Xoshiro128 } from "../ts/sampling/random.js";
import { ULP, expectClose } from "./support/compare.js";

/** A sampler with so many items of each class, each named by its class and its number. */
function filled(sizes: readonly number[], options: { capacity?: number; seed?: number; batchSize?: number } = {}) {
  const sampler = new BalancedSampler<string>({ classes: sizes.length, ...options });
  sizes.forEach((size, label) => {
    for (let i = 0; i < size; i++) sampler.push(`${label}:${i}`, label);
  });
  return sampler;
}

const countOf = (labels: Int32Array, classes: number) => Array.from({ length: classes }, (_, label) => labels.filter((each) => each === label).length);
const sizes = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 }).filter((all) => all.some((size) => size > 0));

describe("BalancedSampler", () => {
  it("gives every class that has items its equal part, and the remainder in turn", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 9 }), (all, size, batches) => {
        const sampler = filled(all);
        const sums = all.map(() => 0);
        for (let k = 0; k < batches; k++) {
          const { items, labels } = sampler.next(size);
          expect(items).toHaveLength(size);
          items.forEach((item, i) => expect(item.startsWith(`${labels[i]}:`)).toBe(true));
          const counts = countOf(labels, all.length);
          const present = counts.filter((_, label) => (all[label] ?? 0) > 0);
          expect(Math.max(...present) - Math.min(...present)).toBeLessThanOrEqual(1);
          counts.forEach((count, label) => (sums[label] = (sums[label] ?? 0) + count));
        }
        const present = sums.filter((_, label) => (all[label] ?? 0) > 0);
        expect(Math.max(...present) - Math.min(...present)).toBeLessThanOrEqual(1);
        expect(sums.reduce((a, b) => a + b, 0)).toBe(size * batches);
      }),
    );
  });

  it("has an item twice in a batch only where its class is short, and goes through all items before one comes again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), fc.nat(), (size, batches, seed) => {
        const sampler = filled([size], { seed });
        const drawn = new Map<string, number>();
        for (const batch of batches) {
          const { items } = sampler.next(batch);
          const times = new Map<string, number>();
          for (const item of items) times.set(item, (times.get(item) ?? 0) + 1);
          expect(Math.max(...times.values())).toBeLessThanOrEqual(Math.ceil(batch / size));
          for (const item of items) drawn.set(item, (drawn.get(item) ?? 0) + 1);
          const all = Array.from({ length: size }, (_, i) => drawn.get(`0:${i}`) ?? 0);
          expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("keeps the newest items of a class, and draws what is new", () => {
    const sampler = filled([7], { capacity: 3 });
    expect(sampler.sizes).toEqual([3]);
    expect(sampler.counts).toEqual([7]);
    expect(sampler.next(3).items.sort()).toEqual(["0:4", "0:5", "0:6"]);
    sampler.next(2);
    sampler.push("new", 0);
    const { items } = sampler.next(2);
    expect(items).toContain("new");
    expect(items).not.toContain("0:4");
  });

  it("draws each item of a pass once, whatever is pushed, saved and restored in between", () => {
    const step = fc.oneof(fc.record({ push: fc.nat({ max: 2 }) }), fc.record({ next: fc.integer({ min: 1, max: 10 }) }), fc.constant("restart" as const));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { minLength: 1, maxLength: 60, size: "max" }), fc.nat(), (capacity, steps, seed) => {
        let sampler = new BalancedSampler<number>({ classes: 3, capacity, seed });
        /** What is kept of each class, and what of it was drawn in the pass. */
        const rings = Array.from({ length: 3 }, () => ({ kept: [] as number[], drawn: new Set<number>() }));
        steps.forEach((each, item) => {
          if (each === "restart") {
            const state = structuredClone(sampler.save());
            sampler = new BalancedSampler({ classes: 3, capacity });
            sampler.restore(state);
          } else if ("push" in each) {
            const { kept, drawn } = rings[each.push] as (typeof rings)[number];
            kept.push(item);
            if (kept.length > capacity) drawn.delete(kept.shift() as number);
            sampler.push(item, each.push);
          } else if (rings.some(({ kept }) => kept.length > 0)) {
            const batch = sampler.next(each.next);
            rings.forEach(({ kept, drawn }, label) => {
              const taken = batch.items.filter((_, i) => batch.labels[i] === label);
              const left = kept.filter((one) => !drawn.has(one));
              const beyond = taken.length - left.length;
              if (beyond >= 0) drawn.clear();
              const passes = beyond < 0 ? 0 : Math.floor(beyond / kept.length);
              let seen = 0;
              for (const one of kept) {
                const times = taken.filter((other) => other === one).length;
                seen += times;
                expect(times).toBeLessThanOrEqual(Math.ceil(taken.length / kept.length));
                const more = times - (beyond >= 0 && left.includes(one) ? 1 : 0) - passes;
                expect([0, 1]).toContain(more);
                if (more === 1) {
                  expect(drawn).not.toContain(one);
                  drawn.add(one);
                }
              }
              expect(seen).toBe(taken.length);
              if (beyond >= 0 && drawn.size === 0) kept.forEach((one) => drawn.add(one));
            });
          }
        });
        expect(sampler.sizes).toEqual(rings.map(({ kept }) => kept.length));
      }),
    );
  });

  it("follows the frequencies of all that was pushed, exactly in the long run", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 20 }), (all, size) => {
        const sampler = filled(all, { capacity: 2 });
        sampler.useFrequencies();
        const pushed = all.reduce((a, b) => a + b, 0);
        const sums = all.map(() => 0);
        for (let k = 1; k <= pushed; k++) {
          const { labels } = sampler.next(size);
          expect(labels).toHaveLength(size);
          countOf(labels, all.length).forEach((count, label) => (sums[label] = (sums[label] ?? 0) + count));
          sums.forEach((sum, label) => expect(Math.abs(sum - (k * size * (all[label] ?? 0)) / pushed)).toBeLessThan(all.length));
        }
        expect(sums).toEqual(all.map((count) => count * size));
        sampler.useFrequencies(false);
        const present = countOf(sampler.next(20).labels, all.length).filter((_, label) => (all[label] ?? 0) > 0);
        expect(Math.max(...present) - Math.min(...present)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("goes on after JSON as if it had never stopped", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.integer({ min: 1, max: 12 }), fc.boolean(), (all, seed, size, frequencies) => {
        const sampler = filled(all, { seed, capacity: 5 });
        sampler.useFrequencies(frequencies);
        sampler.next(size);
        const state = JSON.parse(JSON.stringify(sampler.save())) as BalancedSamplerState<string>;
        const other = new BalancedSampler<string>({ classes: all.length, capacity: 5, seed: 99 });
        other.restore(state);
        for (const one of [sampler, other]) one.push("more", 0);
        for (let k = 0; k < 4; k++) expect(other.next(size)).toEqual(sampler.next(size));
      }),
    );
  });

  it("is left as it was by a state that is none of its own", () => {
    const [sampler, twin] = [filled([3, 4], { seed: 2 }), filled([3, 4], { seed: 2 })];
    const state = filled([5, 5]).save();
    const [ring] = state.rings;
    const wrong: readonly [object, string, string][] = [
      [{ capacity: 7 }, "ERR_RANGE", "state.capacity"],
      [{ rings: [ring] }, "ERR_SHAPE", "state.rings"],
      [{ rings: [ring, { ...ring, items: "abc" }] }, "ERR_TYPE", "state.rings[1].items"],
      [{ rings: [ring, { ...ring, items: new Array(1025).fill("x") }] }, "ERR_SHAPE", "state.rings[1].items"],
      [{ rings: [{ ...ring, order: [0, 1, 2, 3, 3] }, ring] }, "ERR_RANGE", "state.rings[0].order"],
      [{ rings: [{ ...ring, order: [0, 1, 2, 3, 5] }, ring] }, "ERR_RANGE", "state.rings[0].order"],
      [{ rings: [{ ...ring, order: [0, 1, 2, 3, 4, 4] }, ring] }, "ERR_RANGE", "state.rings[0].order"],
      [{ rings: [{ ...ring, oldest: 1 }, ring] }, "ERR_RANGE", "state.rings[0].oldest"],
      [{ rings: [{ ...ring, drawn: 6 }, ring] }, "ERR_RANGE", "state.rings[0].drawn"],
      [{ rings: [{ ...ring, pushed: 4 }, ring] }, "ERR_RANGE", "state.rings[0].pushed"],
      [{ rings: [{ ...ring, credit: null }, ring] }, "ERR_TYPE", "state.rings[0].credit"],
      [{ rings: [ring, null] }, "ERR_TYPE", "state.rings[1]"],
      [{ random: [1, 2, 3] }, "ERR_SHAPE", "state.random"],
      [{ rings: [{ ...ring, credit: NaN }, ring] }, "ERR_RANGE", "state.rings[0].credit"],
      [{ rings: [{ ...ring, credit: 1e300 }, ring] }, "ERR_RANGE", "state.rings[0].credit"],
      [{ random: "1234" }, "ERR_TYPE", "state.random"],
      [{ random: [0, 0, 0, 0] }, "ERR_RANGE", "state.random"],
      [{ random: [1, 2, 3, 2 ** 31] }, "ERR_RANGE", "state.random[3]"],
      [{ turn: 2 }, "ERR_RANGE", "state.turn"],
      [{ frequencies: 1 }, "ERR_TYPE", "state.frequencies"],
    ];
    for (const [part, code, argument] of wrong) {
      expect(() => sampler.restore({ ...state, ...part }), argument).toThrow(expect.objectContaining({ code, argument }));
    }
    expect(sampler.next(6)).toEqual(twin.next(6));
  });

  it("keeps what it saved apart from itself", () => {
    const [sampler, twin] = [filled([3, 4], { seed: 2 }), filled([3, 4], { seed: 2 })];
    const state = sampler.save() as unknown as { rings: { items: string[]; order: number[] }[]; random: number[] };
    state.random.fill(0);
    state.rings.forEach(({ items, order }) => [items, order].forEach((each) => each.reverse()));
    expect(sampler.next(6)).toEqual(twin.next(6));
  });

  it("draws from the generator of its source", () => {
    const random = new Xoshiro128(0);
    random.state = [1, 2, 3, 4];
    // Of Blackman and Vigna's own text from this state.
    expect(Array.from({ length: 6 }, () => random.next())).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492]);
  });

  it("gives the same batches for the same seed, and others for another", () => {
    const batches = (seed: number) => Array.from({ length: 3 }, () => filled([9, 9], { seed }).next(8).items);
    expect(batches(5)).toEqual(batches(5));
    expect(batches(5)).not.toEqual(batches(6));
    const first = ["0:2", "1:1", "0:0", "1:3"];
    // The numbers themselves are the same on every machine.
    expect(filled([4, 4], { seed: 1 }).next(4)).toEqual({ items: first, labels: Int32Array.from(first, (item) => Number(item[0])) });
  });

  it("draws every item as often as the others, and shuffles", () => {
    const sampler = filled([5], { seed: 3 });
    const first = new Array<number>(5).fill(0);
    for (let k = 0; k < 5000; k++) first[Number(sampler.next(5).items[0]?.slice(2))]! += 1;
    // Five standard deviations.
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(5000 * 0.2 * 0.8));
  });

  it("is iterable without end", () => {
    const sampler = filled([2, 2], { batchSize: 3 });
    let batches = 0;
    for (const { labels } of sampler) {
      expect(crossEntropy(new Float32Array(6), labels)).toBeCloseTo(Math.LN2);
      if (++batches === 7) break;
    }
    expect(batches).toBe(7);
  });

  it.each([
    ["no classes", () => new BalancedSampler({ classes: 0 }), "ERR_RANGE"],
    ["a capacity of 0", () => new BalancedSampler({ classes: 1, capacity: 0 }), "ERR_RANGE"],
    ["a seed that is no integer", () => new BalancedSampler({ classes: 1, seed: 0.5 }), "ERR_RANGE"],
    ["an option that it does not have", () => new BalancedSampler({ classes: 1, size: 3 } as never), "ERR_OPTION"],
    ["a label out of range", () => filled([1]).push("x", 1), "ERR_RANGE"],
    ["a label that is no number", () => filled([1]).push("x", "0" as never), "ERR_TYPE"],
    ["a batch of nothing", () => filled([1]).next(0), "ERR_RANGE"],
    ["no batch size at all", () => filled([1]).next(), "ERR_TYPE"],
    ["an empty sampler", () => filled([0]).next(1), "ERR_RANGE"],
    ["the state of another", () => filled([1]).restore(filled([1, 1]).save()), "ERR_RANGE"],
    ["a state that is none", () => filled([1]).restore({ ...filled([1]).save(), rings: 3 } as never), "ERR_TYPE"],
  ])("refuses %s", (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

describe("classCounts and classWeights", () => {
  it("count labels of every kind", () => {
    for (const labels of [[0, 2, 2, -100], Int32Array.of(0, 2, 2, -100), BigInt64Array.of(0n, 2n, 2n, -100n)]) expect([...classCounts(labels, 3)]).toEqual([1, 0, 2]);
    expect([...classCounts(Uint8Array.of(0, 255), 2, { ignoreIndex: 255 })]).toEqual([1, 0]);
    expect([...classCounts({ data: Uint8Array.of(0, 1, 1, 1), shape: [1, 2, 2] }, 2)]).toEqual([1, 3]);
    const resident = tensor(Uint32Array.of(2, 0, 2));
    expect([...classCounts(resident, 3)]).toEqual([1, 0, 2]);
    resident.dispose();
    expect(() => classCounts([0, 3], 3)).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: "labels[1]" }));
    expect(() => classCounts([0.5], 3)).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: "labels[0]" }));
    expect(() => classCounts([0], 0)).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: "classes" }));
    for (const none of [3, "01", null, undefined, {}, { length: 2 }, { data: 3, shape: [] }, new DataView(new ArrayBuffer(8))]) {
      expect(() => classCounts(none as never, 3)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "labels" }));
    }
    expect(() => classCounts([0, "1"] as never, 3)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "labels[1]" }));
    const detached = Int32Array.of(0, 1);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(() => classCounts(detached, 3)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "labels" }));
    expect(() => classCounts([0], 2 ** 53 - 1)).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: "classes" }));
    for (const ignoreIndex of [NaN, 1.5]) expect(() => classCounts([0], 1, { ignoreIndex })).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: "ignoreIndex" }));
    expect(() => classCounts([0], 1, { ignoreIndex: "0" as never })).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "ignoreIndex" }));
  });

  it("weigh classes as the schemes say", () => {
    const close = (got: ArrayLike<number>, want: readonly number[]) => expectClose("weights", got, want, "float64", { relative: 8 * ULP.float64 });
    const dtype = "float64";
    close(classWeights([30, 10, 0], { dtype }), [40 / 60, 40 / 20, 0]);
    close(classWeights([4, 2, 0], { scheme: "inverse", dtype }), [0.25, 0.5, 0]);
    const effective = [100, 1].map((n) => (1 - 0.9) / (1 - 0.9 ** n));
    const scale = 2 / ((effective[0] ?? 0) + (effective[1] ?? 0));
    close(classWeights([100, 1, 0], { scheme: "effective", beta: 0.9, dtype }), [...effective.map((w) => w * scale), 0]);
    close(classWeights([5, 7], { scheme: "effective", beta: 0, dtype }), [1, 1]);
    expect(classWeights([1, 3])).toBeInstanceOf(Float32Array);
    expect([...classWeights([0, 0])]).toEqual([0, 0]);
  });

  it("keep what the schemes promise, whatever the counts", () => {
    const counts = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 20 }).filter((all) => all.some((n) => n > 0));
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 0.999999, noNaN: true }), (all, beta) => {
        const present = all.filter((n) => n > 0).length;
        const total = (weights: readonly number[]) => weights.reduce((sum, w) => sum + w, 0);
        const balanced = [...classWeights(all, { scheme: "balanced", dtype: "float64" })];
        // Every class has the same part of the sum over all labels, which is their number.
        balanced.forEach((w, c) => expect(w * (all[c] ?? 0)).toBeCloseTo(all[c] ? total(all) / present : 0, 6));
        const effective = [...classWeights(all, { scheme: "effective", beta, dtype: "float64" })];
        expect(total(effective)).toBeCloseTo(present, 9);
        // The rarer a class, the greater its weight, but never above what "inverse" would give in proportion.
        const inverse = [...classWeights(all, { scheme: "inverse", dtype: "float64" })];
        all.forEach((n, c) =>
          all.forEach((m, d) => {
            if (n === 0 || m < n) return;
            const ratio = (effective[c] ?? 0) / (effective[d] ?? 1);
            expect(ratio).toBeGreaterThanOrEqual(1 - 1e-9);
            expect(ratio).toBeLessThanOrEqual(((inverse[c] ?? 0) / (inverse[d] ?? 1)) * (1 + 1e-9));
          }),
        );
      }),
    );
  });

  it("give every class the same part of a loss", () => {
    const labels = Int32Array.of(0, 0, 0, 1);
    const weight = classWeights(classCounts(labels, 2));
    const { grads } = crossEntropy.valueAndGrad(new Float32Array(8), labels, { weight });
    expect(grads.input.reduce((sum, g) => sum + g, 0)).toBeCloseTo(0);
    // As much pull to class 1 as to class 0.
    expect(grads.input[0]! + grads.input[2]! + grads.input[4]! + grads.input[6]!).toBeCloseTo(0);
  });

  it.each([
    ["a negative count", () => classWeights([-1]), "ERR_RANGE"],
    ["a count beyond the integers", () => classWeights([2 ** 53]), "ERR_RANGE"],
    ["a count that is no number", () => classWeights([null] as never), "ERR_TYPE"],
    ["a scheme that is none", () => classWeights([1], { scheme: "square" as never }), "ERR_RANGE"],
    ["β of 1", () => classWeights([1], { beta: 1 }), "ERR_RANGE"],
    ["a dtype of integers", () => classWeights([1], { dtype: "int32" as never }), "ERR_RANGE"],
  ])("refuse %s", (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});
