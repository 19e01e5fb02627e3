// The elementary functions in the WebAssembly binary on a stride, and losses on adversarial rows. The whole of both:
// npm run test:exhaustive, npm run accuracy.
import { readFileSync } from "node:fs";
import { bce, poissonNll } from "fused-loss";
import { describe, expect, it, vi } from "vitest";
import { readPart } from "../bench/readme.js";
import { CHUNK, elementaryFunctions } from "./accuracy/functions.js";
import { allRows } from "./accuracy/losses.js";
import { ulps } from "./accuracy/measure.js";
import { TITLES, entriesOf, functionsPart, readFunctions, readRecord, readmePart } from "./accuracy/report.js";
import { functionCases, lossCases } from "./support/cases.js";
import { expectSameBits } from "./support/compare.js";

vi.setConfig({ testTimeout: 60_000 });

const functions = elementaryFunctions();

/** Inputs and correct results in float64, by crates/kernels/tests/reference.csv: hex bits, and the part of a unit that a result lacks. */
const table = readFileSync(new URL("../crates/kernels/tests/reference.csv", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => {
    const [name = "", x = "", y = "", rest = ""] = line.split(",");
    const [input = 0, result = 0] = new Float64Array(BigUint64Array.of(BigInt(`0x${x}`), BigInt(`0x${y}`)).buffer);
    return { name, input, result, rest: Number(rest) };
  });
/** What the table calls them. */
const KERNELS: Readonly<Record<string, string>> = { log: "ln", log1p: "ln_1p", expm1: "exp_m1", logSigmoid: "log_sigmoid" };

describe.each(functions)("$name", ({ name, bound, reference, call }) => {
  it("is within its bound on every 40961st float32 number", () => {
    // JavaScript's float64 is within three of its units, by test:exhaustive: nothing, seen from float32.
    const x = new Float32Array(Uint32Array.from({ length: 2 * CHUNK }, (_, k) => k * 40961).buffer);
    let worst = 0;
    for (const part of [x.subarray(0, CHUNK), x.subarray(CHUNK)]) {
      const got = call(part);
      part.forEach((input, k) => {
        const error = ulps(got[k] ?? 0, reference(input), "float32");
        if (error > bound.float32) expect.fail(`${name}(${input}) is ${got[k]}, ${error} units off`);
        worst = Math.max(worst, error);
      });
    }
    expect(worst).toBeGreaterThan(0.5);
  });

  it("is within its bound on float64 numbers", () => {
    const rows = table.filter((row) => row.name === (KERNELS[name] ?? name));
    expect(rows.length).toBeGreaterThan(50);
    const x = new Float64Array(8 * Math.ceil(rows.length / 8));
    rows.forEach(({ input }, k) => (x[k] = input));
    const got = call(x);
    rows.forEach(({ input, result, rest }, k) => {
      const error = Math.abs(ulps(got[k] ?? 0, result, "float64") * Math.sign((got[k] ?? 0) - result) - rest);
      if (error > bound.float64) expect.fail(`${name}(${input}) is ${got[k]}, ${error} units off`);
    });
  });
});

it("are the functions that losses are made of, bit for bit", () => {
  const bits = Uint32Array.from({ length: CHUNK }, (_, k) => Math.floor((k * 0x3f800000) / CHUNK));
  const x = new Float32Array(bits.buffer).map((one) => Math.max(one, 2 ** -140));
  const call = (name: string, input: Float32Array<ArrayBuffer>) => functions.find((one) => one.name === name)?.call(input) ?? [];
  const off = (one: number) => -one;
  const logs = bce(x, new Float32Array(CHUNK).fill(1), { reduction: "none" });
  expectSameBits("log", logs.map(off), call("log", x));
  const rests = bce(x, new Float32Array(CHUNK), { reduction: "none" });
  expectSameBits("log1p", rests.map(off), call("log1p", x.map(off)));
  const rates = poissonNll(x, new Float32Array(CHUNK), { reduction: "none" });
  expectSameBits("exp", rates, call("exp", x));
});

const rows = allRows();

/** Titles that a loss has no rows of. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  // Probabilities.
  bce: ["±1e4"],
  dice: ["±1e4"],
  tversky: ["±1e4"],
  // A sequence of so many elements has no exact answer at hand.
  ctc: ["many"],
  // Its weights do not grow with its rows: linearCrossEntropy has them.
  AdaptiveLogSoftmax: ["many"],
};
/** Those in which -Infinity says that something is impossible. */
const MASKED = ["crossEntropy", "ctc", "distillationKl", "jensenShannon", "klDiv", "logSoftmax", "logSumExp", "multiMargin", "poly", "rankingSoftmax", "softmax", "softmaxFocal", "sparsemax"];

it("has rows for every loss and function", () => {
  const names = [...[...lossCases, ...functionCases].map(({ name }) => name), "AdaptiveLogSoftmax"];
  expect(rows.map(({ loss }) => loss).sort()).toEqual(names.sort());
  for (const { loss, cases } of rows) {
    const wanted = TITLES.filter((title) => !WITHOUT[loss]?.includes(title) && (title !== "masks" || MASKED.includes(loss)));
    expect(cases.map(({ title }) => title).sort(), loss).toEqual([...wanted].sort());
  }
});

it.each(rows)("$loss is as near to exact results as is recorded", (one) => {
  // The same bits everywhere have the same errors.
  expect(entriesOf(one, { many: false })).toEqual(readRecord()[one.loss]?.filter(({ title }) => title !== "many"));
});

it("has in the README what is recorded", () => {
  expect(readPart("accuracy:losses")).toEqual(readmePart(readRecord()));
  expect(readPart("accuracy:functions")).toEqual(functionsPart(readFunctions()));
});
