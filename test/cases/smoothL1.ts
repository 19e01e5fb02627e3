import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, given, normal, numberOf, own, pointwise } from "../support/draw.js";
import type { LossCase } from "./case.js";

const smoothL1: LossCase = {
  name: "smoothL1",
  wrt: ["input", "target"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { beta: 0.3 }, { beta: 2 }, { beta: 0 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const beta = typeof options.beta === "number" ? options.beta : 1;
    const target = drawn(shape, () => normal(random));
    const difference = () => awayFrom([0, beta, -beta], () => normal(random, 1.5));
    return { args: { input: { ...target, data: target.data.map((y) => Math.fround(y + difference())) }, target }, options: own(options) };
  },
  oracle: (inputs) => {
    const beta = numberOf(inputs, "beta", 1);
    return pointwise(inputs, (x, y) => {
      const d = Math.abs(x - y);
      return d < beta ? (d * d) / (2 * beta) : d - beta / 2;
    });
  },
  edges: [
    {
      title: "the gradient at |d| = beta is ±1",
      inputs: { args: { input: given([2, -2, 0, 1]), target: given([0, 0, 2, 1]) }, options: { beta: 2 } },
      values: [1, 1, 1, 0],
      grads: { input: [1, -1, -1, 0], target: [-1, 1, 1, 0] },
    },
    {
      title: "beta 0 is l1, with a gradient of 0 at a tie",
      inputs: { args: { input: given([2, -2, 1]), target: given([0, 0, 1]) }, options: { beta: 0 } },
      values: [2, 2, 0],
      grads: { input: [1, -1, 0], target: [-1, 1, 0] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, 0, NaN]), target: given([0, 1, Infinity, 0]) }, options: {} },
      values: [Infinity, Infinity, Infinity, NaN],
      grads: { input: [1, -1, -1, NaN] },
    },
  ],
};
export default smoothL1;
