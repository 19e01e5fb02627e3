import { REDUCTIONS, matrix } from "../support/draw.js";
import { PAIR_SHAPES, normOf } from "../support/rows.js";
import { tripletOracle, tripletSample } from "../support/triplets.js";
import type { Inputs, LossCase } from "./case.js";

const differences = (x: readonly number[], y: readonly number[], eps = 0) => x.map((value, i) => value - (y[i] ?? 0) + eps);
const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);

function distanceOf({ options: { distance = "euclidean" } }: Inputs) {
  return (x: readonly number[], y: readonly number[]) => {
    if (distance === "euclidean") return normOf(differences(x, y, 1e-6), 2);
    if (distance === "squaredEuclidean") return dot(differences(x, y), differences(x, y));
    return 1 - dot(x, y) / (Math.max(Math.sqrt(dot(x, x)), 1e-8) * Math.max(Math.sqrt(dot(y, y)), 1e-8));
  };
}

const tripletMarginWithDistance: LossCase = {
  name: "tripletMarginWithDistance",
  form: "rows",
  wrt: ["anchor", "positive", "negative"],
  defaults: 3,
  reductions: REDUCTIONS,
  options: [
    {},
    { distance: "euclidean", margin: 0.5, swap: true },
    { distance: "squaredEuclidean" },
    { distance: "squaredEuclidean", margin: 2, swap: true },
    { distance: "cosine", margin: 0.75 },
    { distance: "cosine", swap: true },
  ],
  shapes: PAIR_SHAPES,
  sample: tripletSample(distanceOf),
  oracle: tripletOracle(distanceOf),
  edges: [
    {
      title: "at right angles",
      inputs: { args: { anchor: matrix([[1, 0]]), positive: matrix([[0, 2]]), negative: matrix([[4, 0]]) }, options: { distance: "cosine" } },
      values: [2],
      grads: { anchor: [0, -1], positive: [-0.5, 0], negative: [0, 0] },
    },
    {
      title: "squares",
      inputs: { args: { anchor: matrix([[0, 0]]), positive: matrix([[3, 4]]), negative: matrix([[0, 2]]) }, options: { distance: "squaredEuclidean" } },
      values: [22],
      grads: { anchor: [-6, -4], positive: [6, 8], negative: [0, -4] },
    },
    {
      title: "a swap of equal distances takes half of each",
      inputs: { args: { anchor: matrix([[0, 0]]), positive: matrix([[2, 0]]), negative: matrix([[1, 0]]) }, options: { distance: "squaredEuclidean", swap: true } },
      values: [4],
      grads: { anchor: [-3, 0], positive: [3, 0], negative: [0, 0] },
    },
    { title: "NaN stays in its row", inputs: { args: { anchor: matrix([[NaN, 0], [1, 0]]), positive: matrix([[0, 1], [1, 0]]), negative: matrix([[0, 1], [0, 1]]) }, options: { distance: "cosine" } }, values: [NaN, 0] },
  ],
};
export default tripletMarginWithDistance;
