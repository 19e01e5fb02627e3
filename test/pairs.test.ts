// What the suites of one argument cannot say: functions of two arrays, targets for each row, a user's own distance.
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import {
  type DistanceCallback,
  cosineEmbedding,
  cosineSimilarity,
  multiLabelMargin,
  pairwiseDistance,
  tensor,
  tripletMargin,
  tripletMarginWithDistance,
  zeros,
} from "fused-loss";
import { describe, expect, it } from "vitest";
import { dtypeFault, expectFault, optionFault, overlapFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { expectSameBits } from "./support/compare.js";
import { normal, seeded } from "./support/draw.js";

const rows = (...data: number[]) => ({ data: Float32Array.from(data), shape: [2, data.length / 2] });
const doubles = (...data: number[]) => ({ data: Float64Array.from(data), shape: [2, data.length / 2] });

describe.each([
  { name: "cosineSimilarity", f: cosineSimilarity },
  { name: "pairwiseDistance", f: pairwiseDistance },
])("$name", ({ name, f }) => {
  const call = f as unknown as ((...args: unknown[]) => unknown) & { vjp(...args: unknown[]): unknown };
  const [a, b, g] = [rows(1, 2, 3, 4, 5, 6), rows(6, 5, 4, 3, 2, 1), Float32Array.of(1, 2)];
  const refused = (args: readonly unknown[], fault: Parameters<typeof expectFault>[2], vjp = false) =>
    expectFault(thrown(() => (vjp ? call.vjp(...args) : call(...args))), vjp ? `${name}.vjp` : name, fault);

  it("refuses what is no data, another type or another shape, whichever argument it is", () => {
    for (const junk of [undefined, null, 1, "1", [1, 2], {}, new Int8Array(6)]) {
      refused([junk, b], typeFault("x1"));
      refused([a, junk], typeFault("x2"));
      refused([a, b, junk], typeFault("gradOutput"), true);
    }
    refused([a, doubles(1, 2, 3, 4, 5, 6)], dtypeFault("x2", "float64"));
    refused([a, b, Float64Array.of(1, 2)], dtypeFault("gradOutput", "float64"), true);
    refused([a, { data: b.data, shape: [3, 2] }], shapeFault("x2", "[3, 2]", "[2, 3]"));
    refused([a, b, Float32Array.of(1, 2, 3)], shapeFault("gradOutput", "[3]", "[2]"), true);
    refused([a.data, b.data], shapeFault("x1", "{ data, shape }"));
    refused([{ data: new Float32Array(1), shape: [] }, { data: new Float32Array(1), shape: [] }], shapeFault("x1", "[]"));
    refused([{ data: new Float32Array(0), shape: [2, 0] }, { data: new Float32Array(0), shape: [2, 0] }], shapeFault("x1", "[2, 0]"));
  });

  it("refuses options that it does not have or that are out of range, and places that do not fit", () => {
    refused([a, b, { axis: 0 }], optionFault("options", '"axis"'));
    refused([a, b, { eps: -1 }], rangeFault("eps", "-1"));
    refused([a, b, { eps: "1" }], typeFault("eps"));
    refused([a, b, { out: new Float32Array(3) }], shapeFault("out", "[3]"));
    refused([a, b, g, { out: { x3: a } }], optionFault("out", '"x3"'), true);
    refused([a, b, g, { out: { x1: new Float32Array(5) } }], shapeFault("out.x1"), true);
  });

  it("writes gradients over their own arguments, to no other place that overlaps, and nothing when it throws", () => {
    const want = f.vjp(a, b, g);
    const [x1, x2] = [tensor(a.data, a.shape), tensor(b.data, b.shape)];
    const got = f.vjp(x1, x2, g, { out: { x1, x2 } });
    expect(got.x1).toBe(x1);
    expectSameBits("x1", x1.data, want.x1);
    expectSameBits("x2", x2.data, want.x2);
    const [copy1, copy2] = [rows(...a.data), rows(...b.data)];
    refused([copy1, copy2, g, { out: { x1: copy2 } }], overlapFault("out.x1", "x2"), true);
    const place = zeros([2, 3]);
    refused([copy1, copy2, g, { out: { x1: place, x2: place } }], overlapFault("out.x2", "out.x1"), true);
    refused([copy1, copy2, { out: copy1.data.subarray(0, 2) }], overlapFault("out", "x1"));
    expect([copy1.data, copy2.data]).toEqual([a.data, b.data]);
    [x1, x2, place].forEach((each) => each.dispose());
  });
});

it("pairwiseDistance takes an exponent from 1 to Infinity", () => {
  for (const p of [0.5, 0, -1, Number.NaN, -Infinity]) {
    expectFault(thrown(() => pairwiseDistance(rows(1, 2), rows(1, 2), { p })), "pairwiseDistance", rangeFault("p", String(p)));
  }
});

describe("cosineEmbedding", () => {
  it("refuses targets other than ±1, with their position, before it writes", () => {
    const [a, b] = [rows(1, 2, 3, 4), rows(4, 3, 2, 1)];
    for (const target of [Float32Array.of(1, 0), Int8Array.of(1, 2), BigInt64Array.of(-1n, 2n ** 53n + 1n)]) {
      const call = () => cosineEmbedding.valueAndGrad(a, b, target, { out: { grads: { input1: a } } });
      expectFault(thrown(call), "cosineEmbedding", rangeFault("target[1]", String(target[1])));
      expect(a.data).toEqual(Float32Array.of(1, 2, 3, 4));
    }
  });

  it("is 0 and not −0 beyond the margin, in every build, where the cosine underflows", () => {
    const row = (...data: number[]) => ({ data: Float64Array.from(data), shape: [1, 2] });
    const [a, b] = [row(1e-160, 1e10), row(-1e-160, 0)];
    for (const build of [simd128, scalar]) expect([...build.cosineEmbedding(a, b, Int8Array.of(-1), { reduction: "none" })]).toEqual([0]);
  });

  it("takes a single row with a single target, and NaN as a target goes through", () => {
    const row = (...data: number[]) => ({ data: Float32Array.from(data), shape: [2] });
    expect(cosineEmbedding(row(3, 4), row(3, 4), { data: Int8Array.of(1), shape: [] })).toBeCloseTo(0, 6);
    expect(cosineEmbedding(row(3, 4), row(3, 4), { data: Float32Array.of(NaN), shape: [] })).toBeNaN();
  });
});

describe("multiLabelMargin", () => {
  it("refuses classes out of range within a row's list, and reads nothing after it", () => {
    const input = rows(1, 2, 3, 4, 5, 6);
    const refused = (data: Int32Array | BigInt64Array, at: number) =>
      expectFault(thrown(() => multiLabelMargin(input, { data, shape: [2, 3] })), "multiLabelMargin", rangeFault(`target[${at}]`, String(data[at])));
    refused(Int32Array.of(0, -1, 9, 1, 3, -1), 4);
    refused(Int32Array.of(-2, -1, 9, 1, 2, -1), 0);
    refused(BigInt64Array.of(0n, -1n, 2n ** 60n, 1n, 2n ** 33n, -1n), 4);
    const want = multiLabelMargin(input, { data: Int32Array.of(0, -1, -1, 1, 2, -1), shape: [2, 3] });
    expect(multiLabelMargin(input, { data: Int32Array.of(0, -1, 77, 1, 2, -1), shape: [2, 3] })).toBe(want);
    expect(multiLabelMargin(input, { data: BigInt64Array.of(0n, -1n, 2n ** 60n, 1n, 2n, -1n), shape: [2, 3] })).toBe(want);
  });
});

describe("tripletMarginWithDistance with a user's distance", () => {
  const random = seeded(3);
  const matrix = () => ({ data: Float64Array.from({ length: 35 }, () => normal(random)), shape: [7, 5] });
  const [anchor, positive, negative] = [matrix(), matrix(), matrix()];
  const distanceBy = (entry: typeof simd128, p: number): DistanceCallback => (x1, x2) => {
    const value = entry.pairwiseDistance(x1, x2, { p });
    const ones = value.map(() => 1);
    return { value, grads: entry.pairwiseDistance.vjp(x1, x2, ones, { p }) };
  };

  it("is tripletMargin with the distance of that, which is a call of the package within a call", () => {
    for (const swap of [false, true]) {
      for (const p of [1, 2, 3]) {
        for (const reduction of ["mean", "sum", "none"] as const) {
          const want = tripletMargin.valueAndGrad(anchor, positive, negative, { p, swap, reduction, margin: 0.5 });
          const got = tripletMarginWithDistance.valueAndGrad(anchor, positive, negative, { distance: distanceBy(simd128, p), swap, reduction, margin: 0.5 });
          const near = (a: number | Float64Array, b: number | Float64Array) =>
            Array.from(typeof a === "number" ? [a] : a).forEach((x, i) => expect(x).toBeCloseTo((typeof b === "number" ? b : b[i]) as number, 12));
          near(got.value, want.value);
          near(got.grads.anchor, want.grads.anchor);
          near(got.grads.positive, want.grads.positive);
          near(got.grads.negative, want.grads.negative);
          const alone = tripletMarginWithDistance(anchor, positive, negative, { distance: distanceBy(simd128, p), swap, reduction, margin: 0.5 });
          expect(alone).toEqual(got.value);
        }
      }
    }
  });

  it("gives the same bits in both builds, and writes to out", () => {
    const options = { swap: true, wrt: ["negative", "anchor"] } as const;
    const a = tripletMarginWithDistance.valueAndGrad(anchor, positive, negative, { ...options, distance: distanceBy(simd128, 3) });
    const place = tensor(anchor.data, anchor.shape);
    const b = scalar.tripletMarginWithDistance.valueAndGrad(anchor, positive, negative, { ...options, distance: distanceBy(scalar, 3) });
    const c = tripletMarginWithDistance.valueAndGrad(place, positive, negative, { ...options, distance: distanceBy(simd128, 3), out: { grads: { anchor: place } } });
    expect(Object.keys(a.grads)).toEqual(["negative", "anchor"]);
    expectSameBits("value", b.value, a.value);
    expectSameBits("gradient", b.grads.negative, a.grads.negative);
    expectSameBits("gradient", b.grads.anchor, a.grads.anchor);
    expectSameBits("in place", place.data, a.grads.anchor);
    expect(c.grads.anchor).toBe(place);
    place.dispose();
  });

  it("names what is wrong with a result, and lets the user's own error through", () => {
    const call = (distance: unknown) => () => tripletMarginWithDistance(anchor, positive, negative, { distance: distance as DistanceCallback });
    const name = "tripletMarginWithDistance";
    expectFault(thrown(call("manhattan")), name, rangeFault("distance", '"manhattan"'));
    expectFault(thrown(call(2)), name, typeFault("distance", "2"));
    expectFault(thrown(call(() => 1)), name, typeFault("the result of distance"));
    expectFault(thrown(call(() => ({ value: new Float64Array(6), grads: {} }))), name, shapeFault("the result of distance: value", "[6]", "[7]"));
    expectFault(thrown(call(() => ({ value: new Float32Array(7), grads: {} }))), name, dtypeFault("the result of distance: value", "float32"));
    expectFault(thrown(call(() => ({ value: new Float64Array(7), grads: { x1: new Float64Array(35) } }))), name, typeFault("the result of distance: grads.x2"));
    const own = new Error("mine");
    expect(thrown(call(() => { throw own; }))).toBe(own);
  });
});
