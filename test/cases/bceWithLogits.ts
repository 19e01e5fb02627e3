import { FLAT_SHAPES, REDUCTIONS, argumentOf, broadcast, broadcastFactors, drawn, given, matrix, normal, own, pointwise, softplusOf, uniform } from "../support/draw.js";
import type { Inputs, LossCase } from "./case.js";

/** With a factor of 0 the other term is not there, however large. */
const times = (factor: number, term: () => number) => (factor === 0 ? 0 : factor * term());

function withPositiveWeights(inputs: Inputs): Inputs {
  const shape = inputs.args.input?.shape ?? [];
  const weight = argumentOf(inputs, "posWeight");
  const full = weight ? given(broadcast(weight, shape), "float", [...shape]) : drawn(shape, () => 1);
  return { ...inputs, args: { ...inputs.args, positive: full } };
}

const small = Math.log1p(Math.exp(-15));

const bceWithLogits: LossCase = {
  name: "bceWithLogits",
  wrt: ["input", "target"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { weight: true }, { posWeight: true }, { weightOfLast: true, posWeightOfRows: true }, { weightOfRows: true, posWeightOfLast: true }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const factor = (name: string) => {
      const variant = options[name] ? "full" : options[`${name}OfLast`] ? "last" : options[`${name}OfRows`] ? "column" : undefined;
      return variant && { [name]: broadcastFactors(random, shape, variant) };
    };
    return {
      args: { input: drawn(shape, () => normal(random, 3)), target: drawn(shape, () => uniform(random, 0, 1), "flag") },
      options: {
        ...own(options, ...["weight", "posWeight"].flatMap((name) => [name, `${name}OfLast`, `${name}OfRows`])),
        ...factor("weight"),
        ...factor("posWeight"),
      },
    };
  },
  oracle: (inputs) =>
    pointwise(withPositiveWeights(inputs), (x, y, p) => times(1 - y, () => softplusOf(x)) + times(y * p, () => softplusOf(-x))),
  edges: [
    {
      title: "small losses and their gradients keep their digits",
      inputs: { args: { input: given([-15, 15, -40, 40, 15, -15]), target: given([0, 1, 0, 1, 0, 1], "flag") }, options: {} },
      values: [small, small, Math.exp(-40), Math.exp(-40), 15 + small, 15 + small],
      grads: {
        input: [1, -1, 1, -1].map((s, i) => s / (1 + Math.exp(i < 2 ? 15 : 40))).concat(1 / (1 + Math.exp(-15)), -1 / (1 + Math.exp(-15))),
        target: [15, -15, 40, -40, -15, 15],
      },
    },
    {
      title: "infinite logits on the right side give 0",
      inputs: { args: { input: given([-Infinity, Infinity, Infinity, -Infinity]), target: given([0, 1, 0, 1], "flag") }, options: {} },
      values: [0, 0, Infinity, Infinity],
      grads: { input: [0, 0, 1, -1] },
    },
    {
      title: "infinite logits between the targets are infinite losses",
      inputs: { args: { input: given([-Infinity, Infinity, NaN]), target: given([0.25, 0.25, 0.5], "flag") }, options: {} },
      values: [Infinity, Infinity, NaN],
      grads: { input: [-0.25, 0.75, NaN] },
    },
    {
      title: "posWeight on the last dimension",
      inputs: {
        args: { input: matrix([[0, 0, 0], [0, 0, 15]]), target: { ...matrix([[1, 0, 1], [0, 1, 1]]), kind: "flag" } },
        options: { posWeight: given([2, 3, 4]) },
      },
      values: [2 * Math.LN2, Math.LN2, 4 * Math.LN2, Math.LN2, 3 * Math.LN2, 4 * small],
      grads: { input: [-1, 0.5, -2, 0.5, -1.5, -4 / (1 + Math.exp(15))] },
    },
    {
      title: "infinite logits with posWeight",
      inputs: { args: { input: given([-Infinity, Infinity]), target: given([0, 1], "flag") }, options: { posWeight: given([3]) } },
      values: [0, 0],
      grads: { input: [0, 0] },
    },
    {
      title: "logits near overflow",
      inputs: { args: { input: given([-100, 100, -1000, 1000]), target: given([0, 1, 1, 0], "flag") }, options: {} },
      values: [Math.exp(-100), Math.exp(-100), 1000, 1000],
      grads: { input: [Math.exp(-100), -Math.exp(-100), -1, 1] },
      dtype: "float64",
    },
  ],
};
export default bceWithLogits;
