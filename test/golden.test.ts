// PyTorch's values and gradients, by test/golden/generate.py.
/// <reference types="vite/client" />
import { describe, expect, it } from "vitest";
import type { Argument, Inputs } from "./cases/case.js";
import { DTYPES, type DType, type Floats, type Value, ableTo, floats, functionOf, list, lossOf, run, shaped, vjpOf } from "./support/call.js";
import { functionCases, lossCases, termsOf } from "./support/cases.js";
import { ULP, expectClose, largest, total } from "./support/compare.js";

type Written = number | "NaN" | "Infinity" | "-Infinity";

interface WrittenArray {
  readonly shape: readonly number[];
  readonly data: readonly Written[];
}

interface Fixture {
  readonly name: string;
  readonly args: readonly (WrittenArray & { readonly name: string; readonly kind: "float" | "index" })[];
  readonly options: Readonly<Record<string, number | boolean | string | WrittenArray>>;
  readonly value: Written | WrittenArray;
}

interface LossFixture extends Fixture {
  readonly grads: Readonly<Record<string, WrittenArray>>;
}

interface FunctionFixture extends Fixture {
  readonly gradOutput: WrittenArray;
  /** By name where there are several arguments. */
  readonly vjp: WrittenArray | Readonly<Record<string, WrittenArray>>;
}

interface Golden<F> {
  readonly torch: string;
  readonly loss: string;
  readonly cases: readonly F[];
}

const files = import.meta.glob<Golden<LossFixture & FunctionFixture>>("./golden/*.json", { eager: true, import: "default" });
/** None where there is no file: the completeness test says so. */
const golden = (name: string) => files[`./golden/${name}.json`]?.cases ?? [];

const argument = ({ data, shape }: WrittenArray, kind: Argument["kind"] = "float"): Argument => ({ data: data.map(Number), shape, kind });
const isWritten = (value: unknown): value is WrittenArray => typeof value === "object";
const numbers = (value: Written | WrittenArray) => (isWritten(value) ? value.data : [value]).map(Number);

/** The arguments and own options of a fixture, and the options that all losses have. */
function inputsOf({ args, options }: Fixture) {
  const { reduction = "mean", gradOutput = 1, ...own } = options;
  const inputs: Inputs = {
    args: Object.fromEntries(args.map((one) => [one.name, argument(one, one.kind)])),
    options: Object.fromEntries(Object.entries(own).map(([name, value]) => [name, isWritten(value) ? argument(value) : value === "Infinity" ? Infinity : value])),
  };
  return { inputs, reduction: reduction as string, gradOutput };
}

/** Against PyTorch's float64, whose own last digits these are: a few ULP of the largest terms. */
const allowed = { float32: 16 * ULP.float32, float64: 1e-12 };

/**
 * PyTorch's least denominator in bce and cosineEmbedding, 1e-12, is a float32 number in float64 too: where it is all there
 * is, gradients differ by this, and those that cancel by the size of its square root.
 */
const AT_BOUNDS = { ...allowed, float64: 5e-9 };
const WITH_BOUNDS = new Set(["bce", "cosineEmbedding"]);

it("is PyTorch 2.15", () => {
  for (const { torch } of Object.values(files)) expect(torch).toMatch(/^2\.15\./);
});

describe.each(lossCases)("$name", (loss) => {
  const fixtures = golden(loss.name);

  /** What a value divides Σ scale by. */
  const divisorOf = (reduction: string, divisor: number, { args }: Inputs) =>
    reduction === "mean" ? divisor : reduction === "batchmean" ? (Object.values(args)[0]?.shape[0] ?? 1) : 1;

  const scaleOf = (inputs: Inputs, reduction: string) => {
    const { values, scale = values, divisor } = loss.oracle(inputs);
    return reduction === "none" ? scale.map(Math.abs) : [total(scale.filter(Number.isFinite).map(Math.abs)) / (divisorOf(reduction, divisor, inputs) || 1)];
  };

  it("has an oracle that agrees", () => {
    for (const fixture of fixtures) {
      const { inputs, reduction } = inputsOf(fixture);
      const expected = loss.oracle(inputs);
      const { values, divisor } = expected;
      const sum = total(termsOf(expected, reduction));
      const got = reduction === "none" ? values : [reduction === "sum" ? sum : sum / divisorOf(reduction, divisor, inputs)];
      const absolute = scaleOf(inputs, reduction).map((scale) => scale * allowed.float64);
      expectClose(fixture.name, got, numbers(fixture.value), "float64", { relative: allowed.float64, absolute });
    }
  });

  it.each(DTYPES)("%s", (dtype) => {
    for (const fixture of fixtures) {
      const { inputs, reduction, gradOutput } = inputsOf(fixture);
      const wrt = Object.keys(fixture.grads);
      expect(ableTo(loss, inputs), fixture.name).toEqual(expect.arrayContaining(wrt));
      const outer = isWritten(gradOutput) ? floats(gradOutput.data.map(Number), dtype) : gradOutput;
      const { value, grads } = run(lossOf(loss), inputs, dtype, { reduction, gradOutput: outer, wrt });
      checkValue(fixture, value, scaleOf(inputs, reduction), dtype);
      for (const [name, { data }] of Object.entries(fixture.grads)) {
        const bounds = WITH_BOUNDS.has(loss.name) && fixture.name.startsWith("bounds");
        const [relative, least] = bounds ? [AT_BOUNDS[dtype], 2e-12] : [allowed[dtype], 0];
        checkGradient(`${fixture.name}: gradient by ${name}`, grads[name] as Value, data.map(Number), dtype, relative, least);
      }
    }
  });
});

describe.each(functionCases)("$name", (one) => {
  const fixtures = golden(one.name);

  it.each(DTYPES)("%s", (dtype) => {
    for (const fixture of fixtures) {
      const args = Object.fromEntries(fixture.args.map((each) => [each.name, shaped(argument(each), dtype)]));
      const { options } = inputsOf(fixture).inputs;
      const got = functionOf(one)(...Object.values(args), options);
      checkValue(fixture, got, numbers(fixture.value).map(Math.abs), dtype);
      const vjp = vjpOf(functionOf(one), args, shaped(argument(fixture.gradOutput), dtype), options);
      const wanted = "data" in fixture.vjp ? { x: fixture.vjp as WrittenArray } : fixture.vjp;
      for (const [name, { data }] of Object.entries(wanted)) checkGradient(`${fixture.name}: vjp by ${name}`, vjp[name] as Floats, data.map(Number), dtype);
    }
  });
});

function checkValue({ name, value }: Fixture, got: Value, scale: readonly number[], dtype: DType) {
  const relative = allowed[dtype];
  expectClose(`${name}: value`, list(got), numbers(value), dtype, { relative, absolute: scale.map((size) => size * relative) });
}

function checkGradient(what: string, got: Value, want: readonly number[], dtype: DType, relative = allowed[dtype], least = 0) {
  expectClose(what, list(got), want, dtype, { relative, absolute: Math.max(least, relative * largest(want)) });
}
