// A curve: the controls of a loss and what they stand at, the calls that give its points, and those calls as code.
import type { Argument, Loss, Option } from "./losses.js";

/** As far as all losses are the same. */
interface Call {
  valueAndGrad(...args: unknown[]): { readonly value: Float64Array; readonly grads: Readonly<Record<string, Float64Array>> };
}
/** An entry of the package. */
export type Library = Readonly<Record<string, unknown>>;

/** What one control stands at. */
export type Setting = number | boolean | string;
/** What the controls stand at, by their keys; those that are missing are where they begin. */
export type Settings = Readonly<Record<string, Setting>>;

export interface Control {
  /** As in the address. */
  readonly key: string;
  readonly label: string;
  /** The option or argument that it is of. */
  readonly of: string;
  readonly part: "axis" | "options" | "arguments";
  readonly value: Setting;
  readonly range?: readonly [min: number, max: number];
  readonly choices?: readonly Setting[];
  /** What the choices are called, where that is not what they are. */
  readonly names?: readonly string[];
}

const POINTS = 241;

const elementName = ({ name, row }: Argument, k: number) => (row ? `${name}[${k}]` : name);
const elementKey = ({ name, row }: Argument, k: number) => (row ? `${name}${k}` : name);
/** The elements that can be on the x axis, by key. */
const movable = ({ args }: Loss) => args.filter(({ moves }) => moves).flatMap((argument) => argument.data.map((_, k) => ({ argument, k, key: elementKey(argument, k) })));

function optionControls(option: Option): Control[] {
  const { name } = option;
  const common = { of: name, part: "options" } as const;
  switch (option.kind) {
    case "number":
      return [{ ...common, key: name, label: name, value: option.value, range: [option.min, option.max] }];
    case "flag":
      return [{ ...common, key: name, label: name, value: option.value }];
    case "choice":
      return [{ ...common, key: name, label: name, value: option.value, choices: option.choices }];
    case "factors":
      return Array.from({ length: option.count }, (_, k) => {
        const [key, label] = option.count === 1 ? [name, name] : [`${name}${k}`, `${name}[${k}]`];
        return { ...common, key, label, value: 1, range: [0, 4] };
      });
  }
}

function argumentControls(argument: Argument, moving: string): Control[] {
  const { name, data, min, max, choices } = argument;
  const common = { of: name, part: "arguments" } as const;
  if (choices) return [{ ...common, key: name, label: name, value: Object.keys(choices)[0] ?? "", choices: Object.keys(choices) }];
  return data.flatMap((value, k) => {
    const key = elementKey(argument, k);
    return key === moving ? [] : [{ ...common, key, label: elementName(argument, k), value, range: [min, max] as const }];
  });
}

/** What is on the x axis. */
function axisOf(loss: Loss, settings: Settings) {
  const all = movable(loss);
  const found = all.find(({ key }) => key === settings.axis) ?? all[0];
  if (!found) throw new Error(`${loss.name} has no argument to differentiate by.`);
  return { ...found, label: elementName(found.argument, found.k) };
}

/** The controls of a loss: which of them there are depends on what is on the x axis. */
export function controlsOf(loss: Loss, settings: Settings): Control[] {
  const all = movable(loss);
  const keys = all.map(({ key }) => key);
  const names = all.map(({ argument, k }) => elementName(argument, k));
  const axis: Control = { key: "axis", label: "x axis", of: "axis", part: "axis", value: keys[0] ?? "", choices: keys, names };
  return [axis, ...loss.options.flatMap(optionControls), ...loss.args.flatMap((argument) => argumentControls(argument, axisOf(loss, settings).key))];
}

const standing = ({ key, value }: Control, settings: Settings) => settings[key] ?? value;

/** The options that stand elsewhere than where they begin; factors as an array. */
function optionsOf(loss: Loss, settings: Settings): Readonly<Record<string, Setting | readonly number[]>> {
  return Object.fromEntries(
    loss.options.flatMap((option) => {
      const controls = optionControls(option);
      if (controls.every((control) => standing(control, settings) === control.value)) return [];
      const values = controls.map((control) => standing(control, settings));
      return [[option.name, option.kind === "factors" ? (values as number[]) : (values[0] as Setting)]];
    }),
  );
}

/** The elements of an argument, that on the x axis as undefined. */
function elementsOf(argument: Argument, settings: Settings, moving: string): readonly (number | undefined)[] {
  const { name, data, choices } = argument;
  if (choices) return choices[String(settings[name])] ?? data;
  return data.map((value, k) => {
    const key = elementKey(argument, k);
    return key === moving ? undefined : Number(settings[key] ?? value);
  });
}

/** Factors that all elements share are given for each, as the full shape wants it. */
const isShared = (loss: Loss, factors: readonly number[]) => loss.form === "elements" && factors.length === 1;

export interface Curve {
  /** What is on the x axis. */
  readonly axis: string;
  readonly x: readonly number[];
  readonly value: readonly number[];
  /** Gradients by the argument that has the element on the x axis: by each of its elements. */
  readonly grads: readonly { readonly label: string; readonly data: readonly number[] }[];
}

/** The points of a curve: one call, which has a sample for each. */
export function curveOf(loss: Loss, settings: Settings, library: Library): Curve {
  const { argument, key, label } = axisOf(loss, settings);
  const { min, max } = argument;
  const x = Array.from({ length: POINTS }, (_, k) => min + (k * (max - min)) / (POINTS - 1));
  const arrays: Readonly<Record<Argument["array"], { from(numbers: readonly number[]): ArrayLike<number> }>> = { Float64Array, Int32Array, Int8Array };
  const args = loss.args.map((each) => {
    const elements = elementsOf(each, settings, key);
    const data = arrays[each.array].from(x.flatMap((at) => elements.map((element) => element ?? at)));
    return each.row ? { data, shape: [x.length, elements.length] } : data;
  });
  const options = Object.fromEntries(
    Object.entries(optionsOf(loss, settings)).map(([name, value]): [string, unknown] => {
      if (typeof value !== "object") return [name, value];
      return [name, isShared(loss, value) ? new Float64Array(x.length).fill(value[0] ?? 1) : Float64Array.from(value)];
    }),
  );
  const { value, grads } = (library[loss.name] as Call).valueAndGrad(...args, { ...options, reduction: "none", wrt: [argument.name] });
  const all = grads[argument.name] ?? new Float64Array();
  const size = argument.data.length;
  return {
    axis: label,
    x,
    value: x.map((_, i) => value.subarray(i * loss.terms, (i + 1) * loss.terms).reduce((sum, term) => sum + term)),
    grads: argument.data.map((_, k) => ({ label: elementName(argument, k), data: x.map((_, i) => all[i * size + k] ?? Number.NaN) })),
  };
}

/** The same curve with every option where it begins, if one is elsewhere. */
export function plainCurveOf(loss: Loss, settings: Settings, library: Library): Curve | undefined {
  if (Object.keys(optionsOf(loss, settings)).length === 0) return undefined;
  const names = new Set(loss.options.flatMap((option) => optionControls(option).map(({ key }) => key)));
  return curveOf(loss, Object.fromEntries(Object.entries(settings).filter(([key]) => !names.has(key))), library);
}

/** The program that gives a curve. */
export function codeOf(loss: Loss, settings: Settings): string {
  const { argument, key, k } = axisOf(loss, settings);
  const { min, max, row, data } = argument;
  const steps = `${min} + (k * ${max - min}) / ${POINTS - 1}`;
  const lines = loss.args.map((each) => {
    const elements = elementsOf(each, settings, key);
    const moving = elements.includes(undefined);
    const list = `[${elements.map((element) => element ?? "x").join(", ")}]`;
    if (each.row) return `const ${each.name} = { data: ${each.array}.from(xs.flatMap((${moving ? "x" : ""}) => ${list})), shape: [xs.length, ${elements.length}] };`;
    return `const ${each.name} = ${moving ? `${each.array}.from(xs)` : `new ${each.array}(xs.length).fill(${elements[0] ?? 0})`};`;
  });
  const options = Object.entries(optionsOf(loss, settings)).map(([name, value]) => {
    if (typeof value !== "object") return `${name}: ${JSON.stringify(value === Infinity ? null : value).replace("null", "Infinity")}`;
    return `${name}: ${isShared(loss, value) ? `new Float64Array(xs.length).fill(${value[0] ?? 1})` : `Float64Array.of(${value.join(", ")})`}`;
  });
  const call = `${loss.name}.valueAndGrad(${loss.args.map(({ name }) => name).join(", ")}, {\n${[...options, 'reduction: "none"', `wrt: ["${argument.name}"]`].map((option) => `  ${option},\n`).join("")}})`;
  const terms = Array.from({ length: loss.terms }, (_, term) => `value[${loss.terms} * k${term > 0 ? ` + ${term}` : ""}]`);
  const sum = loss.terms === 1 ? "value" : `xs.map((_, k) => ${terms.join(" + ")})`;
  const slope = row ? `xs.map((_, k) => grads.${argument.name}[${data.length} * k${k > 0 ? ` + ${k}` : ""}])` : `grads.${argument.name}`;
  return [
    `import { ${loss.name} } from "fused-loss";`,
    "",
    `const xs = Array.from({ length: ${POINTS} }, (_, k) => ${steps});`,
    ...lines,
    `const { value, grads } = ${call};`,
    "",
    `${sum}; // the loss at each x`,
    `${slope}; // its derivative there`,
    "",
  ].join("\n");
}

/** Settings as an address has them. */
export function toParameters(loss: Loss, settings: Settings): URLSearchParams {
  const moved = controlsOf(loss, settings).filter((control) => standing(control, settings) !== control.value);
  return new URLSearchParams(moved.map((control) => [control.key, String(standing(control, settings))]));
}

/** Settings of an address; what makes no sense is left out. */
export function fromParameters(loss: Loss, parameters: URLSearchParams): Settings {
  const read = (controls: readonly Control[]) =>
    controls.flatMap(({ key, value, range, choices }): (readonly [string, Setting])[] => {
      const text = parameters.get(key);
      if (text === null) return [];
      if (choices) return choices.filter((one) => String(one) === text).map((one) => [key, one]);
      if (typeof value === "boolean") return [[key, text === "true"]];
      const [min = 0, max = 0] = range ?? [];
      const given = Number(text);
      return Number.isNaN(given) ? [] : [[key, Math.min(max, Math.max(min, given))]];
    });
  const axis = parameters.get("axis");
  return Object.fromEntries(read(controlsOf(loss, axis === null ? {} : { axis })));
}
