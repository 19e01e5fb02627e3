import { REDUCTIONS, argumentOf, drawn, factors, given, matrix, normal, softplusOf, uniform } from "../support/draw.js";
import { along, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const multiLabelSoftMargin: LossCase = {
  name: "multiLabelSoftMargin",
  form: "rows",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { weight: true }],
  shapes: [[5], [1, 5], [7, 3], [2, 33], [150, 4], [3, 2, 6], [2, 1000]],
  sample: (random, shape, { weight }) => ({
    args: { input: drawn(shape, () => normal(random, 3)), target: { ...drawn(shape, () => uniform(random, 0, 1)), kind: "flag" } },
    options: { ...(weight && { weight: factors(random, shape.slice(-1)) }) },
  }),
  oracle: (inputs) => {
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const weight = argumentOf(inputs, "weight");
    const layout = along(input.shape, -1);
    const terms = Array.from({ length: layout.rows }, (_, row) => {
      const y = rowOf(target, layout, row);
      return rowOf(input, layout, row).map((x, c) => {
        const [yes, no] = [y[c] ?? Number.NaN, 1 - (y[c] ?? Number.NaN)];
        return (weight?.data[c] ?? 1) * ((no === 0 ? 0 : no * softplusOf(x)) + (yes === 0 ? 0 : yes * softplusOf(-x)));
      });
    });
    const values = terms.map((row) => row.reduce((sum, term) => sum + term, 0) / row.length);
    return { values, shape: layout.shape, divisor: layout.rows };
  },
  edges: [
    {
      title: "small losses keep their digits",
      inputs: { args: { input: matrix([[-40, 40]]), target: given([0, 1], "flag", [1, 2]) }, options: {} },
      values: [Math.exp(-40)],
      grads: { input: [Math.exp(-40) / 2, -Math.exp(-40) / 2] },
    },
    { title: "infinite logits on the right side", inputs: { args: { input: matrix([[-Infinity, Infinity]]), target: given([0, 1], "flag", [1, 2]) }, options: {} }, values: [0], grads: { input: [0, 0] } },
    { title: "the weight is inside the mean over the classes", inputs: { args: { input: matrix([[0, 0]]), target: given([0, 1], "flag", [1, 2]) }, options: { weight: given([3, 1]) } }, values: [2 * Math.LN2], grads: { input: [0.75, -0.25] } },
    { title: "NaN stays in its row", inputs: { args: { input: matrix([[NaN, 0], [0, 0]]), target: given([0, 1, 0, 1], "flag", [2, 2]) }, options: {} }, values: [NaN, Math.LN2] },
  ],
};
export default multiLabelSoftMargin;
