import { REDUCTIONS, argumentOf, given, matrix, numberOf } from "../support/draw.js";
import { CLASS_SHAPES, classInputs, classLayout, logProbabilities } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const nll: LossCase = {
  name: "nll",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { weight: true }, { ignoreIndex: -100 }, { ignoreIndex: 1, weight: true }],
  shapes: CLASS_SHAPES,
  sample: (random, shape, options) => classInputs(random, shape, options, logProbabilities(random)),
  oracle: (inputs) => {
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const weight = argumentOf(inputs, "weight");
    const ignoreIndex = numberOf(inputs, "ignoreIndex", -100);
    const layout = classLayout(input.shape);
    let divisor = 0;
    const values = target.data.map((y, row) => {
      if (y === ignoreIndex) return 0;
      const w = weight ? (weight.data[y] ?? Number.NaN) : 1;
      divisor += w;
      return -w * (input.data[layout.at(row, y)] ?? Number.NaN);
    });
    return { values, shape: layout.shape, divisor };
  },
  edges: [
    {
      title: "all rows ignored",
      inputs: { args: { input: matrix([[-1, -2], [-3, -Infinity]]), target: given([-100, -100], "index") }, options: {} },
      values: [0, 0],
      grads: { input: [0, 0, 0, 0] },
      mean: { value: NaN, grads: { input: [0, 0, 0, 0] } },
    },
    {
      title: "present classes of weight 0",
      inputs: { args: { input: matrix([[-1, -2], [-3, -4]]), target: given([1, 1], "index") }, options: { weight: given([1, 0]) } },
      values: [0, 0],
      mean: { value: NaN, grads: { input: [0, NaN, 0, NaN] } },
    },
    {
      title: "only the target's logarithm is read",
      inputs: { args: { input: matrix([[-1, NaN], [Infinity, -4], [-Infinity, 0], [NaN, 0]]), target: given([0, 1, 0, 0], "index") }, options: {} },
      values: [1, 4, Infinity, NaN],
      grads: { input: [-1, 0, 0, -1, -1, 0, -1, 0] },
    },
  ],
};
export default nll;
