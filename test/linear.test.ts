// linearCrossEntropy: what its case cannot say. Chunks, memory, how its arguments' shapes belong together.
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { crossEntropy, linearCrossEntropy, zeros } from "fused-loss";
import { describe, expect, it } from "vitest";
import { dtypeFault, expectFault, optionFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { DTYPES, type DType, floats } from "./support/call.js";
import { ULP, expectClose, expectSameBits, expectSameGrads, largest } from "./support/compare.js";
import { integer, normal, seeded } from "./support/draw.js";

const call = linearCrossEntropy as unknown as {
  (...args: unknown[]): unknown;
  valueAndGrad(...args: unknown[]): { readonly value: number; readonly grads: Readonly<Record<string, Float32Array>> };
};

/** Arguments with a bias and class indices, some of which are to be ignored. */
function drawn(dtype: DType, rows: number, width: number, classes: number) {
  const random = seeded(rows + classes);
  const numbers = (size: number, scale = 1) => floats(Array.from({ length: size }, () => normal(random, scale)), dtype);
  return {
    input: { data: numbers(rows * width), shape: [rows, width] },
    linearWeight: { data: numbers(classes * width, width ** -0.5), shape: [classes, width] },
    target: Int32Array.from({ length: rows }, () => (random() < 0.1 ? -100 : integer(random, classes))),
    bias: numbers(classes),
  };
}

describe("chunks", () => {
  it.each(DTYPES)("do not show in any result, %s", (dtype) => {
    const { input, linearWeight, target, bias } = drawn(dtype, 400, 7, 37);
    for (const build of [simd128, scalar]) {
      const run = (options: object) => (build.linearCrossEntropy as unknown as typeof call).valueAndGrad(input, linearWeight, target, { bias, ...options });
      for (const reduction of ["mean", "none"]) {
        const want = run({ reduction });
        expect(Object.keys(want.grads)).toEqual(["input", "linearWeight", "bias"]);
        for (const chunk of [1, 128, 129, 384, 400, 2 ** 40]) {
          const got = run({ reduction, chunk });
          expectSameBits(`chunk ${chunk}, ${reduction}`, got.value, want.value);
          expectSameGrads(`chunk ${chunk}, ${reduction}`, got.grads, want.grads);
        }
      }
    }
  });

  it("bound the memory: far below that of all logits", () => {
    const [rows, width, classes] = [1024, 4, 32_768];
    const memory = () => {
      const probe = zeros([1]);
      const { byteLength } = probe.data.buffer;
      probe.dispose();
      return byteLength;
    };
    const input = zeros([rows, width]);
    const linearWeight = zeros([classes, width]);
    const before = memory();
    const out = { grads: { input, linearWeight } };
    const { value } = linearCrossEntropy.valueAndGrad(input, linearWeight, new Int32Array(rows), { chunk: 128, out });
    expect(value).toBe(Math.fround(Math.log(classes)));
    expect(memory() - before).toBeLessThan(rows * classes * 4 * 0.25);
    input.dispose();
    linearWeight.dispose();
  });
});

it("is crossEntropy of the logits", () => {
  const [rows, width, classes] = [9, 5, 33];
  const { input, linearWeight, target, bias } = drawn("float64", rows, width, classes);
  const logits = new Float64Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < classes; c++) {
      let sum = bias[c] ?? 0;
      for (let k = 0; k < width; k++) sum += (input.data[row * width + k] ?? 0) * (linearWeight.data[c * width + k] ?? 0);
      logits[row * classes + c] = sum;
    }
  }
  const want = crossEntropy.valueAndGrad({ data: logits, shape: [rows, classes] }, target);
  const got = call.valueAndGrad(input, linearWeight, target, { bias });
  expectClose("value", [got.value], [want.value], "float64", { relative: 16 * ULP.float64 });
  // The chain rule, by hand.
  const [byInput, byWeight, byBias] = [new Float64Array(rows * width), new Float64Array(classes * width), new Float64Array(classes)];
  want.grads.input.forEach((g, i) => {
    const [row, c] = [Math.floor(i / classes), i % classes];
    byBias[c] = (byBias[c] ?? 0) + g;
    for (let k = 0; k < width; k++) {
      byInput[row * width + k] = (byInput[row * width + k] ?? 0) + g * (linearWeight.data[c * width + k] ?? 0);
      byWeight[c * width + k] = (byWeight[c * width + k] ?? 0) + g * (input.data[row * width + k] ?? 0);
    }
  });
  for (const [name, expected] of Object.entries({ input: byInput, linearWeight: byWeight, bias: byBias })) {
    expectClose(name, got.grads[name] ?? [], expected, "float64", { relative: 0, absolute: 64 * ULP.float64 * largest(expected) });
  }
});

describe("shapes", () => {
  const { input, linearWeight, target, bias } = drawn("float32", 6, 4, 5);

  it("reads a bare input by the columns of linearWeight", () => {
    const want = call.valueAndGrad(input, linearWeight, target, { bias });
    const got = call.valueAndGrad(input.data, linearWeight, target, { bias });
    expectSameBits("value", got.value, want.value);
    expectSameGrads("bare", got.grads, want.grads);
    const row = input.data.slice(0, 4);
    const alone = { data: row, shape: [1, 4] };
    const scalarTarget = { data: Int32Array.of(2), shape: [] };
    expect(call(row, linearWeight, scalarTarget)).toBe(call(alone, linearWeight, Int32Array.of(2)));
    const none = call(row, linearWeight, scalarTarget, { reduction: "none" }) as Float32Array;
    expect(none).toHaveLength(1);
  });

  it("gives the same bits for every type of class indices", () => {
    const want = call.valueAndGrad(input, linearWeight, target, { ignoreIndex: -100 });
    const got = call.valueAndGrad(input, linearWeight, BigInt64Array.from(target, BigInt));
    expectSameGrads("bigint64", got.grads, want.grads);
    const counted = target.map((c) => (c < 0 ? 250 : c));
    for (const Kind of [Uint8Array, Uint16Array, Uint32Array]) {
      const { value, grads } = call.valueAndGrad(input, linearWeight, Kind.from(counted), { ignoreIndex: 250 });
      expectSameBits(Kind.name, value, want.value);
      expectSameGrads(Kind.name, grads, want.grads);
    }
  });

  it("refuses those that do not belong together, and names what is at fault", () => {
    const refused = (args: readonly unknown[], fault: Parameters<typeof expectFault>[2]) => {
      expectFault(thrown(() => call(...args)), "linearCrossEntropy", fault);
      expectFault(thrown(() => call.valueAndGrad(...args)), "linearCrossEntropy", fault);
    };
    const float = (shape: readonly number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape });
    refused([input, linearWeight.data, target], shapeFault("linearWeight", "{ data, shape }"));
    refused([input.data.slice(1), linearWeight, target], shapeFault("input", "6 rows", "length 23"));
    refused([float([2, 3, 4]), linearWeight, target], shapeFault("input", "(N, in)", "[2, 3, 4]"));
    refused([float([]), linearWeight, target], shapeFault("input", "(N, in)", "[]"));
    refused([input, float([5, 3]), target], shapeFault("linearWeight", "[C, 4]", "[5, 3]"));
    refused([input, float([0, 4]), target], shapeFault("linearWeight", "one class", "[0, 4]"));
    refused([input, linearWeight, { data: target, shape: [6, 1] }], shapeFault("target", "[6]", "[6, 1]"));
    refused([input, linearWeight, float([6, 4])], shapeFault("target", "[6, 5]", "[6, 4]"));
    refused([input, linearWeight, { ...float([6, 5]), data: new Float64Array(30) }], dtypeFault("target", "float32", "float64"));
    refused([input.data, linearWeight, float([6, 5])], shapeFault("input", "{ data, shape }"));
    refused([input, linearWeight, target, { bias: new Float32Array(4) }], shapeFault("bias", "[5]", "[4]"));
    refused([input, linearWeight, target, { bias: new Float64Array(5) }], dtypeFault("bias", "float32", "float64"));
    refused([input, linearWeight, target, { bias: [0, 0, 0, 0, 0] }], typeFault("bias", "Float32Array.from(array)"));
    refused([input, linearWeight, float([6, 5]), { ignoreIndex: 1 }], optionFault("ignoreIndex", "probabilities"));
    refused([input, linearWeight, Int32Array.of(0, 1, 2, 3, 4, 5)], rangeFault("target[5]", "5"));
    expectFault(thrown(() => call.valueAndGrad(input, linearWeight, target, { wrt: ["bias"] })), "linearCrossEntropy", optionFault("wrt", "bias"));
    refused([input, linearWeight, target, { bias, wrt: ["weight"] }], optionFault("wrt", "weight"));
  });

  it("keeps results apart from what they are not of", () => {
    const square = { data: new Float32Array(36), shape: [6, 6] };
    const fault = (argument: string, what: string) => ({ kind: "RangeError", code: "ERR_OVERLAP", argument, says: [what] }) as const;
    const targets = Int32Array.of(0, 1, 2, 3, 4, 5);
    const six = { data: new Float32Array(36), shape: [6, 6] };
    const crossed = thrown(() => call.valueAndGrad(six, square, targets, { out: { grads: { input: square } } }));
    expectFault(crossed, "linearCrossEntropy", fault("out.grads.input", "linearWeight"));
    const twice = { data: new Float32Array(36), shape: [6, 6] };
    const both = thrown(() => call.valueAndGrad(six, square, targets, { out: { grads: { input: twice, linearWeight: twice } } }));
    expectFault(both, "linearCrossEntropy", fault("out.grads.linearWeight", "out.grads.input"));
  });
});
