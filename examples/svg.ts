// What the examples' drawings have in common. Observable Plot draws into a DOM, which Node lacks: linkedom is one.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

const SVG = "http://www.w3.org/2000/svg";
const FONT = { "font-family": "system-ui, sans-serif", fill: "#222" };

type Attributes = Readonly<Record<string, string | number>>;

/** An SVG in the making, of which every element has its place in pixels. */
export class Drawing {
  readonly document = parseHTML("<!doctype html><body></body>").document;
  readonly #root;

  constructor(width: number, height: number) {
    this.#root = this.#element("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
    this.add("rect", { width, height, fill: "white" });
  }

  #element(name: string, attributes: Attributes, text = "") {
    const created = this.document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
    created.textContent = text;
    return created;
  }

  add(name: string, attributes: Attributes): void {
    this.#root.append(this.#element(name, attributes));
  }

  text(x: number, y: number, text: string, attributes: Attributes = {}): void {
    this.#root.append(this.#element("text", { ...FONT, x, y, ...attributes }, text));
  }

  /** A chart of Plot's. */
  plot(x: number, y: number, options: Plot.PlotOptions): void {
    const panel = Plot.plot({ document: this.document, ...options });
    // Plot's rules are for an SVG in a page; in an SVG, they make browsers misplace the panel.
    panel.querySelector("style")?.remove();
    panel.setAttribute("x", String(x));
    panel.setAttribute("y", String(y));
    this.#root.append(panel);
  }

  /** The text of the SVG. */
  toString(): string {
    return this.#root.outerHTML;
  }
}
