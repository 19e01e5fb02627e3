import { matrix } from "../support/draw.js";
import { along, functionSample, logSumExpOf, rowOf } from "../support/rows.js";
import type { FunctionCase } from "./case.js";

const logSumExp: FunctionCase = {
  name: "logSumExp",
  ...functionSample,
  oracle: ({ x }, { axis = -1 }) => {
    const layout = along(x.shape, axis);
    const parts = Array.from({ length: layout.rows }, (_, row) => logSumExpOf(rowOf(x, layout, row)));
    return {
      values: parts.map(({ max, log }) => max + log),
      shape: layout.shape,
      scale: parts.map(({ max, log }) => Math.abs(max) + log),
    };
  },
  edges: [
    { title: "one class", args: { x: matrix([[3], [-40]]) }, values: [3, -40] },
    { title: "no overflow", args: { x: matrix([[1000, 1000], [-1000, -1000]]) }, values: [1000 + Math.LN2, Math.LN2 - 1000] },
    { title: "a small rest over 0 keeps its digits", args: { x: matrix([[0, -40]]) }, values: [Math.exp(-40)] },
    { title: "−inf is a mask", args: { x: matrix([[0, -Infinity, 0]]) }, values: [Math.LN2], vjp: { gradOutput: [2], grads: { x: [1, 0, 1] } } },
    { title: "infinities as PyTorch", args: { x: matrix([[-Infinity, -Infinity], [Infinity, 0]]) }, values: [-Infinity, Infinity] },
    { title: "beside an infinite logit the others weigh nothing", args: { x: matrix([[Infinity, 100]]) }, values: [Infinity], vjp: { gradOutput: [1], grads: { x: [NaN, 0] } } },
    { title: "another axis", args: { x: matrix([[0, 5], [0, 5]]) }, options: { axis: 0 }, values: [Math.LN2, 5 + Math.LN2] },
    { title: "NaN stays in its row", args: { x: matrix([[NaN, 0], [0, 0]]) }, values: [NaN, Math.LN2] },
  ],
};
export default logSumExp;
