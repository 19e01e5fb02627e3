// The curve of a loss or function, as an SVG: how its value and gradient change with one element of its first argument.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { LossRangeError } from "fused-loss";
import type { Case } from "../../bench/cases.js";
import type { Argument, Inputs } from "../../test/cases/case.js";
import { functionOf, givenTo, list, lossOf, run, vjpOf } from "../../test/support/call.js";
import { seeded } from "../../test/support/draw.js";
import { formOf, isOfRows } from "../../test/support/form.js";

const RANGE = 4;
const STEPS = 160;
const COLORS = ["#3b7dd8", "#d9772b", "#3f9c5a"];
const PANEL = { width: 330, height: 210, marginLeft: 48, marginTop: 26, marginBottom: 36 };

const withFirst = (argument: Argument, x: number): Argument => ({ ...argument, data: [x, ...argument.data.slice(1)] });

/** The value at x and the derivative there; nothing where the loss has none, as outside of its domain. */
function at(one: Case, { args, options }: Inputs, x: number): readonly [number, number] | undefined {
  const [name = "", first] = Object.entries(args)[0] ?? [];
  if (!first) return undefined;
  const moved = { args: { ...args, [name]: withFirst(first, x) }, options };
  try {
    if ("wrt" in one) {
      const { value, grads } = run(lossOf(one), moved, "float64", { wrt: [name], reduction: "sum" });
      return [value as number, grads[name]?.[0] ?? Number.NaN];
    }
    const f = functionOf(one);
    const { args: given } = givenTo(moved, "float64");
    const [value = Number.NaN, ...rest] = list(f(...Object.values(given), options));
    const outer = Float64Array.of(1, ...rest.map(() => 0));
    return [value, Object.values(vjpOf(f, given, outer, options))[0]?.[0] ?? Number.NaN];
  } catch (error) {
    if (error instanceof LossRangeError) return undefined;
    throw error;
  }
}

/** What is held fast in halves, which are easier to read in a legend, where the loss takes them. */
function inHalves(one: Case, { args, options }: Inputs): Inputs {
  const [first, ...rest] = Object.entries(args).map(([name, argument], k) => [name, k === 0 ? argument : { ...argument, data: argument.data.map((x) => Math.round(2 * x) / 2) }] as const);
  const rounded = { args: Object.fromEntries(first ? [first, ...rest] : []), options };
  return Number.isFinite(at(one, rounded, 0.5)?.[0]) ? rounded : { args, options };
}

/** What is held fast: of losses by element some targets, of others two classes, or the smallest sample there is. */
function slices(one: Case): readonly (readonly [string, Inputs])[] {
  if (!("wrt" in one)) {
    const shape = isOfRows(one) ? (one.shapes.find((each) => each.at(-1) === 2) ?? one.shapes[0] ?? []) : [1];
    return [["", { args: one.sample(seeded(2), shape), options: {} }]];
  }
  const form = formOf(one);
  if (form === "classes") {
    return [0, 1].map((label) => {
      const input = { data: [0, 0], shape: [1, 2], kind: "float" } as const;
      return [`target ${label}`, { args: { input, target: { data: [label], shape: [1], kind: "index" } }, options: {} }];
    });
  }
  if (form === "elements") {
    const found = new Map<string, Inputs>();
    for (let seed = 1; seed < 40 && found.size < 3; seed++) {
      const inputs = inHalves(one, one.sample(seeded(seed), [1], {}));
      const [name = "", { data } = { data: [0] }] = Object.entries(inputs.args)[1] ?? [];
      const line = `${name} ${String(Number((data[0] ?? 0).toFixed(2))).replace("-", "−")}`;
      if (!found.has(line)) found.set(line, inputs);
    }
    return [...found];
  }
  return [["", one.sample(seeded(3), one.shapeOf?.(2, 3) ?? one.shapes.find((shape) => shape.length > 1) ?? [1], {})]];
}

/** Two panels side by side, in the page's own colours, on one line as Markdown wants it. */
export function curve(one: Case): string {
  const { document } = parseHTML("<!doctype html><body></body>");
  const all = slices(one);
  const first = Object.keys(all[0]?.[1].args ?? {})[0] ?? "input";
  const points = all.flatMap(([line, inputs]) =>
    Array.from({ length: STEPS + 1 }, (_, k) => {
      const x = (2 * RANGE * k) / STEPS - RANGE;
      const [value, gradient] = at(one, inputs, x) ?? [Number.NaN, Number.NaN];
      return { x, value, gradient, line };
    }),
  );
  const inside = points.filter(({ value }) => Number.isFinite(value));
  if (inside.length === 0) throw new Error(`${one.name} has no value between −${RANGE} and ${RANGE}.`);
  const domain = [Math.min(...inside.map(({ x }) => x)), Math.max(...inside.map(({ x }) => x))];
  const panels = (["value", "gradient"] as const).map((key) => {
    const svg = Plot.plot({
      document,
      ...PANEL,
      style: { background: "transparent", color: "currentColor", fontSize: "11px" },
      x: { label: `one element of ${first}`, domain },
      y: { label: key, grid: true, nice: true },
      color: { domain: all.map(([line]) => line), range: COLORS, legend: false },
      marks: [
        Plot.ruleY([0], { strokeOpacity: 0.4 }),
        Plot.lineY(points, { x: "x", y: key, stroke: "line", strokeWidth: 2 }),
      ],
    });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `The ${key} of ${one.name} by one element of ${first}`);
    return (svg as unknown as { readonly outerHTML: string }).outerHTML.replace(/<style>[\s\S]*?<\/style>/, "").replace(/\s*\n\s*/g, " ");
  });
  const legend = all.length > 1 ? `<p class="curve-legend">${all.map(([line], k) => `<span style="color:${COLORS[k]}">■</span> ${line}`).join(" &ensp; ")}</p>` : "";
  return `<div class="curve">${panels.join("")}</div>${legend}`;
}
