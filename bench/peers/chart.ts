// The chart of `npm run bench:peers`: a line a cell, a dot a contestant, by how many times as long as ours it takes.
import * as Plot from "@observablehq/plot";
import { svg } from "../chart.js";
import { PEERS, type PeersRecord, showCell } from "./report.js";

const WIDTH = 900;
const HEAD = 84;
const COLORS: Readonly<Record<string, string>> = { [PEERS.eager]: "#c2410c", [PEERS.compiled]: "#7f1d1d", [PEERS.tfjs]: "#d4a017", [PEERS.jax]: "#2e8b57", [PEERS.plain]: "#64748b" };

export function chart(record: PeersRecord): string {
  const names = Object.keys(COLORS);
  const dots = record.cells.flatMap((cell) => names.flatMap((peer) => (cell.ratios[peer] === undefined ? [] : [{ cell: showCell(cell), peer, times: cell.ratios[peer] }])));
  const all = dots.map(({ times }) => times);
  const ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter((tick) => tick >= Math.min(0.5, ...all) / 1.2 && tick <= Math.max(2, ...all) * 1.2);
  const height = record.cells.length * 16 + 60;
  const { engine, engineVersion, cpu, date, version } = record;
  return svg({
    width: WIDTH,
    height: HEAD + height,
    title: "How many times as long as fused-loss others take: float32, value with gradient, one thread",
    subtitle: `fused-loss ${version}, ${engine} ${engineVersion}, ${cpu}, ${date.slice(0, 10)}; right of 1× we are faster; logarithmic scale`,
    legend: names.map((name, k) => ({ name, color: COLORS[name] ?? "", x: 14 + 130 * k, y: 58 })),
    figures: (document) => [
      {
        y: HEAD,
        figure: Plot.plot({
          document,
          width: WIDTH,
          height,
          marginLeft: 260,
          marginRight: 20,
          marginTop: 26,
          x: { type: "log", axis: null },
          y: { domain: record.cells.map(showCell), label: null, tickSize: 0 },
          color: { domain: names, range: names.map((name) => COLORS[name] ?? "") },
          marks: [
            Plot.gridX(ticks),
            Plot.gridY(),
            ...(["top", "bottom"] as const).map((anchor) => Plot.axisX(ticks, { anchor, tickFormat: null, text: (tick: number) => `${tick}×`, label: null })),
            Plot.ruleX([1], { stroke: "#2a6fb5", strokeWidth: 2 }),
            Plot.dot(dots, { x: "times", y: "cell", fill: "peer", r: 3.5 }),
          ],
        }),
      },
    ],
  });
}
