import { FLAT_SHAPES, REDUCTIONS, broadcastFactors, drawn, given, own, pointwise, uniform } from "../support/draw.js";
import type { LossCase } from "./case.js";

const bce: LossCase = {
  name: "bce",
  wrt: ["input", "target"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { weight: true }, { weightOfLast: true }, { weightOfRows: true }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const variant = options.weight ? "full" : options.weightOfLast ? "last" : options.weightOfRows ? "column" : undefined;
    return {
      args: { input: drawn(shape, () => uniform(random, 0.1, 0.9)), target: drawn(shape, () => uniform(random, 0, 1), "flag") },
      options: {
        ...own(options, "weight", "weightOfLast", "weightOfRows"),
        ...(variant && { weight: broadcastFactors(random, shape, variant) }),
      },
    };
  },
  oracle: (inputs) => pointwise(inputs, (x, y) => -y * Math.max(Math.log(x), -100) - (1 - y) * Math.max(Math.log1p(-x), -100)),
  edges: [
    {
      title: "logarithms are at least −100, the denominator of the gradient at least 1e-12",
      inputs: { args: { input: given([0, 1, 0, 1, 0.5]), target: given([0, 1, 1, 0, 0.5], "flag") }, options: {} },
      values: [0, 0, 100, 100, Math.LN2],
      grads: { input: [0, 0, -1e12, 1e12, 0] },
    },
    {
      title: "small probabilities keep their digits",
      inputs: { args: { input: given([2 ** -30, 2 ** -60]), target: given([0, 0], "flag") }, options: {} },
      values: [2 ** -30 + 2 ** -61, 2 ** -60],
      grads: { input: [1 / (1 - 2 ** -30), 2 ** -60 / 1e-12] },
    },
    {
      title: "NaN is data",
      inputs: { args: { input: given([NaN, 0.5]), target: given([0.5, NaN], "flag") }, options: {} },
      values: [NaN, NaN],
      grads: { input: [NaN, NaN] },
    },
  ],
};
export default bce;
