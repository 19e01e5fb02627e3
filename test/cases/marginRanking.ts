import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, given, normal, numberOf, own, pointwise, sign } from "../support/draw.js";
import type { LossCase } from "./case.js";

const marginRanking: LossCase = {
  name: "marginRanking",
  wrt: ["input1", "input2"],
  defaults: 2,
  reductions: REDUCTIONS,
  options: [{}, { margin: 0.5 }, { margin: 2 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const margin = typeof options.margin === "number" ? options.margin : 0;
    const input2 = drawn(shape, () => normal(random));
    const difference = () => awayFrom([margin, -margin], () => normal(random, 2));
    const input1 = { ...input2, data: input2.data.map((x) => Math.fround(x + difference())) };
    return { args: { input1, input2, target: drawn(shape, () => sign(random), "flag") }, options: own(options) };
  },
  oracle: (inputs) => {
    const margin = numberOf(inputs, "margin", 0);
    const scale = (x1: number, x2: number, y: number) => Math.abs(y) * (Math.abs(x1) + Math.abs(x2)) + margin;
    return pointwise(inputs, (x1, x2, y) => Math.max(0, -y * (x1 - x2) + margin), { scale });
  },
  edges: [
    {
      title: "the gradient at the bound is 0",
      inputs: {
        args: { input1: given([1, 1.5, 0, 0]), input2: given([0.5, 0, 0, 1]), target: given([1, -1, 1, 1], "flag") },
        options: { margin: 0.5 },
      },
      values: [0, 2, 0.5, 1.5],
      grads: { input1: [0, 1, -1, -1], input2: [0, -1, 1, 1] },
    },
    {
      title: "any real target is allowed",
      inputs: { args: { input1: given([1, 2, 0]), input2: given([2, 1, 1.5]), target: given([0.5, -3, 0], "flag") }, options: { margin: 0.25 } },
      values: [0.75, 3.25, 0.25],
      grads: { input1: [-0.5, 3, 0], input2: [0.5, -3, 0] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input1: given([Infinity, 0, NaN, 0]), input2: given([0, Infinity, 0, 0]), target: given([1, 1, 1, NaN], "flag") }, options: {} },
      values: [0, Infinity, NaN, NaN],
    },
  ],
};
export default marginRanking;
