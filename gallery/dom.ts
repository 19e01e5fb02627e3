// Elements, and what several pages are made of.

type Attribute = string | number | boolean | undefined;
type Child = Node | string | undefined;

/** An element with these attributes (a flag that is false, and what is undefined, is left out), listeners by `on…`, and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Attribute | ((event: Event) => unknown)>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

let ids = 0;
/** An id that nothing else has, for a label. */
export const newId = () => `g${++ids}`;

/** A figure with a few digits, and a true minus sign. */
export function digits(value: number, places = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "none" : value > 0 ? "∞" : "−∞";
  const small = value !== 0 && Math.abs(value) < 1e-4;
  const text = small || Math.abs(value) >= 1e6 ? value.toExponential(2) : String(Number(value.toPrecision(places)));
  return text.replaceAll("-", "−");
}

/** A table, in a box that scrolls by itself where it is too wide. */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const [head = "", ...others] = columns;
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, head), ...others.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...rows.map(([first = "", ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((text) => h("td", {}, text))))),
    ),
  );
}

/** A button that copies a text. Where the clipboard is refused, the text is shown, selected, for the reader to copy. */
export function copyButton(label: string, text: () => string): HTMLElement {
  const told = h("span", { role: "status", class: "told" });
  const fallback = h("textarea", { readonly: true, rows: 6, hidden: true, "aria-label": `${label}: the text` });
  const copy = async () => {
    const content = text();
    try {
      await navigator.clipboard.writeText(content);
      fallback.hidden = true;
      told.textContent = "Copied.";
    } catch {
      fallback.value = content;
      fallback.hidden = false;
      fallback.focus();
      fallback.select();
      told.textContent = "The browser keeps its clipboard to itself: copy the selected text.";
    }
  };
  return h("div", { class: "copy" }, h("button", { type: "button", onclick: () => void copy() }, label), told, fallback);
}
