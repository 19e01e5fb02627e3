import { FLAT_SHAPES, REDUCTIONS, drawn, factors, given, normal, pointwise } from "../support/draw.js";
import type { LossCase } from "./case.js";

const mse: LossCase = {
  name: "mse",
  wrt: ["input", "target", "weight"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { weight: true }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, { weight }) => ({
    args: { input: drawn(shape, () => normal(random)), target: drawn(shape, () => normal(random)) },
    options: { ...(weight && { weight: factors(random, shape) }) },
  }),
  oracle: (inputs) => pointwise(inputs, (x, y) => (x - y) ** 2, { divisor: "weight" }),
  edges: [
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, 0, NaN, 1]), target: given([0, 1, Infinity, 0, NaN]) }, options: {} },
      values: [Infinity, Infinity, Infinity, NaN, NaN],
      grads: { input: [Infinity, -Infinity, -Infinity, NaN, NaN], target: [-Infinity, Infinity, Infinity, NaN, NaN] },
    },
    {
      title: "the gradient of the weight under the mean is (ℓ − L)/Σw",
      inputs: { args: { input: given([1, 2, 3]), target: given([0, 0, 1]) }, options: { weight: given([0, 1, 3]) } },
      values: [0, 4, 12],
      grads: { weight: [1, 4, 4] },
      mean: { value: 4, grads: { weight: [-0.75, 0, 0] } },
    },
  ],
};
export default mse;
