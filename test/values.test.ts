// Every loss and function against its oracle: values, gradients, and all the ways of asking for them.
import { tensor, zeros as residentZeros } from "fused-loss";
import { describe, expect, it, vi } from "vitest";
import type { Argument, FunctionArguments, Inputs, LossCase } from "./cases/case.js";
import {
  DTYPES,
  type DType,
  type Floats,
  type Shaped,
  type Value,
  ableTo,
  argumentNamed,
  floats,
  functionOf,
  givenTo,
  list,
  lossOf,
  replaced,
  roundedTo,
  run,
  runValue,
  shaped,
  vjpOf,
  zeros,
} from "./support/call.js";
import { functionCases, isOfClasses, lossCases, shapeOf, termsOf } from "./support/cases.js";
import { ULP, expectClose, expectSameBits, expectSameGrads, largest, total } from "./support/compare.js";
import { expectDerivative } from "./support/differences.js";
import { count, normal, seeded, uniform } from "./support/draw.js";
import { classLayout } from "./support/rows.js";
import { formOf } from "./support/form.js";

vi.setConfig({ testTimeout: 60_000 });

/** Every set of options on every shape, or on those that `only` lets through. */
function* samples(loss: LossCase, only: (shape: readonly number[]) => boolean = () => true) {
  for (const options of loss.options) {
    for (const shape of loss.shapes.filter(only)) {
      const inputs = loss.sample(seeded(shape.length * 1000 + count(shape)), shape, options);
      yield { inputs, shape, what: `${JSON.stringify(options)} on [${shape.join(", ")}]` };
    }
  }
}

/** Losses of rows of classes. */
const classed = lossCases.filter(isOfClasses);

const small = (shape: readonly number[]) => count(shape) <= 40;

const divisorOf = (reduction: string, divisor: number, { args }: Inputs) =>
  reduction === "mean" ? divisor : reduction === "batchmean" ? (Object.values(args)[0]?.shape[0] ?? 1) : 1;

/** Whether a reduction can be had: 'batchmean' needs a first dimension. */
const possible = (reduction: string, shape: readonly number[]) => reduction !== "batchmean" || shape.length > 0;

/** Rounding of a few operations, against the size of the terms. */
const ROUNDING = { float32: 8 * ULP.float32, float64: 16 * ULP.float64 };

/** An upstream gradient: a number, or one for each value. */
function upstream(reduction: string, size: number) {
  const random = seeded(size + 1);
  return reduction === "none" ? Array.from({ length: size }, () => normal(random)) : -1.75;
}

describe.each(lossCases)("$name", (loss) => {
  const call = lossOf(loss);

  describe.each(DTYPES)("%s", (dtype) => {
    const eps = ROUNDING[dtype];

    it("has the values of the formula", () => {
      for (const { inputs, shape, what } of samples(loss)) {
        const expected = loss.oracle(roundedTo(inputs, dtype));
        const { values, shape: valueShape, scale = values.map(Math.abs), divisor } = expected;
        for (const reduction of loss.reductions) {
          if (!possible(reduction, shape)) continue;
          const got = list(runValue(call, inputs, dtype, { reduction }));
          const by = divisorOf(reduction, divisor, inputs);
          const want = reduction === "none" ? values : [total(termsOf(expected, reduction)) / by];
          expect(got.length, `${what}, ${reduction}`).toBe(reduction === "none" ? count(valueShape) : 1);
          // Adding up takes a few more roundings in float64.
          const absolute = reduction === "none" ? scale.map((size) => size * eps) : (total(scale) / by) * (eps + 64 * ULP.float64);
          expectClose(`${what}, ${reduction}`, got, want, dtype, { relative: eps, absolute });
        }
      }
    });

    it("has the gradients of the formula, times the upstream gradient", () => {
      for (const { inputs, shape, what } of samples(loss)) {
        for (const reduction of loss.reductions) {
          if (!possible(reduction, shape)) continue;
          checkGradients(`${what}, ${reduction}`, loss, inputs, reduction, dtype);
        }
      }
    });

    it("has the same value with and without gradients", () => {
      for (const { inputs, shape, what } of samples(loss)) {
        for (const reduction of loss.reductions) {
          if (!possible(reduction, shape)) continue;
          const options = { reduction };
          expectSameBits(`${what}, ${reduction}`, runValue(call, inputs, dtype, options), run(call, inputs, dtype, options).value);
        }
      }
    });

    it("reduces its values to within one unit of their exact sum", () => {
      for (const { inputs, what } of samples(loss)) {
        const values = list(runValue(call, inputs, dtype, { reduction: "none" }));
        const sum = total(values);
        const got = list(runValue(call, inputs, dtype, { reduction: "sum" }));
        const size = total(values.map(Math.abs));
        // Rows' values are added up in float64 and rounded only where they are seen.
        const rounded = formOf(loss) === "elements" ? 0 : (size * ULP[dtype]) / 2;
        const absolute = rounded + size * (dtype === "float32" ? 2 ** -40 : 64 * ULP.float64);
        expectClose(`${what}, sum`, got, [sum], dtype, { relative: ULP[dtype], absolute });
        const { divisor, shares = [] } = loss.oracle(roundedTo(inputs, dtype));
        const mean = list(runValue(call, inputs, dtype));
        const terms = total(values.map((value, i) => value / (shares[i] ?? 1)));
        expectClose(`${what}, mean`, mean, [terms / divisor], dtype, { relative: 2 * ULP[dtype], absolute: absolute / divisor });
      }
    });

    it("is known at the edges", () => {
      for (const edge of loss.edges) {
        if (edge.dtype && edge.dtype !== dtype) continue;
        const { inputs, values, grads = {}, mean } = edge;
        const tolerance = { relative: 4 * ULP[dtype] };
        const check = (what: string, got: Value, want: readonly number[]) => {
          expectClose(`${edge.title}, ${what}`, list(got), want, dtype, tolerance);
        };
        check("values", run(call, inputs, dtype, { reduction: "none" }).value, values);
        check("values alone", runValue(call, inputs, dtype, { reduction: "none" }), values);
        const sum = run(call, inputs, dtype, { reduction: "sum", wrt: Object.keys(grads) });
        for (const [name, want] of Object.entries(grads)) check(`gradient by ${name}`, sum.grads[name] as Floats, want);
        if (!mean) continue;
        const result = run(call, inputs, dtype, { wrt: Object.keys(mean.grads) });
        check("mean", result.value, [mean.value]);
        for (const [name, want] of Object.entries(mean.grads)) check(`gradient of the mean by ${name}`, result.grads[name] as Floats, want);
      }
    });

    it("divides by the normalizer in place of its own divisor", () => {
      const normalizer = 7.3;
      for (const { inputs, what } of samples(loss, small)) {
        const wrt = ableTo(loss, inputs);
        // Powers of two leave the digits of the sum alone.
        const whole = loss.oracle(inputs).shares ? { normalizer: 1 } : { reduction: "sum" };
        const sum = run(call, inputs, dtype, { ...whole, wrt });
        const halves = run(call, inputs, dtype, { normalizer: 2, wrt });
        expectSameBits(`${what}, normalizer 2`, halves.value, (sum.value as number) / 2);
        for (const name of wrt) {
          expectSameBits(`${what}, normalizer 2: gradient by ${name}`, halves.grads[name] as Floats, (sum.grads[name] as Floats).map((g) => g / 2));
        }
        const result = run(call, inputs, dtype, { normalizer, wrt });
        expectClose(what, list(result.value), [(sum.value as number) / normalizer], dtype, { relative: 2 * ULP[dtype] });
        for (const name of wrt) {
          const want = Array.from(sum.grads[name] as Floats, (g) => g / normalizer);
          const absolute = largest(want) * 2 * ULP[dtype];
          expectClose(`${what}: gradient by ${name}`, result.grads[name] as Floats, want, dtype, { relative: 4 * ULP[dtype], absolute });
        }
      }
    });

    it("scales gradients by gradOutput, and leaves the value alone", () => {
      for (const { inputs, shape, what } of samples(loss, small)) {
        const wrt = ableTo(loss, inputs);
        for (const reduction of loss.reductions) {
          if (!possible(reduction, shape)) continue;
          const plain = run(call, inputs, dtype, { reduction, wrt });
          const scaled = run(call, inputs, dtype, { reduction, wrt, gradOutput: -2 });
          expectSameBits(`${what}, ${reduction}`, scaled.value, plain.value);
          for (const name of wrt) {
            const want = (plain.grads[name] as Floats).map((g) => -2 * g || 0);
            const got = (scaled.grads[name] as Floats).map((g) => g || 0);
            expectSameBits(`${what}, ${reduction}: gradient by ${name}`, got, want);
          }
          if (reduction !== "none") continue;
          const array = floats(list(plain.value).map(() => -2), dtype);
          const { value, grads } = run(call, inputs, dtype, { reduction, wrt, gradOutput: array });
          expectSameBits(`${what}, array of gradOutput`, value, plain.value);
          expectSameGrads(`${what}, array of gradOutput`, grads, scaled.grads);
        }
      }
    });

    it("gives the same gradients for every part of wrt", () => {
      // Elements are also gone through by whole blocks of 4,096.
      const block = formOf(loss) === "elements" ? loss.shapes.find((shape) => count(shape) > 4096) : undefined;
      for (const { inputs, what } of samples(loss, (shape) => small(shape) || shape === block)) {
        const able = ableTo(loss, inputs);
        const all = run(call, inputs, dtype, { wrt: able });
        expectSameGrads(`${what}, by default`, run(call, inputs, dtype).grads, all.grads, able.slice(0, loss.defaults));
        for (let subset = 0; subset < 2 ** able.length; subset++) {
          const wrt = able.filter((_, k) => (subset >> k) & 1);
          const { value, grads } = run(call, inputs, dtype, { wrt });
          expectSameBits(`${what}, wrt ${wrt.join(", ")}`, value, all.value);
          expectSameGrads(`${what}, wrt ${wrt.join(", ")}`, grads, all.grads, wrt);
        }
      }
    });

    it("writes to out, whichever kind of array it is", () => {
      for (const { inputs, what } of samples(loss, small)) {
        const wrt = ableTo(loss, inputs);
        const options = { reduction: "none", wrt };
        const want = run(call, inputs, dtype, options);
        const valueShape = loss.oracle(inputs).shape;
        const places = {
          array: (shape: readonly number[]) => zeros(count(shape), dtype),
          "array with a shape": (shape: readonly number[]) => ({ data: zeros(count(shape), dtype), shape }),
          tensor: (shape: readonly number[]) => residentZeros(shape, { dtype }),
        };
        for (const [kind, make] of Object.entries(places)) {
          const value = make(valueShape);
          const grads = Object.fromEntries(wrt.map((name) => [name, make(argumentNamed(inputs, name).shape)]));
          const full = run(call, inputs, dtype, { ...options, out: { value, grads } });
          expect(full.value, `${what}, ${kind}`).toBe(value);
          expectSameBits(`${what}, ${kind}: value`, contents(value), want.value);
          for (const name of wrt) {
            expect(full.grads[name], `${what}, ${kind}: gradient by ${name}`).toBe(grads[name]);
            expectSameBits(`${what}, ${kind}: gradient by ${name}`, contents(grads[name]), want.grads[name] as Floats);
          }
          const valueAlone = make(valueShape);
          expect(runValue(call, inputs, dtype, { reduction: "none", out: { value: valueAlone } })).toBe(valueAlone);
          expectSameBits(`${what}, ${kind}: value alone`, contents(valueAlone), want.value);

          // A part only: the rest comes in fresh arrays.
          const first = wrt[0] as string;
          const place = make(argumentNamed(inputs, first).shape);
          const part = run(call, inputs, dtype, { ...options, out: { grads: { [first]: place } } });
          expect(part.grads[first], `${what}, ${kind}, in part`).toBe(place);
          const others = Object.fromEntries(Object.entries(part.grads).filter(([name]) => name !== first));
          expectSameBits(`${what}, ${kind}, in part`, contents(place), want.grads[first] as Floats);
          expectSameBits(`${what}, ${kind}, in part: value`, part.value, want.value);
          expectSameGrads(`${what}, ${kind}, in part`, others, want.grads, wrt.slice(1));
          [value, valueAlone, place, ...Object.values(grads)].forEach(release);
        }
      }
    });

    it("writes gradients in place of what they are of", () => {
      for (const { inputs, shape, what } of samples(loss)) {
        const wrt = ableTo(loss, inputs);
        for (const reduction of loss.reductions) {
          if (!possible(reduction, shape)) continue;
          const want = run(call, inputs, dtype, { reduction, wrt });
          for (const kind of ["arrays", "tensors"]) {
            const { args, options } = givenTo(inputs, dtype);
            const placed = (entries: Readonly<Record<string, unknown>>) =>
              Object.fromEntries(Object.entries(entries).map(([name, one]) => [name, kind === "tensors" && isShaped(one) ? tensor(one.data, one.shape) : one]));
            const [placedArgs, placedOptions] = [placed(args), placed(options)];
            const grads = Object.fromEntries(wrt.map((name) => [name, placedArgs[name] ?? placedOptions[name]]));
            const got = call.valueAndGrad(...Object.values(placedArgs), { ...placedOptions, reduction, wrt, out: { grads } });
            expectSameBits(`${what}, ${reduction}, in place of ${kind}: value`, got.value, want.value);
            for (const name of wrt) {
              expectSameBits(`${what}, ${reduction}, in place of ${kind}: gradient by ${name}`, contents(got.grads[name]), want.grads[name] as Floats);
            }
            [...Object.values(placedArgs), ...Object.values(placedOptions)].forEach(release);
          }
        }
      }
    });

    it("gives the same bits for tensors and for arrays that begin anywhere", () => {
      for (const { inputs, what } of samples(loss)) {
        const wrt = ableTo(loss, inputs);
        const want = run(call, inputs, dtype, { wrt });
        const { args, options } = givenTo(inputs, dtype);
        for (const [kind, convert] of Object.entries({ tensors: resident, "odd offsets": shifted, "odd offsets in the engine": shiftedResident })) {
          const made: Disposable[] = [];
          const all = (entries: Readonly<Record<string, unknown>>) =>
            Object.fromEntries(Object.entries(entries).map(([name, one]) => [name, isShaped(one) ? convert(one, made) : one]));
          const got = call.valueAndGrad(...Object.values(all(args)), { ...all(options), wrt });
          expectSameBits(`${what}, ${kind}`, got.value, want.value);
          expectSameGrads(`${what}, ${kind}`, got.grads, want.grads);
          made.forEach(release);
        }
      }
    });

    it("is NaN, 0 or empty for empty input", () => {
      for (const options of loss.options) {
        const shape = loss.shapes.some((one) => one.length === 0) ? [0] : shapeOf(loss, 0, 3);
        const inputs = loss.sample(seeded(1), shape, options);
        const what = JSON.stringify(options);
        const wrt = ableTo(loss, inputs);
        for (const reduction of loss.reductions) {
          const { value, grads } = run(call, inputs, dtype, { reduction, wrt });
          const alone = runValue(call, inputs, dtype, { reduction });
          for (const got of [value, alone]) {
            if (reduction === "none") expect(got, what).toHaveLength(0);
            else expect(got, `${what}, ${reduction}`).toBe(reduction === "sum" ? 0 : NaN);
          }
          for (const name of wrt) expect(grads[name], `${what}, ${reduction}`).toHaveLength(count(argumentNamed(inputs, name).shape));
        }
      }
    });
  });
});

describe("NaN", () => {
  const elementwise = lossCases.filter((loss) => formOf(loss) === "elements");

  describe.each(DTYPES)("%s", (dtype) => {
    it.each(elementwise)("goes through $name, and to no other element", (loss) => {
      const call = lossOf(loss);
      for (const { inputs, shape, what } of samples(loss, (one) => small(one) && one.length > 0)) {
        const size = count(shape);
        const full = (name: string) => argumentNamed(inputs, name).data.length === size;
        const wrt = ableTo(loss, inputs).filter(full);
        const clean = run(call, inputs, dtype, { reduction: "none", wrt });
        const at = Math.floor(size / 2);
        const others = (values: Value) => floats(list(values).filter((_, i) => i !== at), dtype);
        for (const [name, argument] of Object.entries(inputs.args).filter(([each]) => full(each))) {
          const holed = { ...argument, data: argument.data.map((x, i) => (i === at ? NaN : x)) };
          const { value, grads } = run(call, replaced(inputs, name, holed), dtype, { reduction: "none", wrt });
          expect(list(value)[at], `${what}, NaN in ${name}`).toBeNaN();
          expectSameBits(`${what}, NaN in ${name}`, others(value), others(clean.value));
          for (const by of wrt) expectSameBits(`${what}, NaN in ${name}: gradient by ${by}`, others(grads[by] as Floats), others(clean.grads[by] as Floats));
        }
      }
    });

    it.each(lossCases.filter((loss) => formOf(loss) === "rows"))("stays in its row of $name, whichever argument it is in", (loss) => {
      const call = lossOf(loss);
      for (const { inputs, what } of samples(loss, (one) => small(one) && one.length > 1)) {
        const wrt = ableTo(loss, inputs);
        const clean = run(call, inputs, dtype, { reduction: "none", wrt });
        const [first] = Object.values(inputs.args);
        const rows = first?.shape[0] ?? 0;
        const others = (values: Value, length = list(values).length) => floats(list(values).slice(0, (length / rows) * (rows - 1)), dtype);
        for (const [name, argument] of Object.entries(inputs.args).filter(([, { kind }]) => kind !== "index")) {
          // The last element, so of the last row along the first dimension.
          const holed = { ...argument, data: argument.data.map((x, i) => (i === argument.data.length - 1 ? NaN : x)) };
          const { value, grads } = run(call, replaced(inputs, name, holed), dtype, { reduction: "none", wrt });
          expect(list(value).at(-1), `${what}, NaN in ${name}`).toBeNaN();
          expectSameBits(`${what}, NaN in ${name}`, others(value), others(clean.value));
          for (const by of wrt) expectSameBits(`${what}, NaN in ${name}: gradient by ${by}`, others(grads[by] as Floats), others(clean.grads[by] as Floats));
        }
      }
    });

    it.each(classed)("stays in its row of $name", (loss) => {
      const call = lossOf(loss);
      for (const { inputs, shape, what } of samples(loss, (one) => small(one) && one.length > 1)) {
        const { input, target } = inputs.args as Record<"input" | "target", Argument>;
        const layout = classLayout(shape);
        const row = layout.rows - 1;
        // The class that is read even where only one is.
        const c = target.kind === "index" ? Math.max(target.data[row] ?? 0, 0) : 0;
        const holed = { ...input, data: input.data.map((x, i) => (i === layout.at(row, c) ? NaN : x)) };
        const options = { reduction: "none", wrt: ["input"] };
        const [clean, got] = [inputs, replaced(inputs, "input", holed)].map((one) => run(call, one, dtype, options));
        if (!clean || !got) throw new Error("two calls");
        const ignored = target.kind === "index" && list(clean.value)[row] === 0;
        const mine = new Set(Array.from({ length: layout.classes }, (_, k) => layout.at(row, k)));
        if (ignored) expect(list(got.value)[row], what).toBe(0);
        else expect(list(got.value)[row], what).toBeNaN();
        const others = (values: Value, skip: (i: number) => boolean) => floats(list(values).filter((_, i) => !skip(i)), dtype);
        expectSameBits(what, others(got.value, (i) => i === row), others(clean.value, (i) => i === row));
        expectSameBits(`${what}: gradient`, others(got.grads.input as Floats, (i) => mine.has(i)), others(clean.grads.input as Floats, (i) => mine.has(i)));
      }
    });
  });
});

/** Gradients against differences of the oracle; in float32 against those of float64, which are. */
function checkGradients(what: string, loss: LossCase, inputs: Inputs, reduction: string, dtype: DType) {
  const call = lossOf(loss);
  const wrt = ableTo(loss, inputs);
  const outer = upstream(reduction, count(loss.oracle(inputs).shape));
  const gradOutput = (type: DType) => (typeof outer === "number" ? outer : floats(outer, type));
  const { grads } = run(call, inputs, dtype, { reduction, wrt, gradOutput: gradOutput(dtype) });
  if (dtype === "float32") {
    const rounded = roundedTo(inputs, dtype);
    const exact = run(call, rounded, "float64", { reduction, wrt, gradOutput: gradOutput("float64") });
    for (const name of wrt) {
      const want = exact.grads[name] as Floats;
      // The gradient of a weight under its mean is a difference from the mean.
      const { values, divisor } = loss.oracle(inputs);
      const scale = name === "weight" && reduction === "mean" ? (1.75 * largest(values)) / divisor : 0;
      const absolute = (largest(want) + scale) * ROUNDING.float32;
      expectClose(`${what}: gradient by ${name}`, grads[name] as Floats, want, dtype, { relative: ROUNDING.float32, absolute });
    }
    return;
  }
  for (const name of wrt) {
    const argument = argumentNamed(inputs, name);
    const f = (moved: Argument) => {
      const expected = loss.oracle(replaced(inputs, name, moved), inputs);
      const by = divisorOf(reduction, expected.divisor, inputs);
      return termsOf(expected, reduction).map((value) => value / by);
    };
    expectDerivative(`${what}: gradient by ${name}`, grads[name] as Floats, argument, outer, f);
  }
}

describe.each(functionCases)("$name", (one) => {
  const call = functionOf(one);

  function* functionSamples() {
    for (const options of one.options) {
      for (const shape of one.shapes) {
        const args = one.sample(seeded(count(shape)), shape) as FunctionArguments;
        yield { args, options, what: `${JSON.stringify(options)} on [${shape.join(", ")}]` };
      }
    }
  }

  const given = (args: Partial<FunctionArguments>, dtype: DType) =>
    Object.fromEntries(Object.entries(args).map(([name, argument]) => [name, shaped(argument, dtype) as Shaped<Floats>]));

  describe.each(DTYPES)("%s", (dtype) => {
    const eps = ROUNDING[dtype];

    it("has the values of the formula", () => {
      for (const { args, options, what } of functionSamples()) {
        const { values, scale = [] } = one.oracle(args, options);
        const got = call(...Object.values(given(args, dtype)), options);
        expectClose(what, got, values, dtype, { relative: eps, absolute: scale.map((size) => size * eps) });
      }
    });

    it("is known at the edges", () => {
      for (const { title, args, options, values, vjp } of one.edges) {
        const tolerance = { relative: 4 * ULP[dtype] };
        expectClose(title, call(...Object.values(given(args, dtype)), options), values, dtype, tolerance);
        if (!vjp) continue;
        const got = vjpOf(call, given(args, dtype), floats(vjp.gradOutput, dtype), options);
        for (const [name, want] of Object.entries(vjp.grads)) expectClose(`${title}: vjp by ${name}`, got[name] as Floats, want, dtype, tolerance);
      }
    });

    it("has the vector-Jacobian product of the formula", () => {
      for (const { args, options, what } of functionSamples()) {
        const { values } = one.oracle(args, options);
        const random = seeded(values.length);
        const outer = values.map(() => uniform(random, -2, 2));
        const got = vjpOf(call, given(args, dtype), floats(outer, dtype), options);
        const exact = vjpOf(call, given(args, "float64"), floats(outer, "float64"), options);
        expect(Object.keys(got), what).toEqual(Object.keys(args));
        for (const [name, argument] of Object.entries(args) as [string, Argument][]) {
          const [grad, want] = [got[name] as Floats, exact[name] as Floats];
          expect(grad.length, what).toBe(argument.data.length);
          if (dtype === "float32") {
            expectClose(`${what}: by ${name}`, grad, want, dtype, { relative: eps, absolute: eps * largest(want) });
            continue;
          }
          expectDerivative(`${what}: by ${name}`, grad, argument, outer, (moved) => one.oracle({ ...args, [name]: moved }, options).values);
        }
      }
    });

    it("gives the same bits for tensors, arrays that begin anywhere, out, and in place", () => {
      for (const { args, options, what } of functionSamples()) {
        const { values, shape } = one.oracle(args, options);
        const outer = floats(values.map((_, i) => (i % 5) - 1.5), dtype);
        const arrays = given(args, dtype);
        const names = Object.keys(arrays);
        const want = call(...Object.values(arrays), options);
        const wantVjp = vjpOf(call, arrays, outer, options);
        const over = <R>(f: (given: Shaped<Floats>) => R) => Object.fromEntries(Object.entries(arrays).map(([name, each]) => [name, f(each)]));
        for (const [kind, convert] of Object.entries({ tensors: resident, "odd offsets": shifted, "odd offsets in the engine": shiftedResident })) {
          const made: Disposable[] = [];
          const converted = over((each) => convert(each, made));
          expectSameBits(`${what}, ${kind}`, call(...Object.values(converted), options), want);
          expectSameGrads(`${what}, ${kind}: vjp`, vjpOf(call, converted, convert({ data: outer, shape }, made), options), wantVjp);
          made.forEach(release);
        }
        for (const kind of ["array", "tensor"]) {
          const make = (size: readonly number[]) => (kind === "tensor" ? residentZeros(size, { dtype }) : zeros(count(size), dtype));
          const out = make(shape);
          const outs = over((each) => make(each.shape));
          expect(call(...Object.values(arrays), { ...options, out }), what).toBe(out);
          expectSameBits(`${what}, out to ${kind}`, contents(out), want);
          const full = vjpOf(call, arrays, outer, { ...options, out: outs });
          const copies = () => over((each) => (kind === "tensor" ? tensor(each.data, each.shape) : { data: each.data.slice(), shape: each.shape }));
          const [own, ownVjp] = [copies(), copies()];
          const inPlace = vjpOf(call, ownVjp, outer, { ...options, out: ownVjp });
          for (const name of names) {
            expect(full[name], what).toBe(outs[name]);
            expectSameBits(`${what}, out to ${kind}: vjp by ${name}`, contents(outs[name]), wantVjp[name] as Floats);
            expect(inPlace[name], what).toBe(ownVjp[name]);
            expectSameBits(`${what}, in place of ${kind}: vjp by ${name}`, contents(ownVjp[name]), wantVjp[name] as Floats);
          }
          if (names.length === 1 && want.length === count(shape) && shape.length === arrays[names[0] as string]?.shape.length) {
            const [first] = Object.values(own);
            expectSameBits(`${what}, in place of ${kind}`, contents(call(first, { ...options, out: first })), want);
          }
          [out, ...Object.values(outs), ...Object.values(own), ...Object.values(ownVjp)].forEach(release);
        }
      }
    });

    it("is empty for empty input", () => {
      for (const options of one.options.filter(({ axis = -1 }) => axis === -1)) {
        const args = given(one.sample(seeded(1), [0, 3]), dtype);
        expect(call(...Object.values(args), options)).toHaveLength(0);
        for (const grad of Object.values(vjpOf(call, args, zeros(0, dtype), options))) expect(grad).toHaveLength(0);
      }
    });
  });
});

describe("integer targets", () => {
  const flagged = lossCases.filter((loss) => Object.values(loss.sample(seeded(1), [3], {}).args).some(({ kind }) => kind === "flag"));

  it.each(flagged)("$name gives the same bits for integer flags as for floats", (loss) => {
    const call = lossOf(loss);
    for (const dtype of DTYPES) {
      for (const { inputs, what } of samples(loss)) {
        for (const [name, argument] of Object.entries(inputs.args).filter(([, { kind }]) => kind === "flag")) {
          const data = argument.data.map((x) => Math.round(x) || 0);
          const rounded = replaced(inputs, name, { ...argument, data });
          const want = run(call, rounded, dtype);
          const { args, options } = givenTo(rounded, dtype);
          const arrays = [Int8Array.from(data), Int32Array.from(data), BigInt64Array.from(data, BigInt), ...(data.every((x) => x >= 0) ? [Uint8Array.from(data)] : [])];
          for (const array of arrays) {
            for (const given of [{ data: array, shape: argument.shape }, tensor(array, argument.shape)]) {
              const got = call.valueAndGrad(...Object.values({ ...args, [name]: given }), options);
              expectSameBits(`${what}, ${dtype}, ${array.constructor.name}`, got.value, want.value);
              expectSameGrads(`${what}, ${dtype}, ${array.constructor.name}`, got.grads, want.grads);
              release(given);
            }
          }
        }
      }
    }
  });

  it.each(classed)("$name gives the same bits for every type of class indices", (loss) => {
    const call = lossOf(loss);
    for (const dtype of DTYPES) {
      for (const { inputs, what } of samples(loss, (shape) => classLayout(shape).classes < 256)) {
        const { target } = inputs.args;
        if (target?.kind !== "index") continue;
        const want = run(call, inputs, dtype);
        const { args, options } = givenTo(inputs, dtype);
        const unsigned = target.data.every((y) => y >= 0) ? [Uint8Array.from(target.data), Uint16Array.from(target.data), Uint32Array.from(target.data)] : [];
        for (const array of [Int32Array.from(target.data), BigInt64Array.from(target.data, BigInt), ...unsigned]) {
          for (const given of [{ data: array, shape: target.shape }, tensor(array, target.shape)]) {
            const got = call.valueAndGrad(args.input, given, options);
            expectSameBits(`${what}, ${dtype}, ${array.constructor.name}`, got.value, want.value);
            expectSameGrads(`${what}, ${dtype}, ${array.constructor.name}`, got.grads, want.grads);
            release(given);
          }
        }
      }
    }
  });
});

describe("layouts", () => {
  it.each(classed)("$name gives each row what it gives the row alone", (loss) => {
    const call = lossOf(loss);
    for (const dtype of DTYPES) {
      for (const { inputs, shape, what } of samples(loss, (one) => count(one) <= 600)) {
        const { input, target, layout } = { ...(inputs.args as Record<"input" | "target", Argument>), layout: classLayout(shape) };
        const options = { reduction: "none", wrt: ["input"] };
        const all = run(call, inputs, dtype, options);
        for (let row = 0; row < layout.rows; row++) {
          const cells = Array.from({ length: layout.classes }, (_, c) => layout.at(row, c));
          const pick = (argument: Argument, at: readonly number[], rowShape: readonly number[]) => ({ ...argument, data: at.map((i) => argument.data[i] as number), shape: rowShape });
          const distribution = target.kind !== "index";
          // Alone the classes lie side by side; within images they do not, and are summed in another order.
          for (const rowShape of [[layout.classes], [1, layout.classes], [1, layout.classes, 1]]) {
            const alone: Inputs = {
              ...inputs,
              args: {
                input: pick(input, cells, rowShape),
                target: distribution ? pick(target, cells, rowShape) : pick(target, [row], classLayout(rowShape).shape),
              },
            };
            const one = run(call, alone, dtype, options);
            const tolerance = { relative: ROUNDING[dtype] };
            const where = `${what}, ${dtype}, row ${row} as [${rowShape.join(", ")}]`;
            expectClose(where, list(one.value), [list(all.value)[row] as number], dtype, tolerance);
            const want = cells.map((i) => all.grads.input?.[i] as number);
            expectClose(`${where}: gradient`, one.grads.input as Floats, want, dtype, { ...tolerance, absolute: largest(want) * ROUNDING[dtype] });
          }
        }
      }
    }
  });

  it.each(classed)("$name reads a bare input by the length of bare targets", (loss) => {
    const call = lossOf(loss);
    const { args } = givenTo(loss.sample(seeded(3), [6, 4], {}), "float32");
    const want = call.valueAndGrad(args.input, args.target);
    const got = call.valueAndGrad(args.input?.data, args.target?.data);
    expectSameBits("value", got.value, want.value);
    expectSameGrads("bare", got.grads, want.grads);
  });
});

const isShaped = (value: unknown): value is Shaped<Floats | Int32Array<ArrayBuffer>> => typeof value === "object" && value !== null && "data" in value;

/** The elements of an output, wherever it is. */
function contents(place: unknown): Floats {
  return (ArrayBuffer.isView(place) ? place : (place as Shaped<Floats>).data) as Floats;
}

const isDisposable = (value: unknown): value is { dispose(): void } => typeof value === "object" && value !== null && "dispose" in value;

/** Frees a tensor; anything else is left to the collector. */
function release(value: unknown) {
  if (isDisposable(value)) value.dispose();
}

type Convert = (given: Shaped<Floats | Int32Array<ArrayBuffer>>, made: Disposable[]) => unknown;

const resident: Convert = ({ data, shape }, made) => {
  const result = tensor(data, shape);
  made.push(result);
  return result;
};

/** A view one element into a longer array. */
const shifted: Convert = ({ data, shape }) => {
  const longer = new (data.constructor as Float32ArrayConstructor)(data.length + 1);
  longer.set(data, 1);
  return { data: longer.subarray(1), shape };
};

/** As {@link shifted}, in the engine's memory: read where it is, without a copy. */
const shiftedResident: Convert = ({ data, shape }, made) => {
  const longer = new (data.constructor as Float32ArrayConstructor)(data.length + 1);
  longer.set(data, 1);
  const result = tensor(longer, [longer.length]);
  made.push(result);
  return { get data() { return result.data.subarray(1); }, shape };
};
