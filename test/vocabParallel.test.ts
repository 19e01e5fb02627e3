// vocabParallelCrossEntropy: the loss and gradients of crossEntropy, with the classes on several workers.
import { crossEntropy, tensor, vocabParallelCrossEntropy as split, zeros } from "fused-loss";
import { describe, expect, it } from "vitest";
import { dtypeFault, expectFault, optionFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { DTYPES, type DType, type Floats, floats } from "./support/call.js";
import { expectClose } from "./support/compare.js";
import { integer, normal, seeded } from "./support/draw.js";

interface Batch {
  readonly dtype: DType;
  readonly logits: readonly (readonly number[])[];
  readonly target: Int32Array<ArrayBuffer>;
}

/** Columns of the logits from each cut to the next. */
function columns({ dtype, logits }: Batch, cuts: readonly number[]) {
  return cuts.slice(1).map((to, k) => ({ data: floats(logits.flatMap((row) => row.slice(cuts[k], to)), dtype), shape: [logits.length, to - (cuts[k] ?? 0)] }) as { data: Float32Array<ArrayBuffer>; shape: number[] });
}

function inParts(batch: Batch, cuts: readonly number[], options: Parameters<typeof split.merge>[1] = {}, ignoreIndex = -100) {
  const parts = columns(batch, cuts);
  const states = parts.map((logits, k) => structuredClone(split.partial(logits, batch.target, { firstClass: cuts[k], ignoreIndex })));
  const merged = structuredClone(split.merge([...states].reverse(), options));
  return { parts, states, merged };
}

const flat = ({ logits, dtype }: Batch) => ({ data: floats(logits.flat(), dtype), shape: [logits.length, logits[0]?.length ?? 0] }) as { data: Float32Array<ArrayBuffer>; shape: number[] };

/** The gradient by all columns, from that by each worker's. */
function joined({ logits }: Batch, cuts: readonly number[], grads: readonly Floats[]) {
  const classes = logits[0]?.length ?? 0;
  const whole = new Float64Array(logits.length * classes);
  grads.forEach((grad, k) => {
    const [from = 0, to = 0] = cuts.slice(k, k + 2);
    for (let row = 0; row < logits.length; row++) for (let c = from; c < to; c++) whole[row * classes + c] = grad[row * (to - from) + c - from] as number;
  });
  return whole;
}

/** ln Σ exp(x) − x_y without a difference, and its gradient, in float64. */
function oracle({ logits, target, dtype }: Batch) {
  return logits.map((given, row) => {
    const x = Array.from(floats(given, dtype));
    const y = target[row] ?? 0;
    const others = x.map((value, c) => (c === y ? 0 : Math.exp(value - (x[y] ?? 0))));
    const rest = others.reduce((sum, value) => sum + value, 0);
    return { loss: Math.log1p(rest), grad: others.map((value, c) => (c === y ? -rest : value) / (1 + rest)) };
  });
}

describe.each(DTYPES)("of %s", (dtype) => {
  const tolerance = { relative: dtype === "float32" ? 4 : 40 };
  const random = seeded(2);
  const draw = (rows: number, classes: number, scale = 1): Batch => ({
    dtype,
    logits: Array.from({ length: rows }, () => Array.from({ length: classes }, () => normal(random, scale))),
    target: Int32Array.from({ length: rows }, () => integer(random, classes)),
  });

  it.each([
    [7, 12, [0, 12]],
    [7, 12, [0, 5, 12]],
    [9, 33, [0, 1, 2, 20, 33]],
    [3, 1_001, [0, 333, 1_001]],
  ])("%i rows of %i classes, cut at %j", (rows, classes, cuts) => {
    const batch = draw(rows, classes, 3);
    const want = oracle(batch);
    const { parts, states, merged } = inParts(batch, cuts);
    const mean = want.reduce((sum, { loss }) => sum + loss, 0) / rows;
    expectClose("value", [merged.value as number], [mean], dtype, tolerance);
    expect(merged.divisor).toBe(rows);
    const grads = parts.map((logits, k) => split.grad(logits, states[k] as never, merged, { gradOutput: 3 }));
    expectClose("gradient", joined(batch, cuts, grads), want.flatMap(({ grad }) => grad.map((g) => (3 * g) / rows)), dtype, tolerance);
    const none = inParts(batch, cuts, { reduction: "none" });
    expectClose("values", none.merged.value as never, want.map(({ loss }) => loss), dtype, tolerance);
    const outer = floats(want.map((_, row) => row - 1), dtype);
    const each = parts.map((logits, k) => split.grad(logits, none.states[k] as never, none.merged, { gradOutput: outer as never }));
    expectClose("gradients", joined(batch, cuts, each), want.flatMap(({ grad }, row) => grad.map((g) => g * (row - 1))), dtype, tolerance);
    expectClose("sum", [inParts(batch, cuts, { reduction: "sum" }).merged.value as number], [mean * rows], dtype, tolerance);
    expectClose("over a number", [inParts(batch, cuts, { normalizer: 5 }).merged.value as number], [(mean * rows) / 5], dtype, tolerance);
  });

  it("keeps the digits of confident rows, wherever the target is", () => {
    const batch: Batch = { dtype, logits: [[40, 0, -1, 1], [0, 0, 0, 60], [-90, 1, 2, 90], [800, -800, 0, 0]], target: Int32Array.of(0, 3, 3, 0) };
    const want = oracle(batch);
    const { parts, states, merged } = inParts(batch, [0, 2, 4], { reduction: "none" });
    expectClose("values", merged.value as never, want.map(({ loss }) => loss), dtype, tolerance);
    const grads = parts.map((logits, k) => split.grad(logits, states[k] as never, merged));
    expectClose("gradients", joined(batch, [0, 2, 4], grads), want.flatMap(({ grad }) => grad), dtype, tolerance);
  });

  it("leaves rows out, and infinities and NaN as crossEntropy has them", () => {
    const low = -Infinity;
    const logits = [[1, 2, 3, 4], [low, low, 1, 2], [low, low, low, 2], [low, low, 1, 2], [1, low, 2, 3], [NaN, 1, 2, 3], [NaN, 1, Infinity, 3]];
    const batch: Batch = { dtype, logits, target: Int32Array.of(9, 2, 3, 0, 1, 2, 9) };
    const { parts, states, merged } = inParts(batch, [0, 2, 4], { reduction: "none" }, 9);
    const want = crossEntropy.valueAndGrad(flat(batch), batch.target, { reduction: "none", ignoreIndex: 9 });
    expectClose("values", merged.value as never, want.value, dtype, tolerance);
    const grads = parts.map((logits, k) => split.grad(logits, states[k] as never, merged));
    expectClose("gradients", joined(batch, [0, 2, 4], grads), want.grads.input, dtype, tolerance);
    const all: Batch = { ...batch, logits: logits.slice(0, 1), target: Int32Array.of(9) };
    const nothing = inParts(all, [0, 2, 4], {}, 9);
    expect(nothing.merged.value).toBeNaN();
    expect([...split.grad(nothing.parts[0] as never, nothing.states[0] as never, nothing.merged)]).toEqual([0, 0]);
  });

  it("takes bare arrays and tensors, and out", () => {
    const target = Int32Array.of(1, 2);
    const x = tensor(floats([1, 2, 3, 4], dtype) as Float32Array, [2, 2]);
    const states = [split.partial(x, target), split.partial(floats([5, 6], dtype), target, { firstClass: 2 })];
    const merged = split.merge(states);
    const want = crossEntropy.valueAndGrad({ data: floats([1, 2, 5, 3, 4, 6], dtype) as Float32Array, shape: [2, 3] }, target);
    expectClose("value", [merged.value], [want.value], dtype, tolerance);
    const out = zeros([2, 2], { dtype }) as never;
    const grad = split.grad(x, states[0] as never, merged, { out });
    expect(grad).toBe(out);
    expectClose("gradient", (grad as { readonly data: Float32Array }).data, [0, 1, 3, 4].map((k) => want.grads.input[k] as number), dtype, tolerance);
    expect(split.grad(x, states[0] as never, merged, { out: x })).toBe(x);
  });
});

describe("refuses", () => {
  const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
  const target = Int32Array.of(1, 2);
  const [a, b] = [split.partial(x, target), split.partial(x, target, { firstClass: 2 })];
  const merged = split.merge([a, b]);
  it.each([
    ["partial", "logits of three dimensions", () => split.partial({ data: x.data, shape: [2, 2, 1] }, target), shapeFault("logits", "of shape [N, C]", "shape [2, 2, 1]")],
    ["partial", "a negative target", () => split.partial(x, Int32Array.of(0, -1)), rangeFault("target[1]", "a class index ≥ 0", "-1")],
    ["partial", "half a class", () => split.partial(x, target, { firstClass: 0.5 }), rangeFault("firstClass", "an integer ≥ 0", "0.5")],
    ["partial", "weights", () => split.partial(x, target, Object.assign({ firstClass: 0 }, { weight: 1 })), optionFault("options")],
    ["merge", "no states", () => split.merge([]), shapeFault("states", "of at least one state", "none")],
    ["merge", "what is no state", () => split.merge([{} as never]), typeFault("states[0]", "a state that vocabParallelCrossEntropy.partial gave")],
    ["merge", "states without the first classes", () => split.merge([b]), rangeFault("states", "one that starts at class 0", "one that starts at 2")],
    ["merge", "states that overlap", () => split.merge([a, a]), rangeFault("states", "one that starts at class 2", "one that starts at 0")],
    ["merge", "states without the target's class", () => split.merge([a]), rangeFault("states", "no class of row 1's target among them")],
    ["merge", "states of two dtypes", () => split.merge([a, { ...b, dtype: "float64" }]), dtypeFault("states[1]", "float32 as states[0] is", "float64")],
    ["merge", "a state without an element type", () => split.merge([{ ...a, dtype: undefined as never }, b]), typeFault("states[0].dtype")],
    ["merge", "a target beyond the classes", () => split.merge([{ ...a, target: Int32Array.of(2, -1) }, b]), rangeFault("states[0].target[0]", "2")],
    ["merge", "states of other targets", () => split.merge([a, split.partial(x, Int32Array.of(3, 2), { firstClass: 2 })]), rangeFault("states", "of the same targets", "row 0")],
    ["merge", "a row that one worker ignores", () => split.merge([a, split.partial(x, Int32Array.of(-100, 2), { firstClass: 2 })]), rangeFault("states", "of the same targets", "row 0")],
    ["partial", "no class to begin with", () => split.partial(x, target, { firstClass: null as never }), typeFault("firstClass")],
    ["grad", "a divisor below 0", () => split.grad(x, a, { ...merged, divisor: -1 }), rangeFault("merged.divisor", "-1")],
    ["grad", "no divisor", () => split.grad(x, a, { ...merged, divisor: undefined as never }), typeFault("merged.divisor")],
    ["grad", "a part without its rows", () => split.grad(x, a, { ...merged, parts: [null as never, ...merged.parts.map((part) => ({ ...part, missing: new Float64Array(1) }))] }), rangeFault("merged")],
    ["merge", "states of other rows", () => split.merge([a, split.partial(Float32Array.of(1), Int32Array.of(2), { firstClass: 2 })]), shapeFault("states[1]", "of 2 rows", "1")],
    ["merge", "another reduction", () => split.merge([a, b], { reduction: "batchmean" as never }), rangeFault("reduction", '"mean", "sum" or "none"', '"batchmean"')],
    ["merge", "a normalizer of a sum", () => split.merge([a, b], { reduction: "sum", normalizer: 2 }), optionFault("normalizer")],
    ["grad", "logits of another shape", () => split.grad({ data: x.data, shape: [1, 4] }, a, merged), shapeFault("logits", "of shape [2, 2]", "shape [1, 4]")],
    ["grad", "logits of another dtype", () => split.grad(new Float64Array(4), a, merged), dtypeFault("logits", "float32 as the state is", "float64")],
    ["grad", "what is merged of others", () => split.grad(x, { ...a, firstClass: 1 }, merged), rangeFault("merged", "one without it")],
    ["grad", "a gradient for each row of a mean", () => split.grad(x, a, merged, { gradOutput: Float32Array.of(1, 2) }), typeFault("gradOutput", "a number where the value is")],
  ] as const)("%s: %s", (method, _, act, fault) => expectFault(thrown(act), `vocabParallelCrossEntropy.${method}`, fault));
});
