// Cosines and distances where float32 alone would lose them: of very long and short rows, and of nearly parallel ones.
import { cosineEmbedding, cosineSimilarity, pairwiseDistance, tripletMargin, tripletMarginWithDistance } from "fused-loss";
import { describe, expect, it } from "vitest";
import { expectClose, ULP } from "./support/compare.js";
import { normal, seeded } from "./support/draw.js";

/** How long the first row is, and how far the second, of its direction but for that, is off it. */
const KINDS = [
  ["as drawn", 1, 1],
  ["nearly parallel", 1, 1e-3],
  ["as drawn again", 1, 1],
  ["closer still", 1, 1e-6],
  ["nearly opposite", -3, 1e-4],
  ["long", 1e25, 1],
  ["short", 1e-25, 1],
  ["long, and nearly parallel", 1e18, 1e-2],
  ["short, and nearly parallel", 3e-7, 1e-3],
] as const;

type Row = readonly number[];
const dot = (a: Row, b: Row) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

function rowsOf(width: number) {
  const random = seeded(width);
  const draw = () => Array.from({ length: width }, () => normal(random));
  return KINDS.map(([, length, off]) => {
    const [a, noise] = [draw(), draw()];
    const b = off === 1 ? noise : a.map((x, i) => x + off * (noise[i] as number));
    return [a.map((x) => Math.fround(x * length)), b.map(Math.fround)] as const;
  });
}

/** The gradient of the cosine by `a`, in float64; `least` is what a squared norm is at least, or has added. */
function byFirst(a: Row, b: Row, square: (x: Row) => number): Row {
  const [n1, n2] = [Math.sqrt(square(a)), Math.sqrt(square(b))];
  const cos = dot(a, b) / n1 / n2;
  return a.map((x, i) => ((b[i] as number) / n2 - (cos * x) / n1) / n1);
}

describe.each([3, 8, 40, 67])("gradients of rows of %i", (width) => {
  const pairs = rowsOf(width);
  const operand = (which: 0 | 1) => ({ data: Float32Array.from(pairs.flatMap((pair) => pair[which])), shape: [KINDS.length, width] });
  const [x1, x2] = [operand(0), operand(1)];

  const compare = (got: Float32Array, wanted: (a: Row, b: Row) => Row, which: 0 | 1) => {
    pairs.forEach(([a, b], row) => {
      const want = which === 0 ? wanted(a, b) : wanted(b, a);
      const most = Math.max(...want.map(Math.abs));
      // An element is a difference of two terms; within 8 units of the row's largest, whatever their size.
      expectClose(`${(KINDS[row] as (typeof KINDS)[number])[0]}, by ${which}`, got.subarray(row * width, (row + 1) * width), want, "float32", { relative: 0, absolute: 8 * ULP.float32 * most });
    });
  };

  it("are those of float64 for cosineSimilarity, without a least norm", () => {
    const grads = cosineSimilarity.vjp(x1, x2, new Float32Array(KINDS.length).fill(1), { eps: 0 });
    const wanted = (a: Row, b: Row) => byFirst(a, b, (x) => dot(x, x));
    compare(grads.x1, wanted, 0);
    compare(grads.x2, wanted, 1);
  });

  it("are those of float64 for cosineSimilarity, with a least norm that is more than most", () => {
    const [ones, options] = [new Float32Array(KINDS.length).fill(1), { eps: 1e-2 }];
    const exact = ({ data, shape }: typeof x1) => ({ data: Float64Array.from(data), shape });
    const got = cosineSimilarity.vjp(x1, x2, ones, options);
    const want = cosineSimilarity.vjp(exact(x1), exact(x2), Float64Array.from(ones), options);
    KINDS.forEach(([kind], row) => {
      for (const side of ["x1", "x2"] as const) {
        const own = want[side].subarray(row * width, (row + 1) * width);
        expectClose(`${kind}, by ${side}`, got[side].subarray(row * width, (row + 1) * width), own, "float32", { relative: 0, absolute: 8 * ULP.float32 * Math.max(...own.map(Math.abs)) });
      }
    });
  });

  it("are those of float64 for cosineEmbedding, which adds to squares", () => {
    const { grads } = cosineEmbedding.valueAndGrad(x1, x2, new Int32Array(KINDS.length).fill(1), { reduction: "sum", wrt: ["input1", "input2"] });
    const wanted = (a: Row, b: Row) => byFirst(a, b, (x) => dot(x, x) + 1e-12).map((g) => -g);
    compare(grads.input1, wanted, 0);
    compare(grads.input2, wanted, 1);
  });

  it("are those of float64 for tripletMarginWithDistance", () => {
    const { grads } = tripletMarginWithDistance.valueAndGrad(x1, x2, x2, { distance: "cosine", reduction: "sum", wrt: ["positive"] });
    const square = (x: Row) => Math.max(dot(x, x), 1e-16);
    pairs.forEach(([a, b], row) => {
      if (dot(a, a) < 1e-16) return;
      const want = byFirst(b, a, square).map((g) => -g);
      const most = Math.max(...want.map(Math.abs));
      expectClose(KINDS[row]?.[0] as string, (grads.positive as Float32Array).subarray(row * width, (row + 1) * width), want, "float32", { relative: 0, absolute: 8 * ULP.float32 * most });
    });
  });
});

describe.each([[3, 1e25], [3, 1e-25], [70, 1e25], [70, 1e-25]])("distances of rows of %i, %d long", (width, length) => {
  const random = seeded(width);
  const row = () => Array.from({ length: width }, () => Math.fround(normal(random) * length));
  const [a, p, n] = [row(), row(), row()];
  const operand = (x: Row) => ({ data: Float32Array.from(x), shape: [1, width] });
  const minus = (x: Row, y: Row) => x.map((value, i) => value - (y[i] as number));
  const norm = (x: Row) => Math.sqrt(dot(x, x));
  const near = { relative: 4 * ULP.float32 };

  it("are those of float64 for pairwiseDistance", () => {
    const [distance] = pairwiseDistance(operand(a), operand(p), { eps: 0 });
    const want = norm(minus(a, p));
    expect((distance as number) / want).toBeCloseTo(1, 6);
    const grads = pairwiseDistance.vjp(operand(a), operand(p), new Float32Array([1]), { eps: 0 });
    expectClose("by x1", grads.x1, minus(a, p).map((d) => d / want), "float32", near);
    expectClose("by x2", grads.x2, minus(p, a).map((d) => d / want), "float32", near);
  });

  it("have gradients that are those of float64, whatever comes from outside", () => {
    // The smallest of which times the distance is still a number of float32.
    for (const outer of [1e-12, 1, 1e12]) {
      const scale = Math.fround(outer);
      const grads = pairwiseDistance.vjp(operand(a), operand(p), Float32Array.of(scale), { eps: 0 });
      const distance = norm(minus(a, p));
      expectClose(`times ${outer}`, grads.x1, minus(a, p).map((d) => (d / distance) * scale), "float32", near);
    }
  });

  it("are those of float64 for tripletMargin", () => {
    // Wide enough that the row counts, whatever its distances.
    const margin = Math.fround(length * width);
    const { value, grads } = tripletMargin.valueAndGrad(operand(a), operand(p), operand(n), { margin, eps: 0, wrt: ["positive", "negative"] });
    const [ap, an] = [norm(minus(a, p)), norm(minus(a, n))];
    expect(value / (ap - an + margin)).toBeCloseTo(1, 6);
    expectClose("by positive", grads.positive, minus(p, a).map((d) => d / ap), "float32", near);
    expectClose("by negative", grads.negative, minus(a, n).map((d) => d / an), "float32", near);
  });
});

describe("differences that float32 alone would lose", () => {
  it("are 0, and no more, where all but the first are", () => {
    const [x1, x2] = [
      { data: Float32Array.of(1e-40, 0, 0, 1e-29, 0, 2e-29), shape: [2, 3] },
      { data: new Float32Array(6), shape: [2, 3] },
    ];
    const { x1: grad } = pairwiseDistance.vjp(x1, x2, Float32Array.of(1, 1e10), { eps: 0 });
    const size = Math.hypot(1, 2);
    expectClose("gradient", grad, [1, 0, 0, 1e10 / size, 0, 2e10 / size], "float32", { relative: 4 * ULP.float32 });
    const { grads } = tripletMargin.valueAndGrad(x1, x2, { data: Float32Array.of(1, 1, 1, 1, 1, 1), shape: [2, 3] }, { eps: 0, margin: 5, reduction: "sum", wrt: ["positive"] });
    expectClose("by positive", grads.positive, [-1, 0, 0, -1 / size, 0, -2 / size], "float32", { relative: 4 * ULP.float32 });
  });

  it("of the size of eps, or of the whole range, make a gradient no longer than 1", () => {
    const data = Float32Array.from({ length: 1000 }, (_, i) => 0.5 + i * 2 ** -24);
    const from = { data: data.map((x) => x + 1e-6), shape: [1000, 1] };
    const { x1 } = pairwiseDistance.vjp({ data, shape: [1000, 1] }, from, new Float32Array(1000).fill(1));
    expect([...new Set(x1.map(Math.abs))].sort()).toEqual(x1.includes(0) ? [0, 1] : [1]);
    const far = pairwiseDistance.vjp({ data: Float32Array.of(3e38), shape: [1, 1] }, { data: Float32Array.of(-3e38), shape: [1, 1] }, Float32Array.of(1));
    expect([...far.x1, ...far.x2]).toEqual([1, -1]);
  });
});
