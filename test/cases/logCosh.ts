import { FLAT_SHAPES, REDUCTIONS, drawn, given, normal, pointwise } from "../support/draw.js";
import type { LossCase } from "./case.js";

/** cosh d = 1 + 2 sinh²(d/2) keeps the digits of a small error, cosh d = (1 + exp(−2|d|))·exp|d|/2 does not overflow. */
const logCoshOf = (d: number) =>
  Math.abs(d) < 1 ? Math.log1p(2 * Math.sinh(d / 2) ** 2) : Math.abs(d) + Math.log1p(Math.exp(-2 * Math.abs(d))) - Math.LN2;

const logCosh: LossCase = {
  name: "logCosh",
  wrt: ["input", "target"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}],
  shapes: FLAT_SHAPES,
  sample: (random, shape) => ({
    args: { input: drawn(shape, () => normal(random, 2)), target: drawn(shape, () => normal(random, 2)) },
    options: {},
  }),
  oracle: (inputs) => pointwise(inputs, (x, y) => logCoshOf(x - y)),
  edges: [
    {
      title: "small errors keep their digits",
      inputs: { args: { input: given([2 ** -20, -(2 ** -40), 0, 2 ** -12]), target: given([0, 0, 0, 0]) }, options: {} },
      values: [2 ** -41 - 2 ** -80 / 12, 2 ** -81, 0, 2 ** -25 - 2 ** -48 / 12],
      grads: { input: [2 ** -20 - 2 ** -60 / 3, -(2 ** -40), 0, Math.tanh(2 ** -12)] },
    },
    {
      title: "large errors do not overflow",
      inputs: { args: { input: given([1000, -1e6, 20]), target: given([0, 0, 0]) }, options: {} },
      values: [1000 - Math.LN2, 1e6 - Math.LN2, 20 - Math.LN2],
      grads: { input: [1, -1, 1 - 2 * Math.exp(-40)], target: [-1, 1, 2 * Math.exp(-40) - 1] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([Infinity, -Infinity, 0, NaN]), target: given([0, 1, Infinity, 0]) }, options: {} },
      values: [Infinity, Infinity, Infinity, NaN],
      grads: { input: [1, -1, -1, NaN] },
    },
  ],
};
export default logCosh;
