// The gallery without a browser: what it weighs, which losses it has, and that its curves are those of the code that it shows. In
// browsers: test/packaging/gallery.test.ts.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import * as library from "fused-loss";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildGallery } from "../gallery/build.js";
import { type Control, type Setting, type Settings, codeOf, controlsOf, curveOf, fromParameters, plainCurveOf, toParameters } from "../gallery/curve.js";
import { LOSSES } from "../gallery/losses.js";
import { lossCases } from "./support/cases.js";
import { formOf } from "./support/form.js";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder = "";
let site = "";

beforeAll(async () => {
  // Inside the package, so that its own name resolves, where git does not look.
  mkdirSync(join(root, "target"), { recursive: true });
  folder = mkdtempSync(join(root, "target", "gallery-test-"));
  site = join(folder, "site");
  // A relative folder is one of where the command is run, and not one of Vite's root.
  await buildGallery({ out: relative(process.cwd(), site) });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the built site", () => {
  /** Gzipped bytes, by file; data are apart. */
  const weights = () => {
    const files = (readdirSync(site, { recursive: true }) as string[]).filter((name) => /\.(html|js|css)$/.test(name));
    return new Map(files.map((name) => [name, gzipSync(readFileSync(join(site, name)), { level: 9 }).length]));
  };

  it("weighs 300 kB at most, beside the scalar build, which only This machine loads", () => {
    const all = [...weights()];
    const isScalar = ([name]: readonly [string, number]) => /\bscalar-/.test(name);
    const sum = (some: readonly (readonly [string, number])[]) => some.reduce((total, [, bytes]) => total + bytes, 0);
    expect(all.filter(isScalar)).toHaveLength(1);
    expect(sum(all.filter(isScalar))).toBeLessThan(250_000);
    expect(sum(all.filter((one) => !isScalar(one))), JSON.stringify(all, null, 1)).toBeLessThanOrEqual(300_000);
  });

  it("has one copy of the engine", () => {
    expect([...weights()].filter(([, bytes]) => bytes > 150_000)).toHaveLength(2);
  });

  it("refers to its own files alone, relative to the page", () => {
    const page = readFileSync(join(site, "index.html"), "utf8");
    const references = [...page.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, reference = ""]) => reference);
    expect(references.length).toBeGreaterThan(1);
    for (const reference of references) expect(reference).toMatch(/^(\.\/assets\/|data:)/);
  });

  it("has nothing of Node's modules", () => {
    const withNode = [...weights().keys()].filter((name) => /from\s*["'`]node:|__vite-browser-external/.test(readFileSync(join(site, name), "utf8")));
    expect(withNode).toEqual([]);
  });
});

/** The names among a loss's own options. */
function optionsOf(name: string): string[] {
  const [, body = ""] = /export interface \w+Options [^{]*\{([^]*?)\n\}/.exec(readFileSync(join(root, "ts/losses", `${name}.ts`), "utf8")) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option = ""]) => option);
}

it("has every loss of elements and of rows", () => {
  const wanted = lossCases.filter((one) => formOf(one) !== "batch").map((one) => [one.name, formOf(one) === "elements" ? "elements" : "rows"]);
  expect(LOSSES.map(({ name, form }) => [name, form]).sort()).toEqual(wanted.sort());
});

/** Somewhere else than where it begins. */
function elsewhere({ value, range, choices }: Control): Setting {
  if (choices) return choices.at(-1) ?? value;
  if (typeof value === "boolean") return !value;
  const [low = 0, high = 1] = range ?? [];
  return low + 0.75 * (high - low);
}
const movedAll = (controls: readonly Control[]): Settings => Object.fromEntries(controls.filter(({ part }) => part !== "axis").map((control) => [control.key, elsewhere(control)]));

interface Figures {
  readonly values: ArrayLike<number>;
  readonly slopes: ArrayLike<number>;
}

/** What the last two lines of a program give. */
async function runCode(code: string, name: string): Promise<Figures> {
  const [values = "", slopes = ""] = code.trimEnd().split("\n").slice(-2).map((line) => line.replace(/; \/\/.*/, ""));
  const { outputText, diagnostics } = ts.transpileModule(`${code}\nexport const values = ${values}, slopes = ${slopes};`, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  expect(diagnostics).toEqual([]);
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, outputText);
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Figures;
}

describe.each(LOSSES.map((loss) => [loss.name, loss] as const))("%s", (name, loss) => {
  const one = lossCases.find((each) => each.name === name);

  it("has all its arguments and options, and moves those that it differentiates by", () => {
    expect(loss.options.map((option) => option.name).sort()).toEqual(optionsOf(name).sort());
    const differentiable = new Set(one?.wrt);
    for (const { name: argument, moves, array } of loss.args) {
      if (moves) expect(differentiable.has(argument), argument).toBe(true);
      else if (array === "Float64Array") expect(differentiable.has(argument), argument).toBe(false);
    }
  });

  const states: [string, Settings][] = [
    ["as it begins", {}],
    ["with all moved", movedAll(controlsOf(loss, {}))],
    ...(controlsOf(loss, {})[0]?.choices ?? []).map((axis): [string, Settings] => [`over ${String(axis)}`, { axis }]),
  ];

  it.each(states)("%s, has a curve: that of the code it shows", async (title, settings) => {
    const { x, value, grads, axis } = curveOf(loss, settings, library);
    const finite = value.filter(Number.isFinite);
    expect(value).toHaveLength(x.length);
    expect(finite.length, "values").toBeGreaterThan(title === "with all moved" ? 0 : x.length / 3);
    const program = await runCode(codeOf(loss, settings), `${name}-${title.replaceAll(" ", "-")}`);
    expect(Array.from(program.values)).toEqual(value);
    expect(Array.from(program.slopes)).toEqual(grads.find(({ label }) => label === axis)?.data);
  });

  // That of ciou takes α as a constant, as its source does.
  if (name !== "ciou") it("has a gradient that its values agree with", () => {
    const { x, value, grads, axis } = curveOf(loss, {}, library);
    const slope = grads.find(({ label }) => label === axis)?.data ?? [];
    // Between points, by the trapezoid rule; away from kinks and poles.
    const errors = x.slice(1).map((at, k) => {
      const rise = (value[k + 1] ?? NaN) - (value[k] ?? NaN);
      return Math.abs(rise - ((at - (x[k] ?? NaN)) * ((slope[k + 1] ?? NaN) + (slope[k] ?? NaN))) / 2);
    });
    const good = errors.filter((error) => error < 2e-3);
    expect(good.length).toBeGreaterThan(0.9 * errors.length);
  });

  it("comes back from its address", () => {
    for (const [, settings] of states) {
      const address = toParameters(loss, settings);
      const again = fromParameters(loss, address);
      expect(curveOf(loss, again, library)).toEqual(curveOf(loss, settings, library));
    }
    expect([...toParameters(loss, {})]).toEqual([]);
    expect(fromParameters(loss, new URLSearchParams({ axis: "nowhere", nothing: "1" }))).toEqual({});
  });

  it("is compared with its default options where they differ", () => {
    expect(plainCurveOf(loss, {}, library)).toBeUndefined();
    const option = controlsOf(loss, {}).find(({ part }) => part === "options");
    if (option) expect(plainCurveOf(loss, { [option.key]: elsewhere(option) }, library)).toEqual(curveOf(loss, {}, library));
  });
});
