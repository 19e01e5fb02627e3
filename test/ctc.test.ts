// ctc beyond what all losses are asked: its ways to give labels and lengths, their errors, and alignments that are hard to hold.
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { ctc, tensor } from "fused-loss";
import { describe, expect, it } from "vitest";
import { disposedFault, expectFault, optionFault, overlapFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import type { Argument } from "./cases/case.js";
import ctcCase from "./cases/ctc.js";
import { expectClose, expectSameBits } from "./support/compare.js";
import { integer, normal, seeded } from "./support/draw.js";
import { logSumExpOf } from "./support/rows.js";

const [T, N, C] = [7, 3, 4];
const random = seeded(5);
const logProbs = { data: Float64Array.from({ length: T * N * C }, () => Math.log(0.1 + random())), shape: [T, N, C] };
const lengths = [7, 6, 7];
const counts = [3, 0, 2];
const padded = { data: Int32Array.of(1, 3, 3, 99, -5, -1, 2, 1, 0), shape: [3, 3] };
const joined = [1, 3, 3, 2, 1];
const disposed = tensor(Int32Array.of(1, 1, 1));
const stale = disposed.data;
disposed.dispose();
const shared = new Int32Array(new ArrayBuffer(24), 0, 3).fill(7);
const run = (targets: unknown, inputLengths: unknown = lengths, targetLengths: unknown = counts, options: object = {}) =>
  ctc.valueAndGrad(logProbs, targets as never, inputLengths as never, targetLengths as never, { reduction: "none", ...options }) as unknown as { value: Float64Array; grads: { logProbs: Float64Array } };

describe("labels and lengths", () => {
  it("are the same in rows and one after the other, in every type, and never read past a length", () => {
    const want = run(padded);
    const all = [
      run(joined),
      run(Uint8Array.from(joined), Uint16Array.from(lengths), Uint32Array.from(counts)),
      run(BigInt64Array.from(joined, BigInt), BigInt64Array.from(lengths, BigInt), tensor(BigInt64Array.from(counts, BigInt), [3])),
      run(tensor(Int32Array.from(padded.data), [3, 3]), tensor(Int32Array.from(lengths), [3]), Int32Array.from(counts)),
      run({ data: Uint8Array.of(1, 3, 3, 255, 0, 0, 2, 1, 0), shape: [3, 3] }),
    ];
    for (const { value, grads } of all) {
      expectSameBits("value", value, want.value);
      expectSameBits("gradient", grads.logProbs, want.grads.logProbs);
    }
  });

  it("of one sample may be numbers", () => {
    const one = { data: logProbs.data.slice(0, T * C), shape: [T, C] };
    const value = ctc(one, [1, 2, 9], 7, 2);
    expect(value).toBe(ctc({ ...one, shape: [T, 1, C] }, [1, 2], [7], [2]));
    expect(ctc(one, Int32Array.of(1, 2), Int32Array.of(7), { data: Int32Array.of(2), shape: [] })).toBe(value);
  });

  it("move with their samples", () => {
    const { value } = run(padded);
    const turned = new Float64Array(T * N * C);
    for (let t = 0; t < T; t++) for (let n = 0; n < N; n++) turned.set(logProbs.data.subarray((t * N + n) * C, (t * N + n + 1) * C), (t * N + (N - 1 - n)) * C);
    const back = ctc({ data: turned, shape: [T, N, C] }, [2, 1, 1, 3, 3], [...lengths].reverse(), [...counts].reverse(), { reduction: "none" });
    expectSameBits("values", Float64Array.from(back).reverse(), value);
  });

  it.each([
    ["a label past the classes", () => run([1, 4, 3, 2, 1]), rangeFault("targets[1]", "a class index from 0 to 3", "4")],
    ["a blank among the labels", () => run([1, 0, 3, 2, 1]), rangeFault("targets[1]", "not the blank, 0", "0")],
    ["a label in the place of another blank", () => run(padded, lengths, counts, { blank: 3 }), rangeFault("targets[1]", "not the blank, 3", "3")],
    ["too many labels", () => run([1, 2, 3]), shapeFault("targets", "of 5 labels, the sum of targetLengths")],
    ["rows for other samples", () => run({ data: new Int32Array(6), shape: [2, 3] }), shapeFault("targets", "of shape [3, 3], a row for each sample")],
    ["a length past the frames", () => run(padded, [7, 8, 7]), rangeFault("inputLengths[1]", "from 0 to 7", "8")],
    ["a length below 0", () => run(padded, lengths, [3, -1, 2]), rangeFault("targetLengths[1]", "from 0 to 3", "-1")],
    ["a length past the row", () => run(padded, lengths, [4, 0, 2]), rangeFault("targetLengths[0]", "from 0 to 3", "4")],
    ["lengths for other samples", () => run(padded, [7, 7]), shapeFault("inputLengths", "of shape [3], one for each sample")],
    ["a length that is no integer", () => run(padded, [7, 6.5, 7]), rangeFault("inputLengths[1]", "an integer", "6.5")],
    ["a label that 32 bits do not hold", () => run([2 ** 40, 1, 1, 1, 1]), rangeFault("targets[0]", "an integer of 32 bits", "1099511627776")],
    ["a label that is no number", () => run([1, "3", 3, 2, 1]), typeFault("targets[1]", "an integer", '"3"')],
    ["one number for the lengths of a batch", () => run(padded, 7), typeFault("inputLengths", "number[]", "7")],
    ["lengths of a disposed tensor", () => run(padded, stale), disposedFault("inputLengths")],
    ["labels of a disposed tensor", () => run({ data: stale, shape: [3, 1] }, lengths, [1, 1, 1]), disposedFault("targets")],
    ["a value over the lengths", () => run(padded, shared, counts, { reduction: "none", out: { value: new Float64Array(shared.buffer, 0, 3) } }), overlapFault("out.value", "inputLengths")],
    ["labels that are floats", () => run(Float32Array.from(joined)), typeFault("targets", "Int32Array")],
    ["a blank past the classes", () => run(padded, lengths, counts, { blank: 4 }), rangeFault("blank", "from 0 to 3", "4")],
    ["another gradient", () => run(padded, lengths, counts, { gradient: "log" }), rangeFault("gradient", '"logits" or "logProbs"', '"log"')],
    ["an option that it does not have", () => run(padded, lengths, counts, { weight: 1 }), optionFault("options")],
  ])("refuse %s", (_, call, fault) => {
    expectFault(thrown(call), "ctc", fault);
  });

  it("refuse without having written", () => {
    const out = { grads: { logProbs: new Float64Array(T * N * C).fill(7) } };
    expect(() => run([1, 4, 3, 2, 1], lengths, counts, { out })).toThrow(RangeError);
    expect(out.grads.logProbs.every((x) => x === 7)).toBe(true);
  });
});

describe("alignments that are hard to hold", () => {
  it.each([20, 200, 800, 3000])("keep their digits where logits reach ±%d", (spread) => {
    const draw = seeded(spread);
    for (const [frames, labels, classes] of [[40, 18, 5], [120, 20, 3], [33, 16, 9]] as const) {
      const data = new Float64Array(frames * classes);
      for (let t = 0; t < frames; t++) {
        const x = Array.from({ length: classes }, () => spread * (2 * draw() - 1));
        const { max, log } = logSumExpOf(x);
        x.forEach((value, c) => (data[t * classes + c] = value - max - log));
      }
      const targets = Array.from({ length: labels }, () => 1 + integer(draw, classes - 1));
      const argument = (values: readonly number[], shape: readonly number[], kind: Argument["kind"] = "index"): Argument => ({ data: values, shape, kind });
      const { values } = ctcCase.oracle({
        args: { logProbs: argument(Array.from(data), [frames, 1, classes], "float"), targets: argument(targets, [1, labels]), inputLengths: argument([frames], [1]), targetLengths: argument([labels], [1]) },
        options: {},
      });
      const options = { reduction: "sum", gradient: "logProbs" } as const;
      const call = (build: Pick<typeof simd128, "ctc">) => build.ctc.valueAndGrad({ data, shape: [frames, 1, classes] }, targets, [frames], [labels], options);
      const { value, grads } = call(simd128);
      expectClose("value", [value], values, "float64", { relative: 1e-13 });
      expect(ctc({ data, shape: [frames, 1, classes] }, targets, [frames], [labels], options)).toBe(value);
      // The posterior of a frame is a distribution.
      for (let t = 0; t < frames; t++) {
        const row = grads.logProbs.subarray(t * classes, (t + 1) * classes);
        expect(row.every((g) => g <= 0)).toBe(true);
        expect(row.reduce((sum, g) => sum + g, 0)).toBeCloseTo(-1, 9);
      }
      expectSameBits("gradient of the scalar build", call(scalar).grads.logProbs, grads.logProbs);
    }
  });

  it("refuse lengths that 32 bits would make right", () => {
    const call = (inputs: bigint, labels: bigint) => () => ctc({ data: new Float32Array(6), shape: [2, 1, 3] }, [1], BigInt64Array.of(inputs), BigInt64Array.of(labels));
    expect(call(2n, 1n)()).toBeCloseTo(-Math.log(3), 6);
    expectFault(thrown(call(2n ** 32n + 2n, 1n)), "ctc", rangeFault("inputLengths[0]", "from 0 to 2, the number of frames", "4294967298n"));
    expectFault(thrown(call(2n, 2n ** 32n + 1n)), "ctc", rangeFault("targetLengths[0]", "from 0 to 1, the number of all labels", "4294967297n"));
  });

  it("use the lengths that they checked, whatever a getter among the options writes", () => {
    const inputLengths = tensor(Int32Array.of(2), [1]);
    const options = {
      reduction: "sum" as const,
      out: {
        get value() {
          inputLengths.data[0] = 1_000_000;
          return undefined;
        },
      },
    };
    const data = new Float32Array(6);
    expect(ctc({ data, shape: [2, 1, 3] }, [1], inputLengths, [1], options)).toBe(ctc({ data, shape: [2, 1, 3] }, [1], [2], [1], { reduction: "sum" }));
    inputLengths.dispose();
  });

  it("agree with the derivative of the oracle where linear space would lose them", () => {
    const draw = seeded(9);
    const [frames, classes] = [14, 3];
    const data = Float64Array.from({ length: frames * classes }, (_, i) => (i % classes === 0 ? 0 : -90 - 5 * normal(draw)));
    const targets = [1, 2, 1, 1, 2];
    const f = (values: Float64Array) => ctc({ data: values, shape: [frames, classes] }, targets, frames, 5, { reduction: "sum" });
    const { grads } = ctc.valueAndGrad({ data, shape: [frames, classes] }, targets, frames, 5, { reduction: "sum", gradient: "logProbs" });
    grads.logProbs.forEach((g, i) => {
      const moved = (step: number) => f(data.map((x, k) => (k === i ? x + step : x)));
      expect(g).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 5);
    });
  });
});
