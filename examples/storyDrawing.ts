// The last frame of a story as an SVG: charts side by side, below them the map and the pictures.
import * as Plot from "@observablehq/plot";
import type { Frame, LineChart, Pictures, PointMap } from "./stories/story.ts";
import { Drawing } from "./svg.ts";

const PANEL = { width: 400, height: 260 };
const HEAD = 48;
/** Above each chart: its title, and lines of a legend. */
const TITLE = 22;
const LEGEND_LINE = 18;
const MAP = 480;
const MARGIN = 16;
/** Of a picture's pixel, and between pictures. */
const PIXEL = 3;
const GAP = 8;
const CAPTION = 110;
const COLOURS = ["#1f4e8c", "#d1661f", "#2e8b57", "#a03c78", "#777777", "#b8a000"];
const STYLE = { fontSize: "12px", color: "#222", background: "white" };
/** Greys that are told apart. */
const LEVELS = 16;

export function storyDrawing(title: string, { charts, map, pictures }: Frame): string {
  // A name has one colour in all charts.
  const names = [...new Set(charts.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const colour = (name: string) => COLOURS[names.indexOf(name) % COLOURS.length]!;
  const legends = charts.map(({ lines }) => legend(lines.map(({ name }) => name)));
  const legendLines = Math.max(1, ...legends.flat().map(({ line }) => line + 1));
  const chartsEnd = HEAD + TITLE + legendLines * LEGEND_LINE + PANEL.height;
  const picturesLeft = map ? MAP + 2 * MARGIN : MARGIN;

  const below = Math.max(map ? TITLE + MAP : 0, pictures ? heightOf(pictures) : 0);
  const width = Math.max(charts.length * PANEL.width, pictures ? picturesLeft + widthOf(pictures) : 0, map ? MAP + 2 * MARGIN : 0);
  const drawing = new Drawing(width, chartsEnd + (below > 0 ? below + 2 * MARGIN : 0));
  drawing.text(MARGIN, 28, title, { "font-size": 16, "font-weight": 600 });
  charts.forEach((chart, k) => {
    const left = k * PANEL.width;
    drawing.text(left + MARGIN, HEAD + 14, chart.title, { "font-size": 13, "font-weight": 600 });
    for (const { name, x, line } of legends[k]!) {
      const y = HEAD + TITLE + line * LEGEND_LINE + 9;
      drawing.add("line", { x1: left + x, x2: left + x + 18, y1: y, y2: y, stroke: colour(name), "stroke-width": 2 });
      drawing.text(left + x + 24, y + 4, name, { "font-size": 12 });
    }
    drawing.plot(left, chartsEnd - PANEL.height, panel(chart, colour));
  });
  if (map) drawMap(drawing, MARGIN, chartsEnd + MARGIN, map);
  if (pictures) drawPictures(drawing, picturesLeft, chartsEnd + MARGIN, pictures);
  return drawing.toString();
}

/** Where the names of a chart's lines go. Nothing measures text here: a letter is about 6.6 pixels wide. */
function legend(names: readonly string[]) {
  let [x, line] = [MARGIN, 0];
  return names.map((name) => {
    const room = 24 + 6.6 * name.length + 14;
    if (x > MARGIN && x + room > PANEL.width) [x, line] = [MARGIN, line + 1];
    const place = { name, x, line };
    x += room;
    return place;
  });
}

function panel({ x, y, lines, percent = false }: LineChart, colour: (name: string) => string): Plot.PlotOptions {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const zero = Math.min(...values) < Math.max(...values) / 2; // what shrinks by half is seen in full
  return {
    ...PANEL,
    marginLeft: 52,
    marginTop: 28,
    marginBottom: 40,
    style: STYLE,
    x: { label: x, ticks: 6 },
    y: { label: percent ? `${y} (%)` : y, percent, zero, nice: true, grid: true },
    marks: lines.map(({ name, points }) => Plot.lineY(points, { x: "0", y: "1", stroke: colour(name), strokeWidth: 1.8 })),
  };
}

function drawMap(drawing: Drawing, left: number, top: number, { title, points, chosen, neighbours = [] }: PointMap) {
  drawing.text(left, top + 8, title, { "font-size": 13, "font-weight": 600 });
  const ring = (places: readonly number[], r: number, stroke: string) => Plot.dot(places.map((place) => points[place]!), { x: "x", y: "y", r, stroke, strokeWidth: 1.5 });
  drawing.plot(left, top + TITLE, {
    width: MAP,
    height: MAP,
    margin: 16,
    style: STYLE,
    x: { axis: null },
    y: { axis: null },
    color: { scheme: "tableau10", type: "categorical", domain: [...new Set(points.map(({ group }) => group))].sort() },
    marks: [
      Plot.frame({ stroke: "#ccc" }),
      ring(neighbours, 7, "#888"),
      ring(chosen === undefined ? [] : [chosen], 9, "black"),
      Plot.text(points, { x: "x", y: "y", text: "group", fill: "group", fontSize: 11, fontWeight: 600 }),
    ],
  });
}

const most = ({ rows }: Pictures) => Math.max(...rows.map(({ images }) => images.length));
const widthOf = (pictures: Pictures) => CAPTION + most(pictures) * (pictures.width * PIXEL + GAP) + MARGIN;
const heightOf = ({ rows, height }: Pictures) => TITLE + rows.length * (height * PIXEL + GAP);

function drawPictures(drawing: Drawing, left: number, top: number, { title, width, height, rows }: Pictures) {
  drawing.text(left, top + 8, title, { "font-size": 13, "font-weight": 600 });
  // A path for each grey, of the runs of pixels that have it.
  const paths = new Map<number, string>();
  rows.forEach(({ caption, images }, row) => {
    const y0 = top + TITLE + row * (height * PIXEL + GAP);
    drawing.text(left, y0 + (height * PIXEL) / 2 + 4, caption, { "font-size": 12 });
    images.forEach((image, column) => {
      const x0 = left + CAPTION + column * (width * PIXEL + GAP);
      drawing.add("rect", { x: x0 - 1, y: y0 - 1, width: width * PIXEL + 2, height: height * PIXEL + 2, fill: "none", stroke: "#ddd" });
      const levels = Array.from(image, (ink) => Math.round(ink * LEVELS));
      for (let i = 0, run = 1; i < levels.length; i += run, run = 1) {
        const level = levels[i]!;
        while ((i + run) % width !== 0 && levels[i + run] === level) run++;
        const pixels = `M${x0 + (i % width) * PIXEL} ${y0 + Math.floor(i / width) * PIXEL}h${run * PIXEL}v${PIXEL}h${-run * PIXEL}z`;
        if (level > 0) paths.set(level, (paths.get(level) ?? "") + pixels);
      }
    });
  });
  for (const [level, d] of paths) {
    const grey = Math.round(255 * (1 - level / LEVELS));
    drawing.add("path", { d, fill: `rgb(${grey},${grey},${grey})`, "shape-rendering": "crispEdges" });
  }
}
