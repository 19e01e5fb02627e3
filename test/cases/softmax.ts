import { matrix } from "../support/draw.js";
import { functionSample, logSumExpOf, overAxis } from "../support/rows.js";
import type { FunctionCase } from "./case.js";

const softmax: FunctionCase = {
  name: "softmax",
  ...functionSample,
  oracle: ({ x }, { axis = -1 }) =>
    overAxis(x, axis, (row) => {
      const { max, log } = logSumExpOf(row);
      return row.map((value) => Math.exp(value - max - log));
    }),
  edges: [
    { title: "one class", args: { x: matrix([[3], [-40]]) }, values: [1, 1] },
    { title: "ties", args: { x: matrix([[100, 100], [-100, -100]]) }, values: [0.5, 0.5, 0.5, 0.5] },
    { title: "small probabilities keep their digits", args: { x: matrix([[0, -40]]) }, values: [1, Math.exp(-40)] },
    { title: "−inf is a mask", args: { x: matrix([[0, -Infinity, 0]]) }, values: [0.5, 0, 0.5], vjp: { gradOutput: [1, 5, 0], grads: { x: [0.25, 0, -0.25] } } },
    { title: "another axis", args: { x: matrix([[0, 5], [0, 5]]) }, options: { axis: 0 }, values: [0.5, 0.5, 0.5, 0.5] },
    { title: "NaN stays in its row", args: { x: matrix([[NaN, 0], [0, 0]]) }, values: [NaN, NaN, 0.5, 0.5] },
  ],
};
export default softmax;
