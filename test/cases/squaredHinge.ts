import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, given, normal, pointwise, sign } from "../support/draw.js";
import type { LossCase } from "./case.js";

const squaredHinge: LossCase = {
  name: "squaredHinge",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}],
  shapes: FLAT_SHAPES,
  sample: (random, shape) => ({
    args: {
      input: drawn(shape, () => awayFrom([-1, 1], () => normal(random, 2))),
      target: drawn(shape, () => sign(random), "flag"),
    },
    options: {},
  }),
  oracle: (inputs) => pointwise(inputs, (x, y) => Math.max(0, 1 - x * y) ** 2, { scale: (x, y) => (1 + Math.abs(x * y)) ** 2 }),
  edges: [
    {
      title: "the gradient at the margin is 0",
      inputs: { args: { input: given([1, -1, 1, 0.5, 2, -2]), target: given([1, -1, -1, 1, 1, 1], "flag") }, options: {} },
      values: [0, 0, 4, 0.25, 0, 9],
      grads: { input: [0, 0, 4, -1, 0, -6] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, NaN, 0]), target: given([1, 1, 1, NaN]) }, options: {} },
      values: [0, Infinity, NaN, NaN],
    },
  ],
};
export default squaredHinge;
