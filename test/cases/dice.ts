import { REDUCTIONS, drawn, given, integer, matrix, numberOf, own, uniform } from "../support/draw.js";
import { overSamples } from "../support/rows.js";
import type { LossCase } from "./case.js";

const dice: LossCase = {
  name: "dice",
  form: "rows",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { smooth: 0.1 }],
  shapes: [[5], [1, 5], [7, 3], [2, 33], [150, 4], [2, 3, 4], [2, 1000]],
  sample: (random, shape, options) => ({
    args: { input: drawn(shape, () => uniform(random, 0, 1)), target: { ...drawn(shape, () => integer(random, 2)), kind: "flag" } },
    options: own(options),
  }),
  oracle: (inputs) => {
    const smooth = numberOf(inputs, "smooth", 1);
    return overSamples(inputs, (x, y) => {
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      return 1 - (2 * sum(x.map((value, i) => value * (y[i] ?? Number.NaN))) + smooth) / (sum(x) + sum(y) + smooth);
    });
  },
  edges: [
    { title: "right in every place", inputs: { args: { input: matrix([[1, 0, 1]]), target: given([1, 0, 1], "flag", [1, 3]) }, options: {} }, values: [0] },
    { title: "wrong in every place", inputs: { args: { input: matrix([[1, 0]]), target: given([0, 1], "flag", [1, 2]) }, options: { smooth: 0 } }, values: [1] },
    { title: "half of the region", inputs: { args: { input: matrix([[1, 1, 0, 0]]), target: given([1, 0, 1, 0], "flag", [1, 4]) }, options: { smooth: 0 } }, values: [0.5], grads: { input: [-0.375, 0.125, -0.375, 0.125] } },
    { title: "NaN stays in its sample", inputs: { args: { input: matrix([[NaN, 0], [1, 0]]), target: given([1, 1, 1, 0], "flag", [2, 2]) }, options: {} }, values: [NaN, 0] },
  ],
};
export default dice;
