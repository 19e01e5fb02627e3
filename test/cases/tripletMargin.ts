import { REDUCTIONS, matrix, numberOf } from "../support/draw.js";
import { PAIR_SHAPES, normOf } from "../support/rows.js";
import { tripletOracle, tripletSample } from "../support/triplets.js";
import type { Inputs, LossCase } from "./case.js";

const distanceOf = (inputs: Inputs) => {
  const [p, eps] = [numberOf(inputs, "p", 2), numberOf(inputs, "eps", 1e-6)];
  return (x: readonly number[], y: readonly number[]) => normOf(x.map((value, i) => value - (y[i] ?? 0) + eps), p);
};

const tripletMargin: LossCase = {
  name: "tripletMargin",
  form: "rows",
  wrt: ["anchor", "positive", "negative"],
  defaults: 3,
  reductions: REDUCTIONS,
  options: [{}, { margin: 0.5, swap: true }, { p: 1, eps: 0.01 }, { p: 3, swap: true }, { p: Infinity, margin: 2 }],
  shapes: PAIR_SHAPES,
  sample: tripletSample(distanceOf),
  oracle: tripletOracle(distanceOf),
  edges: [
    {
      title: "at the bound",
      inputs: { args: { anchor: matrix([[0, 0]]), positive: matrix([[3, 4]]), negative: matrix([[0, 6]]) }, options: { eps: 0 } },
      values: [0],
      grads: { anchor: [0, 0], positive: [0, 0], negative: [0, 0] },
    },
    {
      title: "3, 4, 5",
      inputs: { args: { anchor: matrix([[0, 0]]), positive: matrix([[3, 4]]), negative: matrix([[0, 2]]) }, options: { eps: 0 } },
      values: [4],
      grads: { anchor: [-0.6, 0.2], positive: [0.6, 0.8], negative: [0, -1] },
    },
    {
      title: "a swap of equal distances takes half of each",
      inputs: { args: { anchor: matrix([[0, 0]]), positive: matrix([[2, 0]]), negative: matrix([[1, 0]]) }, options: { eps: 0, swap: true } },
      values: [2],
      grads: { anchor: [-0.5, 0], positive: [0.5, 0], negative: [0, 0] },
    },
    {
      title: "anchor and positive are the same",
      inputs: { args: { anchor: matrix([[1, 1]]), positive: matrix([[1, 1]]), negative: matrix([[1, 1.5]]) }, options: { eps: 0 } },
      values: [0.5],
      grads: { anchor: [0, 1], positive: [0, 0], negative: [0, -1] },
    },
    { title: "NaN stays in its row", inputs: { args: { anchor: matrix([[NaN], [0]]), positive: matrix([[0], [0]]), negative: matrix([[0], [0.5]]) }, options: { eps: 0 } }, values: [NaN, 0.5] },
  ],
};
export default tripletMargin;
