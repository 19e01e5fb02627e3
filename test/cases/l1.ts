import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, factors, given, normal, pointwise } from "../support/draw.js";
import type { LossCase } from "./case.js";

const l1: LossCase = {
  name: "l1",
  wrt: ["input", "target", "weight"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { weight: true }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, { weight }) => {
    const target = drawn(shape, () => normal(random));
    const input = { ...target, data: target.data.map((y) => Math.fround(y + awayFrom([0], () => normal(random)))) };
    return { args: { input, target }, options: { ...(weight && { weight: factors(random, shape) }) } };
  },
  oracle: (inputs) => pointwise(inputs, (x, y) => Math.abs(x - y), { divisor: "weight" }),
  edges: [
    {
      title: "the gradient at a tie is 0",
      inputs: { args: { input: given([1, -2.5, 0, 3]), target: given([1, -2.5, -0, 2]) }, options: {} },
      values: [0, 0, 0, 1],
      grads: { input: [0, 0, 0, 1], target: [0, 0, 0, -1] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, 0]), target: given([0, 1, Infinity]) }, options: {} },
      values: [Infinity, Infinity, Infinity],
      grads: { input: [1, -1, -1] },
    },
    {
      title: "the gradient of the weight under the mean is (ℓ − L)/Σw",
      inputs: { args: { input: given([1, 2, 3]), target: given([0, 0, 1]) }, options: { weight: given([0, 1, 3]) } },
      values: [0, 2, 6],
      grads: { weight: [1, 2, 2], input: [0, 1, 3] },
      mean: { value: 2, grads: { weight: [-0.25, 0, 0] } },
    },
  ],
};
export default l1;
