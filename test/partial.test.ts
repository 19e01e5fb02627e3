// partial and merge: the loss of a batch from its parts, to the last bit.
import { crossEntropy, ctc, infoNce, linearCrossEntropy, merge, mse, partial, tripletMarginWithDistance, zeros } from "fused-loss";
import { mse as scalarMse } from "fused-loss/scalar";
import { describe, expect, it } from "vitest";
import { expectFault, optionFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import type { Argument, LossCase } from "./cases/case.js";
import { DTYPES, ableTo, givenTo, lossOf, run, runValue } from "./support/call.js";
import { lossCases } from "./support/cases.js";
import { expectSameBits } from "./support/compare.js";
import { count, drawn, normal, seeded } from "./support/draw.js";
import { formOf } from "./support/form.js";

type Inputs = Parameters<typeof givenTo>[0];

/** A few blocks of terms, of which none is a multiple of the other. */
const shapeFor = (loss: LossCase): readonly number[] => {
  const form = formOf(loss);
  return form === "elements" ? [2_671, 5] : form === "classes" ? [43, 3, 301] : (loss.shapeOf?.(9_001, 3) ?? [9_001, 3]);
};

/** Samples `from` to `to` of a loss's inputs. */
function part(inputs: Inputs, from: number, to: number): Inputs {
  const args = Object.values(inputs.args);
  const [samples = 0] = args[0]?.shape ?? [];
  const rank = args[0]?.shape.length;
  const cut = ({ data, shape, kind }: Argument): Argument => {
    const width = count(shape.slice(1));
    return { data: data.slice(from * width, to * width), shape: [to - from, ...shape.slice(1)], ...(kind && { kind }) };
  };
  const cuts = (args: Readonly<Record<string, unknown>>, all: boolean) =>
    Object.fromEntries(
      Object.entries(args).map(([name, value]) => {
        const shape = (value as Partial<Argument> | undefined)?.shape;
        return [name, shape?.[0] === samples && (all || shape.length === rank) ? cut(value as Argument) : value];
      }),
    );
  return { ...inputs, args: cuts(inputs.args, true) as Inputs["args"], options: cuts(inputs.options, false) } as Inputs;
}

const separate = lossCases.filter((loss) => formOf(loss) !== "batch");

describe.each(DTYPES)("%s", (dtype) => {
  it.each(separate)("$name: parts of any size", (loss) => {
    const random = seeded(3);
    const shape = shapeFor(loss);
    const of = lossOf(loss, "simd128") as unknown as Parameters<typeof partial>[0];
    for (const options of loss.options) {
      const inputs = loss.sample(random, shape, options);
      const [samples = 0] = shape;
      const cuts = [0, ...Array.from({ length: 6 }, () => Math.floor(random() * samples)), samples].sort((a, b) => a - b);
      for (const reduction of ["mean", "sum"] as const) {
        let start = 0;
        const states = cuts.slice(1).map((to, k) => {
          const { args, options } = givenTo(part(inputs, cuts[k] ?? 0, to), dtype);
          const state = partial(of, Object.values(args) as never, { ...options, reduction, start } as never);
          start += state.count;
          return state;
        });
        const whole = runValue(lossOf(loss, "simd128"), inputs, dtype, { reduction });
        const what = `${JSON.stringify(options)} ${reduction}`;
        expectSameBits(what, [merge([...states].reverse()).value], [whole as number]);
        // In groups, and after a journey.
        const groups = [states.slice(0, 2), states.slice(2, 3), states.slice(3)].map((group) => structuredClone(merge(group).state));
        const again = merge(groups);
        expectSameBits(`${what}, in groups`, [again.value], [whole as number]);
        expect(again.state).toEqual(merge(states).state);
      }
    }
  });

  it.each(separate)("$name: gradients of parts", (loss) => {
    const shape = shapeFor(loss);
    const of = lossOf(loss, "simd128") as unknown as Parameters<typeof partial>[0];
    const inputs = loss.sample(seeded(4), shape, {});
    const wrt = ableTo(loss, inputs).filter((name) => name !== "weight");
    const [samples = 0] = shape;
    const normalizer = 1000;
    const whole = run(lossOf(loss, "simd128"), inputs, dtype, { normalizer, wrt });
    const parts = [[0, 1_000], [1_000, 1_001], [1_001, samples]].map((cut) => cut.map((at) => Math.min(at, samples)) as [number, number]);
    let start = 0;
    const results = parts.map(([from, to]) => {
      const { args, options } = givenTo(part(inputs, from, to), dtype);
      const result = partial.valueAndGrad(of, Object.values(args) as never, { ...options, normalizer, wrt, start } as never);
      start += result.state.count;
      return result;
    });
    expectSameBits("value", [merge(results.map(({ state }) => state)).value], [whole.value as number]);
    for (const name of wrt) {
      expectSameBits(name, results.flatMap(({ grads }) => Array.from(grads[name] ?? [])), Array.from(whole.grads[name] ?? []));
    }
  });
});

describe("partial and merge", () => {
  const random = seeded(1);
  const x = Float32Array.from({ length: 100_000 }, () => normal(random));
  const y = Float32Array.from({ length: 100_000 }, () => normal(random));

  it("cut at every place in a block", () => {
    for (const at of [1, 7, 8, 4_095, 4_096, 4_097, 8_191, 8_192, 50_000]) {
      const states = [partial(mse, [x.subarray(0, at), y.subarray(0, at)]), partial(mse, [x.subarray(at), y.subarray(at)], { start: at })];
      expect(merge(states).value).toBe(mse(x, y));
    }
  });

  it("merge as a running total, which stays small", () => {
    let state = partial(mse, [x.subarray(0, 0), y.subarray(0, 0)]);
    for (let at = 0; at < x.length; at += 777) {
      const next = partial(mse, [x.subarray(at, at + 777), y.subarray(at, at + 777)], { start: at });
      ({ state } = merge([state, next]));
    }
    expect(merge([state]).value).toBe(mse(x, y));
    expect(state.sum.length).toBeLessThan(4_096 + 32);
  });

  it("batchmean divides by the samples of all parts", () => {
    const rows = (from: number, to: number) => ({ data: x.subarray(from * 10, to * 10).map((v) => v * v + 1), shape: [to - from, 10] });
    const of = lossOf({ name: "klDiv" }) as never as typeof mse;
    const options = { reduction: "batchmean" } as const;
    const whole = (of as unknown as (...args: unknown[]) => number)(rows(0, 3_000), rows(2_000, 5_000), options);
    const states = [[0, 1_700], [1_700, 3_000]].map(([from = 0, to = 0]) => partial(of, [rows(from, to), rows(from + 2_000, to + 2_000)], { ...options, start: from * 10 }));
    expect(merge(states)).toMatchObject({ value: whole, divisor: 3_000 });
  });

  it("ctc by samples", () => {
    const [frames, samples, classes] = [12, 9, 5];
    const logProbs = drawn([frames, samples, classes], () => normal(random)).data;
    const targets = Int32Array.from({ length: samples * 3 }, () => 1 + Math.floor(random() * (classes - 1)));
    const of = (from: number, to: number) => {
      const data = new Float32Array(frames * (to - from) * classes);
      for (let t = 0; t < frames; t++) data.set(logProbs.slice((t * samples + from) * classes, (t * samples + to) * classes), t * (to - from) * classes);
      const lengths = (length: number) => new Int32Array(to - from).fill(length);
      return [{ data, shape: [frames, to - from, classes] }, { data: targets.subarray(from * 3, to * 3), shape: [to - from, 3] }, lengths(frames), lengths(3)] as const;
    };
    const states = [partial(ctc, of(0, 4)), partial(ctc, of(4, 9), { start: 4 })];
    expect(merge(states).value).toBe(ctc(...of(0, 9)));
  });

  it("linearCrossEntropy by rows", () => {
    const linear = { data: y.subarray(0, 60), shape: [20, 3] };
    const labels = Int32Array.from({ length: 5_000 }, (_, row) => (row % 7 === 0 ? -100 : row % 20));
    const of = (from: number, to: number) => [{ data: x.subarray(from * 3, to * 3), shape: [to - from, 3] }, linear, labels.subarray(from, to)] as const;
    const weight = y.subarray(100, 120).map(Math.abs);
    for (const options of [{}, { weight, chunk: 100 }]) {
      const states = [[0, 999], [999, 5_000]].map(([from = 0, to = 0]) => partial(linearCrossEntropy, of(from, to), { ...options, start: from }));
      expect(merge(states).value).toBe(linearCrossEntropy(...of(0, 5_000), options));
    }
  });

  it("a distance of the user's", () => {
    const distance = (a: { data: Float32Array; shape: readonly number[] }) => ({ value: a.data.filter((_, i) => i % 2 === 0).map(Math.abs), grads: { x1: new Float32Array(a.data.length), x2: new Float32Array(a.data.length) } });
    const rows = (from: number, to: number) => ({ data: x.subarray(from * 2, to * 2), shape: [to - from, 2] });
    const options = { distance: distance as never };
    const states = [[0, 5_000], [5_000, 9_000]].map(([from = 0, to = 0]) => partial(tripletMarginWithDistance, [rows(from, to), rows(from, to), rows(from, to)], { ...options, start: from }));
    expect(merge(states).value).toBe(tripletMarginWithDistance(rows(0, 9_000), rows(0, 9_000), rows(0, 9_000), options));
    expect(states[0]?.loss).toBe("tripletMarginWithDistance");
  });

  it("takes tensors, and out", () => {
    const tensor = zeros([10]);
    tensor.data.fill(2);
    const out = new Float32Array(10);
    const { state, grads } = partial.valueAndGrad(mse, [tensor, new Float32Array(10)], { normalizer: 20, out: { grads: { input: out } } });
    expect(grads.input).toBe(out);
    expect(out[0]).toBe(Math.fround(0.2));
    expect(merge([state])).toMatchObject({ value: 2, divisor: 20 });
  });

  it("is NaN where the weights of all that counts are 0, as one call is", () => {
    const [logits, target] = [{ data: Float32Array.of(0, 0), shape: [1, 2] }, Int32Array.of(0)];
    const options = { weight: Float32Array.of(0, 1), labelSmoothing: 0.5 };
    expect(crossEntropy(logits, target, options)).toBeNaN();
    expect(merge([partial(crossEntropy, [logits, target], options)]).value).toBeNaN();
    const [one, weight] = [Float32Array.of(1, 2), Float32Array.of(1, -1)];
    expect(mse(one, new Float32Array(2), { weight })).toBeNaN();
    expect(merge([partial(mse, [one, new Float32Array(2)], { weight })]).value).toBeNaN();
  });

  it("of nothing is what the loss of nothing is", () => {
    const nothing = new Float32Array(0);
    expect(merge([partial(mse, [nothing, nothing])]).value).toBe(mse(nothing, nothing));
    expect(merge([partial(mse, [nothing, nothing], { reduction: "sum", start: 9 })])).toMatchObject({ value: 0, divisor: 1 });
  });

  const state = partial(mse, [x, y]);
  const labels = new Int32Array(2);
  it.each([
    ["no loss", () => partial(Math.sin as never, [x]), typeFault("loss", "a loss of this entry", "a function")],
    ["no array of arguments", () => partial(mse, x as never), typeFault("args", "an array of the loss's arguments", "Float32Array")],
    ["a loss of another entry", () => partial(scalarMse, [x, y]), typeFault("loss", "a loss of this entry", "a function")],
    ["options among the arguments", () => partial(mse, [x, y, {}] as never), shapeFault("args", "of the loss's 2 arguments", "3 of them")],
    ["a start between terms", () => partial(mse, [x, y], { start: 0.5 }), rangeFault("start", "an integer ≥ 0", "0.5")],
    ["no reduction", () => partial(mse, [x, y], { reduction: "none" as never }), optionFault("reduction")],
    ["a loss of the whole batch", () => partial(infoNce, [{ data: x, shape: [100, 1000] }, { data: y, shape: [100, 1000] }]), optionFault("loss")],
    ["an unknown option", () => partial(mse, [x, y], { begin: 1 } as never), optionFault("options")],
    ["what the loss refuses", () => partial(mse, [x, y.subarray(1)]), shapeFault("target", "of shape [100000], as input has", "shape [99999]")],
    ["gradients without a divisor", () => partial.valueAndGrad(mse, [x, y], {}), optionFault("normalizer")],
    ["no array of states", () => merge(state as never), typeFault("states", "an array of states", "an object")],
    ["no states", () => merge([]), shapeFault("states", "of at least one state", "none")],
    ["what is no state", () => merge([3 as never]), typeFault("states[0]")],
    ["a state without its sums", () => merge([{ ...state, sum: undefined as never }]), typeFault("states[0].sum", "a Float64Array", "undefined")],
    ["a state of another length", () => merge([{ ...state, count: 5 }]), shapeFault("states[0].sum", "of 5 numbers", `length ${state.sum.length}`)],
    ["a state without a divisor", () => merge([{ ...state, divisor: {} as never }]), optionFault("states[0].divisor", "none")],
    ["a state of two divisors", () => merge([{ ...state, divisor: { whole: 1, count: 2 } }]), optionFault("states[0].divisor", "whole, count")],
    ["less than no terms", () => merge([{ ...state, divisor: { count: -1 } }]), rangeFault("states[0].divisor.count", "an integer ≥ 0", "-1")],
    ["a whole divisor of 0", () => merge([{ ...state, divisor: { whole: 0 } }]), rangeFault("states[0].divisor.whole", "a finite number > 0", "0")],
    ["a state without an element type", () => merge([{ ...state, dtype: undefined as never }]), typeFault("states[0].dtype")],
    ["a state without a loss", () => merge([{ ...state, loss: 0 as never }]), typeFault("states[0].loss")],
    ["a state without a reduction", () => merge([{ ...state, reduction: null as never }]), rangeFault("states[0].reduction", "null")],
    ["states that overlap", () => merge([state, state]), rangeFault("states", "one that starts at term 100000", "one that starts at 0")],
    ["states with a gap", () => merge([state, partial(mse, [x, y], { start: 100_001 })]), rangeFault("states", "one that starts at term 100000", "one that starts at 100001")],
    ["states of two losses", () => merge([state, partial(crossEntropy, [x.subarray(0, 4), labels], { start: 100_000 })]), optionFault("states[1]")],
    ["states of two divisors", () => merge([state, partial(mse, [x, y], { normalizer: 3, start: 100_000 })]), optionFault("states[1]")],
  ] as const)("refuse %s", (what, act, fault) => {
    const text = String(act);
    const called = text.includes("merge") ? "merge" : text.includes("valueAndGrad") ? "partial.valueAndGrad" : "partial";
    const name = what === "an unknown option" || what === "what the loss refuses" ? "mse" : called;
    expectFault(thrown(act), name, fault);
  });
});
