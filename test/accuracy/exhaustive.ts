// npm run test:exhaustive: the elementary functions in the WebAssembly binary, over every float32 there is and over float64
// samples and hard inputs, against MPFR.
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { replacePart } from "../../bench/readme.js";
import { integer } from "../../examples/options.ts";
import { CHUNK, type ElementaryFunction, elementaryFunctions, hardInputs, spreadInputs } from "./functions.js";
import { type Judgement, compileReference, judge } from "./reference.js";
import { type FunctionLine, functionsFile, functionsPart } from "./report.js";
import type { Floats } from "../support/call.js";

interface Options {
  function?: string[];
  stride: number;
  samples: number;
}

/** As many float64 inputs as the record is of. */
const SAMPLES = 2 ** 22;

const options = new Command("npm run test:exhaustive --")
  .description(
    "The largest error of each elementary function, in units in the last place, with the input where it occurs. A run of everything writes test/accuracy/functions.json and the README's table.",
  )
  .addOption(new Option("--function <names...>", "only these").choices(elementaryFunctions().map(({ name }) => name)))
  .addOption(new Option("--stride <n>", "every n-th float32 only").argParser(integer(1, 2 ** 32)).default(1))
  .addOption(new Option("--samples <n>", "float64 inputs beside the hard ones").argParser(integer(0, 2 ** 26)).default(SAMPLES))
  .parse()
  .opts<Options>();

const { stride, samples } = options;
const chosen = elementaryFunctions().filter(({ name }) => options.function?.includes(name) ?? true);

/** Results of the float32 numbers with the bits 0, stride, …. */
function* singles({ call }: ElementaryFunction, count: number): Iterable<Float32Array> {
  const bits = new Uint32Array(CHUNK);
  const x = new Float32Array(bits.buffer);
  for (let start = 0; start < count; start += CHUNK) {
    for (let k = 0; k < CHUNK; k++) bits[k] = (start + k) * stride;
    yield call(x).subarray(0, count - start);
  }
}

/** Inputs and results by turns. */
function* pairs(inputs: Float64Array<ArrayBuffer>, call: <F extends Floats>(x: F) => F): Iterable<Float64Array> {
  for (let start = 0; start < inputs.length; start += CHUNK) {
    const x = new Float64Array(CHUNK);
    x.set(inputs.subarray(start, start + CHUNK));
    const y = call(x);
    const both = new Float64Array(2 * Math.min(CHUNK, inputs.length - start));
    for (let k = 0; k < both.length; k++) both[k] = (k % 2 === 0 ? x : y)[k >> 1] ?? 0;
    yield both;
  }
}

compileReference();
const inputs = Float64Array.from([...hardInputs(), ...spreadInputs(samples)]);
const count = Math.ceil(2 ** 32 / stride);
const show = ({ error, at }: Judgement) => `${error.toFixed(2)} at ${at}`;
const lines: FunctionLine[] = [];
let failed = 0;
for (const one of chosen) {
  const began = performance.now();
  const float32 = await judge([one.name, "float32", "0", String(stride), String(count)], singles(one, count));
  const float64 = await judge([one.name, "float64"], pairs(inputs, one.call));
  const reference = await judge([one.name, "float64"], pairs(inputs, <F extends Floats>(x: F) => x.map(one.reference) as F));
  lines.push({ name: one.name, float32, float64, reference });
  const good = float32.error <= one.bound.float32 && float64.error <= one.bound.float64;
  if (!good) failed++;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `${one.name.padEnd(11)} float32 ${show(float32)}, ${((100 * float32.wrong) / float32.seen).toFixed(2)} % not the nearest; float64 ${show(float64)}; ` +
      `JavaScript's float64 ${show(reference)}; ${seconds} s${good ? "" : " FAILED"}`,
  );
}
console.log(`${count.toLocaleString("en")} float32 and ${inputs.length.toLocaleString("en")} float64 inputs each\n${chosen.length - failed} passed, ${failed} failed`);

if (failed === 0 && stride === 1 && samples === SAMPLES && options.function === undefined) {
  writeFileSync(functionsFile, `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), lines }, undefined, 1)}\n`);
  replacePart("accuracy:functions", functionsPart(lines));
}
process.exit(failed > 0 ? 1 : 0);
