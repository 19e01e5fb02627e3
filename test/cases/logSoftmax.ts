import { matrix } from "../support/draw.js";
import { functionSample, logSumExpOf, overAxis } from "../support/rows.js";
import type { FunctionCase } from "./case.js";

const logSoftmax: FunctionCase = {
  name: "logSoftmax",
  ...functionSample,
  oracle: ({ x }, { axis = -1 }) =>
    overAxis(x, axis, (row) => {
      const { max, log } = logSumExpOf(row);
      return row.map((value) => value - max - log);
    }),
  edges: [
    { title: "one class", args: { x: matrix([[3], [-40]]) }, values: [0, 0] },
    { title: "ties", args: { x: matrix([[100, 100], [-100, -100]]) }, values: [-Math.LN2, -Math.LN2, -Math.LN2, -Math.LN2] },
    { title: "a confident row keeps its digits", args: { x: matrix([[40, 0]]) }, values: [-Math.exp(-40), -40] },
    { title: "−inf is a mask", args: { x: matrix([[0, -Infinity, 0]]) }, values: [-Math.LN2, -Infinity, -Math.LN2] },
    { title: "another axis", args: { x: matrix([[0, 5], [0, 5]]) }, options: { axis: 0 }, values: [-Math.LN2, -Math.LN2, -Math.LN2, -Math.LN2] },
    { title: "NaN stays in its row", args: { x: matrix([[NaN, 0], [0, 0]]) }, values: [NaN, NaN, -Math.LN2, -Math.LN2] },
  ],
};
export default logSoftmax;
