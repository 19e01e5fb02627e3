import { drawn, matrix, normal } from "../support/draw.js";
import { PAIR_SHAPES, apart, normOf, overPairs } from "../support/rows.js";
import type { FunctionCase } from "./case.js";

const pairwiseDistance: FunctionCase = {
  name: "pairwiseDistance",
  options: [{}, { p: 1 }, { p: 3, eps: 0.01 }, { p: 1.5 }, { p: Infinity }],
  shapes: PAIR_SHAPES,
  sample: (random, shape) => {
    const x1 = drawn(shape, () => normal(random));
    return { x1, x2: apart(random, x1) };
  },
  oracle: ({ x1, x2 }, { p = 2, eps = 1e-6 }) => {
    const size = Math.max(...x1.data.map(Math.abs), ...x2.data.map(Math.abs), 0);
    return overPairs(x1, x2, (a, b) => {
      const value = normOf(a.map((x, i) => x - (b[i] ?? 0) + eps), p);
      // The differences round by their operands.
      return { value, scale: value + size };
    });
  },
  edges: [
    {
      title: "3, 4, 5",
      args: { x1: matrix([[3, 4]]), x2: matrix([[0, 0]]) },
      options: { eps: 0 },
      values: [5],
      vjp: { gradOutput: [2], grads: { x1: [1.2, 1.6], x2: [-1.2, -1.6] } },
    },
    { title: "no distance", args: { x1: matrix([[1, 2]]), x2: matrix([[1, 2]]) }, options: { eps: 0, p: 3 }, values: [0], vjp: { gradOutput: [1], grads: { x1: [0, 0], x2: [0, 0] } } },
    { title: "the largest, shared", args: { x1: matrix([[3, -3, 1]]), x2: matrix([[0, 0, 0]]) }, options: { eps: 0, p: Infinity }, values: [3], vjp: { gradOutput: [1], grads: { x1: [0.5, -0.5, 0], x2: [-0.5, 0.5, 0] } } },
    { title: "a tie of Σ |d|", args: { x1: matrix([[1, 5]]), x2: matrix([[1, 2]]) }, options: { eps: 0, p: 1 }, values: [3], vjp: { gradOutput: [1], grads: { x1: [0, 1], x2: [0, -1] } } },
    { title: "nothing overflows on the way", args: { x1: matrix([[2 ** 60, 0]]), x2: matrix([[0, 0]]) }, options: { eps: 0, p: 3 }, values: [2 ** 60], vjp: { gradOutput: [1], grads: { x1: [1, 0], x2: [-1, 0] } } },
    { title: "an infinite difference", args: { x1: matrix([[Infinity, 1], [0, 1]]), x2: matrix([[0, 0], [0, 0]]) }, options: { eps: 0, p: 3 }, values: [Infinity, 1], vjp: { gradOutput: [1, 1], grads: { x1: [NaN, 0, 0, 1], x2: [NaN, 0, 0, -1] } } },
    { title: "NaN stays in its row", args: { x1: matrix([[NaN, 0], [0, 1]]), x2: matrix([[0, 0], [0, 0]]) }, options: { eps: 0, p: Infinity }, values: [NaN, 1] },
  ],
};
export default pairwiseDistance;
