import { REDUCTIONS, drawn, given, matrix, normal, numberOf, own, sign } from "../support/draw.js";
import { PAIR_SHAPES, overPairs } from "../support/rows.js";
import type { Argument, Inputs, LossCase } from "./case.js";

/** The cosine of each row, with the size of its terms. */
function cosines({ args }: Inputs) {
  const { input1, input2 } = args as Record<"input1" | "input2", Argument>;
  return overPairs(input1, input2, (a, b) => {
    const square = (x: readonly number[]) => x.reduce((sum, value) => sum + value * value, 1e-12);
    const by = Math.sqrt(square(a) * square(b));
    const products = a.map((value, i) => value * (b[i] ?? 0));
    return {
      value: products.reduce((sum, value) => sum + value, 0) / by,
      scale: products.reduce((sum, value) => sum + Math.abs(value), 0) / by,
    };
  });
}

const cosineEmbedding: LossCase = {
  name: "cosineEmbedding",
  form: "rows",
  wrt: ["input1", "input2"],
  defaults: 2,
  reductions: REDUCTIONS,
  options: [{}, { margin: 0.25 }, { margin: -0.5 }],
  shapes: PAIR_SHAPES,
  sample: (random, shape, options) => {
    const target: Argument = { ...drawn(shape.slice(0, -1), () => sign(random)), kind: "flag" };
    const margin = typeof options.margin === "number" ? options.margin : 0;
    for (;;) {
      const inputs: Inputs = { args: { input1: drawn(shape, () => normal(random)), input2: drawn(shape, () => normal(random)), target }, options: own(options) };
      // Differences want every cosine away from the margin; of many rows only few can be.
      if (target.data.length > 40 || cosines(inputs).values.every((cos) => Math.abs(cos - margin) > 0.02)) return inputs;
    }
  },
  oracle: (inputs) => {
    const target = inputs.args.target as Argument;
    const margin = numberOf(inputs, "margin", 0);
    const { values, scale, shape } = cosines(inputs);
    return {
      values: values.map((cos, row) => {
        const y = target.data[row] ?? Number.NaN;
        return y === 1 ? 1 - cos : y === -1 ? (cos - margin <= 0 ? 0 : cos - margin) : Number.NaN;
      }),
      scale: scale.map((size) => 1 + size),
      shape,
      divisor: values.length,
    };
  },
  edges: [
    {
      title: "at right angles, which is at the margin",
      inputs: { args: { input1: matrix([[1, 0], [1, 0]]), input2: matrix([[0, 1], [0, 1]]), target: given([1, -1], "flag") }, options: {} },
      values: [1, 0],
      grads: { input1: [0, -1 / (1 + 1e-12), 0, 0], input2: [-1 / (1 + 1e-12), 0, 0, 0] },
    },
    {
      title: "rows of zeros are at right angles to all",
      inputs: { args: { input1: matrix([[0, 0]]), input2: matrix([[0, 0]]), target: given([1], "flag") }, options: {} },
      values: [1],
      grads: { input1: [0, 0], input2: [0, 0] },
    },
    { title: "NaN stays in its row", inputs: { args: { input1: matrix([[NaN, 0], [1, 0]]), input2: matrix([[0, 1], [0, 1]]), target: given([-1, 1], "flag") }, options: {} }, values: [NaN, 1] },
  ],
};
export default cosineEmbedding;
