// gradcheck: it finds what is wrong, and nothing wrong with the losses of this package.
import { bce, crossEntropy, mse, tensor } from "fused-loss";
import { gradcheck } from "fused-loss/testing";
import { describe, expect, it } from "vitest";
import type { Argument } from "./cases/case.js";
import { givenTo, lossOf } from "./support/call.js";
import { lossCases } from "./support/cases.js";
import { count, seeded } from "./support/draw.js";

const square = (input: Float64Array, factor = 2) => ({ value: input.reduce((sum, x) => sum + x * x, 0), grads: { input: input.map((x) => factor * x) } });

describe("gradcheck", () => {
  it("agrees with a right gradient, and tells where a wrong one is worst", () => {
    const input = Float64Array.of(1, -3, 0);
    expect(gradcheck(square, { input }).ok).toBe(true);
    const { ok, worst } = gradcheck((x: Float64Array) => square(x, 2.1), { input });
    expect(ok).toBe(false);
    expect(worst).toMatchObject({ input: "input", index: 1, analytic: -6.300000000000001 });
    expect(worst.numeric).toBeCloseTo(-6, 5);
    expect(worst.error).toBeGreaterThan(1);
    expect([...input]).toEqual([1, -3, 0]);
  });

  it("has PyTorch's tolerances, and others if told", () => {
    const off = (factor: number) => gradcheck((x: Float64Array) => square(x, 2 * factor), { input: Float64Array.of(5) }).ok;
    expect([off(1.0009), off(1.0012)]).toEqual([true, false]);
    expect(gradcheck((x: Float64Array) => square(x, 2.002), { input: Float64Array.of(5) }, { rtol: 1e-4 }).ok).toBe(false);
    expect(gradcheck((x: Float64Array) => square(x, 3), { input: Float64Array.of(5) }, { atol: 6 }).ok).toBe(true);
  });

  it("finds NaN, and one input's mistakes among others'", () => {
    expect(gradcheck((x: Float64Array) => ({ ...square(x), grads: { input: x.map(() => NaN) } }), { input: Float64Array.of(1) })).toMatchObject({ ok: false, worst: { error: Infinity } });
    const product = (a: Float64Array, b: Float64Array) => ({ value: a.map((x, i) => x * b[i]!), grads: { a: b, b: b } });
    const inputs = { a: Float64Array.of(1, 2), b: Float64Array.of(3, 4) };
    expect(gradcheck(product, inputs)).toMatchObject({ ok: false, worst: { input: "b" } });
    expect(gradcheck(product, inputs, { wrt: ["a"] }).ok).toBe(true);
  });

  it("takes losses with options, indices, shapes and tensors, and leaves them as they are", () => {
    const input = { data: Float64Array.of(0.5, -1, 2, 0, 1, 3), shape: [2, 3] };
    expect(gradcheck(crossEntropy, { input, target: Int32Array.of(0, 2) }, { options: { labelSmoothing: 0.1 } }).ok).toBe(true);
    const [x, y] = [tensor(Float64Array.of(0.25, 0.5), [2]), Float64Array.of(0.5, 0.75)];
    expect(gradcheck(bce, { input: x, target: y }, { wrt: ["input", "target"], options: { reduction: "none" } }).ok).toBe(true);
    expect([...x.data]).toEqual([0.25, 0.5]);
  });

  it.each([
    ["float32", () => gradcheck(mse, { input: Float32Array.of(1), target: Float32Array.of(2) }), "ERR_DTYPE"],
    ["a name that is none of the inputs", () => gradcheck(square, { x: Float64Array.of(1) }), "ERR_OPTION"],
    ["a gradient of another length", () => gradcheck((x: Float64Array) => ({ ...square(x), grads: { x: x.slice(1) } }), { x: Float64Array.of(1, 2) }), "ERR_SHAPE"],
    ["what is no loss", () => gradcheck(3 as never, {}), "ERR_TYPE"],
    ["eps of 0", () => gradcheck(square, { input: Float64Array.of(1) }, { eps: 0 }), "ERR_RANGE"],
    ["nothing to check", () => gradcheck(square, { input: Float64Array.of(1) }, { wrt: [] }), "ERR_OPTION"],
  ])("refuses %s", (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });

  it.each(lossCases)("passes $name", (loss) => {
    for (const options of loss.options) {
      // A part of ciou is a constant to its gradient, and ctc's is by logits unless told.
      if (loss.name === "ciou" || (loss.name === "ctc" && options.gradient !== "logProbs")) continue;
      for (const shape of loss.shapes.filter((each) => count(each) <= 40)) {
        const inputs = loss.sample(seeded(count(shape) + 7), shape, options);
        const { args, options: own } = givenTo(inputs, "float64");
        const wrt = (loss.able?.(inputs) ?? loss.wrt).filter((name) => name !== "weight" && name in inputs.args && (inputs.args[name] as Argument).kind !== "index");
        const { ok, worst } = gradcheck(lossOf(loss), args, { wrt, options: own });
        if (!ok) expect.fail(`${JSON.stringify(options)} on [${shape.join(", ")}]: ${JSON.stringify(worst)}`);
      }
    }
  });
});
