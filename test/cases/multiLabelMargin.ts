import { REDUCTIONS, drawn, given, integer, matrix, normal, uniform } from "../support/draw.js";
import { along, awayFromHinges, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

/** The classes of a row's list. */
function listed(target: Argument, row: number, classes: number): readonly number[] {
  const list = target.data.slice(row * classes, (row + 1) * classes);
  const end = list.indexOf(-1);
  return end < 0 ? list : list.slice(0, end);
}

const multiLabelMargin: LossCase = {
  name: "multiLabelMargin",
  form: "rows",
  wrt: ["input"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}],
  shapes: [[5], [1, 5], [7, 3], [2, 33], [150, 4], [3, 2, 6], [2, 300]],
  sample: (random, shape) => {
    const layout = along(shape, -1);
    const { classes } = layout;
    // Lists of up to five classes, with duplicates; what follows their end is no class. In the last row one is present and
    // one absent.
    const data = Array.from({ length: layout.rows }, (_, row) => {
      const length = Math.max(integer(random, Math.min(classes, 6)), row === layout.rows - 1 ? 1 : 0);
      return Array.from({ length: classes }, (_, k) => (k < length ? integer(random, classes) : k === length ? -1 : -7));
    }).flat();
    const target: Argument = { data, shape, kind: "index" };
    const input = drawn(shape, () => normal(random));
    return { args: { input: awayFromHinges(input, layout, (row) => listed(target, row, classes), 1, () => uniform(random, -3, 3)), target }, options: {} };
  },
  oracle: ({ args }) => {
    const { input, target } = args as Record<"input" | "target", Argument>;
    const layout = along(input.shape, -1);
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const x = rowOf(input, layout, row);
      const present = listed(target, row, x.length);
      let sum = 0;
      for (const y of present) {
        x.forEach((score, c) => {
          const z = 1 - (x[y] ?? Number.NaN) + score;
          if (!present.includes(c) && !(z <= 0)) sum += z;
        });
      }
      return sum / x.length;
    });
    return { values, shape: layout.shape, divisor: layout.rows };
  },
  edges: [
    {
      title: "PyTorch's own example",
      inputs: { args: { input: matrix([[0.125, 0.25, 0.5, 0.75]]), target: given([3, 0, -1, 1], "index", [1, 4]) }, options: {} },
      values: [(0.5 + 0.75 + 1.125 + 1.375) / 4],
      grads: { input: [-0.5, 0.5, 0.5, -0.5] },
    },
    { title: "no class present", inputs: { args: { input: matrix([[1, 2]]), target: given([-1, 5], "index", [1, 2]) }, options: {} }, values: [0], grads: { input: [0, 0] } },
    { title: "all classes present", inputs: { args: { input: matrix([[1, 2]]), target: given([1, 0], "index", [1, 2]) }, options: {} }, values: [0], grads: { input: [0, 0] } },
    { title: "a class listed twice counts twice", inputs: { args: { input: matrix([[0, 0]]), target: given([1, 1], "index", [1, 2]) }, options: {} }, values: [1], grads: { input: [1, -1] } },
    { title: "at the bound", inputs: { args: { input: matrix([[1, 0]]), target: given([0, -1], "index", [1, 2]) }, options: {} }, values: [0], grads: { input: [0, 0] } },
    { title: "NaN stays in its row", inputs: { args: { input: matrix([[NaN, 0], [0, 0]]), target: given([1, -1, 1, -1], "index", [2, 2]) }, options: {} }, values: [NaN, 0.5] },
  ],
};
export default multiLabelMargin;
