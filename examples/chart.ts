// The learning curve as an SVG, by Observable Plot.
import * as Plot from "@observablehq/plot";
import { Drawing } from "./svg.ts";

/** One point of a run's curve. */
export interface Point {
  /** How many epochs are done; not a whole number where the run was interrupted. */
  readonly epoch: number;
  /** Mean over the batches of the epoch. */
  readonly loss: number;
  /** Of the test images, from 0 to 1. */
  readonly accuracy: number;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

const PANEL = { width: 460, height: 300 };
const HEAD = 64; // room for the title and the legend
// The runs all but coincide, so that one would hide the other: the first is thin, and drawn over the wide, pale second.
const STYLES = [
  { stroke: "#1f4e8c", strokeWidth: 1.5, marker: "dot" },
  { stroke: "#f2b661", strokeWidth: 7 },
] as const;

/** The text of an SVG: loss and accuracy of two runs, side by side. */
export function learningCurve(title: string, curves: readonly [Curve, Curve]): string {
  const points = curves.flatMap((curve) => curve.points);
  const lastEpoch = Math.ceil(Math.max(1, ...points.map(({ epoch }) => epoch)));
  const worst = Math.min(0.9, ...points.map(({ accuracy }) => accuracy));
  const percents = { percent: true, domain: [Math.floor(worst * 10) * 10, 100] };
  const panels = [
    { y: "loss", label: "Loss on the training images", nice: true, zero: true },
    { y: "accuracy", label: "Accuracy on the test images (%)", ...percents },
  ];

  const drawing = new Drawing(panels.length * PANEL.width, HEAD + PANEL.height);
  drawing.text(16, 26, title, { "font-size": 16, "font-weight": 600 });
  curves.forEach(({ name }, index) => {
    const { stroke, strokeWidth } = STYLES[index]!;
    const x = 16 + index * 240;
    drawing.add("line", { x1: x, x2: x + 28, y1: 48, y2: 48, stroke, "stroke-width": strokeWidth });
    drawing.text(x + 36, 52, name, { "font-size": 13 });
  });
  panels.forEach(({ y, ...scale }, index) =>
    drawing.plot(index * PANEL.width, HEAD, {
      ...PANEL,
      marginLeft: 56,
      marginTop: 32,
      marginBottom: 42,
      style: { fontSize: "12px", color: "#222", background: "white" },
      x: { label: "Epoch", domain: [0, lastEpoch], ticks: wholeTicks(lastEpoch), tickFormat: "d" },
      y: { ...scale, grid: true },
      marks: curves.map((curve, index) => Plot.lineY(curve.points, { x: "epoch", y, ...STYLES[index] })).reverse(),
    }),
  );
  return drawing.toString();
}

/** 0 to `last` in whole steps, about ten of them: Plot's own would have halves. */
function wholeTicks(last: number): number[] {
  const step = Math.ceil(last / 10);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
}
