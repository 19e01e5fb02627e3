import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, given, normal, pointwise, sign } from "../support/draw.js";
import type { LossCase } from "./case.js";

const hinge: LossCase = {
  name: "hinge",
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
  oracle: (inputs) => pointwise(inputs, (x, y) => Math.max(0, 1 - x * y), { scale: (x, y) => (1 + Math.abs(x * y)) }),
  edges: [
    {
      title: "the gradient at the margin is 0",
      inputs: { args: { input: given([1, -1, 1, 0.5, 2, -2]), target: given([1, -1, -1, 1, 1, 1], "flag") }, options: {} },
      values: [0, 0, 2, 0.5, 0, 3],
      grads: { input: [0, 0, 1, -1, 0, -1] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, NaN, 0]), target: given([1, 1, 1, NaN]) }, options: {} },
      values: [0, Infinity, NaN, NaN],
    },
  ],
};
export default hinge;
