// Points of a plane on a canvas, of which one can be chosen, by a click or the arrow keys.
import type { PointMap } from "../examples/stories/story.js";
import { h } from "./dom.js";

const COLORS = 10;
const MARGIN = 14;
const HEIGHT = 380;
/** Names of groups as short as these are drawn in place of dots. */
const SHORT = 2;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Ten hues, those that follow each other far apart, light enough or dark enough for the page. */
const colorOf = (k: number, dark: boolean) => `hsl(${(3 * k * 360) / COLORS} 65% ${dark ? 70 : 32}%)`;

export class Map2D {
  readonly element: HTMLElement;
  readonly #canvas = h("canvas", { class: "map", height: HEIGHT, tabindex: 0 });
  readonly #caption = h("figcaption", {});
  readonly #legend = h("ul", { class: "legend" });
  readonly #told = h("p", { role: "status", class: "told" });
  readonly #field = h("input", { type: "number", min: 0, step: 1, required: true, id: "chosen-point" });
  readonly #choice = h("div", { class: "control" }, h("label", { for: "chosen-point" }, "Chosen point, by its number"), this.#field);
  readonly #select: (point: number) => void;
  readonly #observer = new ResizeObserver(() => this.#draw());
  readonly #removed = new AbortController();
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  #map: PointMap | undefined;
  #places: readonly (readonly [x: number, y: number])[] = [];
  #groups: readonly string[] = [];
  /** What the reader chose last; frames that show it come later. */
  #chosen: number | undefined;

  constructor(select: (point: number) => void) {
    this.#select = select;
    this.element = h("figure", {}, this.#caption, this.#canvas, this.#legend, this.#choice, this.#told);
    this.#canvas.addEventListener("click", ({ offsetX, offsetY }) => this.#choose(this.#nearest(offsetX, offsetY)));
    this.#canvas.addEventListener("keydown", (event) => this.#move(event));
    this.#field.addEventListener("change", () => this.#field.reportValidity() && this.#choose(this.#field.valueAsNumber));
    this.#dark.addEventListener("change", () => this.#draw(), { signal: this.#removed.signal });
    this.#observer.observe(this.#canvas);
  }

  /** Ends it: the colour scheme would keep it alive. */
  remove() {
    this.#observer.disconnect();
    this.#removed.abort();
    this.element.remove();
  }

  show(map: PointMap, selects: boolean) {
    this.#map = map;
    this.#groups = [...new Set(map.points.map(({ group }) => group))].sort();
    this.#caption.textContent = map.title;
    this.#choice.hidden = !selects;
    this.#field.max = String(map.points.length - 1);
    this.#canvas.setAttribute("role", selects ? "application" : "img");
    this.#canvas.setAttribute("aria-label", `${map.title}: ${map.points.length} points of ${this.#groups.length} groups${selects ? "; choose one by the arrow keys" : ""}`);
    if (map.chosen !== undefined) {
      const { chosen, neighbours = [], points } = map;
      if (document.activeElement !== this.#field) this.#field.value = String(chosen);
      const near = neighbours.map((k) => points[k]?.group ?? "");
      const text = `Point ${chosen}, of ${points[chosen]?.group ?? ""}${near.length > 0 ? `; its neighbours are of ${near.join(", ")}` : ""}.`;
      if (this.#told.textContent !== text) this.#told.textContent = text;
    }
    this.#draw();
  }

  #choose(point: number | undefined) {
    if (point === undefined || this.#choice.hidden) return;
    this.#chosen = point;
    this.#select(point);
  }

  #nearest(x: number, y: number): number | undefined {
    const far = this.#places.map(([px, py]) => Math.hypot(px - x, py - y));
    const least = Math.min(...far);
    return far.length === 0 ? undefined : far.indexOf(least);
  }

  /** To the nearest point in the direction of the arrow. */
  #move(event: KeyboardEvent) {
    const arrow = ARROWS[event.key];
    if (!arrow || this.#choice.hidden) return;
    event.preventDefault();
    const from = this.#places[this.#chosen ?? this.#map?.chosen ?? -1];
    if (!from) return this.#choose(this.#nearest(this.#canvas.clientWidth / 2, HEIGHT / 2));
    let [best, least] = [-1, Infinity];
    this.#places.forEach(([x, y], k) => {
      const [dx, dy] = [x - from[0], y - from[1]];
      const along = dx * arrow[0] + dy * arrow[1];
      const aside = Math.abs(dx * arrow[1]) + Math.abs(dy * arrow[0]);
      if (along <= 0 || aside > along || along + 2 * aside >= least) return;
      [best, least] = [k, along + 2 * aside];
    });
    if (best >= 0) this.#choose(best);
  }

  #draw() {
    const width = this.#canvas.clientWidth;
    const context = this.#canvas.getContext("2d");
    if (!this.#map || !context || width === 0) return;
    const { points, chosen, neighbours = [] } = this.#map;
    const scale = devicePixelRatio;
    this.#canvas.width = width * scale;
    this.#canvas.height = HEIGHT * scale;
    this.#canvas.style.height = `${HEIGHT}px`;
    context.scale(scale, scale);
    const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
    const fit = (all: readonly number[], size: number) => {
      const [low, high] = [Math.min(...all), Math.max(...all)];
      return (value: number) => MARGIN + ((value - low) / (high - low || 1)) * (size - 2 * MARGIN);
    };
    const [across, down] = [fit(xs, width), fit(ys, HEIGHT)];
    this.#places = points.map(({ x, y }) => [across(x), HEIGHT - down(y)]);
    const dark = this.#dark.matches;
    const glyphs = this.#groups.every(({ length }) => length <= SHORT);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "11px system-ui, sans-serif";
    points.forEach(({ group }, k) => {
      const [x, y] = this.#places[k] ?? [0, 0];
      context.fillStyle = colorOf(this.#groups.indexOf(group), dark);
      if (glyphs) return context.fillText(group, x, y);
      context.beginPath();
      context.arc(x, y, 3, 0, 2 * Math.PI);
      context.fill();
    });
    context.strokeStyle = dark ? "#fff" : "#000";
    const ring = (point: number, radius: number, thickness: number) => {
      const [x, y] = this.#places[point] ?? [0, 0];
      context.lineWidth = thickness;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.stroke();
    };
    if (chosen !== undefined) {
      const [x, y] = this.#places[chosen] ?? [0, 0];
      context.lineWidth = 1;
      for (const neighbour of neighbours) {
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(...((this.#places[neighbour] ?? [x, y]) as [number, number]));
        context.stroke();
        ring(neighbour, 7, 1);
      }
      ring(chosen, 9, 2.5);
    }
    this.#legend.replaceChildren(...(glyphs ? [] : this.#groups.map((group, k) => h("li", {}, h("span", { class: "dot", style: `background: ${colorOf(k, dark)}` }), group))));
  }
}
