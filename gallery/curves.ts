// The page of curves: a loss, its controls, its value and gradient over one element, its formula and the code that gives it.
import * as library from "fused-loss";
import { documented } from "virtual:gallery";
import { type Control, type Curve, type Setting, codeOf, controlsOf, curveOf, fromParameters, plainCurveOf, toParameters } from "./curve.js";
import { copyButton, digits, h, newId } from "./dom.js";
import { LOSSES, type Loss } from "./losses.js";
import { LinePlot } from "./plot.js";
import { type Page, type Shown, show } from "./route.js";
import { messageOf } from "./worker.js";

const FORMS = { elements: "By element", rows: "By row: two or three classes or coordinates" } as const;

/** How long the address waits for a slider to come to rest: Safari allows a hundred changes in half a minute. */
const SETTLED_MS = 300;

/** A step for the keys and the slider that the range has a hundred or so of. */
const stepOf = ([min, max]: readonly [number, number]) => (max - min <= 2 ? 0.01 : 0.05);

/** What sets one control: a slider with a number, a box to tick, or a list. `changed` hears of it. */
function inputOf(control: Control, setting: Setting, help: string | undefined, changed: (setting: Setting) => void): HTMLElement {
  const { key, label, value, range, choices, names } = control;
  const [id, helpId] = [newId(), newId()];
  const described = help === undefined ? undefined : helpId;
  const note = help === undefined ? undefined : h("p", { class: "help", id: helpId }, help);
  const name = h("label", { for: id, class: key === "axis" ? "" : "code" }, label);
  if (range) {
    // The value last: it is cut to what there is before it.
    const common = { min: range[0], max: range[1], step: stepOf(range), value: Number(setting), "aria-describedby": described, "data-key": key };
    const slider = h("input", { type: "range", ...common, "aria-label": `${label}, slider` });
    const field = h("input", { type: "number", id, ...common });
    slider.addEventListener("input", () => {
      field.value = slider.value;
      changed(slider.valueAsNumber);
    });
    // What is out of range is cut to it, and shown so once the field is left.
    field.addEventListener("change", () => (field.value = slider.value));
    field.addEventListener("input", () => {
      if (Number.isNaN(field.valueAsNumber)) return;
      const inside = Math.min(range[1], Math.max(range[0], field.valueAsNumber));
      slider.value = String(inside);
      changed(inside);
    });
    return h("div", { class: "control" }, name, h("div", { class: "slide" }, slider, field), note);
  }
  if (choices) {
    const options = choices.map((one, k) => h("option", { value: String(one), selected: one === setting }, names?.[k] ?? String(one).replace(/^-/, "−")));
    const select = h("select", { id, "aria-describedby": described, "data-key": key }, ...options);
    select.addEventListener("change", () => changed(choices[select.selectedIndex] ?? value));
    return h("div", { class: "control" }, name, select, note);
  }
  const box = h("input", { id, type: "checkbox", checked: setting === true, "aria-describedby": described, "data-key": key });
  box.addEventListener("change", () => changed(box.checked));
  return h("div", { class: "control" }, h("div", { class: "tick" }, box, name), note);
}

export const curves: Page = ([first], parameters) => {
  const loss = LOSSES.find(({ name }) => name === first) ?? LOSSES.find(({ name }) => name === "huber");
  if (!loss) throw new Error("There is no loss.");
  return { title: `${loss.name}: curves`, ...pageOf(loss, parameters) };
};

function choose(loss: Loss): HTMLElement {
  const id = newId();
  const groups = Object.entries(FORMS).map(([form, label]) =>
    h("optgroup", { label }, ...LOSSES.filter((one) => one.form === form).map(({ name }) => h("option", { value: name, selected: name === loss.name }, name))),
  );
  const select = h("select", { id, class: "code", "data-key": "loss" }, ...groups);
  // Drawn anew around it, the list keeps the focus.
  select.addEventListener("change", () => show(`#/curves/${select.value}`, () => document.querySelector<HTMLElement>("[data-key=loss]")?.focus()));
  return h("div", { class: "control" }, h("label", { for: id }, "Loss"), select);
}

function pageOf(loss: Loss, parameters: URLSearchParams): Omit<Shown, "title"> {
  const about = documented[loss.name];
  const settings: Record<string, Setting> = { ...fromParameters(loss, parameters) };
  const parts = { options: h("fieldset", {}), arguments: h("fieldset", {}) };
  const alert = h("p", { role: "alert", class: "alert", hidden: true });
  const code = h("code", {});
  const readout = h("output", { class: "readout" });
  const probe = h("input", { type: "range", id: newId(), "data-key": "probe", "aria-label": "Where to read the figures", step: "any" });
  let curve: Curve | undefined;
  let settled: ReturnType<typeof setTimeout> | undefined;
  const plots = h("div", { class: "plots" });
  let drawn: { readonly axis: string; readonly value: LinePlot; readonly gradient: LinePlot } | undefined;

  const read = () => {
    if (!curve) return;
    const { x, value, grads, axis } = curve;
    const [low = 0, high = 0] = [x[0], x.at(-1)];
    const k = Math.round(((probe.valueAsNumber - low) / (high - low)) * (x.length - 1));
    const slopes = grads.map(({ label, data }) => (grads.length === 1 ? `gradient ${digits(data[k] ?? Number.NaN)}` : `∂ by ${label} ${digits(data[k] ?? Number.NaN)}`));
    readout.textContent = `At ${axis} = ${digits(x[k] ?? 0)}: value ${digits(value[k] ?? Number.NaN)}, ${slopes.join(", ")}`;
    drawn?.value.redraw();
    drawn?.gradient.redraw();
  };
  const pick = (x: number) => {
    probe.value = String(x);
    read();
  };
  probe.addEventListener("input", read);

  const clear = () => {
    drawn?.value.remove();
    drawn?.gradient.remove();
  };
  /** The two plots, made anew where something else is on the x axis. */
  const plotsFor = (axis: string) => {
    if (drawn?.axis === axis) return drawn;
    clear();
    const common = { x: axis, clip: true, marked: () => probe.valueAsNumber, pick };
    drawn = { axis, value: new LinePlot({ ...common, title: "Value", y: "value" }), gradient: new LinePlot({ ...common, title: "Gradient", y: "gradient" }) };
    plots.replaceChildren(drawn.value.element, drawn.gradient.element);
    return drawn;
  };

  const draw = () => {
    code.textContent = codeOf(loss, settings);
    clearTimeout(settled);
    settled = setTimeout(() => {
      const query = toParameters(loss, settings).toString();
      history.replaceState(null, "", `#/curves/${loss.name}${query === "" ? "" : `?${query}`}`);
    }, SETTLED_MS);
    try {
      curve = curveOf(loss, settings, library);
      const plain = plainCurveOf(loss, settings, library);
      const { x, value, grads } = curve;
      const { value: first, gradient: second } = plotsFor(curve.axis);
      if (probe.max !== String(x.at(-1)) || probe.min !== String(x[0])) {
        [probe.min, probe.max] = [String(x[0]), String(x.at(-1))];
        probe.value = String(x[Math.round(0.7 * (x.length - 1))]);
      }
      const slopes = grads.map(({ label, data }) => ({ label: grads.length === 1 ? "gradient" : `by ${label}`, data }));
      const plainGrad = plain?.grads[Math.max(grads.findIndex(({ label }) => label === plain.axis), 0)];
      first.show(x, [{ label: "value", data: value }, ...(plain ? [{ label: "value with default options", data: plain.value, faint: true }] : [])]);
      second.show(x, [...slopes, ...(plainGrad ? [{ label: `${grads.length === 1 ? "gradient" : `by ${plainGrad.label}`} with default options`, data: plainGrad.data, faint: true }] : [])]);
      alert.hidden = true;
      read();
    } catch (error) {
      alert.textContent = messageOf(error);
      alert.hidden = false;
    }
  };

  const inputsOf = (part: Control["part"]) =>
    controlsOf(loss, settings)
      .filter((control) => control.part === part)
      .map((control, k, all) =>
        // What an array of factors means is said once.
        inputOf(control, settings[control.key] ?? control.value, part === "options" && all[k - 1]?.of !== control.of ? about?.options[control.of] : undefined, (setting) => {
          settings[control.key] = setting;
          if (part === "axis") {
            delete settings[String(setting)];
            fill();
          }
          draw();
        }),
      );
  const fill = () => {
    parts.options.replaceChildren(h("legend", {}, "Options"), ...inputsOf("options"));
    parts.options.hidden = loss.options.length === 0;
    parts.arguments.replaceChildren(h("legend", {}, "Arguments"), ...inputsOf("arguments"));
  };
  fill();
  draw();

  const formula = h("div", { class: "formula scroll", tabindex: 0, role: "region", "aria-label": "Formula" });
  formula.innerHTML = about?.formula ?? "";
  const reset = h("button", { type: "button", "data-key": "reset", onclick: () => show(`#/curves/${loss.name}`, () => document.querySelector<HTMLElement>("[data-key=reset]")?.focus()) }, "Reset");
  const stay = (event: Event) => event.preventDefault();
  const content = h(
    "div",
    {},
    h("h1", {}, "Curves"),
    h("p", { class: "lead" }, "The engine runs here, in your browser: each curve is one call of the loss, which gives value and gradient together."),
    h(
      "div",
      { class: "split curves" },
      h("form", { "aria-label": "Loss", onsubmit: stay }, choose(loss), ...inputsOf("axis")),
      h(
        "div",
        { class: "stack" },
        h("section", {}, h("h2", { class: "code" }, loss.name), h("p", {}, `${about?.title ?? ""}. `, loss.options.length > 0 ? "Options may change the formula. " : "", about?.page ? h("a", { href: about.page }, "In the reference") : undefined), formula),
        alert,
        plots,
        h("section", {}, probe, readout),
      ),
      h("form", { "aria-label": "Settings", onsubmit: stay }, parts.options, parts.arguments, reset),
      h("section", { class: "program" }, h("h2", {}, "The code that gives it"), h("pre", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Code" }, code), copyButton("Copy the code", () => codeOf(loss, settings))),
    ),
  );
  const leave = () => {
    clearTimeout(settled);
    clear();
  };
  return { content, leave };
}
