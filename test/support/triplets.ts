// Triplets of rows, for the cases of the losses of an anchor, a positive and a negative.
import type { Argument, Inputs, LossCase } from "../cases/case.js";
import { drawn, flagOf, normal, numberOf, own } from "./draw.js";
import { along, apart, rowOf } from "./rows.js";

type Distance = (x: readonly number[], y: readonly number[]) => number;

/** The three distances of each row. */
function distances(inputs: Inputs, distance: Distance) {
  const { anchor, positive, negative } = inputs.args as Record<"anchor" | "positive" | "negative", Argument>;
  const layout = along(anchor.shape, -1);
  return Array.from({ length: layout.rows }, (_, row) => {
    const [a, p, n] = [anchor, positive, negative].map((argument) => rowOf(argument, layout, row)) as [number[], number[], number[]];
    return { ap: distance(a, p), an: distance(a, n), pn: distance(p, n) };
  });
}

/** Triplets whose distances keep away from every kink, for the distance that the inputs' options tell. */
export const tripletSample = (distanceOf: (inputs: Inputs) => Distance): LossCase["sample"] => (random, shape, options) => {
  for (;;) {
    const anchor = drawn(shape, () => normal(random));
    const positive = apart(random, anchor);
    const inputs: Inputs = { args: { anchor, positive, negative: apart(random, anchor, positive) }, options: own(options) };
    const margin = numberOf(inputs, "margin", 1);
    const clear = ({ ap, an, pn }: { ap: number; an: number; pn: number }) =>
      Math.abs(an - pn) > 0.01 && [an, pn].every((far) => Math.abs(ap - far + margin) > 0.01);
    // Of many rows, one at least will be near a kink.
    const all = distances(inputs, distanceOf(inputs));
    if (all.length > 40 || all.every(clear)) return inputs;
  }
};

/** The loss with the distance that the inputs' options tell. */
export const tripletOracle = (distanceOf: (inputs: Inputs) => Distance): LossCase["oracle"] => (inputs) => {
  const { anchor, positive, negative } = inputs.args as Record<"anchor" | "positive" | "negative", Argument>;
  const [margin, swap] = [numberOf(inputs, "margin", 1), flagOf(inputs, "swap", false)];
  const size = [anchor, positive, negative].reduce((most, { data }) => data.reduce((a, x) => Math.max(a, Math.abs(x)), most), 0);
  const all = distances(inputs, distanceOf(inputs));
  return {
    values: all.map(({ ap, an, pn }) => {
      const value = ap - (swap ? Math.min(an, pn) : an) + margin;
      return value <= 0 ? 0 : value;
    }),
    shape: anchor.shape.slice(0, -1),
    scale: all.map(({ ap, an }) => ap + an + margin + size),
    divisor: all.length,
  };
};
