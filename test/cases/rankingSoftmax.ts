import { REDUCTIONS, drawn, matrix, normal, uniform } from "../support/draw.js";
import { along, logSumExpOf, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const rankingSoftmax: LossCase = {
  name: "rankingSoftmax",
  form: "rows",
  wrt: ["scores"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}],
  shapes: [[5], [1, 5], [7, 3], [2, 33], [150, 4], [3, 2, 6], [2, 300]],
  sample: (random, shape) => ({ args: { scores: drawn(shape, () => normal(random)), labels: drawn(shape, () => uniform(random, 0, 0.1)) }, options: {} }),
  oracle: ({ args }) => {
    const { scores, labels } = args as Record<"scores" | "labels", Argument>;
    const layout = along(scores.shape, -1);
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const x = rowOf(scores, layout, row);
      const y = rowOf(labels, layout, row);
      const { max, log } = logSumExpOf(x);
      return x.reduce((sum, score, c) => sum + (y[c] === 0 ? 0 : (y[c] ?? Number.NaN) * (max - score + log)), 0);
    });
    return { values, shape: layout.shape, divisor: layout.rows };
  },
  edges: [
    { title: "equal scores", inputs: { args: { scores: matrix([[1, 1, 1, 1]]), labels: matrix([[0, 2, 0, 1]]) }, options: {} }, values: [3 * Math.log(4)], grads: { scores: [0.75, -1.25, 0.75, -0.25] } },
    { title: "no relevant item", inputs: { args: { scores: matrix([[1, -Infinity]]), labels: matrix([[0, 0]]) }, options: {} }, values: [0], grads: { scores: [0, 0] } },
    { title: "a confident list keeps its digits", inputs: { args: { scores: matrix([[40, 0]]), labels: matrix([[1, 0]]) }, options: {} }, values: [Math.exp(-40)], grads: { scores: [-Math.exp(-40), Math.exp(-40)] } },
    { title: "−inf masks an item of relevance 0", inputs: { args: { scores: matrix([[0, -Infinity, 0]]), labels: matrix([[1, 0, 0]]) }, options: {} }, values: [Math.LN2], grads: { scores: [-0.5, 0, 0.5] } },
    { title: "NaN stays in its list", inputs: { args: { scores: matrix([[NaN, 0], [0, 0]]), labels: matrix([[1, 1], [1, 0]]) }, options: {} }, values: [NaN, Math.LN2] },
  ],
};
export default rankingSoftmax;
