import { REDUCTIONS, argumentOf, given, matrix, normal, numberOf, sigmoidOf, softplusOf } from "../support/draw.js";
import { CLASS_SHAPES, classInputs, classLayout, logSumExpOf, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

/** (1 − p)·−ln p of two logits that are so far apart. */
const apart = (gap: number) => sigmoidOf(-gap) * softplusOf(-gap);
const slope = (gap: number) => sigmoidOf(-gap) * (sigmoidOf(-gap) + sigmoidOf(gap) * softplusOf(-gap));

const softmaxFocal: LossCase = {
  name: "softmaxFocal",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { gamma: 0 }, { gamma: 0.5 }, { gamma: 1, weight: true }, { gamma: 3.5, ignoreIndex: 1 }, { ignoreIndex: -7, weight: true }],
  shapes: CLASS_SHAPES,
  sample: (random, shape, options) => classInputs(random, shape, options, () => normal(random, 2)),
  oracle: (inputs) => {
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const weight = argumentOf(inputs, "weight");
    const [gamma, ignored] = [numberOf(inputs, "gamma", 2), numberOf(inputs, "ignoreIndex", -100)];
    const layout = classLayout(input.shape);
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const y = target.data[row] ?? Number.NaN;
      if (y === ignored) return 0;
      const x = rowOf(input, layout, row);
      // The log-odds of a miss, from the other classes alone.
      const { max, log } = logSumExpOf(x.filter((_, c) => c !== y));
      const odds = max === -Infinity ? -Infinity : max + log - (x[y] ?? Number.NaN);
      return (weight?.data[y] ?? 1) * sigmoidOf(odds) ** gamma * softplusOf(odds);
    });
    return { values, shape: layout.shape, divisor: layout.rows };
  },
  edges: [
    { title: "two equal logits", inputs: { args: { input: matrix([[0, 0]]), target: given([1], "index") }, options: {} }, values: [Math.LN2 / 4], grads: { input: [1 / 8 + Math.LN2 / 4, -(1 / 8 + Math.LN2 / 4)] } },
    {
      title: "a confident row keeps its digits",
      inputs: { args: { input: matrix([[20, 0], [0, 20]]), target: given([0, 0], "index") }, options: { gamma: 1 } },
      values: [apart(20), apart(-20)],
      grads: { input: [-slope(20), slope(20), -slope(-20), slope(-20)] },
    },
    { title: "one class", inputs: { args: { input: matrix([[3], [-3]]), target: given([0, 0], "index") }, options: { gamma: 0.5 } }, values: [0, 0], grads: { input: [0, 0] } },
    { title: "−inf masks the other class", inputs: { args: { input: matrix([[0, -Infinity]]), target: given([0], "index") }, options: { gamma: 0.5 } }, values: [0], grads: { input: [0, 0] } },
    { title: "an impossible target", inputs: { args: { input: matrix([[-Infinity, 0]]), target: given([0], "index") }, options: {} }, values: [Infinity], grads: { input: [-1, 1] } },
    {
      title: "ignored rows are 0, and the mean counts them",
      inputs: { args: { input: matrix([[0, 0], [NaN, 0]]), target: given([1, -100], "index") }, options: {} },
      values: [Math.LN2 / 4, 0],
      mean: { value: Math.LN2 / 8, grads: { input: [1 / 16 + Math.LN2 / 8, -(1 / 16 + Math.LN2 / 8), 0, 0] } },
    },
    { title: "NaN stays in its row", inputs: { args: { input: matrix([[NaN, 0], [0, 0]]), target: given([1, 0], "index") }, options: {} }, values: [NaN, Math.LN2 / 4] },
  ],
};
export default softmaxFocal;
