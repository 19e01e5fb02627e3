import { REDUCTIONS, drawn, given, integer, matrix, numberOf, own, uniform } from "../support/draw.js";
import { overSamples } from "../support/rows.js";
import type { LossCase } from "./case.js";

const tversky: LossCase = {
  name: "tversky",
  form: "rows",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { alpha: 0.25, beta: 0.75 }, { smooth: 0.1, alpha: 1 }, { beta: 0, smooth: 2 }],
  shapes: [[5], [1, 5], [7, 3], [2, 33], [150, 4], [2, 3, 4], [2, 1000]],
  sample: (random, shape, options) => ({
    args: { input: drawn(shape, () => uniform(random, 0, 1)), target: { ...drawn(shape, () => integer(random, 2)), kind: "flag" } },
    options: own(options),
  }),
  oracle: (inputs) => {
    const [alpha, beta, smooth] = [numberOf(inputs, "alpha", 0.5), numberOf(inputs, "beta", 0.5), numberOf(inputs, "smooth", 1)];
    return overSamples(inputs, (x, y) => {
      const over = (f: (x: number, y: number) => number) => x.reduce((sum, value, i) => sum + f(value, y[i] ?? Number.NaN), 0);
      const [hits, alarms, misses] = [over((a, b) => a * b), over((a, b) => a * (1 - b)), over((a, b) => (1 - a) * b)];
      return 1 - (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth);
    });
  },
  edges: [
    { title: "right in every place", inputs: { args: { input: matrix([[1, 0, 1]]), target: given([1, 0, 1], "flag", [1, 3]) }, options: {} }, values: [0] },
    { title: "nothing there, nothing seen", inputs: { args: { input: matrix([[0, 0]]), target: given([0, 0], "flag", [1, 2]) }, options: {} }, values: [0], grads: { input: [0.5, 0.5] } },
    { title: "small errors keep their digits", inputs: { args: { input: matrix([[1, 2 ** -30]]), target: given([1, 0], "flag", [1, 2]) }, options: { smooth: 0 } }, values: [2 ** -31 / (1 + 2 ** -31)] },
    { title: "nothing to divide by", inputs: { args: { input: matrix([[0, 0]]), target: given([0, 0], "flag", [1, 2]) }, options: { smooth: 0 } }, values: [NaN] },
    { title: "NaN stays in its sample", inputs: { args: { input: matrix([[NaN, 0], [1, 0]]), target: given([1, 1, 1, 0], "flag", [2, 2]) }, options: {} }, values: [NaN, 0] },
  ],
};
export default tversky;
