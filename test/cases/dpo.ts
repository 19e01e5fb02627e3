import { FLAT_SHAPES, REDUCTIONS, drawn, given, normal, numberOf, own, pointwise, softplusOf } from "../support/draw.js";
import type { LossCase } from "./case.js";

const of = (chosen: number, rejected: number) => ({
  policyChosen: given([chosen]),
  policyRejected: given([rejected]),
  referenceChosen: given([-1]),
  referenceRejected: given([-1]),
});

const dpo: LossCase = {
  name: "dpo",
  wrt: ["policyChosen", "policyRejected"],
  defaults: 2,
  reductions: REDUCTIONS,
  options: [{}, { beta: 0.5 }, { labelSmoothing: 0.25 }, { beta: 2, labelSmoothing: 1 }],
  shapes: FLAT_SHAPES,
  sample: (random, shape, options) => {
    const make = () => drawn(shape, () => normal(random, 3));
    return { args: { policyChosen: make(), policyRejected: make(), referenceChosen: make(), referenceRejected: make() }, options: own(options) };
  },
  oracle: (inputs) => {
    const [beta, flip] = [numberOf(inputs, "beta", 0.1), numberOf(inputs, "labelSmoothing", 0)];
    const margin = (...[pc = 0, pr = 0, rc = 0, rr = 0]: number[]) => beta * (pc - pr - (rc - rr));
    return pointwise(
      inputs,
      (...all) => {
        const u = margin(...all);
        return (flip === 1 ? 0 : (1 - flip) * softplusOf(-u)) + (flip === 0 ? 0 : flip * softplusOf(u));
      },
      // The log-probabilities are rounded when they are subtracted.
      { scale: (...all) => beta * all.reduce((sum, x) => sum + Math.abs(x), 1) },
    );
  },
  edges: [
    { title: "no preference", inputs: { args: of(-3, -3), options: { beta: 1 } }, values: [Math.LN2], grads: { policyChosen: [-0.5], policyRejected: [0.5] } },
    { title: "small losses keep their digits", inputs: { args: of(0, -40), options: { beta: 1 } }, values: [Math.exp(-40)], grads: { policyChosen: [-Math.exp(-40)], policyRejected: [Math.exp(-40)] } },
    { title: "impossible rejected answers", inputs: { args: of(0, -Infinity), options: { beta: 1 } }, values: [0], grads: { policyChosen: [0], policyRejected: [0] } },
    { title: "NaN goes through", inputs: { args: of(NaN, 0), options: {} }, values: [NaN] },
  ],
};
export default dpo;
