import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, factors, given, normal, numberOf, own, pointwise } from "../support/draw.js";
import type { LossCase } from "./case.js";

const huber: LossCase = {
  name: "huber",
  wrt: ["input", "target", "weight"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { delta: 0.3 }, { weight: true, delta: 2 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const delta = typeof options.delta === "number" ? options.delta : 1;
    const target = drawn(shape, () => normal(random));
    const difference = () => awayFrom([0, delta, -delta], () => normal(random, 1.5));
    const input = { ...target, data: target.data.map((y) => Math.fround(y + difference())) };
    return { args: { input, target }, options: { ...own(options, "weight"), ...(options.weight && { weight: factors(random, shape) }) } };
  },
  oracle: (inputs) => {
    const delta = numberOf(inputs, "delta", 1);
    return pointwise(inputs, (x, y) => {
      const d = Math.abs(x - y);
      return d <= delta ? (d * d) / 2 : delta * (d - delta / 2);
    });
  },
  edges: [
    {
      title: "at |d| = delta the gradient is ±delta",
      inputs: { args: { input: given([2, -2, 0, 1]), target: given([0, 0, 2, 1]) }, options: { delta: 2 } },
      values: [2, 2, 2, 0],
      grads: { input: [2, -2, -2, 0], target: [-2, 2, 2, 0] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, 0, NaN]), target: given([0, 1, Infinity, 0]) }, options: { delta: 0.5 } },
      values: [Infinity, Infinity, Infinity, NaN],
      grads: { input: [0.5, -0.5, -0.5, NaN] },
    },
    {
      title: "with a weight the mean divides by the count",
      inputs: { args: { input: given([1, 3]), target: given([0, 0]) }, options: { weight: given([4, 0.5]) } },
      values: [2, 1.25],
      grads: { weight: [0.5, 2.5] },
      mean: { value: 1.625, grads: { input: [2, 0.25], weight: [0.25, 1.25] } },
    },
  ],
};
export default huber;
