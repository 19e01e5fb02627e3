// gradcheck: it finds what is wrong, and nothing wrong with the losses of this package.
import { AdaptiveLogSoftmax, bce, crossEntropy, hinge, linearCrossEntropy, mse, softmax, tensor } from "fused-loss";
import { type Gradients, gradcheck } from "fused-loss/testing";
import { describe, expect, it } from "vitest";
import type { Inputs } from "./cases/case.js";
import { ableTo, givenTo, list, lossOf, run } from "./support/call.js";
import { lossCases } from "./support/cases.js";
import { count, normal, seeded } from "./support/draw.js";

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

  it("checks by default what there are gradients of, among the inputs", () => {
    const more = (a: Float64Array) => ({ value: a[0] as number, grads: { a: [1], hidden: [5], absent: undefined } });
    expect(gradcheck(more, { a: Float64Array.of(2) })).toMatchObject({ ok: true, worst: { input: "a" } });
  });

  it("has no patience with NaN, and some with infinities that do not move", () => {
    const input = Float64Array.of(1);
    expect(gradcheck(() => ({ value: NaN, grads: { input: [NaN] } }), { input })).toMatchObject({ ok: false, worst: { error: Infinity } });
    expect(gradcheck((x: Float64Array) => ({ value: [Infinity, x[0]!], grads: { input: [1] } }), { input })).toMatchObject({ ok: true });
    expect(gradcheck((x: Float64Array) => ({ value: x[0]! > 1 ? Infinity : 0, grads: { input: [0] } }), { input })).toMatchObject({ ok: false, worst: { numeric: Infinity } });
    // Too large to be moved by 1e-6.
    expect(gradcheck((x: Float64Array) => ({ value: x[0]!, grads: { input: [1] } }), { input: Float64Array.of(1e12) }).ok).toBe(false);
    expect(gradcheck((x: Float64Array) => ({ value: x[0]!, grads: { input: [1] } }), { input: Float64Array.of(1e12) }, { eps: 1 }).ok).toBe(true);
  });

  it("divides by the step that was made, not by the one that was asked for", () => {
    const square = (x: Float64Array) => ({ value: x[0]! * 3, grads: { input: [3] } });
    const { worst } = gradcheck(square, { input: Float64Array.of(1e6 + 0.1) });
    // The steps are off by a part in 10⁴ here.
    expect(Math.abs(worst.numeric - 3)).toBeLessThan(1e-9);
  });

  it("weighs values by gradOutput, as the loss does", () => {
    const inputs = { input: { data: Float64Array.of(0.5, -1, 2, 0, 1, 3), shape: [2, 3] }, target: Int32Array.of(0, 2) };
    const check = (options: object) => gradcheck(crossEntropy, inputs, { options });
    expect(check({ gradOutput: -3 }).ok).toBe(true);
    for (const gradOutput of [2, Float64Array.of(2, -1), { data: Float64Array.of(2, -1), shape: [2] }]) expect(check({ reduction: "none", gradOutput }).ok).toBe(true);
    // Each value has the factor that is its own.
    const loss = (input: typeof inputs.input, target: Int32Array) => crossEntropy.valueAndGrad(input, target, { reduction: "none", gradOutput: Float64Array.of(-1, 2) });
    expect(gradcheck(loss, inputs, { options: { gradOutput: Float64Array.of(-1, 2) } }).ok).toBe(true);
    expect(gradcheck(loss, inputs, { options: { gradOutput: Float64Array.of(2, -1) } }).ok).toBe(false);
  });

  it("checks arrays among the options", () => {
    const random = seeded(4);
    const floats = (size: number) => Float64Array.from({ length: size }, () => normal(random));
    const inputs = { input: { data: floats(6), shape: [3, 2] }, linearWeight: { data: floats(8), shape: [4, 2] }, target: Int32Array.of(0, 3, 1) };
    // It gives a gradient by its bias unless told.
    expect(gradcheck(linearCrossEntropy, inputs, { options: { bias: floats(4) } }).ok).toBe(true);
    const weighted = { wrt: ["weight"], options: { weight: Float64Array.of(1, 2, 0.5) } };
    expect(gradcheck(mse, { input: floats(3), target: floats(3) }, weighted).ok).toBe(true);
    const wrong = (input: Float64Array, target: Float64Array, options: { weight: Float64Array }) => {
      const { value, grads } = mse.valueAndGrad(input, target, { ...options, wrt: ["weight"] });
      return { value, grads: { weight: grads.weight.map((g) => g + 0.01) } };
    };
    expect(gradcheck(wrong, { input: floats(3), target: floats(3) }, weighted)).toMatchObject({ ok: false, worst: { input: "weight" } });
  });

  it("leaves all that it is given as it is, even by a loss that works in place", () => {
    const inPlace = (input: Float64Array, { factor }: { readonly factor: Float64Array }): Gradients => {
      const value = input.reduce((sum, x, i) => sum + factor[i]! * x * x, 0);
      input.forEach((x, i) => (input[i] = 2 * factor[i]! * x));
      factor.fill(NaN);
      return { value, grads: { input } };
    };
    const [input, factor] = [Float64Array.of(1, 2, 3), Float64Array.of(0.5, 1, -1)];
    expect(gradcheck(inPlace, { input }, { options: { factor } }).ok).toBe(true);
    const out = { grads: { input } };
    expect(gradcheck(mse, { input, target: factor }, { options: { out } }).ok).toBe(true);
    expect([...input, ...factor]).toEqual([1, 2, 3, 0.5, 1, -1]);
  });

  it("checks whatever has a gradient: functions by their vjp, layers by their parameters", () => {
    const x = { data: Float64Array.of(0.5, -1, 2, 0, 1, 3), shape: [2, 3] };
    const gradOutput = Float64Array.of(1, -2, 0.5, 3, 1, -1);
    const function_ = (input: typeof x) => ({ value: softmax(input), grads: { x: softmax.vjp(input, gradOutput) } });
    expect(gradcheck(function_, { x }, { options: { gradOutput } }).ok).toBe(true);

    const layer = new AdaptiveLogSoftmax({ inFeatures: 3, classes: 6, cutoffs: [2], divValue: 2, seed: 5, dtype: "float64" });
    const target = Int32Array.of(1, 5);
    // By the input alone, among the gradients by all parts of it.
    const whole = (input: typeof x, index: Int32Array) => layer.valueAndGrad(input, index) as unknown as Gradients;
    expect(gradcheck(whole, { input: x, target }, { wrt: ["input"] }).ok).toBe(true);
    const { weight } = layer.parameters.head;
    const byWeight = (given: Float64Array) => {
      weight.data.set(given);
      const { value, grads } = layer.valueAndGrad(x, target);
      return { value, grads: { weight: grads.head.weight } };
    };
    expect(gradcheck(byWeight, { weight: weight.data.slice() }).ok).toBe(true);
  });

  it("takes losses with options, indices, shapes and tensors, and leaves them as they are", () => {
    const input = { data: Float64Array.of(0.5, -1, 2, 0, 1, 3), shape: [2, 3] };
    expect(gradcheck(crossEntropy, { input, target: Int32Array.of(0, 2) }, { options: { labelSmoothing: 0.1 } }).ok).toBe(true);
    const [x, y] = [tensor(Float64Array.of(0.25, 0.5), [2]), Float64Array.of(0.5, 0.75)];
    expect(gradcheck(bce, { input: x, target: y }, { wrt: ["input", "target"], options: { reduction: "none" } }).ok).toBe(true);
    expect([...x.data]).toEqual([0.25, 0.5]);
    x.dispose();
    expect(gradcheck(mse, { input: new Float64Array(0), target: new Float64Array(0) })).toMatchObject({ ok: true, worst: { index: -1 } });
  });

  const one = Float64Array.of(1);
  it.each([
    ["float32", () => gradcheck(mse, { input: Float32Array.of(1), target: Float32Array.of(2) }), "ERR_DTYPE", "inputs.input"],
    ["float32 among the options", () => gradcheck(square, { input: one }, { wrt: ["weight"], options: { weight: Float32Array.of(1) } }), "ERR_DTYPE", "options.options.weight"],
    ["integers", () => gradcheck(square, { input: Int32Array.of(1) }), "ERR_DTYPE", "inputs.input"],
    ["a name that is none of the inputs", () => gradcheck(square, { x: one }), "ERR_OPTION", "wrt"],
    ["a name that the loss cannot differentiate by", () => gradcheck(hinge, { input: one, target: one }, { wrt: ["target"] }), "ERR_OPTION", "wrt"],
    ["wrt that is no array", () => gradcheck(square, { input: one }, { wrt: "input" as never }), "ERR_TYPE", "wrt"],
    ["a gradient of another length", () => gradcheck((x: Float64Array) => ({ ...square(x), grads: { x: x.slice(1) } }), { x: Float64Array.of(1, 2) }), "ERR_SHAPE", "grads.x"],
    ["a gradient that is not there", () => gradcheck(square, { input: one, other: one }, { wrt: ["other"] }), "ERR_SHAPE", "grads.other"],
    ["no value", () => gradcheck((() => ({ grads: {} })) as never, { input: one }), "ERR_TYPE", "the value of the loss"],
    ["no grads", () => gradcheck((() => ({ value: 1 })) as never, { input: one }), "ERR_TYPE", "the grads of the loss"],
    ["a promise", () => gradcheck((() => Promise.resolve()) as never, { input: one }), "ERR_TYPE", "the value of the loss"],
    ["nothing", () => gradcheck((() => undefined) as never, { input: one }), "ERR_TYPE", "the value of the loss"],
    ["what is no loss", () => gradcheck(3 as never, {}), "ERR_TYPE", "loss"],
    ["no loss at all", () => gradcheck(undefined as never, {}), "ERR_TYPE", "loss"],
    ["inputs in a list", () => gradcheck(mse, [one, one] as never), "ERR_TYPE", "inputs"],
    ["a bare input", () => gradcheck(square, one as never), "ERR_TYPE", "inputs"],
    ["options of the loss that are none", () => gradcheck(mse, { input: one, target: one }, { options: "sum" as never }), "ERR_TYPE", "options.options"],
    ["eps of 0", () => gradcheck(square, { input: one }, { eps: 0 }), "ERR_RANGE", "eps"],
    ["rtol below 0", () => gradcheck(square, { input: one }, { rtol: -1 }), "ERR_RANGE", "rtol"],
    ["nothing to check", () => gradcheck(square, { input: one }, { wrt: [] }), "ERR_OPTION", "wrt"],
  ])("refuses %s", (_, call, code, argument) => {
    expect(call).toThrow(expect.objectContaining({ code, argument }));
  });

  // A part of ciou is a constant to its gradient, and ctc's is by logits unless told.
  describe.each(lossCases.filter(({ name }) => name !== "ciou"))("$name", (loss) => {
    function* samples() {
      for (const options of loss.options) {
        if (loss.name === "ctc" && options.gradient !== "logProbs") continue;
        for (const shape of loss.shapes.filter((each) => count(each) <= 40)) {
          const inputs = loss.sample(seeded(count(shape) + 7), shape, options);
          yield { inputs, wrt: ableTo(loss, inputs), what: `${JSON.stringify(options)} on [${shape.join(", ")}]` };
        }
      }
    }

    it("passes", () => {
      for (const { inputs, wrt, what } of samples()) {
        const { args, options } = givenTo(inputs, "float64");
        const values = list(run(lossOf(loss), inputs, "float64", { reduction: "none" }).value);
        const none = { reduction: "none", gradOutput: Float64Array.from(values, (_, i) => (i % 3) - 1.5) };
        for (const more of [{}, { gradOutput: -2 }, none]) {
          const { ok, worst } = gradcheck(lossOf(loss), args, { wrt, options: { ...options, ...more } });
          if (!ok) expect.fail(`${what}, ${JSON.stringify(more)}: ${JSON.stringify(worst)}`);
        }
      }
    });

    it("fails once a gradient is spoilt", () => {
      const { inputs, wrt } = [...samples()].find((each) => Object.values(each.inputs.args)[0]?.data.length) as { inputs: Inputs; wrt: readonly string[] };
      const { args, options } = givenTo(inputs, "float64");
      for (const name of wrt) {
        const spoilt = {
          valueAndGrad(...given: unknown[]): Gradients {
            const { value, grads } = lossOf(loss).valueAndGrad(...given);
            return { value, grads: { ...grads, [name]: grads[name]?.map((g, i) => (i === 0 ? 1.01 * g + 0.001 : g)) } };
          },
        };
        expect(gradcheck(spoilt, args, { wrt, options })).toMatchObject({ ok: false, worst: { input: name, index: 0 } });
      }
    });
  });
});
