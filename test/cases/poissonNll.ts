import { FLAT_SHAPES, REDUCTIONS, drawn, flagOf, given, integer, normal, numberOf, own, pointwise, uniform } from "../support/draw.js";
import type { LossCase } from "./case.js";

const stirling = (y: number) => (y > 1 ? y * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI * y) : 0);
const stirlingTerms = (y: number) => (y > 1 ? y * Math.log(y) + y + 0.5 * Math.log(2 * Math.PI * y) : 0);

const poissonNll: LossCase = {
  name: "poissonNll",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { full: true }, { logInput: false }, { logInput: false, full: true, eps: 0.5 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => ({
    args: {
      input: drawn(shape, () => (options.logInput === false ? uniform(random, 0.3, 6) : normal(random))),
      target: drawn(shape, () => integer(random, 6)),
    },
    options: own(options),
  }),
  oracle: (inputs) => {
    const full = flagOf(inputs, "full", false);
    const eps = numberOf(inputs, "eps", 1e-8);
    const add = (y: number) => (full ? stirling(y) : 0);
    const addTerms = (y: number) => (full ? stirlingTerms(y) : 0);
    if (flagOf(inputs, "logInput", true)) {
      return pointwise(inputs, (x, y) => Math.exp(x) - y * x + add(y), { scale: (x, y) => Math.exp(x) + Math.abs(y * x) + addTerms(y) });
    }
    const scale = (x: number, y: number) => x + y * Math.abs(Math.log(x + eps)) + addTerms(y);
    return pointwise(inputs, (x, y) => x - y * Math.log(x + eps) + add(y), { scale });
  },
  edges: [
    {
      title: "Stirling's term only where the target is above 1",
      inputs: { args: { input: given([0, 0, 0, 0]), target: given([0, 1, 1.5, 2]) }, options: { full: true } },
      values: [1, 1, 1 + stirling(1.5), 1 + stirling(2)],
      grads: { input: [1, 0, -0.5, -1] },
    },
    {
      title: "a rate of 0 is held off by eps",
      inputs: { args: { input: given([0, 0]), target: given([0, 2]) }, options: { logInput: false, eps: 0.5 } },
      values: [0, 2 * Math.LN2],
      grads: { input: [1, -3] },
    },
    {
      title: "infinities and NaN go through",
      inputs: { args: { input: given([-Infinity, Infinity, NaN, 0]), target: given([1, 1, 1, NaN]) }, options: {} },
      values: [Infinity, NaN, NaN, NaN],
      grads: { input: [-1, Infinity, NaN, NaN] },
    },
  ],
};
export default poissonNll;
