import { FLAT_SHAPES, REDUCTIONS, awayFrom, drawn, given, normal, numberOf, own, pointwise, sign } from "../support/draw.js";
import type { LossCase } from "./case.js";

const hingeEmbedding: LossCase = {
  name: "hingeEmbedding",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { margin: 0.3 }, { margin: 2 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const margin = typeof options.margin === "number" ? options.margin : 1;
    return {
      args: {
        input: drawn(shape, () => awayFrom([margin], () => normal(random, 2))),
        target: drawn(shape, () => sign(random), "flag"),
      },
      options: own(options),
    };
  },
  oracle: (inputs) => {
    const margin = numberOf(inputs, "margin", 1);
    const scale = (x: number, y: number) => Math.abs(x) + (y === 1 ? 0 : margin);
    return pointwise(inputs, (x, y) => (y === 1 ? x : Math.max(0, margin - x)), { scale });
  },
  edges: [
    {
      title: "the gradient at the margin is 0",
      inputs: { args: { input: given([2, 0.5, 3, 2, -1, 0]), target: given([-1, -1, -1, 1, 1, -1], "flag") }, options: { margin: 2 } },
      values: [0, 1.5, 0, 2, -1, 2],
      grads: { input: [0, -1, 0, 1, 1, -1] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, Infinity, NaN, NaN, 1]), target: given([1, -1, -1, 1, -1, NaN], "flag") }, options: {} },
      values: [Infinity, Infinity, 0, NaN, NaN, NaN],
    },
  ],
};
export default hingeEmbedding;
