// The page that measures: the SIMD build, the scalar build and plain JavaScript on the visitor's machine.
import { version } from "virtual:gallery";
import { MODES } from "../bench/cells.js";
import type { Result } from "../bench/record.js";
import { figures } from "../bench/report.js";
import { geometricMean } from "../bench/measure.js";
import { ELEMENT_SHAPES as FLAT, type FloatType, type Mode, type Shape, showShape } from "../bench/rows.js";
import { copyButton, digits, h, newId } from "./dom.js";
import type { FromMachine, ToMachine } from "./machineWorker.js";
import type { Page } from "./route.js";
import { startWorker } from "./worker.js";

const ROWS: readonly Shape[] = [[4096, 10], [128, 1000]];
/** What is offered, as bench/rows.ts has it. */
const SHAPES: Readonly<Record<string, readonly Shape[]>> = { mse: FLAT, huber: FLAT, bceWithLogits: FLAT, klDiv: FLAT, crossEntropy: ROWS };
const BUILDS: Readonly<Record<string, string>> = { simd128: "SIMD", scalar: "scalar", plain: "plain JS" };
const MODE_NAMES: Readonly<Record<Mode, string>> = { gradient: "Value with gradient", value: "Value alone" };
const TIME_MS = 200;

const times = (ratio: number) => `${digits(ratio, 2)} ×`;
const duration = (ns: number) => (ns < 1e6 ? `${digits(ns / 1e3, 3)} µs` : `${digits(ns / 1e6, 3)} ms`);
/** How many times faster than plain JavaScript a build is. */
const faster = ({ ratios }: Result, build: string) => (ratios.plain ?? Number.NaN) / (ratios[build] ?? 1);

function bars(cells: readonly Result[], mode: Mode): HTMLElement {
  const shown = cells.filter((cell) => cell.mode === mode);
  const longest = Math.max(1, ...shown.flatMap((cell) => Object.keys(cell.ns).map((build) => faster(cell, build))));
  const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Build"), h("th", { scope: "col", colspan: 2 }, "Times as fast"), h("th", { scope: "col" }, "A call")));
  const bodies = shown.map((cell) =>
    h(
      "tbody",
      {},
      h("tr", {}, h("th", { scope: "rowgroup", colspan: 4 }, h("strong", {}, cell.title), ` ${showShape(cell.shape)}`)),
      ...Object.entries(cell.ns).map(([build, ns], k) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, BUILDS[build] ?? build),
          h("td", { class: "bar-cell" }, h("span", { class: `bar series${k + 1}`, style: `width: ${(100 * faster(cell, build)) / longest}%` })),
          h("td", {}, times(faster(cell, build))),
          h("td", {}, duration(ns)),
        ),
      ),
    ),
  );
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": MODE_NAMES[mode] }, h("table", { class: "bars" }, h("caption", { class: "hidden" }, `${MODE_NAMES[mode]}: times as fast as plain JavaScript`), head, ...bodies));
}

export const machine: Page = (_, parameters) => {
  const all = Object.keys(SHAPES);
  const wanted = parameters.get("loss")?.split(",") ?? all;
  const boxes = all.map((name) => h("input", { type: "checkbox", id: newId(), value: name, checked: wanted.includes(name) }));
  const dtype = h("select", { id: newId() }, ...["float32", "float64"].map((name) => h("option", { selected: name === parameters.get("dtype") }, name)));
  const time = h("input", { type: "number", id: newId(), min: 10, max: 5000, step: 10, required: true, value: Number(parameters.get("time") ?? TIME_MS) });
  const mode = h("select", { id: newId() }, ...[...MODES].reverse().map((name) => h("option", { value: name }, MODE_NAMES[name])));
  const start = h("button", { type: "submit", class: "first" }, "Measure");
  // No submit button: what stands in the form does not matter to it.
  const halt = h("button", { type: "button", hidden: true, onclick: () => stop("Stopped.") }, "Stop");
  const progress = h("progress", { max: 1, value: 0, "aria-label": "How far the measuring is", hidden: true });
  const now = h("p", { class: "told" });
  const status = h("p", { role: "status", class: "summary" });
  const alert = h("p", { role: "alert", class: "alert", hidden: true });
  const result = h("section", { hidden: true });
  const chart = h("div", {});
  let cells: Result[] = [];
  /** Milliseconds that each of them had. */
  let given = Number.NaN;
  let worker: Worker | undefined;

  const record = () => {
    const { userAgent, hardwareConcurrency } = navigator;
    return { version, engine: userAgent, cores: hardwareConcurrency, isolated: crossOriginIsolated, date: new Date().toISOString(), time: given, cells };
  };
  const text = () => [`fused-loss ${version} in ${navigator.userAgent}, ${navigator.hardwareConcurrency} cores, ${new Date().toISOString().slice(0, 10)}`, ...figures(cells)].join("\n\n");
  const draw = () => chart.replaceChildren(bars(cells, mode.value as Mode));
  mode.addEventListener("change", draw);
  result.append(
    h("h2", {}, "Times as fast as plain JavaScript"),
    h("div", { class: "control" }, h("label", { for: mode.id }, "What is shown"), mode),
    chart,
    h("h2", {}, "Copy the figures"),
    h("div", { class: "buttons" }, copyButton("Copy as text", text), copyButton("Copy as JSON", () => JSON.stringify(record(), null, 2))),
  );

  const stop = (what: string) => {
    worker?.terminate();
    worker = undefined;
    [start.hidden, halt.hidden, progress.hidden] = [false, true, true];
    now.textContent = what;
  };
  const end = () => {
    stop("");
    const against = (other: string) => geometricMean(cells.flatMap(({ ratios }) => ratios[other] ?? []));
    const [scalar, plain] = [against("scalar"), against("plain")];
    const builds = Number.isNaN(scalar) ? "This browser has no SIMD in WebAssembly: the scalar build was measured" : `The SIMD build is ${times(scalar)} as fast as the scalar build, and ${times(plain)} as fast as plain JavaScript (geometric means)`;
    status.textContent = `${builds}. All answers agree: those of the builds to the last bit, those of plain JavaScript to some digits.`;
  };
  const begin = () => {
    const request: ToMachine = {
      cells: boxes.filter(({ checked }) => checked).flatMap(({ value: loss }) => (SHAPES[loss] ?? []).map((shape) => ({ loss, shape }))),
      dtype: dtype.value as FloatType,
      time: time.valueAsNumber,
    };
    if (request.cells.length === 0) {
      now.textContent = "Choose a loss first.";
      return;
    }
    [cells, given, alert.hidden, status.textContent] = [[], request.time, true, ""];
    progress.max = MODES.length * request.cells.length;
    progress.value = 0;
    [start.hidden, halt.hidden, progress.hidden] = [true, false, false];
    halt.focus();
    const fail = (message: string) => {
      stop("");
      alert.textContent = message;
      alert.hidden = false;
    };
    const hear = (data: FromMachine) => {
      if (data.type === "progress") {
        progress.value = data.done;
        now.textContent = `Measuring: ${data.what}`;
      } else if (data.type === "cells") {
        cells = [...cells, ...data.cells];
        result.hidden = false;
        draw();
      } else if (data.type === "error") fail(data.message);
      else end();
    };
    worker = startWorker("machineWorker.js", hear, fail);
    worker.postMessage(request);
  };

  const ticks = boxes.map((box) => h("div", { class: "tick" }, box, h("label", { for: box.id, class: "code" }, box.value)));
  const content = h(
    "div",
    {},
    h("h1", {}, "This machine"),
    h("p", { class: "lead" }, "The SIMD build against the scalar build and plain JavaScript loops, one thread each, in turn on the same numbers; medians, of the ratios too. It runs beside the page, for about half a minute, and downloads the scalar build (0.2 MB) first. Other programs and tabs disturb it."),
    h(
      "div",
      { class: "split" },
      h(
        "form",
        {
          "aria-label": "Measuring",
          onsubmit: (event) => {
            event.preventDefault();
            if (!worker) begin();
          },
        },
        h("fieldset", {}, h("legend", {}, "Losses"), h("div", { class: "ticks control" }, ...ticks)),
        h("div", { class: "control" }, h("label", { for: dtype.id }, "Element type"), dtype),
        h("div", { class: "control" }, h("label", { for: time.id }, "Milliseconds for each cell, at least"), time),
        h("div", { class: "buttons" }, start, halt),
        progress,
        now,
      ),
      h("div", { class: "stack" }, status, alert, result),
    ),
  );
  return { title: "This machine", content, leave: () => worker?.terminate() };
};
