// hardestWrong: the logits that a loss of pairs compares, and the way back.
import fc from "fast-check";
import { hardestWrong, marginRanking, multiMargin, tensor, zeros } from "fused-loss";
import { describe, expect, it } from "vitest";
import { DTYPES, floats } from "./support/call.js";
import { normal, seeded } from "./support/draw.js";

describe.each(DTYPES)("hardestWrong of %s", (dtype) => {
  it("finds the greatest of the others, of equal ones the first", () => {
    const rows = fc.integer({ min: 2, max: 6 }).chain((classes) => fc.array(fc.tuple(fc.array(fc.integer({ min: -2, max: 2 }), { minLength: classes, maxLength: classes }), fc.nat({ max: classes - 1 })), { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(rows, (all) => {
        const logits = floats(all.flatMap(([row]) => row), dtype);
        const labels = Int32Array.from(all, ([, label]) => label);
        const { correct, wrong, wrongIndex, scatter } = hardestWrong(logits, labels);
        const grad = scatter(floats(all.map((_, i) => i + 1), dtype) as never, floats(all.map((_, i) => -i - 1), dtype) as never);
        all.forEach(([row, label], i) => {
          const others = row.map((value, c) => (c === label ? -Infinity : value));
          const best = others.indexOf(Math.max(...others));
          expect([correct[i], wrong[i], wrongIndex[i]]).toEqual([row[label], row[best], best]);
          const want = row.map((_, c) => (c === label ? i + 1 : c === best ? -i - 1 : 0));
          expect([...grad.subarray(i * row.length, (i + 1) * row.length)]).toEqual(want);
        });
      }),
    );
  });

  it("lets infinities and NaN through", () => {
    const logits = { data: floats([-Infinity, -Infinity, 0, NaN, 5, 1, 0, NaN, NaN], dtype), shape: [3, 3] };
    const { wrong, wrongIndex } = hardestWrong(logits as never, Int32Array.of(2, 0, 0));
    expect([...wrong]).toEqual([-Infinity, 5, NaN]);
    expect([...wrongIndex]).toEqual([0, 1, 1]);
  });

  it("trains a classifier with marginRanking, as multiMargin would with the hardest class alone", () => {
    const random = seeded(3);
    const labels = Int32Array.from({ length: 60 }, (_, i) => i % 3);
    const inputs = Array.from(labels, (label) => [normal(random, 0.3) + (label === 1 ? 1 : 0), normal(random, 0.3) + (label === 2 ? 1 : 0), 1]);
    const weight = new Array<number>(9).fill(0);
    const logitsOf = () => floats(inputs.flatMap((x) => [0, 1, 2].map((c) => x.reduce((sum, value, k) => sum + value * (weight[c * 3 + k] as number), 0))), dtype);
    const losses: number[] = [];
    for (let step = 0; step < 200; step++) {
      const { correct, wrong, scatter } = hardestWrong(logitsOf(), labels);
      const ones = floats(new Array<number>(60).fill(1), dtype);
      const { value, grads } = marginRanking.valueAndGrad(correct as never, wrong as never, ones as never, { margin: 0.5, wrt: ["input1", "input2"] });
      losses.push(value);
      scatter(grads.input1, grads.input2).forEach((g, i) => inputs[Math.floor(i / 3)]?.forEach((x, k) => (weight[(i % 3) * 3 + k]! -= g * x)));
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 4);
    const right = Array.from(logitsOf()).reduce((sum, _, i, all) => sum + (i % 3 === 0 && all[i + labels[i / 3]!] === Math.max(...all.slice(i, i + 3)) ? 1 : 0), 0);
    expect(right).toBeGreaterThan(50);
    // Of two classes the hardest is the only other.
    const two = floats(Array.from({ length: 20 }, () => normal(random)), dtype);
    const y = Int32Array.from({ length: 10 }, (_, i) => i % 2);
    const pair = hardestWrong(two, y);
    const mine = marginRanking(pair.correct as never, pair.wrong as never, floats(new Array<number>(10).fill(1), dtype) as never, { margin: 1 });
    expect(mine).toBeCloseTo(2 * multiMargin(two, y), dtype === "float32" ? 5 : 12);
  });

  it("takes tensors, and writes to out, whatever it is", () => {
    const logits = tensor(floats([1, 2, 3, 4], dtype), [2, 2]);
    const { scatter, correct } = hardestWrong(logits as never, tensor(Uint8Array.of(1, 0), [2]));
    expect([...correct]).toEqual([2, 3]);
    const out = zeros([2, 2], { dtype });
    const [g, h] = [floats([1, 2], dtype), floats([-1, -2], dtype)];
    expect(scatter(g as never, h as never, { out: out as never })).toBe(out);
    expect([...out.data]).toEqual([-1, 1, 2, -2]);
    expect(hardestWrong(floats([], dtype), new Int32Array(0)).correct).toHaveLength(0);
  });
});

describe("hardestWrong", () => {
  const logits = { data: new Float32Array(6), shape: [2, 3] };
  it.each([
    ["one class", () => hardestWrong(new Float32Array(2), Int32Array.of(0, 0)), "ERR_SHAPE", "logits"],
    ["rows that are no whole ones", () => hardestWrong(new Float32Array(5), Int32Array.of(0, 0)), "ERR_SHAPE", "logits"],
    ["three dimensions", () => hardestWrong({ data: new Float32Array(6), shape: [1, 2, 3] }, Int32Array.of(0, 0)), "ERR_SHAPE", "logits"],
    ["labels of another length", () => hardestWrong(logits, Int32Array.of(0)), "ERR_SHAPE", "labels"],
    ["a label out of range", () => hardestWrong(logits, Int32Array.of(0, 3)), "ERR_RANGE", "labels[1]"],
    ["integers as logits", () => hardestWrong(new Int32Array(6) as never, Int32Array.of(0, 1)), "ERR_TYPE", "logits"],
    ["gradients of another length", () => hardestWrong(logits, Int32Array.of(0, 1)).scatter(new Float32Array(3), new Float32Array(2)), "ERR_SHAPE", "gradCorrect"],
    ["gradients of another type", () => hardestWrong(logits, Int32Array.of(0, 1)).scatter(new Float32Array(2), new Float64Array(2) as never), "ERR_DTYPE", "gradWrong"],
  ])("refuses %s", (_, call, code, argument) => {
    expect(call).toThrow(expect.objectContaining({ code, argument }));
  });
});
