// What holds for all inputs, tried on random ones.
import fc from "fast-check";
import { ciou, crossEntropy, logSoftmax, nll, sigmoidFocal, softmax, softmaxFocal } from "fused-loss";
import { describe, expect, it, vi } from "vitest";
import type { Argument, Inputs, LossCase } from "./cases/case.js";
import { DTYPES, type DType, type Floats, ableTo, list, lossOf, replaced, run, runValue } from "./support/call.js";
import { isOfClasses, lossCases, shapeOf } from "./support/cases.js";
import { ULP, expectClose, expectSameBits, expectSameGrads, largest, total } from "./support/compare.js";
import { seeded } from "./support/draw.js";
import { formOf } from "./support/form.js";

vi.setConfig({ testTimeout: 60_000 });

const SEED = 20;
const check = <T extends unknown[]>(property: fc.IProperty<T>, numRuns = 60) => fc.assert(property, { seed: SEED, numRuns });

const dtypes = fc.constantFrom(...DTYPES);
const sizes = fc.integer({ min: 1, max: 70 });

/** Rows of integers within ±30: shifting them by an integer loses no bit. */
const rows = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }))
  .chain(([n, classes]) =>
    fc.record({
      n: fc.constant(n),
      classes: fc.constant(classes),
      logits: fc.array(fc.integer({ min: -30, max: 30 }), { minLength: n * classes, maxLength: n * classes }),
      labels: fc.array(fc.integer({ min: 0, max: classes - 1 }), { minLength: n, maxLength: n }),
      shift: fc.integer({ min: -1000, max: 1000 }),
    }),
  );

describe("options", () => {
  it("are rounded to the dtype, once and as a whole", () => {
    const of = (gamma: number) => {
      const rows = { data: Float32Array.of(25, 3, -2, 0.5), shape: [2, 2] };
      const options = { gamma, reduction: "none" } as const;
      return [sigmoidFocal.valueAndGrad(rows, { data: Float32Array.of(1, 1, 0, 1), shape: [2, 2] }, options), softmaxFocal.valueAndGrad(rows, Int32Array.of(0, 1), options)] as const;
    };
    const rounded = of(Math.fround(2.1));
    of(2.1).forEach(({ value, grads }, k) => {
      expectSameBits("value", value, (rounded[k] as { value: Floats }).value);
      expectSameBits("gradient", grads.input, (rounded[k] as { grads: { input: Floats } }).grads.input);
    });
  });
});

describe("ciou", () => {
  it("has the same slopes beside the pair whose angle is a right one", () => {
    const slopes = (y: number) => ciou.valueAndGrad({ data: Float64Array.of(0, 0, 1, 1), shape: [1, 4] }, { data: Float64Array.of(0, 1, 1, y), shape: [1, 4] }, { reduction: "sum" }).grads.boxes1;
    const [at, above, below] = [slopes(0), slopes(1e-9), slopes(-1e-9)];
    at.forEach((slope, k) => {
      expect(above[k]).toBeCloseTo(below[k] ?? Number.NaN, 6);
      expect(slope).toBeCloseTo(below[k] ?? Number.NaN, 6);
    });
  });
});

describe("rows of classes", () => {
  it("are the same when all logits of a row are shifted", () => {
    check(
      fc.property(rows, ({ n, classes, logits, labels, shift }) => {
        const at = (by: number) => ({ data: Float32Array.from(logits, (x) => x + by), shape: [n, classes] });
        const target = Int32Array.from(labels);
        const options = { reduction: "none" } as const;
        const [a, b] = [crossEntropy.valueAndGrad(at(0), target, options), crossEntropy.valueAndGrad(at(shift), target, options)];
        expectSameBits("value", b.value, a.value);
        expectSameBits("gradient", b.grads.input, a.grads.input);
        expectSameBits("softmax", softmax(at(shift)), softmax(at(0)));
        expectSameBits("logSoftmax", logSoftmax(at(shift)), logSoftmax(at(0)));
      }),
    );
  });

  it("have probabilities that sum to 1, and gradients that sum to 0", () => {
    check(
      fc.property(rows, ({ n, classes, logits, labels }) => {
        const input = { data: Float64Array.from(logits), shape: [n, classes] };
        const p = softmax(input);
        const { grads } = crossEntropy.valueAndGrad(input, Int32Array.from(labels), { reduction: "sum" });
        for (let row = 0; row < n; row++) {
          const of = (values: Floats) => total(Array.from(values.subarray(row * classes, (row + 1) * classes)));
          expect(Math.abs(of(p) - 1)).toBeLessThan(classes * ULP.float64 * 4);
          expect(Math.abs(of(grads.input))).toBeLessThan(classes * ULP.float64 * 4);
        }
      }),
    );
  });

  it("have a cross-entropy that is the nll of their log-softmax", () => {
    check(
      fc.property(rows, ({ n, classes, logits, labels }) => {
        const input = { data: Float64Array.from(logits), shape: [n, classes] };
        const target = Int32Array.from(labels);
        const want = nll({ data: logSoftmax(input), shape: [n, classes] }, target, { reduction: "none" });
        expectClose("value", crossEntropy(input, target, { reduction: "none" }), want, "float64", { relative: 16 * ULP.float64 });
      }),
    );
  });

  it("have the same cross-entropy with one-hot probabilities as with indices", () => {
    check(
      fc.property(rows, ({ n, classes, logits, labels }) => {
        const input = { data: Float64Array.from(logits), shape: [n, classes] };
        const probabilities = { data: Float64Array.from(logits, (_, i) => (i % classes === labels[Math.floor(i / classes)] ? 1 : 0)), shape: input.shape };
        const [a, b] = [crossEntropy.valueAndGrad(input, probabilities), crossEntropy.valueAndGrad(input, Int32Array.from(labels))];
        expectClose("value", [a.value], [b.value], "float64", { relative: 16 * ULP.float64 });
        expectClose("gradient", a.grads.input, b.grads.input, "float64", { relative: 64 * ULP.float64 });
      }),
    );
  });
});

/** A set of options, a size, a seed: inputs of a loss, in a type. */
const calls = (loss: LossCase, options = loss.options) =>
  fc.record({ dtype: dtypes, options: fc.constantFrom(...options), size: sizes, classes: fc.integer({ min: 2, max: 12 }), seed: fc.nat() });

const sampled = (loss: LossCase, size: number, classes: number, seed: number, options: LossCase["options"][number]) =>
  loss.sample(seeded(seed), shapeOf(loss, size, classes), options);

/** Rows along the first dimension in another order. */
function permuted(argument: Argument, order: readonly number[]): Argument {
  const { data, shape } = argument;
  const width = data.length / (shape[0] ?? 1);
  return { ...argument, data: order.flatMap((row) => data.slice(row * width, (row + 1) * width)) };
}

/** A shuffle that a seed gives. */
function shuffled(size: number, seed: number): readonly number[] {
  const random = seeded(seed);
  const keys = Array.from({ length: size }, random);
  return Array.from(keys.keys()).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
}

describe.each(lossCases)("$name", (loss) => {
  const call = lossOf(loss);

  it("has the same value with and without gradients", () => {
    check(
      fc.property(calls(loss), fc.constantFrom(...loss.reductions), ({ dtype, options, size, classes, seed }, reduction) => {
        const inputs = sampled(loss, size, classes, seed, options);
        expectSameBits(reduction, runValue(call, inputs, dtype, { reduction }), run(call, inputs, dtype, { reduction }).value);
      }),
    );
  });

});

describe.each(lossCases.filter((loss) => shapeOf(loss, 2, 3).length === 2))("$name", (loss) => {
  const call = lossOf(loss);
  // In a batch the order of the sums follows the rows too.
  const exact = formOf(loss) !== "batch";

  it(`has values and gradients of rows that follow the rows${exact ? ", bit for bit" : ""}`, () => {
    check(
      fc.property(calls(loss), ({ dtype, options, size, classes, seed }) => {
        const inputs = sampled(loss, size, classes, seed, options);
        const order = shuffled(size, seed);
        // Arguments of rows move with them; what is shared by rows (factors on the last dimension) stays.
        const moves = (argument: Argument) => argument.shape[0] === size && (argument.shape.length > 1 || argument.kind === "index" || size !== classes);
        fc.pre(size !== classes);
        let moved: Inputs = inputs;
        for (const [name, value] of [...Object.entries(inputs.args), ...Object.entries(inputs.options)]) {
          if (typeof value === "object" && moves(value)) moved = replaced(moved, name, permuted(value, order));
        }
        // By what is the rows' own: gradients of shared arguments are sums over them.
        const wrt = ableTo(loss, inputs).filter((name) => name in inputs.args && inputs.args[name]?.shape[0] === size);
        const [a, b] = [inputs, moved].map((one) => run(call, one, dtype, { reduction: "none", wrt }));
        if (!a || !b) throw new Error("two calls");
        const values: Argument = { data: list(a.value), shape: [size, list(a.value).length / size], kind: "float" };
        const expectMoved = (what: string, got: readonly number[], from: Argument) => {
          const want = permuted(from, order).data;
          const bound = exact ? 0 : 256 * ULP[dtype];
          expectClose(what, got, want, dtype, { relative: bound, absolute: bound * largest(want) });
        };
        expectMoved("values", list(b.value), values);
        for (const name of wrt) {
          const { shape } = inputs.args[name] as Argument;
          const grad: Argument = { data: list(a.grads[name] as Floats), shape, kind: "float" };
          expectMoved(`gradient by ${name}`, list(b.grads[name] as Floats), grad);
        }
      }),
      40,
    );
  });
});

describe.each(lossCases)("$name", (loss) => {
  const call = lossOf(loss);

  it("is consistent over reductions", () => {
    check(
      fc.property(calls(loss), ({ dtype, options, size, classes, seed }) => {
        const inputs = sampled(loss, size, classes, seed, options);
        const wrt = ableTo(loss, inputs).filter((name) => name !== "weight");
        const [sum, none] = ["sum", "none"].map((reduction) => run(call, inputs, dtype, { reduction, wrt }));
        if (!sum || !none) throw new Error("two calls");
        // The gradient of the sum is the gradient of the values, each with an upstream gradient of 1.
        expectSameGrads("sum and none", sum.grads, none.grads);
        const size1 = total(list(none.value).map(Math.abs));
        expectClose("sum", list(sum.value), [total(list(none.value))], dtype, { relative: ULP[dtype], absolute: size1 * (ULP[dtype] + 2 ** -40) });
        expectSameBits("normalizer 1", runValue(call, inputs, dtype, { normalizer: 1 }), sum.value);
      }),
    );
  });
});

const weighted = lossCases.filter((loss) => loss.options.some(({ weight }) => weight));

describe.each(weighted)("$name", (loss) => {
  const call = lossOf(loss);
  const options = loss.options.filter(({ weight }) => weight);
  const factors = fc.constantFrom(0.25, 0.5, 2, 8);

  it("is linear in its weight", () => {
    check(
      fc.property(calls(loss, options), factors, ({ dtype, options, size, classes, seed }, by) => {
        const inputs = sampled(loss, size, classes, seed, options);
        const weight = inputs.options.weight as Argument;
        const scaled = replaced(inputs, "weight", { ...weight, data: weight.data.map((w) => w * by) });
        const wrt = ableTo(loss, inputs).filter((name) => name !== "weight");
        const [a, b] = [inputs, scaled].map((one) => run(call, one, dtype, { reduction: "none", wrt }));
        if (!a || !b) throw new Error("two calls");
        const times = (values: readonly number[]) => values.map((x) => x * by);
        const near = (values: readonly number[]) => ({ relative: 8 * ULP[dtype], absolute: 8 * ULP[dtype] * largest(values) });
        expectClose("values", list(b.value), times(list(a.value)), dtype, near(times(list(a.value))));
        for (const name of wrt) {
          const want = times(list(a.grads[name] as Floats));
          expectClose(`gradient by ${name}`, b.grads[name] as Floats, want, dtype, near(want));
        }
        // A mean over the weights does not see their scale.
        if (loss.oracle(scaled).divisor !== loss.oracle(inputs).divisor) {
          expectClose("mean", list(runValue(call, scaled, dtype)), list(runValue(call, inputs, dtype)), dtype, { relative: 8 * ULP[dtype] });
        }
      }),
    );
  });
});

describe.each(lossCases.filter((loss) => isOfClasses(loss) && loss.options.some((options) => "ignoreIndex" in options)))("$name", (loss) => {
  const call = lossOf(loss);

  it("gives ignored rows nothing, and takes nothing from them", () => {
    check(
      fc.property(dtypes, sizes, fc.integer({ min: 2, max: 12 }), fc.nat(), (dtype: DType, size, classes, seed) => {
        const inputs = sampled(loss, size, classes, seed, { ignoreIndex: -100 });
        const { input, target } = inputs.args as Record<"input" | "target", Argument>;
        const kept = Array.from(target.data.keys()).filter((row) => target.data[row] !== -100);
        const part = (argument: Argument) => ({ ...permuted(argument, kept), shape: [kept.length, ...argument.shape.slice(1)] });
        const all = run(call, inputs, dtype, { reduction: "sum" });
        const only = run(call, { ...inputs, args: { input: part(input), target: part(target) } }, dtype, { reduction: "sum" });
        expectClose("value", list(all.value), list(only.value), dtype, { relative: 2 * ULP[dtype] });
        const gradient: Argument = { data: list(all.grads.input as Floats), shape: input.shape, kind: "float" };
        expectClose("gradient of the rest", part(gradient).data, list(only.grads.input as Floats), dtype, { relative: 0 });
        const zero = gradient.data.filter((_, i) => target.data[Math.floor(i / classes)] === -100);
        expect(zero.every((g) => g === 0)).toBe(true);
      }),
    );
  });
});
