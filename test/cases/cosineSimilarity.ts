import { drawn, matrix, normal } from "../support/draw.js";
import { PAIR_SHAPES, overPairs } from "../support/rows.js";
import type { FunctionCase } from "./case.js";

const cosineSimilarity: FunctionCase = {
  name: "cosineSimilarity",
  options: [{}, { eps: 0.5 }],
  shapes: PAIR_SHAPES,
  sample: (random, shape) => ({ x1: drawn(shape, () => normal(random)), x2: drawn(shape, () => normal(random)) }),
  oracle: ({ x1, x2 }, { eps = 1e-8 }) =>
    overPairs(x1, x2, (a, b) => {
      const norm = (x: readonly number[]) => Math.max(Math.sqrt(x.reduce((sum, value) => sum + value * value, 0)), eps);
      const by = norm(a) * norm(b);
      const products = a.map((value, i) => value * (b[i] ?? 0));
      return {
        value: products.reduce((sum, value) => sum + value, 0) / by,
        scale: products.reduce((sum, value) => sum + Math.abs(value), 0) / by,
      };
    }),
  edges: [
    {
      title: "parallel, opposite and at right angles",
      args: { x1: matrix([[3, 4], [3, 4], [1, 0]]), x2: matrix([[6, 8], [-3, -4], [0, 5]]) },
      values: [1, -1, 0],
      vjp: { gradOutput: [1, 1, 1], grads: { x1: [0, 0, 0, 0, 0, 1], x2: [0, 0, 0, 0, 0.2, 0] } },
    },
    { title: "a row of zeros: as PyTorch", args: { x1: matrix([[0, 0]]), x2: matrix([[0, 2]]) }, options: { eps: 0.5 }, values: [0], vjp: { gradOutput: [1], grads: { x1: [0, 2], x2: [0, 0] } } },
    { title: "NaN stays in its row", args: { x1: matrix([[NaN, 0], [0, 1]]), x2: matrix([[0, 1], [0, 1]]) }, values: [NaN, 1] },
  ],
};
export default cosineSimilarity;
