// The learning curve as an SVG, by Observable Plot. Plot draws into a DOM, which Node lacks: linkedom is one.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

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

const SVG = "http://www.w3.org/2000/svg";
const PANEL = { width: 460, height: 300 };
const HEAD = 64; // room for the title and the legend
const FONT = { "font-family": "system-ui, sans-serif", fill: "#222" };
// The runs all but coincide, so that one would hide the other: the first is thin, and drawn over the wide, pale second.
const STYLES = [
  { stroke: "#1f4e8c", strokeWidth: 1.5, marker: "dot" },
  { stroke: "#f2b661", strokeWidth: 7 },
] as const;

/** The text of an SVG: loss and accuracy of two runs, side by side. */
export function learningCurve(title: string, curves: readonly [Curve, Curve]): string {
  const { document } = parseHTML("<!doctype html><body></body>");

  const element = (name: string, attributes: Record<string, string | number>, text = "") => {
    const created = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
    created.textContent = text;
    return created;
  };

  const points = curves.flatMap((curve) => curve.points);
  const lastEpoch = Math.ceil(Math.max(1, ...points.map(({ epoch }) => epoch)));
  const worst = Math.min(0.9, ...points.map(({ accuracy }) => accuracy));
  const percents = { percent: true, domain: [Math.floor(worst * 10) * 10, 100] };
  const panels = [
    { y: "loss", label: "Loss on the training images", nice: true, zero: true },
    { y: "accuracy", label: "Accuracy on the test images (%)", ...percents },
  ].map(({ y, ...scale }) =>
    Plot.plot({
      document,
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

  const width = panels.length * PANEL.width;
  const height = HEAD + PANEL.height;
  const chart = element("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
  chart.append(
    element("rect", { width, height, fill: "white" }),
    element("text", { ...FONT, x: 16, y: 26, "font-size": 16, "font-weight": 600 }, title),
  );
  curves.forEach(({ name }, index) => {
    const { stroke, strokeWidth } = STYLES[index]!;
    const x = 16 + index * 240;
    chart.append(
      element("line", { x1: x, x2: x + 28, y1: 48, y2: 48, stroke, "stroke-width": strokeWidth }),
      element("text", { ...FONT, x: x + 36, y: 52, "font-size": 13 }, name),
    );
  });
  panels.forEach((panel, index) => {
    // Plot's rules are for an SVG in a page; in an SVG, they make browsers misplace the panel.
    panel.querySelector("style")?.remove();
    panel.setAttribute("x", String(index * PANEL.width));
    panel.setAttribute("y", String(HEAD));
    chart.append(panel);
  });
  return chart.outerHTML;
}

/** 0 to `last` in whole steps, about ten of them: Plot's own would have halves. */
function wholeTicks(last: number): number[] {
  const step = Math.ceil(last / 10);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
}
