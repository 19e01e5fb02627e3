import { FLAT_SHAPES, REDUCTIONS, drawn, given, normal, numberOf, own, pointwise, sigmoidOf, softplusOf, uniform } from "../support/draw.js";
import type { LossCase } from "./case.js";

const sigmoidFocal: LossCase = {
  name: "sigmoidFocal",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { alpha: -1 }, { alpha: 0.75, gamma: 1 }, { gamma: 0 }, { gamma: 0.5 }, { gamma: 3.5, alpha: 1 }, { gamma: 12, alpha: -1 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => ({
    args: { input: drawn(shape, () => normal(random, 3)), target: drawn(shape, () => uniform(random, 0, 1), "flag") },
    options: own(options),
  }),
  oracle: (inputs) => {
    const [alpha, gamma] = [numberOf(inputs, "alpha", 0.25), numberOf(inputs, "gamma", 2)];
    const formula = (x: number, y: number) => {
      // No infinite term where its share is 0.
      const entropy = (y === 0 ? 0 : y * softplusOf(-x)) + (y === 1 ? 0 : (1 - y) * softplusOf(x));
      const missed = y * sigmoidOf(-x) + (1 - y) * sigmoidOf(x);
      const balance = alpha < 0 ? 1 : alpha * y + (1 - alpha) * (1 - y);
      return balance * missed ** gamma * entropy;
    };
    // A power has its exponent times the error of what it is of.
    return pointwise(inputs, formula, { scale: (x, y) => (1 + gamma) * formula(x, y) });
  },
  edges: [
    { title: "at 0", inputs: { args: { input: given([0, 0]), target: given([1, 0], "flag") }, options: {} }, values: [Math.LN2 / 16, (3 * Math.LN2) / 16], grads: { input: [-(1 / 8 + Math.LN2 / 4) / 4, (3 * (1 / 8 + Math.LN2 / 4)) / 4] } },
    {
      title: "what is nearly right keeps its digits",
      inputs: { args: { input: given([10, -10]), target: given([1, 0], "flag") }, options: { alpha: -1, gamma: 1 } },
      values: [10, 10].map((x) => sigmoidOf(-x) * softplusOf(-x)),
      grads: { input: [-1, 1].map((s) => s * sigmoidOf(-10) * (sigmoidOf(-10) + sigmoidOf(10) * softplusOf(-10))) },
    },
    {
      title: "infinite logits",
      inputs: { args: { input: given([Infinity, -Infinity, Infinity, -Infinity]), target: given([1, 0, 0, 1], "flag") }, options: { alpha: -1 } },
      values: [0, 0, Infinity, Infinity],
      grads: { input: [0, 0, 1, -1] },
    },
    {
      title: "a root of what is missed has no infinite slope",
      inputs: { args: { input: given([1000, -1000]), target: given([1, 0], "flag") }, options: { gamma: 0.5, alpha: -1 } },
      values: [0, 0],
      grads: { input: [0, 0] },
    },
    { title: "NaN goes through", inputs: { args: { input: given([NaN, 0]), target: given([1, 0], "flag") }, options: { alpha: -1 } }, values: [NaN, Math.LN2 / 4] },
  ],
};
export default sigmoidFocal;
