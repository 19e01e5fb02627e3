import { FLAT_SHAPES, REDUCTIONS, drawn, flagOf, given, matrix, normal, numberOf, own, pointwise, uniform } from "../support/draw.js";
import type { Argument, Inputs, LossCase } from "./case.js";

/** A variance without its last dimension, with that dimension put back as 1. */
function withColumn(inputs: Inputs): Inputs {
  const { input, target, variance } = inputs.args as Record<"input" | "target" | "variance", Argument>;
  const lacks = variance.shape.length < input.shape.length;
  return lacks ? { ...inputs, args: { input, target, variance: { ...variance, shape: [...variance.shape, 1] } } } : inputs;
}

const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI);

const gaussianNll: LossCase = {
  name: "gaussianNll",
  wrt: ["input", "variance", "target"],
  defaults: 2,
  reductions: REDUCTIONS,
  options: [{}, { full: true, eps: 0.4 }, { varianceShape: 1 }, { varianceShape: 0, full: true }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const lead = shape.slice(0, -1);
    const varianceShape = shape.length === 0 || options.varianceShape === undefined ? shape : options.varianceShape === 1 ? [...lead, 1] : lead;
    return {
      args: {
        input: drawn(shape, () => normal(random)),
        target: drawn(shape, () => normal(random)),
        variance: drawn(varianceShape, () => uniform(random, 0.5, 3)),
      },
      options: own(options, "varianceShape"),
    };
  },
  oracle: (inputs) => {
    const eps = numberOf(inputs, "eps", 1e-6);
    const constant = flagOf(inputs, "full", false) ? HALF_LOG_TAU : 0;
    const spread = (variance: number) => Math.max(variance, eps);
    return pointwise(
      withColumn(inputs),
      (x, y, variance) => 0.5 * (Math.log(spread(variance)) + (x - y) ** 2 / spread(variance)) + constant,
      { scale: (x, y, variance) => 0.5 * (Math.abs(Math.log(spread(variance))) + (x - y) ** 2 / spread(variance)) + constant },
    );
  },
  edges: [
    {
      title: "the clamp passes the gradient straight through",
      inputs: { args: { input: given([1, 1, 3]), target: given([0, 1, 1]), variance: given([0, 0.125, 4]) }, options: { eps: 0.25 } },
      values: [0.5 * (Math.log(0.25) + 4), 0.5 * Math.log(0.25), 0.5 * (Math.log(4) + 1)],
      grads: { input: [4, 0, 0.5], variance: [-6, 2, 0], target: [-4, 0, -0.5] },
    },
    {
      title: "one variance a row adds up the gradients of its elements",
      inputs: {
        args: { input: matrix([[1, 2], [0, 0]]), target: matrix([[0, 0], [0, 4]]), variance: given([1, 4]) },
        options: {},
      },
      values: [0.5, 2, 0.5 * Math.log(4), 0.5 * (Math.log(4) + 4)],
      grads: { input: [1, 2, 0, -1], variance: [-1.5, -0.25] },
    },
    {
      title: "infinities and NaN go through",
      inputs: {
        args: { input: given([Infinity, 0, NaN, 0]), target: given([0, -Infinity, 0, 0]), variance: given([1, 1, 1, NaN]) },
        options: {},
      },
      values: [Infinity, Infinity, NaN, NaN],
      grads: { input: [Infinity, Infinity, NaN, NaN] },
    },
    {
      title: "an infinite variance",
      inputs: { args: { input: given([1]), target: given([0]), variance: given([Infinity]) }, options: {} },
      values: [Infinity],
      grads: { input: [0], variance: [0], target: [0] },
    },
  ],
};
export default gaussianNll;
