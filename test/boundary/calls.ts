// What the boundary suites need to know of every function: valid arguments, and what each option refuses. Values are
// the concern of other suites; here they only have to be inside the domains.
import * as scalar from "fused-loss/scalar";
import * as simd128 from "fused-loss";

export type FloatType = "float32" | "float64";
export type Numbers = Float32Array | Float64Array;
export type Callable = (...args: unknown[]) => unknown;
/** Where an array lies: in JavaScript, in the engine, or in the engine but given as `Tensor.data`. */
export type Residence = "array" | "tensor" | "view";

/** A shape with its elements. */
export interface Argument {
  readonly name: string;
  readonly kind: "float" | "flag" | "index";
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** Numbers that the argument may not hold. */
  readonly outside?: readonly number[];
  readonly lastMayLack?: boolean;
  /** Where not any other shape is refused: some that are, and how the error says what is expected. */
  readonly refused?: { readonly shapes: readonly (readonly number[])[]; readonly says: string };
}

export interface OptionInfo {
  readonly name: string;
  readonly good: unknown;
  /** Of the right type but out of range. */
  readonly outside: readonly unknown[];
  readonly wrongType: readonly unknown[];
}

interface Base {
  /** The exported name. */
  readonly name: string;
  /** The name with the kind of its target, where that matters. */
  readonly title: string;
  readonly args: readonly Argument[];
  readonly options: readonly OptionInfo[];
}

export interface LossInfo extends Base {
  readonly layout: "pointwise" | "index" | "distribution" | "rows";
  /** Without `weight`, which needs a weight. */
  readonly wrt: readonly string[];
  readonly defaults: number;
  /** The shape that `weight` must have, or that it must broadcast to; whether it is differentiable. */
  readonly weight?: { readonly shape: readonly number[]; readonly broadcast: boolean; readonly differentiable: boolean };
  readonly posWeight?: boolean;
  readonly batchmean?: boolean;
  /** The shape of the value under `reduction: "none"`. */
  readonly valueShape: readonly number[];
}

export interface FunctionInfo extends Base {
  /** A function of rows, which needs a shape. */
  readonly rows: boolean;
  readonly valueShape: readonly number[];
}

const SHAPE = [2, 3] as const;
const ANY = [0.5, -1.25, 2, 0.75, -0.25, 1.5];
const OTHER = [0.25, 1, -0.5, 0.125, 2, -1];
const UNIT = [0.5, 0.25, 0.75, 0.125, 1, 0];
const POSITIVE = [0.5, 1, 2, 0.25, 4, 1.5];
const SIGNS = [1, -1, 1, 1, -1, -1];
const OFF_UNIT = [-0.001, 1.001, 2, -1, Infinity, -Infinity];
const OFF_SIGN = [0, 2, -0.5, Infinity, 1.0000001];

const argument = (name: string, values: readonly number[], more: Partial<Argument> = {}): Argument => ({
  name,
  kind: "float",
  shape: SHAPE,
  values,
  ...more,
});
const input = argument("input", ANY);
const target = argument("target", OTHER);
const signs = argument("target", SIGNS, { kind: "flag", outside: OFF_SIGN });

const notNumbers: readonly unknown[] = ["1", "", null, true, 1n, {}, [1], Symbol("s"), () => 1, Object(1), Float32Array.of(1)];
const number = (name: string, good: number, outside: readonly number[]): OptionInfo => ({
  name,
  good,
  outside,
  wrongType: notNumbers,
});
const positive = (name: string, good: number) => number(name, good, [0, -0, -1, Number.NaN, Infinity, -Infinity]);
const nonNegative = (name: string, good: number) => number(name, good, [-1, -Number.MIN_VALUE, Number.NaN, Infinity, -Infinity]);
const fraction = (name: string, good: number) => number(name, good, [-0.001, 1.001, Number.NaN, Infinity, -Infinity]);
const finite = (name: string, good: number) => number(name, good, [Number.NaN, Infinity, -Infinity]);
const flag = (name: string): OptionInfo => ({ name, good: true, outside: [], wrongType: [0, 1, "true", null, {}, 1n] });

function pointwise(name: string, args: readonly Argument[], more: Partial<LossInfo> = {}): LossInfo {
  const wrt = more.wrt ?? ["input", "target"];
  return { name, title: name, layout: "pointwise", args, options: [], wrt, defaults: 1, valueShape: SHAPE, ...more };
}
/** A loss of rows along the last dimension. */
const rowwise = (name: string, args: readonly Argument[], more: Partial<LossInfo>): LossInfo => ({
  ...pointwise(name, args, more),
  layout: "rows",
  valueShape: [2],
});

const fullWeight = { shape: SHAPE, broadcast: false, differentiable: true };
const broadcastWeight = { shape: SHAPE, broadcast: true, differentiable: false };
const onlyInput = { wrt: ["input"] };

const classes = argument("target", [2, 0], { kind: "index", shape: [2] });
const ignoreIndex: OptionInfo = {
  name: "ignoreIndex",
  good: -1,
  outside: [0.5, Number.NaN, Infinity, -Infinity, 2 ** 53],
  wrongType: notNumbers,
};
/** Of a layer from 3 to 2. */
const linearWeight = argument("linearWeight", OTHER, {
  refused: { shapes: [[6], [3, 2], [1, 6], [6, 1], [2, 3, 1], [1, 2, 3], [3], [], [2, 2], [2, 0]], says: "[C, " },
});
const classWeight = (differentiable: boolean) => ({ shape: [3], broadcast: false, differentiable });
const crossEntropyOptions = [fraction("labelSmoothing", 0.1), nonNegative("zLoss", 0.1), positive("softcap", 3)];

export const losses: readonly LossInfo[] = [
  pointwise("mse", [input, target], { weight: fullWeight }),
  pointwise("l1", [input, target], { weight: fullWeight }),
  pointwise("smoothL1", [input, target], { options: [nonNegative("beta", 0.5)] }),
  pointwise("huber", [input, target], { options: [positive("delta", 0.5)], weight: fullWeight }),
  pointwise("logCosh", [input, target]),
  pointwise("quantile", [input, target], { options: [fraction("q", 0.25)] }),
  pointwise("hinge", [input, signs], onlyInput),
  pointwise("squaredHinge", [input, signs], onlyInput),
  pointwise("bce", [argument("input", UNIT, { outside: OFF_UNIT }), argument("target", UNIT, { kind: "flag", outside: OFF_UNIT })], {
    weight: broadcastWeight,
  }),
  pointwise("bceWithLogits", [input, argument("target", UNIT, { kind: "flag" })], { weight: broadcastWeight, posWeight: true }),
  pointwise("klDiv", [argument("input", ANY), argument("target", POSITIVE)], { options: [flag("logTarget")], batchmean: true }),
  pointwise("softMargin", [input, argument("target", SIGNS, { kind: "flag" })], onlyInput),
  pointwise("hingeEmbedding", [input, signs], { ...onlyInput, options: [finite("margin", 0.5)] }),
  pointwise(
    "dpo",
    [argument("policyChosen", ANY), argument("policyRejected", OTHER), argument("referenceChosen", POSITIVE), argument("referenceRejected", UNIT)],
    { options: [positive("beta", 0.5), fraction("labelSmoothing", 0.25)], wrt: ["policyChosen", "policyRejected"], defaults: 2 },
  ),
  pointwise("marginRanking", [argument("input1", ANY), argument("input2", OTHER), argument("target", SIGNS, { kind: "flag" })], {
    options: [finite("margin", 0.5)],
    wrt: ["input1", "input2"],
    defaults: 2,
  }),
  pointwise("poissonNll", [input, argument("target", POSITIVE)], {
    ...onlyInput,
    options: [flag("logInput"), flag("full"), nonNegative("eps", 1e-6)],
  }),
  pointwise(
    "gaussianNll",
    [input, target, argument("variance", POSITIVE, { outside: [-1, -1e-30, -Infinity], lastMayLack: true })],
    { options: [flag("full"), positive("eps", 1e-3)], wrt: ["input", "variance", "target"], defaults: 2 },
  ),
  {
    ...pointwise("nll", [input, classes], { ...onlyInput, options: [ignoreIndex], weight: classWeight(false) }),
    layout: "index",
    valueShape: [2],
  },
  {
    ...pointwise("crossEntropy", [input, classes], {
      ...onlyInput,
      options: [ignoreIndex, ...crossEntropyOptions],
      weight: classWeight(false),
    }),
    layout: "index",
    valueShape: [2],
  },
  {
    ...pointwise("crossEntropy", [input, argument("target", UNIT)], { options: crossEntropyOptions, weight: classWeight(true) }),
    title: "crossEntropy of probabilities",
    layout: "distribution",
    valueShape: [2],
  },
  {
    ...pointwise("multiMargin", [input, classes], {
      ...onlyInput,
      options: [number("p", 2, [0, 3, 1.5, Number.NaN, Infinity]), finite("margin", 0.5)],
      weight: classWeight(false),
    }),
    layout: "index",
    valueShape: [2],
  },
  { ...pointwise("sparsemax", [input, classes], onlyInput), layout: "index", valueShape: [2] },
  {
    ...pointwise("linearCrossEntropy", [input, linearWeight, argument("target", [1, 0], { kind: "index", shape: [2] })], {
      options: [ignoreIndex, fraction("labelSmoothing", 0.1), number("chunk", 128, [0, -1, 0.5, Number.NaN, Infinity, 2 ** 53])],
      weight: { shape: [2], broadcast: false, differentiable: false },
      wrt: ["input", "linearWeight"],
      defaults: 2,
    }),
    layout: "index",
    valueShape: [2],
  },
  rowwise("cosineEmbedding", [argument("input1", ANY), argument("input2", OTHER), argument("target", [1, -1], { kind: "flag", shape: [2] })], {
    options: [finite("margin", 0.5)],
    wrt: ["input1", "input2"],
    defaults: 2,
  }),
  rowwise("dice", [argument("input", UNIT), argument("target", UNIT, { kind: "flag" })], { ...onlyInput, options: [nonNegative("smooth", 0.5)] }),
  rowwise("tversky", [argument("input", UNIT), argument("target", UNIT, { kind: "flag" })], {
    ...onlyInput,
    options: [nonNegative("alpha", 0.5), nonNegative("beta", 0.25), nonNegative("smooth", 0.5)],
  }),
  rowwise("tripletMargin", [argument("anchor", ANY), argument("positive", OTHER), argument("negative", POSITIVE)], {
    options: [positive("margin", 0.5), number("p", 3, [0.5, 0, -1, Number.NaN, -Infinity]), nonNegative("eps", 0.01), flag("swap")],
    wrt: ["anchor", "positive", "negative"],
    defaults: 3,
  }),
  rowwise("tripletMarginWithDistance", [argument("anchor", ANY), argument("positive", OTHER), argument("negative", POSITIVE)], {
    options: [positive("margin", 0.5), flag("swap"), { name: "distance", good: "cosine", outside: ["l2", "Cosine"], wrongType: [1, null, true, {}, [], 1n] }],
    wrt: ["anchor", "positive", "negative"],
    defaults: 3,
  }),
  rowwise("multiLabelMargin", [input, argument("target", [2, 0, -1, 1, -1, 7], { kind: "index" })], onlyInput),
  rowwise("multiLabelSoftMargin", [input, argument("target", UNIT, { kind: "flag" })], { ...onlyInput, weight: classWeight(false) }),
  rowwise("rankingSoftmax", [argument("scores", ANY), argument("labels", POSITIVE)], { wrt: ["scores"] }),
];

const axis = number("axis", 0, [2, -3, 0.5, Number.NaN, Infinity, 2 ** 31, 2 ** 53]);
const xOf = (name: string, more: Partial<FunctionInfo> = {}): FunctionInfo => ({
  name,
  title: name,
  args: [argument("x", ANY)],
  options: [],
  rows: false,
  valueShape: SHAPE,
  ...more,
});

export const functions: readonly FunctionInfo[] = [
  xOf("softmax", { options: [axis], rows: true }),
  xOf("logSoftmax", { options: [axis], rows: true }),
  xOf("logSumExp", { options: [axis], rows: true, valueShape: [2] }),
  xOf("sigmoid"),
  xOf("logSigmoid"),
  xOf("softplus", { options: [positive("beta", 2), finite("threshold", 10)] }),
];

export type Entry = typeof simd128;
export const entries: Readonly<Record<string, Entry>> = { "fused-loss": simd128, "fused-loss/scalar": scalar };

/** An exported function, past its types. */
export const exported = (name: string, entry: Entry = simd128) =>
  (entry as unknown as Record<string, Callable & { valueAndGrad: Callable; vjp: Callable }>)[name] as Callable & {
    readonly valueAndGrad: Callable;
    readonly vjp: Callable;
  };

export const floats = (dtype: FloatType, values: readonly number[]): Numbers =>
  dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);

export const otherType = (dtype: FloatType): FloatType => (dtype === "float32" ? "float64" : "float32");

export const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** An argument's elements, as a typed array of its kind. */
export function elements(arg: Pick<Argument, "kind" | "values">, dtype: FloatType): Numbers | Int32Array {
  return arg.kind === "index" ? Int32Array.from(arg.values) : floats(dtype, arg.values);
}

export interface Shaped {
  readonly data: simd128.TypedArray;
  readonly shape: readonly number[];
}
export type Placed = Shaped | simd128.Tensor;

/** An array where a test wants it. Views go stale when memory grows, so they are taken by {@link given}. */
export function place(data: simd128.TypedArray, shape: readonly number[], residence: Residence, entry: Entry = simd128): Placed {
  return residence === "array" ? { data, shape } : entry.tensor(data, shape);
}

/** What is passed to a call. */
export const given = (placed: Placed, residence: Residence): Placed =>
  residence === "view" ? { data: placed.data, shape: placed.shape } : placed;

/** The bytes of an array, copied. */
export const bytes = (array: ArrayBufferView) => Uint8Array.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));

/** A call with a place for every result, ready to be made or spoilt. */
export interface Prepared {
  readonly fn: Callable;
  readonly args: unknown[];
  options: Record<string, unknown>;
  /** Everything that may not change when the call throws. */
  readonly memory: Placed[];
}

const SENTINEL = 77;

/** A valid call of a loss with `reduction: "none"`; `inPlace` puts gradients over their arguments. */
export function prepareLoss(info: LossInfo, dtype: FloatType, form: "value" | "valueAndGrad", residence: Residence, inPlace = false): Prepared {
  const args = info.args.map((arg) => place(elements(arg, dtype), arg.shape, residence));
  const memory: Placed[] = [...args];
  const fresh = (shape: readonly number[]) => {
    const made = place(floats(dtype, Array<number>(sizeOf(shape)).fill(SENTINEL)), shape, residence);
    memory.push(made);
    return made;
  };
  const out: Record<string, unknown> = { value: fresh(info.valueShape) };
  const options: Record<string, unknown> = { reduction: "none", out };
  if (form === "valueAndGrad") {
    const wanted = info.wrt.slice(0, info.defaults);
    out.grads = Object.fromEntries(
      wanted.map((name) => {
        const k = info.args.findIndex((arg) => arg.name === name);
        return [name, inPlace ? args[k] : fresh(info.args[k]?.shape ?? [])];
      }),
    );
  }
  const f = exported(info.name);
  return { fn: form === "value" ? f : f.valueAndGrad, args, options, memory };
}

/** A valid call of a function with `out`; `inPlace` puts the result over `x` where it may. */
export function prepareFunction(info: FunctionInfo, dtype: FloatType, form: "value" | "vjp", residence: Residence, inPlace = false): Prepared {
  const [x] = info.args;
  if (!x) throw new Error("a function has an argument");
  const first = place(elements(x, dtype), x.shape, residence);
  const args: Placed[] = [first];
  const memory: Placed[] = [first];
  const shape = form === "vjp" ? x.shape : info.valueShape;
  if (form === "vjp") args.push(place(floats(dtype, Array<number>(sizeOf(info.valueShape)).fill(0.5)), info.valueShape, residence));
  const covers = inPlace && shape.length === x.shape.length;
  const out = covers ? first : place(floats(dtype, Array<number>(sizeOf(shape)).fill(SENTINEL)), shape, residence);
  memory.push(...args.slice(1), out);
  const f = exported(info.name);
  return { fn: form === "value" ? f : f.vjp, args, options: { out }, memory };
}

/** Disposes the tensors of a call. */
export function release({ memory }: Prepared) {
  for (const placed of memory) if (placed instanceof simd128.Tensor) placed.dispose();
}
