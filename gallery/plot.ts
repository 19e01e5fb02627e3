// Lines over a common x, by uPlot: in the page's colours, as wide as there is room, with a legend and the figures as a table.
import uPlot from "uplot";
import { digits, h, table } from "./dom.js";

export interface PlotLine {
  readonly label: string;
  /** The line has a gap where this is no finite number, and runs on where it is undefined. */
  readonly data: ArrayLike<number | null | undefined>;
  /** Drawn faintly, for comparison. */
  readonly faint?: boolean;
}

export interface PlotOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly percent?: boolean;
  /** Leaves what stands far above the rest, as where a logarithm is cut off, out of the picture. */
  readonly clip?: boolean;
  /** Where to draw an upright line. */
  readonly marked?: () => number;
  /** Told the x of a click. */
  readonly pick?: (x: number) => void;
}

const HEIGHT = 240;
const TABLE_ROWS = 25;
/** Lines differ by dash as well as by colour; the classes of the legend have the same. */
const DASHES = [[], [9, 4], [2, 4], [12, 3, 2, 3]];
const COLORS = 6;

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const seriesColor = (k: number) => `--series-${(k % COLORS) + 1}`;
const finite = (value: number | null | undefined) => (value === undefined || Number.isFinite(value) ? value : null);

/** Lines that each have an x of their own, over all of these. */
export function joined(lines: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[]) {
  const some = lines.filter(({ points }) => points.length > 0);
  if (some.length === 0) return { x: [], lines: [] };
  const [x = [], ...data] = uPlot.join(some.map(({ points }) => [points.map(([at]) => at), points.map(([, value]) => value)]));
  return { x: Array.from(x), lines: some.map(({ name }, k) => ({ label: name, data: data[k] ?? [] })) };
}

export class LinePlot {
  readonly element: HTMLElement;
  readonly #options: PlotOptions;
  readonly #box = h("div", { class: "plot", role: "img" });
  readonly #legend = h("ul", { class: "legend" });
  readonly #figures = h("details", { ontoggle: () => this.#tell() }, h("summary", {}, "Figures as a table"));
  readonly #observer = new ResizeObserver(() => this.#fit());
  readonly #removed = new AbortController();
  #plot: uPlot | undefined;
  #x: readonly number[] = [];
  #lines: readonly PlotLine[] = [];

  constructor(options: PlotOptions) {
    this.#options = options;
    this.element = h("figure", {}, h("figcaption", {}, options.title), this.#box, this.#legend, this.#figures);
    this.#observer.observe(this.#box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw(), { signal: this.#removed.signal });
  }

  /** Ends it: the window and the colour scheme would keep it alive. */
  remove() {
    this.#plot?.destroy();
    this.#observer.disconnect();
    this.#removed.abort();
    this.element.remove();
  }

  show(x: readonly number[], lines: readonly PlotLine[]) {
    const same = lines.length === this.#lines.length && lines.every(({ label, faint }, k) => label === this.#lines[k]?.label && faint === this.#lines[k]?.faint);
    this.#x = x;
    this.#lines = lines;
    if (!same) {
      this.#plot?.destroy();
      this.#plot = undefined;
      this.#legend.replaceChildren(...lines.map(({ label, faint }, k) => h("li", {}, h("span", { class: faint ? "line faint" : `line series${(k % COLORS) + 1} dash${k % DASHES.length}` }), label)));
      this.#legend.hidden = lines.length < 2;
    }
    if (this.#plot) this.#plot.setData(this.#data());
    else this.#fit();
    this.#describe();
    this.#tell();
  }

  /** Draws anew what is marked. */
  redraw() {
    this.#plot?.redraw(false);
  }

  #data(): uPlot.AlignedData {
    return [[...this.#x], ...this.#lines.map(({ data }) => Array.from(data, finite))];
  }

  #fit() {
    const width = this.#box.clientWidth;
    if (width === 0 || this.#x.length === 0) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#plot = new uPlot(this.#setup(width), this.#data(), this.#box);
  }

  #setup(width: number): uPlot.Options {
    const { x, y, percent, clip, marked, pick } = this.#options;
    const axis = (label: string): uPlot.Axis => ({
      label,
      labelSize: 20,
      labelFont: "12px system-ui, sans-serif",
      font: "12px system-ui, sans-serif",
      stroke: () => color("--quiet"),
      grid: { stroke: () => color("--grid"), width: 1 },
      ticks: { show: false },
      values: (_, ticks) => ticks.map((tick) => (percent && label === y ? `${digits(100 * tick)} %` : digits(tick))),
    });
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      // Smooth lines on screens of few pixels, too.
      pxAlign: false,
      scales: { x: { time: false }, y: clip ? { range: () => this.#range() } : {} },
      axes: [{ ...axis(x), size: 30 }, { ...axis(y), size: 56 }],
      series: [
        {},
        ...this.#lines.map(({ label, faint }, k): uPlot.Series => ({
          label,
          stroke: () => color(faint ? "--faint" : seriesColor(k)),
          width: faint ? 1.5 : 2,
          dash: faint ? [] : (DASHES[k % DASHES.length] ?? []),
          // A single point would not show as a line.
          points: { show: () => this.#x.length < 2 },
        })),
      ],
      hooks: {
        ready: [(plot) => pick && plot.over.addEventListener("click", ({ offsetX }) => pick(plot.posToVal(offsetX, "x")))],
        draw: [(plot) => marked && this.#mark(plot, marked())],
      },
    };
  }

  /** What most values lie in: nine of ten, and others within twenty times their size. */
  #range(): uPlot.Range.MinMax {
    const values = this.#lines.flatMap(({ data }) => Array.from(data, finite).filter((value) => typeof value === "number"));
    const sizes = values.map(Math.abs).sort((a, b) => a - b);
    const most = 20 * (sizes[Math.floor(0.9 * sizes.length)] ?? 0) || Infinity;
    const shown = values.filter((value) => Math.abs(value) <= most);
    return shown.length === 0 ? [0, 1] : uPlot.rangeNum(Math.min(...shown), Math.max(...shown), 0.1, true);
  }

  #mark(plot: uPlot, x: number) {
    const { ctx, bbox } = plot;
    const at = Math.round(plot.valToPos(x, "x", true)) + 0.5;
    ctx.save();
    ctx.strokeStyle = color("--text");
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  #describe() {
    const { title, x } = this.#options;
    const spans = this.#lines.map(({ label, data }) => {
      const some = Array.from(data, finite).filter((value) => typeof value === "number");
      return some.length === 0 ? `${label} has no value` : `${label} from ${digits(Math.min(...some))} to ${digits(Math.max(...some))}`;
    });
    this.#box.setAttribute("aria-label", `${title}, by ${x}: ${spans.join("; ")}`);
  }

  /** Writes the table, where it is open. */
  #tell() {
    if (!this.#figures.open) return;
    const { title, x } = this.#options;
    const last = this.#x.length - 1;
    const some = [...new Set(Array.from({ length: TABLE_ROWS }, (_, k) => Math.round((k * last) / (TABLE_ROWS - 1))))];
    const rows = some.map((k) => [this.#x[k], ...this.#lines.map(({ data }) => data[k])].map((value) => (value === undefined ? "" : digits(value ?? Number.NaN))));
    this.#figures.querySelector(".scroll")?.remove();
    this.#figures.append(table(title, [x, ...this.#lines.map(({ label }) => label)], last < 0 ? [] : rows));
  }
}
