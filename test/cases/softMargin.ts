import { FLAT_SHAPES, REDUCTIONS, drawn, given, normal, pointwise, sigmoidOf, softplusOf } from "../support/draw.js";
import type { LossCase } from "./case.js";

const softMargin: LossCase = {
  name: "softMargin",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}],
  shapes: FLAT_SHAPES,
  sample: (random, shape) => ({
    args: { input: drawn(shape, () => normal(random, 2)), target: drawn(shape, () => normal(random), "flag") },
    options: {},
  }),
  oracle: (inputs) => pointwise(inputs, (x, y) => softplusOf(-x * y)),
  edges: [
    {
      title: "does not overflow and keeps small losses",
      inputs: { args: { input: given([-89, -100, -1000, 15, 40, 3]), target: given([1, 1, 1, 1, 1, 0], "flag") }, options: {} },
      values: [89, 100, 1000, softplusOf(-15), Math.exp(-40), Math.LN2],
      grads: { input: [-1, -1, -1, -sigmoidOf(-15), -Math.exp(-40), 0] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, NaN, 0]), target: given([1, 1, 1, NaN], "flag") }, options: {} },
      values: [0, Infinity, NaN, NaN],
    },
  ],
};
export default softMargin;
