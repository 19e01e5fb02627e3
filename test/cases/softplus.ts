import { FLAT_SHAPES, awayFrom, drawn, given, normal, softplusOf } from "../support/draw.js";
import type { FunctionCase } from "./case.js";

const softplus: FunctionCase = {
  name: "softplus",
  options: [{}, { beta: 2 }, { beta: 0.5, threshold: 3 }, { threshold: 1 }],
  shapes: FLAT_SHAPES,
  // Away from where each of the sets turns linear.
  sample: (random, shape) => ({ x: drawn(shape, () => awayFrom([1, 6, 10, 20], () => normal(random, 5))) }),
  oracle: ({ x }, { beta = 1, threshold = 20 }) => ({
    values: x.data.map((value) => (value * beta > threshold ? value : softplusOf(value * beta) / beta)),
    shape: x.shape,
  }),
  edges: [
    { title: "the middle and the ends", args: { x: given([0, Infinity, -Infinity]) }, values: [Math.LN2, Infinity, 0] },
    { title: "small values keep their digits", args: { x: given([-40, -80]) }, values: [Math.exp(-40), Math.exp(-80)], vjp: { gradOutput: [1, 2], grads: { x: [Math.exp(-40), 2 * Math.exp(-80)] } } },
    { title: "linear only above the threshold", args: { x: given([1, 1.5]) }, options: { threshold: 1 }, values: [softplusOf(1), 1.5], vjp: { gradOutput: [1, 1], grads: { x: [1 / (1 + Math.exp(-1)), 1] } } },
    { title: "beta counts in the threshold", args: { x: given([0.5, 0.75]) }, options: { beta: 2, threshold: 1 }, values: [softplusOf(1) / 2, 0.75] },
    { title: "NaN goes through", args: { x: given([NaN, 0]) }, values: [NaN, Math.LN2] },
  ],
};
export default softplus;
