// hardestWrong: the logits that a loss of pairs compares, and the way back.
import fc from "fast-check";
import { hardestWrong, marginRanking, multiMargin, tensor, zeros } from "fused-loss";
import { describe, expect, it } from "vitest";
import { disposedFault, dtypeFault, expectFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { DTYPES, type Floats, floats } from "./support/call.js";
import { integer, normal, seeded } from "./support/draw.js";

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
    const empty = hardestWrong(floats([], dtype), new Int32Array(0));
    expect(empty.correct).toHaveLength(0);
    expect(empty.scatter(floats([], dtype) as never, floats([], dtype) as never)).toHaveLength(0);
    for (const each of [logits, out]) each.dispose();
  });

  it("takes rows of any layout: those of images one by one, and a single one", () => {
    const random = seeded(8);
    const [batch, classes, width] = [3, 4, 5];
    const logits = floats(Array.from({ length: batch * classes * width }, () => integer(random, 4)), dtype);
    const labels = Uint8Array.from({ length: batch * width }, () => integer(random, classes));
    const grads = [1, -1].map((sign) => floats(Array.from(labels, (_, row) => sign * (row + 1)), dtype));
    const all = hardestWrong({ data: logits, shape: [batch, classes, width] } as never, { data: labels, shape: [batch, width] });
    const grad = all.scatter(grads[0] as never, { data: grads[1], shape: [batch, width] } as never);
    labels.forEach((label, row) => {
      const cells = Array.from({ length: classes }, (_, c) => Math.floor(row / width) * classes * width + c * width + (row % width));
      const pick = (from: Floats) => floats(cells.map((i) => from[i] as number), dtype);
      const one = hardestWrong({ data: pick(logits), shape: [classes] } as never, { data: Int32Array.of(label), shape: [] });
      expect([all.correct[row], all.wrong[row], all.wrongIndex[row]]).toEqual([one.correct[0], one.wrong[0], one.wrongIndex[0]]);
      expect(pick(grad)).toEqual(one.scatter(grads[0]?.slice(row, row + 1) as never, grads[1]?.slice(row, row + 1) as never));
    });
  });

  it("keeps what scatter needs, whatever becomes of its arguments and results", () => {
    const logits = floats([1, 2, 3, 6, 5, 4], dtype);
    const labels = Int32Array.of(2, 2);
    const { correct, wrong, wrongIndex, scatter } = hardestWrong(logits, labels);
    const want = [0, 2, 1, 4, 0, 3];
    labels.fill(0);
    wrongIndex.fill(0);
    correct.set([1, 3]);
    wrong.set([2, 4]);
    // Over the logits, and over the gradients themselves.
    expect(scatter(correct as never, wrong as never, { out: logits })).toBe(logits);
    expect([...logits]).toEqual(want);
    const memory = floats([1, 3, 2, 4, 9, 9], dtype);
    scatter(memory.subarray(0, 2) as never, memory.subarray(2, 4) as never, { out: memory });
    expect([...memory]).toEqual(want);
  });

  it("gives the same for labels of every type", () => {
    const logits = floats([1, 2, 3, 6, 5, 4], dtype);
    for (const Kind of [Uint8Array, Uint16Array, Uint32Array]) expect(hardestWrong(logits, Kind.of(2, 0)).wrongIndex).toEqual(Int32Array.of(1, 1));
    expect(hardestWrong(logits, BigInt64Array.of(2n, 0n)).wrongIndex).toEqual(Int32Array.of(1, 1));
  });
});

describe("hardestWrong", () => {
  const data = new Float32Array(6);
  const logits = { data, shape: [2, 3] };
  const labels = Int32Array.of(0, 1);
  const disposed = tensor(data, [2, 3]);
  const stale = disposed.data;
  disposed.dispose();

  it.each([
    ["labels of more dimensions", () => hardestWrong(data, { data: labels, shape: [1, 2] }), shapeFault("labels", "[1, 2]")],
    ["rows of one class", () => hardestWrong(data.subarray(4), labels), shapeFault("logits", "two classes")],
    ["rows that are no whole ones", () => hardestWrong(data.subarray(1), labels), shapeFault("logits", "2 rows", "length 5")],
    ["labels of another length", () => hardestWrong(logits, Int32Array.of(0)), shapeFault("labels", "[2]", "[1]")],
    ["a label out of range", () => hardestWrong(logits, Int32Array.of(0, 3)), rangeFault("labels[1]", "from 0 to 2", "3")],
    ["a negative label", () => hardestWrong(logits, BigInt64Array.of(-1n, 0n)), rangeFault("labels[0]", "-1n")],
    ["integers as logits", () => hardestWrong(new Int32Array(6) as never, labels), typeFault("logits")],
    ["floats as labels", () => hardestWrong(logits, new Float32Array(2) as never), typeFault("labels", "Int32Array")],
    ["a list", () => hardestWrong([1, 2] as never, labels), typeFault("logits", "Float32Array.from(array)")],
    ["a disposed tensor", () => hardestWrong(disposed, labels), disposedFault("logits")],
    ["the elements of one", () => hardestWrong({ data: stale, shape: [2, 3] }, labels), disposedFault("logits")],
  ])("refuses %s", (_, call, fault) => {
    expectFault(thrown(call), "hardestWrong", fault);
  });

  it("refuses to scatter what does not belong to it, and writes nothing", () => {
    const { scatter } = hardestWrong(logits, labels);
    const [two, out] = [new Float32Array(2), new Float32Array(6).fill(7)];
    const refused = (fault: Parameters<typeof expectFault>[2], ...args: readonly unknown[]) => {
      expectFault(thrown(() => (scatter as (...given: unknown[]) => unknown)(...args)), "hardestWrong.scatter", fault);
    };
    refused(shapeFault("gradCorrect", "[2]"), new Float32Array(3), two, { out });
    refused(shapeFault("gradWrong", "[2]", "[2, 1]"), two, { data: two, shape: [2, 1] }, { out });
    refused(dtypeFault("gradWrong", "float32"), two, new Float64Array(2), { out });
    refused(typeFault("gradCorrect"), undefined, two, { out });
    refused(shapeFault("out", "[2, 3]"), two, two, { out: two });
    refused(dtypeFault("out", "float32"), two, two, { out: new Float64Array(6) });
    refused({ kind: "TypeError", code: "ERR_OPTION", argument: "options" }, two, two, { outt: out });
    expect(out).toEqual(new Float32Array(6).fill(7));
  });
});
