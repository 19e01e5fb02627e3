import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, given, normal, numberOf, own, pointwise } from "../support/draw.js";
import type { LossCase } from "./case.js";

const quantile: LossCase = {
  name: "quantile",
  wrt: ["input", "target"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { q: 0.1 }, { q: 0.9 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const target = drawn(shape, () => normal(random));
    const input = { ...target, data: target.data.map((y) => Math.fround(y + awayFrom([0], () => normal(random)))) };
    return { args: { input, target }, options: own(options) };
  },
  oracle: (inputs) => {
    const q = numberOf(inputs, "q", 0.5);
    return pointwise(inputs, (x, y) => Math.max(q * (y - x), (q - 1) * (y - x)));
  },
  edges: [
    {
      title: "the ends of q",
      inputs: { args: { input: given([0, 2]), target: given([2, 0]) }, options: { q: 1 } },
      values: [2, 0],
      grads: { input: [-1, 0] },
    },
    {
      title: "a quarter above, three quarters below",
      inputs: { args: { input: given([0, 2]), target: given([2, 0]) }, options: { q: 0.25 } },
      values: [0.5, 1.5],
      grads: { input: [-0.25, 0.75], target: [0.25, -0.75] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, 0, NaN]), target: given([0, 1, Infinity, 0]) }, options: {} },
      values: [Infinity, Infinity, Infinity, NaN],
      grads: { input: [0.5, -0.5, -0.5, NaN] },
    },
  ],
};
export default quantile;
