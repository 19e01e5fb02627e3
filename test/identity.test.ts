// The builds give the same bits: values and gradients of every loss and function, whatever the options and the size.
import { engineName } from "fused-loss";
import { engineName as otherEngineName } from "fused-loss/scalar";
import { describe, expect, it, vi } from "vitest";
import type { Argument, FunctionArguments, Inputs, LossCase } from "./cases/case.js";
import { DTYPES, type DType, ableTo, floats, functionOf, givenTo, list, lossOf, run, runValue, vjpOf } from "./support/call.js";
import { functionCases, lossCases } from "./support/cases.js";
import { expectSameBits, expectSameGrads } from "./support/compare.js";
import { count, integer, normal, seeded } from "./support/draw.js";
import { formOf, isOfRows } from "./support/form.js";

vi.setConfig({ testTimeout: 60_000 });

/** Around vectors, the run of eight lanes, and the blocks of 4096 elements. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67, 4095, 4096, 4097, 9000].map((size) => [size]);

/** Layouts of classes: few and many, side by side and apart, and more rows than are taken at once. */
const CLASS_SHAPES = [
  ...[1, 2, 10, 31, 32, 33, 100, 1000, 5000].map((classes) => [3, classes]),
  [70, 10],
  [4097, 3],
  ...[1, 2, 10, 33, 100].map((classes) => [2, classes, 5]),
  [2, 10, 130],
];

/**
 * The same inputs further apart: each float times a power of two from 2⁻²⁴ to 2⁷, or to 1 where all lie in [0, 1] and must
 * stay there.
 */
function spread(inputs: Inputs, seed: number): Inputs {
  const random = seeded(seed);
  const scaled = (argument: Argument): Argument => {
    if (argument.kind !== "float") return argument;
    const highest = argument.data.every((x) => x >= 0 && x <= 1) ? 0 : 7;
    return { ...argument, data: argument.data.map((x) => Math.fround(x * 2 ** (highest - integer(random, 25 + highest)))) };
  };
  return { ...inputs, args: Object.fromEntries(Object.entries(inputs.args).map(([name, argument]) => [name, scaled(argument)])) };
}

function compare(what: string, loss: LossCase, inputs: Inputs, dtype: DType) {
  const [simd, scalar] = [lossOf(loss, "simd128"), lossOf(loss, "scalar")];
  const wrt = ableTo(loss, inputs);
  for (const reduction of loss.reductions) {
    const options = { reduction, wrt };
    const [a, b] = [run(simd, inputs, dtype, options), run(scalar, inputs, dtype, options)];
    expectSameBits(`${what}, ${reduction}: value`, a.value, b.value);
    expectSameGrads(`${what}, ${reduction}`, a.grads, b.grads);
    expectSameBits(`${what}, ${reduction}: value alone`, runValue(scalar, inputs, dtype, { reduction }), b.value);
    expectSameBits(`${what}, ${reduction}: value alone`, runValue(simd, inputs, dtype, { reduction }), b.value);
    if (reduction !== "none") continue;
    const random = seeded(7);
    const gradOutput = floats(list(a.value).map(() => normal(random)), dtype);
    const [c, d] = [simd, scalar].map((build) => run(build, inputs, dtype, { ...options, gradOutput }).grads);
    expectSameGrads(`${what}, gradOutput`, c ?? {}, d ?? {});
  }
}

it("is of two builds", () => {
  expect([engineName, otherEngineName]).toEqual(["simd128", "scalar"]);
});

describe.each(lossCases)("$name", (loss) => {
  const form = formOf(loss);
  // The shapes of a batch mean something else in each loss.
  const shapes =
    form === "elements" ? [...SIZES, [9, 17], [3, 4, 5]] : form === "batch" ? loss.shapes : CLASS_SHAPES.map((shape) => (loss.shapeOf ? loss.shapeOf(shape[0] ?? 1, shape[1] ?? 1) : shape));

  it.each(DTYPES)("%s", (dtype) => {
    for (const options of loss.options) {
      for (const shape of shapes) {
        const what = `${JSON.stringify(options)} on [${shape.join(", ")}]`;
        const inputs = loss.sample(seeded(count(shape)), shape, options);
        compare(what, loss, inputs, dtype);
        compare(`${what}, spread`, loss, spread(inputs, count(shape)), dtype);
      }
    }
    for (const { title, inputs } of loss.edges) {
      compare(title, loss, inputs, dtype);
    }
  });
});

describe.each(functionCases)("$name", (one) => {
  const shapes = isOfRows(one) ? CLASS_SHAPES : SIZES;
  const inputsOf = (args: Partial<FunctionArguments>): Inputs => ({ args: args, options: {} });

  it.each(DTYPES)("%s", (dtype) => {
    const [simd, scalar] = [functionOf(one, "simd128"), functionOf(one, "scalar")];
    const compareFunction = (what: string, inputs: Inputs, options: Readonly<Record<string, number>>) => {
      const { args } = givenTo(inputs, dtype);
      const [a, b] = [simd(...Object.values(args), options), scalar(...Object.values(args), options)];
      expectSameBits(what, a, b);
      const random = seeded(5);
      const outer = floats(Array.from(a, () => normal(random)), dtype);
      expectSameGrads(`${what}: vjp`, vjpOf(simd, args, outer, options), vjpOf(scalar, args, outer, options));
    };
    for (const options of one.options) {
      for (const shape of shapes) {
        const what = `${JSON.stringify(options)} on [${shape.join(", ")}]`;
        const inputs = inputsOf(one.sample(seeded(count(shape)), shape));
        compareFunction(what, inputs, options);
        compareFunction(`${what}, spread`, spread(inputs, count(shape)), options);
      }
    }
    for (const { title, args, options = {} } of one.edges) compareFunction(title, inputsOf(args), options);
  });
});
