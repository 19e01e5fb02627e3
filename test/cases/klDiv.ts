import { FLAT_SHAPES, REDUCTIONS, drawn, flagOf, given, own, pointwise, uniform } from "../support/draw.js";
import type { LossCase } from "./case.js";

const klDiv: LossCase = {
  name: "klDiv",
  wrt: ["input", "target"],
  defaults: 1,
  reductions: [...REDUCTIONS, "batchmean"],
  options: [{}, { logTarget: true }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => ({
    args: {
      input: drawn(shape, () => uniform(random, -5, -0.1)),
      target: drawn(shape, () => (options.logTarget ? uniform(random, -5, -0.1) : uniform(random, 0.1, 0.9))),
    },
    options: own(options),
  }),
  oracle: (inputs) => {
    if (flagOf(inputs, "logTarget", false)) {
      return pointwise(inputs, (x, y) => Math.exp(y) * (y - x), { scale: (x, y) => Math.exp(y) * (Math.abs(x) + Math.abs(y)) });
    }
    return pointwise(inputs, (x, y) => (y === 0 ? 0 : y * (Math.log(y) - x)), { scale: (x, y) => y * (Math.abs(Math.log(y)) + Math.abs(x)) });
  },
  edges: [
    {
      title: "a target of 0 gives 0 and its own gradient NaN",
      inputs: { args: { input: given([-1, -Infinity, -2]), target: given([0, 0, 1]) }, options: {} },
      values: [0, 0, 2],
      grads: { input: [0, 0, -1], target: [NaN, NaN, 3] },
    },
    {
      title: "an impossible event that happens is an infinite loss",
      inputs: { args: { input: given([-Infinity, -Infinity]), target: given([0.5, 1]) }, options: {} },
      values: [Infinity, Infinity],
      grads: { input: [-0.5, -1] },
    },
    {
      title: "log-targets: equal distributions give 0",
      inputs: { args: { input: given([-1, -2, -1]), target: given([-1, -2, 0]) }, options: { logTarget: true } },
      values: [0, 0, 1],
      grads: { input: [-Math.exp(-1), -Math.exp(-2), -1], target: [Math.exp(-1), Math.exp(-2), 2] },
    },
    {
      title: "NaN goes through",
      inputs: { args: { input: given([NaN, -1]), target: given([0.5, NaN]) }, options: {} },
      values: [NaN, NaN],
    },
  ],
};
export default klDiv;
