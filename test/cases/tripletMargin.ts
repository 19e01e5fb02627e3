import { REDUCTIONS, drawn, flagOf, matrix, normal, numberOf, own } from "../support/draw.js";
import { PAIR_SHAPES, along, apart, normOf, rowOf } from "../support/rows.js";
import type { Argument, Inputs, LossCase } from "./case.js";

/** The three distances of each row. */
function distances(inputs: Inputs) {
  const { anchor, positive, negative } = inputs.args as Record<"anchor" | "positive" | "negative", Argument>;
  const [p, eps] = [numberOf(inputs, "p", 2), numberOf(inputs, "eps", 1e-6)];
  const layout = along(anchor.shape, -1);
  return Array.from({ length: layout.rows }, (_, row) => {
    const [a, b, c] = [anchor, positive, negative].map((argument) => rowOf(argument, layout, row)) as [number[], number[], number[]];
    const distance = (x: readonly number[], y: readonly number[]) => normOf(x.map((value, i) => value - (y[i] ?? 0) + eps), p);
    return { ap: distance(a, b), an: distance(a, c), pn: distance(b, c) };
  });
}

const tripletMargin: LossCase = {
  name: "tripletMargin",
  form: "rows",
  wrt: ["anchor", "positive", "negative"],
  defaults: 3,
  reductions: REDUCTIONS,
  options: [{}, { margin: 0.5, swap: true }, { p: 1, eps: 0.01 }, { p: 3, swap: true }, { p: Infinity, margin: 2 }],
  shapes: PAIR_SHAPES,
  sample: (random, shape, options) => {
    for (;;) {
      const anchor = drawn(shape, () => normal(random));
      const positive = apart(random, anchor);
      const inputs: Inputs = { args: { anchor, positive, negative: apart(random, anchor, positive) }, options: own(options) };
      const margin = numberOf(inputs, "margin", 1);
      const clear = ({ ap, an, pn }: { ap: number; an: number; pn: number }) =>
        Math.abs(an - pn) > 0.01 && [an, pn].every((far) => Math.abs(ap - far + margin) > 0.01);
      // Of many rows, one at least will be near a kink.
      const all = distances(inputs);
      if (all.length > 40 || all.every(clear)) return inputs;
    }
  },
  oracle: (inputs) => {
    const { anchor, positive, negative } = inputs.args as Record<"anchor" | "positive" | "negative", Argument>;
    const [margin, swap] = [numberOf(inputs, "margin", 1), flagOf(inputs, "swap", false)];
    const size = [anchor, positive, negative].reduce((most, { data }) => data.reduce((a, x) => Math.max(a, Math.abs(x)), most), 0);
    const all = distances(inputs);
    return {
      values: all.map(({ ap, an, pn }) => {
        const value = ap - (swap ? Math.min(an, pn) : an) + margin;
        return value <= 0 ? 0 : value;
      }),
      shape: anchor.shape.slice(0, -1),
      scale: all.map(({ ap, an }) => ap + an + margin + size),
      divisor: all.length,
    };
  },
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
