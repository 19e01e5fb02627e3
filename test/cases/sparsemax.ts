import { REDUCTIONS, given, matrix, normal } from "../support/draw.js";
import { CLASS_SHAPES, classInputs, classLayout, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

/** The threshold by sorting, as Martins and Astudillo give it. */
function threshold(x: readonly number[]): number {
  const sorted = [...x].sort((a, b) => b - a);
  let [sum, tau] = [0, Number.NaN];
  for (const [k, value] of sorted.entries()) {
    sum += value;
    if (1 + (k + 1) * value > sum) tau = (sum - 1) / (k + 1);
  }
  return tau;
}

const sparsemax: LossCase = {
  name: "sparsemax",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}],
  shapes: CLASS_SHAPES,
  sample: (random, shape, options) => classInputs(random, shape, options, () => normal(random)),
  oracle: ({ args }) => {
    const { input, target } = args as Record<"input" | "target", Argument>;
    const layout = classLayout(input.shape);
    const scale: number[] = [];
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const x = rowOf(input, layout, row);
      const max = x.reduce((a, b) => Math.max(a, b));
      const z = x.map((value) => value - max);
      const tau = threshold(z);
      const y = z[target.data[row] ?? 0] ?? Number.NaN;
      scale.push(1 - y);
      return z.filter((value) => value > tau).reduce((sum, value) => sum + (value * value - tau * tau) / 2, 0.5) - y;
    });
    return { values, shape: layout.shape, divisor: layout.rows, scale };
  },
  edges: [
    { title: "a winner by one or more takes all", inputs: { args: { input: matrix([[3, 2, -5], [0, 4, 0]]), target: given([0, 1], "index") }, options: {} }, values: [0, 0], grads: { input: [0, 0, 0, 0, 0, 0] } },
    { title: "a target out of the support", inputs: { args: { input: matrix([[3, 0]]), target: given([1], "index") }, options: {} }, values: [3], grads: { input: [1, -1] } },
    { title: "ties", inputs: { args: { input: matrix([[5, 5, 5, 5]]), target: given([2], "index") }, options: {} }, values: [0.375], grads: { input: [0.25, 0.25, -0.75, 0.25] } },
    { title: "half in the support", inputs: { args: { input: matrix([[0.5, 0, -3]]), target: given([0], "index") }, options: {} }, values: [0.0625], grads: { input: [-0.25, 0.25, 0] } },
    { title: "one class", inputs: { args: { input: matrix([[3], [-3]]), target: given([0, 0], "index") }, options: {} }, values: [0, 0], grads: { input: [0, 0] } },
    { title: "−inf is a mask", inputs: { args: { input: matrix([[0, -Infinity, 0]]), target: given([0], "index") }, options: {} }, values: [0.25], grads: { input: [-0.5, 0, 0.5] } },
    { title: "NaN stays in its row", inputs: { args: { input: matrix([[NaN, 0], [0, 0]]), target: given([1, 0], "index") }, options: {} }, values: [NaN, 0.25] },
  ],
};
export default sparsemax;
