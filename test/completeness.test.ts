// What every loss must have: a case, fixtures, a kernel, a signature with its documentation; and nothing without a loss.
/// <reference types="vite/client" />
import * as fused from "fused-loss";
import { describe, expect, it } from "vitest";
import kernelRegistry from "../crates/kernels/src/losses/mod.rs?raw";
import { functionCases, lossCases } from "./support/cases.js";

const isLoss = (value: unknown) => typeof value === "function" && ("valueAndGrad" in value || "vjp" in value);
// partial has the two forms of a loss, but takes one.
const exported = Object.entries(fused).filter(([name, value]) => isLoss(value) && name !== "partial").map(([name]) => name);

const sources = import.meta.glob<string>("../ts/losses/*.ts", { eager: true, query: "?raw", import: "default" });
const kernelSources = import.meta.glob<string>("../crates/kernels/src/losses/*.rs", { eager: true, query: "?raw", import: "default" });
const caseFiles = import.meta.glob("./cases/*.ts");
const goldenFiles = import.meta.glob("./golden/*.json");

const source = (name: string) => sources[`../ts/losses/${name}.ts`] ?? "";
const stem = (path: string) => path.replace(/^.*\/|\.\w+$/g, "");

/** The modules that the registry names. */
const registered = [...kernelRegistry.matchAll(/^\s*(?:pointwise|rowwise|whole) (\w+)::\w+;/gm)].map(([, module]) => module ?? "");

/** The kernels that a signature calls. */
const kernelsOf = (name: string) => [...source(name).matchAll(/(?:kernel|cosine): "(\w+)"/g)].map(([, kernel]) => kernel ?? "");

/** The comment above an export. */
const documentation = (name: string) => new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*export const ${name} =`).exec(source(name))?.[1]?.trimStart().replace(/^/, " ") ?? "";

/** The names among a loss's own options. */
const optionsOf = (name: string) => {
  const [, body = ""] = /export interface \w+Options [^{]*\{([^]*?)\n\}/.exec(source(name)) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option]) => option ?? "");
};

const PARTS: Readonly<Record<string, RegExp>> = {
  // In the first paragraph.
  "a formula": /^(?: \* (?!@).+\n)*? \* .*[=:] .*(?:[−·/²|]|\b(?:ln|exp|max)\b)/,
  "a source": /^ \* Source: \S/m,
  "what it throws": /^ \* @throws \S/m,
  "an example": /^ \* @example\n \* ```ts\n/m,
};

describe.each(exported)("%s", (name) => {
  it("has a file in test/cases", () => {
    expect(Object.keys(caseFiles)).toContain(`./cases/${name}.ts`);
    expect([...lossCases, ...functionCases].filter((one) => one.name === name)).toHaveLength(1);
  });

  it("has fixtures in test/golden", () => {
    expect(Object.keys(goldenFiles)).toContain(`./golden/${name}.json`);
  });

  it("has a signature in ts/losses, of registered kernels in crates/kernels/src/losses", () => {
    expect(kernelsOf(name), `kernels in ts/losses/${name}.ts`).not.toHaveLength(0);
    for (const kernel of kernelsOf(name)) {
      expect(registered).toContain(kernel);
      expect(Object.keys(kernelSources)).toContain(`../crates/kernels/src/losses/${kernel}.rs`);
    }
  });

  it("is documented", () => {
    const text = documentation(name);
    expect(Object.keys(PARTS).filter((part) => !PARTS[part]?.test(text)), `missing above ${name}`).toEqual([]);
  });

  it("has each of its options documented, and tried by its case", () => {
    const one = [...lossCases, ...functionCases].find((each) => each.name === name);
    const tried = new Set(one?.options.flatMap((options) => Object.keys(options)));
    expect(optionsOf(name).filter((option) => !tried.has(option)), "options without a test").toEqual([]);
    const interfaceText = source(name);
    for (const option of optionsOf(name)) expect(interfaceText, option).toMatch(new RegExp(`\\*/\\n  readonly ${option}\\?:`));
  });
});

it("finds the losses", () => {
  expect(exported).toContain("mse");
  expect(exported).toContain("softmax");
  expect(optionsOf("crossEntropy")).toEqual(["weight", "ignoreIndex", "labelSmoothing", "zLoss", "softcap"]);
});

it("has nothing that belongs to no loss", () => {
  // A layer is a class, with a test of its own.
  const layers = Object.keys(fused).filter((name) => name === "AdaptiveLogSoftmax").map((name) => name.replace(/^./, (first) => first.toLowerCase()));
  const known = new Set([...exported, ...layers]);
  const stray = (files: Readonly<Record<string, unknown>>) => Object.keys(files).filter((path) => !known.has(stem(path)));
  expect(stray(caseFiles)).toEqual(["./cases/case.ts"]);
  expect(stray(goldenFiles)).toEqual([]);
  expect(stray(sources)).toEqual([]);
  const used = new Set(exported.flatMap(kernelsOf));
  expect(registered.filter((kernel) => !used.has(kernel))).toEqual([]);
  expect(Object.keys(kernelSources).map(stem).filter((file) => file !== "mod" && !registered.includes(file))).toEqual([]);
});
