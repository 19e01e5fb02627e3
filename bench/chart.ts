// The chart of a record: how many times faster than the plain loop each build is, value with gradient.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Measurements, Result } from "./record.js";
import { showShape } from "./rows.js";

const WIDTH = 1120;
const LEFT = 170;
const BAR = 11;
const HEAD = 64;
const GAP = 56;
const BUILDS = ["simd128", "scalar"];
const COLORS = ["#2a6fb5", "#b9c7d6"];

interface Bar {
  readonly title: string;
  readonly size: string;
  readonly build: string;
  readonly times: number;
}

/** Times faster than the plain loop, of each build. The one that ratios are to has none of its own. */
function barsOf({ title, shape, ns, ratios }: Result): Bar[] {
  const { plain } = ratios;
  if (plain === undefined) return [];
  const size = showShape(shape);
  return BUILDS.filter((build) => build in ns).map((build) => ({ title, size, build, times: plain / (ratios[build] ?? 1) }));
}

/** Losses that are measured in the same sizes share a panel, whose columns these are. */
function panelsOf(bars: readonly Bar[]): Bar[][] {
  const sizes = new Map<string, Set<string>>();
  for (const { title, size } of bars) sizes.set(title, (sizes.get(title) ?? new Set()).add(size));
  const panels = new Map<string, Bar[]>();
  for (const bar of bars) {
    const key = [...(sizes.get(bar.title) ?? [])].join();
    panels.set(key, [...(panels.get(key) ?? []), bar]);
  }
  return [...panels.values()];
}

interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly subtitle: string;
  readonly legend: readonly { readonly name: string; readonly color: string; readonly x: number; readonly y: number }[];
  /** The figures, drawn in a document without a browser, and how far down each is. */
  readonly figures: (document: Document) => readonly { readonly y: number; readonly figure: SVGSVGElement | HTMLElement }[];
}

/** An SVG of figures under a title and a legend. */
export function svg({ width, height, title, subtitle, legend, figures }: Drawing): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const text = (x: number, y: number, size: number, content: string) =>
    `<text x="${x}" y="${y}" font-size="${size}">${content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    text(14, 25, 15, title),
    text(14, 45, 11, subtitle),
    ...legend.map(({ name, color, x, y }) => `<rect x="${x}" y="${y}" width="12" height="12" fill="${color}"/>${text(x + 17, y + 10, 12, name)}`),
    ...figures(document).map(({ y, figure }) => {
      figure.setAttribute("y", String(y));
      return figure.outerHTML;
    }),
    "</svg>\n",
  ].join("\n");
}

/** An SVG of the float32 cells, or of the float64 ones if there are no others. */
export function chart(record: Measurements): string {
  const dtype = record.cells.some((cell) => cell.dtype === "float32") ? "float32" : "float64";
  const cells = record.cells.filter((cell) => cell.dtype === dtype && cell.mode === "gradient");
  const panels = panelsOf(cells.flatMap(barsOf));
  const heightOf = (bars: readonly Bar[]) => new Set(bars.map(({ title }) => title)).size * (2 * BAR + 8) + GAP;
  const draw = (document: Document, bars: readonly Bar[]) => {
    const titles = [...new Set(bars.map(({ title }) => title))];
    const sizes = [...new Set(bars.map(({ size }) => size))];
    const all = bars.map(({ times }) => times);
    const domain = [Math.min(0.5, ...all) / 1.1, Math.max(2, ...all) * 1.6] as const;
    const decade = (WIDTH - LEFT) / sizes.length / Math.log10(domain[1] / domain[0]);
    const steps = decade > 130 ? [1, 2, 5] : [1, 3];
    const ticks = [0.01, 0.1, 1, 10, 100].flatMap((power) => steps.map((step) => Number((power * step).toPrecision(1))));
    const inside = ticks.filter((times) => times > domain[0] && times < domain[1]);
    return Plot.plot({
      document,
      width: WIDTH,
      height: heightOf(bars),
      marginLeft: LEFT,
      marginRight: 30,
      marginTop: 26,
      marginBottom: 20,
      x: { type: "log", domain, axis: null },
      y: { axis: null, domain: BUILDS, padding: 0.1 },
      fx: { domain: sizes, axis: "top", label: null, padding: 0.08 },
      fy: { domain: titles, label: null, axis: "left", padding: 0.25 },
      color: { domain: BUILDS, range: COLORS },
      marks: [
        Plot.gridX(inside),
        // A string for each tick: of a function's, those between the powers of ten would be left out.
        Plot.axisX(inside, { tickFormat: null, text: (times: number) => `${times}×`, label: null, tickSize: 4 }),
        Plot.barX(bars, { x1: 1, x2: "times", y: "build", fx: "size", fy: "title", fill: "build" }),
        Plot.text(bars, {
          x: (bar: Bar) => Math.max(1, bar.times),
          y: "build",
          fx: "size",
          fy: "title",
          text: ({ times }: Bar) => times.toFixed(times >= 9.95 ? 0 : times >= 0.095 ? 1 : 2),
          textAnchor: "start",
          dx: 3,
          fontSize: 9,
        }),
        Plot.ruleX([1], { stroke: "#444" }),
      ],
    });
  };
  const { engine, engineVersion, cpu, date, version } = record;
  return svg({
    width: WIDTH,
    height: panels.reduce((y, bars) => y + heightOf(bars), HEAD),
    title: `Times faster than a plain JavaScript loop: ${dtype}, value with gradient`,
    subtitle: `fused-loss ${version}, ${engine} ${engineVersion}, ${cpu}, ${date.slice(0, 10)}; 1× is the plain loop, logarithmic scale`,
    legend: BUILDS.map((name, k) => ({ name, color: COLORS[k] ?? "", x: WIDTH - 250 + 110 * k, y: 14 })),
    figures: (document) => {
      let next = HEAD;
      return panels.map((bars) => {
        const y = next;
        next += heightOf(bars);
        return { y, figure: draw(document, bars) };
      });
    },
  });
}
