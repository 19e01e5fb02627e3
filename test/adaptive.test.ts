// AdaptiveLogSoftmax against PyTorch, an oracle in float64, and what its surface promises.
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { AdaptiveLogSoftmax, tensor, zeros } from "fused-loss";
import { describe, expect, it } from "vitest";
import { disposedFault, dtypeFault, expectFault, optionFault, overlapFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { DTYPES, type DType, type Floats, floats } from "./support/call.js";
import { ULP, expectClose, expectSameBits, largest } from "./support/compare.js";
import { integer, normal, seeded } from "./support/draw.js";
import fixtures from "./golden/adaptiveLogSoftmax.json";

interface Written {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Parts<A> {
  readonly head: { readonly weight: A; readonly bias?: A };
  readonly tail: readonly { readonly projection: A; readonly weight: A }[];
}
interface Sizes {
  readonly inFeatures: number;
  readonly classes: number;
  readonly cutoffs: readonly number[];
  readonly divValue?: number;
  readonly headBias?: boolean;
}
interface Fixture extends Sizes {
  readonly name: string;
  readonly parameters: Parts<Written>;
  readonly input: Written;
  readonly target: Written;
  readonly gradOutput: number;
  readonly loss: number;
  readonly output: Written;
  readonly grads: Parts<Written> & { readonly input: Written };
  readonly logProb?: Written;
  readonly predict?: Written;
  readonly seed?: number;
  readonly initial?: Readonly<Record<DType, Parts<Written>>>;
}

const cases = fixtures.cases as unknown as readonly Fixture[];

/** All of the parts, in one order, by name. */
const list = <A>({ head, tail }: Parts<A>): (readonly [string, A])[] => [
  ["head.weight", head.weight],
  ...(head.bias ? [["head.bias", head.bias] as const] : []),
  ...tail.flatMap(({ projection, weight }, i) => [[`tail[${i}].projection`, projection] as const, [`tail[${i}].weight`, weight] as const]),
];

type Layer = AdaptiveLogSoftmax<DType>;
const make = (sizes: Sizes & { readonly seed?: number }, dtype: DType, build: Pick<typeof simd128, "AdaptiveLogSoftmax"> = simd128) =>
  new build.AdaptiveLogSoftmax({ inFeatures: sizes.inFeatures, classes: sizes.classes, cutoffs: sizes.cutoffs, divValue: sizes.divValue, headBias: sizes.headBias, seed: sizes.seed, dtype });

function filled(fixture: Fixture, dtype: DType, build?: typeof simd128): Layer {
  const layer = make(fixture, dtype, build);
  const given = list(fixture.parameters);
  list(layer.parameters).forEach(([name, parameter], k) => {
    const [known, { data, shape }] = given[k] as (typeof given)[number];
    expect([known, [...parameter.shape]]).toEqual([name, shape]);
    parameter.data.set(data);
  });
  return layer;
}

const shaped = ({ data, shape }: Written, dtype: DType) => ({ data: floats(data, dtype), shape });
const indices = ({ data, shape }: Written) => ({ data: Int32Array.from(data), shape });
const inputOf = (fixture: Fixture, dtype: DType) => shaped(fixture.input, dtype) as never;

const SIZES: Sizes & { readonly seed: number } = { inFeatures: 12, classes: 40, cutoffs: [6, 15, 25], divValue: 2, headBias: true, seed: 3 };

function batch(dtype: DType, rows = 23) {
  const random = seeded(rows);
  const input = { data: floats(Array.from({ length: rows * SIZES.inFeatures }, () => normal(random)), dtype), shape: [rows, SIZES.inFeatures] };
  return { input: input as never, data: input.data, target: Int32Array.from({ length: rows }, () => integer(random, SIZES.classes)) };
}

/** The log-probability of every class of one input, from the definition. */
function oracle({ head, tail }: Parts<Floats>, x: readonly number[], cutoffs: readonly number[]): number[] {
  const product = (weight: Floats, of: readonly number[]) =>
    Array.from({ length: weight.length / of.length }, (_, row) => of.reduce((sum, value, k) => sum + value * (weight[row * of.length + k] as number), 0));
  const logSoftmax = (logits: readonly number[]) => {
    const most = Math.max(...logits);
    const log = most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
    return logits.map((value) => value - log);
  };
  const top = logSoftmax(product(head.weight, x).map((value, k) => value + (head.bias?.[k] ?? 0)));
  const shortlist = cutoffs[0] as number;
  return [
    ...top.slice(0, shortlist),
    ...tail.flatMap(({ projection, weight }, i) => logSoftmax(product(weight, product(projection, x))).map((value) => value + (top[shortlist + i] as number))),
  ];
}

const dataOf = (layer: Layer): Parts<Floats> => ({
  head: { weight: layer.parameters.head.weight.data, ...(layer.parameters.head.bias && { bias: layer.parameters.head.bias.data }) },
  tail: layer.parameters.tail.map(({ projection, weight }) => ({ projection: projection.data, weight: weight.data })),
});

describe.each(DTYPES)("%s", (dtype) => {
  const relative = dtype === "float32" ? 16 * ULP.float32 : 1e-12;

  it.each(cases)("agrees with PyTorch: $name", (fixture) => {
    const layer = filled(fixture, dtype);
    const target = indices(fixture.target);
    const { value, output, grads } = layer.valueAndGrad(inputOf(fixture, dtype), target, { gradOutput: fixture.gradOutput });
    expectClose("value", [value], [fixture.loss], dtype, { relative });
    expectClose("output", output, fixture.output.data, dtype, { relative, absolute: relative });
    const want = [["input", fixture.grads.input] as const, ...list(fixture.grads)];
    const got = [["input", grads.input] as const, ...list(grads)];
    expect(got.map(([name]) => name)).toEqual(want.map(([name]) => name));
    got.forEach(([name, grad], k) => {
      const expected = want[k]?.[1].data ?? [];
      expectClose(`gradient by ${name}`, grad, expected, dtype, { relative, absolute: relative * Math.max(1e-3, largest(expected)) });
    });
    expect(layer.value(inputOf(fixture, dtype), target)).toBe(value);
    if (fixture.logProb) expectClose("logProb", layer.logProb(inputOf(fixture, dtype)), fixture.logProb.data, dtype, { relative, absolute: relative });
    if (fixture.predict) expect([...layer.predict(inputOf(fixture, dtype))]).toEqual(fixture.predict.data);
    layer.dispose();
  });

  it("starts from PyTorch's parameters", () => {
    const known = cases.filter(({ initial }) => initial);
    expect(known.length).toBeGreaterThan(0);
    for (const fixture of known) {
      const layer = make(fixture, dtype);
      const want = list((fixture.initial as Readonly<Record<DType, Parts<Written>>>)[dtype]);
      list(layer.parameters).forEach(([name, parameter], k) => expectSameBits(name, parameter.data, floats(want[k]?.[1].data ?? [], dtype)));
      layer.dispose();
    }
  });

  it("is the definition, whichever cluster a class is in", () => {
    const layer = make(SIZES, dtype);
    const { input, data, target } = batch(dtype);
    const rows = Array.from({ length: target.length }, (_, row) => Array.from(data.subarray(row * 12, (row + 1) * 12)));
    const all = rows.map((x) => oracle(dataOf(layer), x, SIZES.cutoffs));
    expectClose("logProb", layer.logProb(input), all.flat(), dtype, { relative, absolute: relative });
    const { value, output } = layer.valueAndGrad(input, target);
    const mine = all.map((row, i) => row[target[i] as number] as number);
    expectClose("output", output, mine, dtype, { relative });
    expectClose("value", [value], [-mine.reduce((sum, x) => sum + x, 0) / mine.length], dtype, { relative });
    layer.dispose();
  });

  it("has the same bits in both builds, and for bare arrays, tensors and every kind of index", () => {
    const { input, data, target } = batch(dtype);
    const layer = make(SIZES, dtype);
    const other = make(SIZES, dtype, scalar);
    const results = [
      layer.valueAndGrad(input, target),
      other.valueAndGrad(input, target),
      layer.valueAndGrad(data, target),
      layer.valueAndGrad(tensor(data, [23, 12]) as never, Uint8Array.from(target)),
      layer.valueAndGrad(input, tensor(BigInt64Array.from(target, BigInt), [23])),
    ];
    const [first] = results as [(typeof results)[number]];
    for (const result of results) {
      expect(result.value).toBe(first.value);
      expectSameBits("output", result.output, first.output);
      list(result.grads).forEach(([name, grad], k) => expectSameBits(name, grad, list(first.grads)[k]?.[1] as Floats));
      expectSameBits("input", result.grads.input, first.grads.input);
    }
    expectSameBits("logProb", other.logProb(input), layer.logProb(input));
    expect(other.predict(input)).toEqual(layer.predict(input));
    other.dispose();
    layer.dispose();
  });

  it("writes to out, whatever it is, and over what it differentiates", () => {
    const layer = make(SIZES, dtype);
    const { input, data, target } = batch(dtype);
    const plain = layer.valueAndGrad(input, target);
    const bias = floats(new Array<number>(9).fill(0), dtype);
    const projection = zeros([3, 12], { dtype });
    const out = { output: floats(new Array<number>(23).fill(0), dtype), grads: { input: data, head: { bias }, tail: [undefined, { projection }] } };
    const result = layer.valueAndGrad(input, target, { out: out });
    expect(result.output).toBe(out.output);
    expect(result.grads.input).toBe(data);
    expect(result.grads.head.bias).toBe(bias);
    expect(result.grads.tail[1]?.projection).toBe(projection);
    expectSameBits("output", out.output, plain.output);
    expectSameBits("input", data, plain.grads.input);
    expectSameBits("bias", bias, plain.grads.head.bias as Floats);
    expectSameBits("projection", projection.data, plain.grads.tail[1]?.projection as Floats);
    expectSameBits("another", result.grads.tail[0]?.weight as Floats, plain.grads.tail[0]?.weight as Floats);
    const { weight } = layer.parameters.head;
    const overweight = layer.valueAndGrad(batch(dtype).input, target, { out: { grads: { head: { weight } } } });
    expect(overweight.grads.head.weight).toBe(weight);
    expectSameBits("weight", weight.data, plain.grads.head.weight);
    layer.dispose();
  });

  it("takes one input with one number as its target", () => {
    const layer = make(SIZES, dtype);
    const { data, target } = batch(dtype, 1);
    const want = layer.value({ data, shape: [1, 12] } as never, target);
    for (const input of [data, { data, shape: [12] }]) expect(layer.value(input as never, target[0] as number)).toBe(want);
    layer.dispose();
  });

  it("learns", () => {
    const layer = make(SIZES, dtype);
    const { input, target } = batch(dtype);
    const losses = Array.from({ length: 30 }, () => {
      const { value, grads } = layer.valueAndGrad(input, target);
      list(layer.parameters).forEach(([, { data }], k) => {
        const grad = list(grads)[k]?.[1] as Floats;
        for (let i = 0; i < data.length; i++) (data[i] as number) -= 0.5 * (grad[i] as number);
      });
      return value;
    });
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    layer.dispose();
  });

  it("has probabilities that add up, and predicts a class that has most", () => {
    const layer = make(SIZES, dtype);
    const { input } = batch(dtype);
    const all = layer.logProb(input);
    const predicted = layer.predict(input);
    for (let row = 0; row < 23; row++) {
      const mine = Array.from(all.subarray(row * 40, (row + 1) * 40));
      expect(mine.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, dtype === "float32" ? 5 : 12);
      // The head alone decides where one of its classes is above every cluster.
      const head = mine.slice(0, 6);
      const clusters = [mine.slice(6, 15), mine.slice(15, 25), mine.slice(25)].map((part) => Math.log(part.reduce((sum, x) => sum + Math.exp(x), 0)));
      const best = Math.max(...head) >= Math.max(...clusters) ? head.indexOf(Math.max(...head)) : mine.indexOf(Math.max(...mine));
      expect(predicted[row]).toBe(best);
    }
    layer.dispose();
  });

  it("takes no inputs, and lets NaN through", () => {
    const layer = make(SIZES, dtype);
    const none = layer.valueAndGrad({ data: floats([], dtype), shape: [0, 12] } as never, new Int32Array(0));
    expect(none.value).toBeNaN();
    expect(none.output).toHaveLength(0);
    for (const [, grad] of list(none.grads)) expect(grad.every((g) => g === 0)).toBe(true);
    expect(layer.logProb({ data: floats([], dtype), shape: [0, 12] } as never)).toHaveLength(0);
    const { input, data, target } = batch(dtype);
    data[0] = NaN;
    const { value, output } = layer.valueAndGrad(input, target);
    expect(value).toBeNaN();
    expect(Array.from(output).filter(Number.isNaN)).toHaveLength(1);
    layer.dispose();
  });
});

describe("a wrong call", () => {
  const layer = make(SIZES, "float32");
  const { input, target, data } = batch("float32");
  const swapped = (at: number, value: number) => target.map((y, i) => (i === at ? value : y));
  const name = (method: string) => `AdaptiveLogSoftmax.${method}`;
  const wide = { data: new Float32Array(26), shape: [2, 13] } as never;

  it.each([
    ["inputs of another width", "value", () => layer.value(wide, Int32Array.of(0, 0)), shapeFault("input", "of shape (N, 12) or (12)", "shape [2, 13]")],
    ["a bare input of no whole rows", "logProb", () => layer.logProb(new Float32Array(13)), shapeFault("input", "of shape (N, 12) or (12)", "length 13")],
    ["another dtype", "predict", () => layer.predict(new Float64Array(12) as never), dtypeFault("input", "float32 as the parameters are", "float64")],
    ["targets of another length", "valueAndGrad", () => layer.valueAndGrad(input, new Int32Array(2)), shapeFault("target", "of shape [23], as input of 23 rows needs", "shape [2]")],
    ["a target out of range", "value", () => layer.value(input, swapped(4, 40)), rangeFault("target[4]", "a class index from 0 to 39", "40")],
    ["a negative target", "value", () => layer.value(input, swapped(0, -1)), rangeFault("target[0]", "a class index from 0 to 39", "-1")],
    ["a fraction as the target of one input", "value", () => layer.value(new Float32Array(layer.inFeatures), 1.5), rangeFault("target", "a class index from 0 to 39", "1.5")],
    ["a target that 32 bits would make right", "value", () => layer.value(new Float32Array(layer.inFeatures), 2 ** 32 + 1), rangeFault("target", "a class index from 0 to 39", "4294967297")],
    ["gradOutput that is no number", "valueAndGrad", () => layer.valueAndGrad(input, target, { gradOutput: "1" } as never), typeFault("gradOutput", "a number", '"1"')],
    ["an output of another length", "valueAndGrad", () => layer.valueAndGrad(input, target, { out: { output: new Float32Array(2) } }), shapeFault("out.output", "of shape [23], as what it is of has", "shape [2]")],
    ["a gradient of another shape", "valueAndGrad", () => layer.valueAndGrad(input, target, { out: { grads: { tail: [{ weight: new Float32Array(3) }] } } }), shapeFault("out.grads.tail[0].weight", "of shape [9, 6], as what it is of has", "shape [3]")],
    ["an option that it does not have", "valueAndGrad", () => layer.valueAndGrad(input, target, { reduction: "sum" } as never), optionFault("options")],
  ])("refuses %s", (_, method, call, fault) => {
    expectFault(thrown(call), name(method), fault);
  });

  it("names what an output overlaps", () => {
    const { weight } = layer.parameters.head;
    const over = (output: Floats) => thrown(() => layer.valueAndGrad(input, target, { out: { output: output as Float32Array } }));
    expectFault(over(data.subarray(1, 24)), name("valueAndGrad"), overlapFault("out.output", "overlaps input"));
    expectFault(over(weight.data.subarray(1, 24)), name("valueAndGrad"), overlapFault("out.output", "overlaps parameters.head.weight"));
  });

  it("writes nothing where outputs overlap", () => {
    const before = data.slice();
    const error = thrown(() => layer.valueAndGrad(input, target, { out: { output: data.subarray(0, 23), grads: { input: data } } }));
    expect(error).toMatchObject({ code: "ERR_OVERLAP" });
    expect(data).toEqual(before);
  });

  it.each([
    ["cutoffs that do not increase", { cutoffs: [4, 4] }],
    ["cutoffs past the classes", { cutoffs: [40] }],
    ["no cutoffs", { cutoffs: [] }],
    ["a cluster without a width", { cutoffs: [2, 4], divValue: 4 }],
    ["divValue 0", { divValue: 0 }],
    ["a seed below 0", { seed: -1 }],
    ["no classes", { classes: 1, cutoffs: [1] }],
  ])("refuses %s", (_, options) => {
    const error = thrown(() => new AdaptiveLogSoftmax({ ...SIZES, ...options }));
    expect(error).toMatchObject({ code: "ERR_RANGE" });
    expect(String(error)).toContain("AdaptiveLogSoftmax");
  });

  it("refuses work once disposed", () => {
    const gone = make(SIZES, "float32");
    gone.dispose();
    gone.dispose();
    expect(thrown(() => gone.value(input, target))).toMatchObject({ code: "ERR_DISPOSED" });
    for (const method of ["predict", "logProb"] as const) {
      expectFault(thrown(() => gone[method](input)), name(method), disposedFault("parameters.head.weight"));
    }
  });

  it("refuses the elements of a disposed tensor", () => {
    const resident = tensor(new Float32Array(24), [2, 12]);
    const stale = { data: resident.data, shape: [2, 12] };
    resident.dispose();
    for (const method of ["predict", "logProb"] as const) expectFault(thrown(() => layer[method](stale)), name(method), disposedFault("input"));
    expectFault(thrown(() => layer.value(stale, Int32Array.of(0, 0))), name("value"), disposedFault("input"));
  });

  it("names what is wrong among cutoffs", () => {
    // eslint-disable-next-line no-sparse-arrays -- a hole is no cutoff
    expectFault(thrown(() => new AdaptiveLogSoftmax({ ...SIZES, cutoffs: [5, ,] as never })), "AdaptiveLogSoftmax", typeFault("cutoffs[1]", "increasing integers", "undefined"));
    expectFault(thrown(() => new AdaptiveLogSoftmax({ ...SIZES, cutoffs: [5, 5] })), "AdaptiveLogSoftmax", rangeFault("cutoffs[1]", "increasing integers", "5"));
  });
});

describe("memory that grows", () => {
  it("leaves live views what they were, for inputs and for outputs", () => {
    simd128.reset();
    const layer = new AdaptiveLogSoftmax({ inFeatures: 4, classes: 10, cutoffs: [2, 5], divValue: 2 });
    const rows = 20_000; // more than the memory that an engine starts with
    const resident = zeros([rows, 4]);
    resident.data.fill(0.5);
    const target = new Int32Array(rows).fill(7);
    const output = zeros([rows]);
    const out = { output: output.data, grads: { input: resident.data } };
    const before = resident.data.buffer;
    const { value } = layer.valueAndGrad({ data: resident.data, shape: [rows, 4] }, target, { out });
    expect(resident.data.buffer).not.toBe(before);
    const row = layer.valueAndGrad(Float32Array.of(0.5, 0.5, 0.5, 0.5), 7);
    expect(value).toBe(row.value);
    expect(output.data.every((x) => x === row.output[0])).toBe(true);
    expect(Math.fround((resident.data[0] as number) * rows)).toBeCloseTo(row.grads.input[0] as number, 5);
    layer.dispose();
  });
});
