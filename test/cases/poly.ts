import { REDUCTIONS, given, matrix, normal, numberOf } from "../support/draw.js";
import { CLASS_SHAPES, classInputs, classLayout, logSumExpOf, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const poly: LossCase = {
  name: "poly",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { epsilon: 0 }, { epsilon: -1 }, { probabilities: true }, { probabilities: true, epsilon: -0.5 }],
  shapes: CLASS_SHAPES,
  sample: (random, shape, options) => classInputs(random, shape, options, () => normal(random, 2)),
  oracle: (inputs) => {
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const epsilon = numberOf(inputs, "epsilon", 2);
    const layout = classLayout(input.shape);
    const scale: number[] = [];
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const x = rowOf(input, layout, row);
      const t = target.kind === "index" ? x.map((_, c) => (c === target.data[row] ? 1 : 0)) : rowOf(target, layout, row);
      const { max, log } = logSumExpOf(x);
      const terms = x.map((score, c) => {
        if (t[c] === 0) return [0, 0];
        const logP = score - max - log;
        return [(t[c] ?? Number.NaN) * -logP, epsilon * (t[c] ?? Number.NaN) * -Math.expm1(logP)];
      });
      scale.push(terms.flat().reduce((sum, term) => sum + Math.abs(term), 0));
      return terms.flat().reduce((sum, term) => sum + term, 0);
    });
    return { values, shape: layout.shape, divisor: layout.rows, scale };
  },
  edges: [
    { title: "two equal logits", inputs: { args: { input: matrix([[0, 0]]), target: given([1], "index") }, options: {} }, values: [Math.LN2 + 1], grads: { input: [1, -1] } },
    { title: "a confident row keeps its digits", inputs: { args: { input: matrix([[40, 0]]), target: given([0], "index") }, options: {} }, values: [3 * Math.exp(-40)], grads: { input: [-3 * Math.exp(-40), 3 * Math.exp(-40)] } },
    {
      title: "as does one of probabilities",
      inputs: { args: { input: matrix([[40, 0], [0, 40]]), target: matrix([[1, 0], [1, 0]]) }, options: {} },
      values: [3 * Math.exp(-40), 42],
      grads: { input: [-3 * Math.exp(-40), 3 * Math.exp(-40), -1, 1] },
    },
    { title: "targets that do not sum to 1", inputs: { args: { input: matrix([[0, 0]]), target: matrix([[1, 1]]) }, options: {} }, values: [2 * Math.LN2 + 2], grads: { input: [0, 0] } },
    { title: "−inf is a mask", inputs: { args: { input: matrix([[0, -Infinity, 0], [0, -Infinity, 0]]), target: matrix([[1, 0, 0], [0.5, 0, 0.5]]) }, options: {} }, values: [Math.LN2 + 1, Math.LN2 + 1], grads: { input: [-1, 0, 1, 0, 0, 0] } },
    { title: "an impossible target", inputs: { args: { input: matrix([[-Infinity, 0]]), target: given([0], "index") }, options: {} }, values: [Infinity], grads: { input: [-1, 1] } },
    { title: "NaN stays in its row", inputs: { args: { input: matrix([[NaN, 0], [0, 0]]), target: given([1, 0], "index") }, options: {} }, values: [NaN, Math.LN2 + 1] },
  ],
};
export default poly;
