import { REDUCTIONS, argumentOf, given, matrix, normal, numberOf, uniform } from "../support/draw.js";
import { CLASS_SHAPES, awayFromHinges, classInputs, classLayout, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const multiMargin: LossCase = {
  name: "multiMargin",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { p: 2 }, { margin: 0.5, weight: true }, { p: 2, margin: 2, weight: true }, { margin: -0.25 }],
  shapes: CLASS_SHAPES,
  sample: (random, shape, options) => {
    const inputs = classInputs(random, shape, options, () => normal(random));
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const layout = classLayout(shape);
    // Each score keeps its distance from the bound of its hinge against the target.
    const margin = numberOf(inputs, "margin", 1);
    const apart = awayFromHinges(input, layout, (row) => [target.data[row] ?? 0], margin, () => uniform(random, -3, 3));
    return { ...inputs, args: { input: apart, target } };
  },
  oracle: (inputs) => {
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const weight = argumentOf(inputs, "weight");
    const [p, margin] = [numberOf(inputs, "p", 1), numberOf(inputs, "margin", 1)];
    const layout = classLayout(input.shape);
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const x = rowOf(input, layout, row);
      const y = target.data[row] ?? Number.NaN;
      const hinges = x.map((score, c) => (c === y ? 0 : (z(score, x[y] ?? Number.NaN, margin)) ** p));
      return ((weight?.data[y] ?? 1) * hinges.reduce((sum, hinge) => sum + hinge, 0)) / x.length;
    });
    return { values, shape: layout.shape, divisor: layout.rows };
  },
  edges: [
    { title: "at the bound", inputs: { args: { input: matrix([[1, 0, 2]]), target: given([0], "index") }, options: {} }, values: [2 / 3], grads: { input: [-1 / 3, 0, 1 / 3] } },
    { title: "one class", inputs: { args: { input: matrix([[3], [-3]]), target: given([0, 0], "index") }, options: {} }, values: [0, 0], grads: { input: [0, 0] } },
    {
      title: "small hinges keep their digits beside the target's own",
      inputs: { args: { input: matrix([[1, 2 ** -20]]), target: given([0], "index") }, options: { p: 2 } },
      values: [2 ** -41],
      grads: { input: [-(2 ** -20), 2 ** -20] },
    },
    {
      title: "the weight is the target's, and the mean divides by the rows",
      inputs: { args: { input: matrix([[0, 0], [0, 0]]), target: given([0, 1], "index") }, options: { weight: given([3, 1]) } },
      values: [1.5, 0.5],
      mean: { value: 1, grads: { input: [-0.75, 0.75, 0.25, -0.25] } },
    },
    { title: "a target of ∞ wins, and −∞ loses to all", inputs: { args: { input: matrix([[Infinity, 0], [0, -Infinity]]), target: given([0, 0], "index") }, options: {} }, values: [0, 0], grads: { input: [0, 0, 0, 0] } },
    { title: "NaN goes through", inputs: { args: { input: matrix([[0, NaN], [NaN, 0], [0, 0]]), target: given([0, 0, 0], "index") }, options: {} }, values: [NaN, NaN, 0.5] },
  ],
};
export default multiMargin;

const z = (score: number, target: number, margin: number) => {
  const hinge = margin - target + score;
  return hinge > 0 || Number.isNaN(hinge) ? hinge : 0;
};
