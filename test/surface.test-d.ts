// The types of the surface, as a user's compiler sees dist/index.d.ts.
import {
  type CommonOptions,
  type DType,
  type FloatArray,
  type Floats,
  type Reduction,
  type Result,
  type Tensor,
  bce,
  bceWithLogits,
  crossEntropy,
  gaussianNll,
  hinge,
  huber,
  klDiv,
  l1,
  logSoftmax,
  logSumExp,
  marginRanking,
  mse,
  nll,
  poissonNll,
  quantile,
  sigmoid,
  smoothL1,
  softMargin,
  softmax,
  softplus,
  squaredHinge,
  tensor,
  zeros,
} from "fused-loss";
import { BalancedSampler, classCounts, classWeights } from "fused-loss/sampling";
import * as scalar from "fused-loss/scalar";
import { gradcheck } from "fused-loss/testing";
import * as simd128 from "fused-loss";
import { describe, expectTypeOf, it } from "vitest";

type F32 = Float32Array<ArrayBuffer>;
type F64 = Float64Array<ArrayBuffer>;

declare const x: Float32Array<ArrayBufferLike>;
declare const y: Float32Array<ArrayBufferLike>;
declare const x64: Float64Array<ArrayBufferLike>;
declare const shaped: { data: Float32Array; shape: number[] };
declare const shaped64: { readonly data: Float64Array; readonly shape: readonly [2, 3] };
declare const t32: Tensor<"float32">;
declare const t64: Tensor<"float64">;
declare const either: FloatArray;
declare const labels: Int32Array;
declare const list: number[];
declare const reduction: Reduction;
declare const meanOrNone: "mean" | "none";
declare const meanOrSum: "mean" | "sum";
declare const maybeNone: "none" | undefined;
declare const maybe: Tensor<"float32"> | undefined;

describe("values", () => {
  it("a literal reduction decides between a number and an array", () => {
    expectTypeOf(mse(x, y)).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, {})).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, undefined)).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, { reduction: undefined })).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, { reduction: "mean" })).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, { reduction: "sum" })).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(mse.valueAndGrad(x, y).value).toEqualTypeOf<number>();
    expectTypeOf(mse.valueAndGrad(x, y, { reduction: "none" }).value).toEqualTypeOf<F32>();
    expectTypeOf(klDiv(shaped, shaped, { reduction: "batchmean" })).toEqualTypeOf<number>();
    expectTypeOf(crossEntropy(x, labels, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(gaussianNll(x64, x64, x64, { reduction: "none" })).toEqualTypeOf<F64>();
    expectTypeOf(marginRanking(x, x, y, { reduction: "none" })).toEqualTypeOf<F32>();
  });

  it("so does a constant of options", () => {
    const none = { reduction: "none" } as const;
    expectTypeOf(mse(x, y, none)).toEqualTypeOf<F32>();
    const options = { reduction: "sum" as const, normalizer: undefined };
    expectTypeOf(mse(x, y, options)).toEqualTypeOf<number>();
  });

  it("a union gives a union", () => {
    expectTypeOf(mse(x, y, { reduction })).toEqualTypeOf<number | F32>();
    expectTypeOf(mse(x, y, { reduction: meanOrNone })).toEqualTypeOf<number | F32>();
    expectTypeOf(mse(x, y, { reduction: meanOrSum })).toEqualTypeOf<number>();
    expectTypeOf(mse(x, y, { reduction: maybeNone })).toEqualTypeOf<number | F32>();
    expectTypeOf(mse.valueAndGrad(x, y, { reduction }).value).toEqualTypeOf<number | F32>();
    const common: CommonOptions = {};
    expectTypeOf(mse(x, y, common)).toEqualTypeOf<number | F32>();
  });

  it("the input decides between float32 and float64", () => {
    expectTypeOf(mse(x64, x64, { reduction: "none" })).toEqualTypeOf<F64>();
    expectTypeOf(mse(shaped, shaped, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(mse(shaped64, shaped64, { reduction: "none" })).toEqualTypeOf<F64>();
    expectTypeOf(mse(t32, t32, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(mse(t64, t64, { reduction: "none" })).toEqualTypeOf<F64>();
    expectTypeOf(mse(t32, y, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(mse(shaped, t32, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf<Result<FloatArray>>().toEqualTypeOf<F32 | F64>();
    expectTypeOf(sigmoid(either)).toEqualTypeOf<F32 | F64>();
  });

  it("takes any buffer and gives arrays of plain ones", () => {
    const shared = new Float32Array(new SharedArrayBuffer(4));
    expectTypeOf(mse(shared, shared, { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(mse.valueAndGrad(shared, shared).grads.input).toEqualTypeOf<F32>();
    expectTypeOf(sigmoid(shared)).toEqualTypeOf<F32>();
  });
});

describe("grads", () => {
  it("are of the default arguments", () => {
    expectTypeOf(mse.valueAndGrad(x, y).grads).toEqualTypeOf<{ readonly input: F32 }>();
    expectTypeOf(mse.valueAndGrad(x64, x64, { reduction: "sum" }).grads).toEqualTypeOf<{ readonly input: F64 }>();
    expectTypeOf(marginRanking.valueAndGrad(x, x, y).grads).toEqualTypeOf<{ readonly input1: F32; readonly input2: F32 }>();
    expectTypeOf(gaussianNll.valueAndGrad(x, y, y).grads).toEqualTypeOf<{ readonly input: F32; readonly variance: F32 }>();
    expectTypeOf(crossEntropy.valueAndGrad(x, labels).grads).toEqualTypeOf<{ readonly input: F32 }>();
    expectTypeOf(crossEntropy.valueAndGrad(shaped, shaped).grads).toEqualTypeOf<{ readonly input: F32 }>();
    expectTypeOf(nll.valueAndGrad(t64, labels).grads).toEqualTypeOf<{ readonly input: F64 }>();
  });

  it("are of those that wrt names", () => {
    expectTypeOf(mse.valueAndGrad(x, y, { wrt: ["target"] }).grads).toEqualTypeOf<{ readonly target: F32 }>();
    expectTypeOf(mse.valueAndGrad(x, y, { wrt: ["input", "weight"], weight: y }).grads).toEqualTypeOf<{ readonly input: F32; readonly weight: F32 }>();
    expectTypeOf(mse.valueAndGrad(x, y, { wrt: [] }).grads).toEqualTypeOf<Record<never, F32>>();
    expectTypeOf(gaussianNll.valueAndGrad(x64, x64, x64, { wrt: ["target"] }).grads).toEqualTypeOf<{ readonly target: F64 }>();
    expectTypeOf(crossEntropy.valueAndGrad(shaped, shaped, { wrt: ["input", "target"] }).grads).toEqualTypeOf<{ readonly input: F32; readonly target: F32 }>();
    const wrt = ["input", "target"] as const;
    expectTypeOf(l1.valueAndGrad(x, y, { wrt }).grads).toEqualTypeOf<{ readonly input: F32; readonly target: F32 }>();
    // @ts-expect-error It is not asked for.
    void mse.valueAndGrad(x, y, { wrt: ["target"] }).grads.input;
    // @ts-expect-error Nor by default.
    void mse.valueAndGrad(x, y).grads.target;
  });

  it("refuse names that the loss cannot differentiate", () => {
    // @ts-expect-error No such argument.
    mse.valueAndGrad(x, y, { wrt: ["inptu"] });
    // @ts-expect-error hinge has none by its target.
    hinge.valueAndGrad(x, y, { wrt: ["target"] });
    // @ts-expect-error crossEntropy has none by class indices.
    crossEntropy.valueAndGrad(x, labels, { wrt: ["target"] });
    // @ts-expect-error bce has none by its weight.
    bce.valueAndGrad(x, y, { wrt: ["weight"], weight: y });
    // @ts-expect-error wrt is a list.
    mse.valueAndGrad(x, y, { wrt: "input" });
  });
});

describe("out", () => {
  it("is what comes back", () => {
    const shared = new Float32Array(new SharedArrayBuffer(4));
    expectTypeOf(mse.valueAndGrad(x, y, { out: { grads: { input: t32 } } }).grads.input).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(mse.valueAndGrad(x, y, { out: { grads: { input: shared } } }).grads.input).toEqualTypeOf<Float32Array<SharedArrayBuffer>>();
    const partial = mse.valueAndGrad(x, y, { wrt: ["input", "target"], out: { grads: { input: t32 } } });
    expectTypeOf(partial.grads).toEqualTypeOf<{ readonly input: Tensor<"float32">; readonly target: F32 }>();
    expectTypeOf(mse(x, y, { reduction: "none", out: { value: t32 } })).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(mse.valueAndGrad(x, y, { reduction: "none", out: { value: t32 } }).value).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(sigmoid(x, { out: t32 })).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(sigmoid.vjp(x, y, { out: t32 })).toEqualTypeOf<Tensor<"float32">>();
  });

  it("that may be absent may be either", () => {
    expectTypeOf(mse.valueAndGrad(x, y, { out: { grads: { input: maybe } } }).grads.input).toEqualTypeOf<Tensor<"float32"> | F32>();
    expectTypeOf(mse(x, y, { reduction: "none", out: { value: maybe } })).toEqualTypeOf<Tensor<"float32"> | F32>();
    expectTypeOf(sigmoid(x, { out: maybe })).toEqualTypeOf<Tensor<"float32"> | F32>();
    expectTypeOf(mse(x, y, { reduction: "none", out: undefined })).toEqualTypeOf<F32>();
  });

  it("refuses what cannot hold a result", () => {
    // @ts-expect-error Integers cannot.
    mse.valueAndGrad(x, y, { out: { grads: { input: labels } } });
    // @ts-expect-error Nor can a list.
    sigmoid(x, { out: list });
    // @ts-expect-error Nor is out an array.
    mse.valueAndGrad(x, y, { out: x });
    // @ts-expect-error A name that the loss cannot differentiate.
    hinge.valueAndGrad(x, y, { out: { grads: { target: x } } });
  });
});

describe("arguments", () => {
  it("of mixed types are refused", () => {
    // @ts-expect-error float64 beside float32
    mse(x, x64);
    // @ts-expect-error Mixed types.
    mse(x64, y);
    // @ts-expect-error Mixed types.
    mse(t32, t64);
    // @ts-expect-error Mixed types.
    mse(shaped, shaped64);
    // @ts-expect-error Mixed types.
    mse.valueAndGrad(x, x64);
    // @ts-expect-error Mixed types.
    gaussianNll(x, y, x64);
    // @ts-expect-error Mixed types.
    marginRanking(x, x64, y);
    // @ts-expect-error Mixed types.
    crossEntropy(shaped, shaped64);
    // @ts-expect-error Mixed types.
    sigmoid.vjp(x, x64);
    // @ts-expect-error Mixed types.
    softmax.vjp(t64, t32);
  });

  it("that are no data are refused", () => {
    // @ts-expect-error number[]
    mse(list, list);
    // @ts-expect-error No data.
    mse(x, list);
    // @ts-expect-error No data.
    nll(x, list);
    // @ts-expect-error No data.
    mse({ data: list, shape: [1] }, y);
    // @ts-expect-error No data.
    mse(x);
    // @ts-expect-error No data.
    mse();
    // @ts-expect-error No data.
    mse(x, null);
    // @ts-expect-error No data.
    mse(labels, labels);
    // @ts-expect-error No data.
    sigmoid(labels);
    // @ts-expect-error No data.
    sigmoid.vjp(x);
    // @ts-expect-error No shape.
    mse({ data: x }, y);
    // @ts-expect-error A tensor of integers.
    mse(zeros([2], { dtype: "int32" }), y);
  });

  it("targets take the arrays that they may be, and no others", () => {
    for (const target of [new Int32Array(1), new Uint8Array(1), new Uint16Array(1), new Uint32Array(1), new BigInt64Array(1)] as const) {
      expectTypeOf(nll(x, target)).toEqualTypeOf<number>();
      expectTypeOf(crossEntropy(x, { data: target, shape: [1] })).toEqualTypeOf<number>();
    }
    nll(x, zeros([2], { dtype: "uint8" }));
    nll(x, zeros([2], { dtype: "bigint64" }));
    // @ts-expect-error Not among its targets.
    nll(x, new Int8Array(1));
    // @ts-expect-error Not among its targets.
    nll(x, y);
    // @ts-expect-error Not among its targets.
    nll(x, zeros([2], { dtype: "int8" }));
    // @ts-expect-error Not among its targets.
    crossEntropy(x, new BigUint64Array(1));
    for (const target of [new Int8Array(1), new Uint8Array(1), new Int32Array(1), new BigInt64Array(1)] as const) {
      expectTypeOf(bce(x, target)).toEqualTypeOf<number>();
      expectTypeOf(bceWithLogits(x, target)).toEqualTypeOf<number>();
      expectTypeOf(hinge(x, target)).toEqualTypeOf<number>();
      expectTypeOf(squaredHinge(x, target)).toEqualTypeOf<number>();
      expectTypeOf(softMargin(x, target)).toEqualTypeOf<number>();
      expectTypeOf(marginRanking(x, x, target)).toEqualTypeOf<number>();
    }
    // @ts-expect-error Not among its targets.
    hinge(x, new Uint16Array(1));
    // @ts-expect-error mse takes floats only.
    mse(x, new Int8Array(1));
  });
});

describe("options", () => {
  it("own ones are typed", () => {
    huber(x, y, { delta: 2, weight: y });
    smoothL1(x, y, { beta: 0 });
    quantile(x, y, { q: 0.9 });
    poissonNll(x, y, { logInput: false, full: true, eps: 0 });
    softplus(x, { beta: 2, threshold: 10 });
    softmax(shaped, { axis: 0 });
    logSoftmax(shaped, { axis: 0 });
    bceWithLogits(x, y, { weight: y, posWeight: y });
    crossEntropy(x, labels, { labelSmoothing: 0.1, zLoss: 1e-4, softcap: 30, ignoreIndex: 0, weight: y });
    // @ts-expect-error Of a wrong type.
    huber(x, y, { delta: "2" });
    // @ts-expect-error Of a wrong type.
    poissonNll(x, y, { logInput: 1 });
    // @ts-expect-error Of a wrong type.
    crossEntropy(x, labels, { ignoreIndex: 5n });
    // @ts-expect-error Of a wrong type.
    crossEntropy(x, labels, { weight: list });
    // @ts-expect-error Of a wrong type.
    softmax(shaped, { axis: "last" });
  });

  it("common ones too", () => {
    mse(x, y, { normalizer: 3 });
    mse.valueAndGrad(x, y, { gradOutput: 2 });
    mse.valueAndGrad(x, y, { gradOutput: y, reduction: "none" });
    // @ts-expect-error Of a wrong type.
    mse(x, y, { reduction: "avg" });
    // @ts-expect-error Only klDiv has it.
    mse(x, y, { reduction: "batchmean" });
    // @ts-expect-error Of a wrong type.
    mse(x, y, { reduction: null });
    // @ts-expect-error Of a wrong type.
    mse(x, y, { normalizer: "3" });
    // @ts-expect-error Of a wrong type.
    mse.valueAndGrad(x, y, { gradOutput: list });
    // @ts-expect-error Options, not a bare reduction.
    mse(x, y, "sum");
  });

  it("a misspelt name alone is refused", () => {
    // @ts-expect-error No such option.
    mse(x, y, { reducton: "sum" });
    // @ts-expect-error No such option.
    huber(x, y, { dleta: 2 });
    // @ts-expect-error No such option.
    softplus(x, { sharpness: 2 });
    // @ts-expect-error No such option.
    mse.valueAndGrad(x, y, { out: { gradz: {} } });
    // @ts-expect-error No such option.
    sigmoid(x, { axis: 1 });
  });

  // What types do not see, and run time does. Options are inferred, so that their literals decide what comes back, and
  // an inferred type may have more names than its bound. Forbidden combinations would make a union of every signature.
  it("leave to run time", () => {
    // A misspelt name, or another function's, beside a right one.
    mse(x, y, { reduction: "sum", normaliser: 2 });
    crossEntropy(x, labels, { labelSmoothing: 0.1, delta: 2 });
    // Options of gradients where none are computed, beside a right one.
    mse(x, y, { reduction: "sum", wrt: ["input"] });
    // Combinations.
    mse(x, y, { reduction: "sum", normalizer: 2 });
    mse.valueAndGrad(x, y, { wrt: ["weight"] });
    mse.valueAndGrad(x, y, { gradOutput: y });
    mse.valueAndGrad(x, y, { out: { value: y } });
    crossEntropy(shaped, shaped, { ignoreIndex: 1 });
    // Arrays of another dtype among the options.
    mse(x, y, { weight: x64 });
    sigmoid(x, { out: x64 });
    // Ranges, shapes and lengths.
    huber(x, y, { delta: -1 });
  });
});

describe("functions", () => {
  it("give the input's kind of array, with vjp", () => {
    expectTypeOf(sigmoid(x)).toEqualTypeOf<F32>();
    expectTypeOf(sigmoid(x64)).toEqualTypeOf<F64>();
    expectTypeOf(softmax(t64)).toEqualTypeOf<F64>();
    expectTypeOf(logSumExp(shaped, { axis: 0 })).toEqualTypeOf<F32>();
    expectTypeOf(sigmoid.vjp(x, y)).toEqualTypeOf<F32>();
    expectTypeOf(softmax.vjp(shaped64, x64, { axis: 0 })).toEqualTypeOf<F64>();
    expectTypeOf(softplus.vjp(t32, y, { beta: 2 })).toEqualTypeOf<F32>();
    // @ts-expect-error A function has no gradient of a value.
    void sigmoid.valueAndGrad;
    // @ts-expect-error A loss has no vjp.
    void mse.vjp;
  });
});

describe("tensors", () => {
  it("carry their dtype", () => {
    expectTypeOf(zeros([2])).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(zeros([2], { dtype: "float64" })).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(zeros([2], { dtype: "bigint64" }).data).toEqualTypeOf<BigInt64Array<ArrayBuffer>>();
    expectTypeOf(zeros([2]).data).toEqualTypeOf<F32>();
    expectTypeOf(tensor(x)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(tensor(new Float64Array(1), [1])).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(tensor(labels)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(tensor(new Uint8Array(1))).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(tensor(new Uint16Array(1))).toEqualTypeOf<Tensor<"uint16">>();
    expectTypeOf(tensor(new Uint32Array(1))).toEqualTypeOf<Tensor<"uint32">>();
    expectTypeOf(tensor(new Int8Array(1))).toEqualTypeOf<Tensor<"int8">>();
    expectTypeOf(tensor(new BigInt64Array(1))).toEqualTypeOf<Tensor<"bigint64">>();
    expectTypeOf(tensor(either)).toEqualTypeOf<Tensor<"float32" | "float64">>();
    expectTypeOf(zeros([2]).shape).toEqualTypeOf<readonly number[]>();
    expectTypeOf(zeros([2]).dtype).toEqualTypeOf<"float32">();
    expectTypeOf(zeros([2])).toExtend<Disposable>();
    expectTypeOf<Tensor["dtype"]>().toEqualTypeOf<DType>();
    expectTypeOf<Tensor<"float32">>().toExtend<Floats>();
    expectTypeOf<Tensor<"float32">>().toExtend<Tensor>();
    expectTypeOf<Tensor<"float32">>().not.toExtend<Tensor<"float64">>();
  });

  it("refuse what is none", () => {
    // @ts-expect-error Not allowed.
    zeros(2);
    // @ts-expect-error Not allowed.
    zeros([2], { dtype: "float16" });
    // @ts-expect-error Not allowed.
    zeros([2], "float64");
    // @ts-expect-error Not allowed.
    zeros([2], { dype: "float64" });
    // @ts-expect-error Not allowed.
    tensor(list);
    // @ts-expect-error Not allowed.
    tensor(new Uint8ClampedArray(1));
    // @ts-expect-error Not allowed.
    tensor(x, 3);
    // @ts-expect-error Not allowed.
    t32.shape = [3];
    // @ts-expect-error Not allowed.
    t32.data = x;
  });

  it("are freed by using", () => {
    const scope = () => {
      using made = zeros([2]);
      return made.size;
    };
    expectTypeOf(scope).returns.toEqualTypeOf<number>();
  });
});

describe("losses of two arrays, labels and sequences", () => {
  const x: F32 = new Float32Array(4);
  const rows = { data: x, shape: [2, 2] };
  const wide = { data: new Float64Array(4), shape: [2, 2] };

  it("differentiate by both, or by the first alone where the second is a target", () => {
    expectTypeOf(simd128.infoNce.valueAndGrad(rows, rows).grads).toEqualTypeOf<{ readonly query: F32; readonly key: F32 }>();
    expectTypeOf(simd128.giou.valueAndGrad(wide, wide, { wrt: ["boxes2"] }).grads).toEqualTypeOf<{ readonly boxes2: F64 }>();
    expectTypeOf(simd128.distillationKl.valueAndGrad(rows, rows, { reduction: "batchmean" }).grads).toEqualTypeOf<{ readonly student: F32 }>();
    // @ts-expect-error Element types must agree.
    simd128.clip(rows, wide);
    // @ts-expect-error batchmean is not among its reductions.
    simd128.jensenShannon(rows, rows, { reduction: "batchmean" });
  });

  it("take labels, lengths and plain numbers for them where the loss does", () => {
    expectTypeOf(simd128.supCon(rows, Int32Array.of(0, 1), { reduction: "none" })).toEqualTypeOf<F32>();
    expectTypeOf(simd128.ntXent.valueAndGrad(wide, Uint8Array.of(0, 1)).grads).toEqualTypeOf<{ readonly embeddings: F64 }>();
    expectTypeOf(simd128.ctc(rows, [1], 2, 1)).toEqualTypeOf<number>();
    // @ts-expect-error One of two words.
    simd128.ctc(rows, [1], 2, 1, { gradient: "log" });
    // @ts-expect-error Logits are no integers.
    simd128.poly(Int32Array.of(1, 2), Int32Array.of(0));
  });

  it("include a layer of the dtype that it is made with, and the hardest wrong classes", () => {
    const sizes = { inFeatures: 4, classes: 10, cutoffs: [2] };
    const layer = () => new simd128.AdaptiveLogSoftmax({ ...sizes, dtype: "float64" });
    expectTypeOf(layer).returns.toEqualTypeOf<simd128.AdaptiveLogSoftmax<"float64">>();
    expectTypeOf<simd128.AdaptiveLogSoftmax<"float64">["parameters"]["head"]["weight"]>().toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf<simd128.AdaptiveLogSoftmax<"float64">["logProb"]>().returns.toEqualTypeOf<F64>();
    const plain = () => new simd128.AdaptiveLogSoftmax(sizes).valueAndGrad(rows, Int32Array.of(0, 1)).grads.tail[0]?.weight;
    expectTypeOf(plain).returns.toEqualTypeOf<F32 | undefined>();
    const into = () => new simd128.AdaptiveLogSoftmax(sizes).valueAndGrad(rows, labels, { out: { output: t32, grads: { head: { weight: t32 }, tail: [{ projection: t32 }] } } });
    expectTypeOf(() => into().output).returns.toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(() => into().grads.head.weight).returns.toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(() => into().grads.tail[0]?.projection).returns.toEqualTypeOf<F32 | Tensor<"float32"> | undefined>();
    expectTypeOf(() => into().grads.input).returns.toEqualTypeOf<F32>();
    // @ts-expect-error A layer of float32.
    const wrong = () => new simd128.AdaptiveLogSoftmax(sizes).value(wide, Int32Array.of(0, 1));
    expectTypeOf(wrong).returns.toEqualTypeOf<number>();
    const part = () => simd128.partial(simd128.mse, [x, x], { start: 3, weight: x, normalizer: 2 });
    expectTypeOf(part).returns.toEqualTypeOf<simd128.PartialState>();
    expectTypeOf(() => simd128.merge([part()]).value).returns.toEqualTypeOf<number>();
    expectTypeOf(() => simd128.partial.valueAndGrad(crossEntropy, [wide, labels], { normalizer: 2, wrt: ["input"] }).grads.input).returns.toEqualTypeOf<F64 | undefined>();
    // @ts-expect-error Values are added up.
    const unreduced = () => simd128.partial(simd128.mse, [x, x], { reduction: "none" });
    // @ts-expect-error No such option.
    const unknown = () => simd128.partial(simd128.mse, [x, x], { delta: 1 });
    expectTypeOf(unreduced).toEqualTypeOf(unknown);
    const hard = () => simd128.hardestWrong(wide, Int32Array.of(0, 1));
    expectTypeOf(hard).returns.toEqualTypeOf<simd128.HardestWrong<typeof wide>>();
    expectTypeOf<simd128.HardestWrong<typeof wide>["wrong"]>().toEqualTypeOf<F64>();
    const scattered = () => hard().scatter(new Float64Array(2), new Float64Array(2), { out: zeros([2, 2], { dtype: "float64" }) });
    expectTypeOf(scattered).returns.toEqualTypeOf<Tensor<"float64">>();
  });
});

describe("helpers", () => {
  it("give batches of the items' type, and labels and weights that a loss takes", () => {
    const sampler = () => new BalancedSampler<Uint8Array>({ classes: 3, batchSize: 4 });
    expectTypeOf(sampler().next()).toEqualTypeOf<{ readonly items: Uint8Array[]; readonly labels: Int32Array<ArrayBuffer> }>();
    const weighted = () => crossEntropy(x, sampler().next().labels, { weight: classWeights(classCounts(labels, 3)) });
    expectTypeOf(weighted).returns.toEqualTypeOf<number>();
    const restored = () => sampler().restore(sampler().save());
    expectTypeOf(restored).returns.toEqualTypeOf<void>();
    expectTypeOf(classWeights([1, 2])).toEqualTypeOf<F32>();
    expectTypeOf(classWeights([1, 2], { dtype: "float64" })).toEqualTypeOf<F64>();
    classCounts(tensor(labels), 3);
    classCounts({ data: BigInt64Array.of(1n), shape: [1] }, 3);
    // @ts-expect-error Items of another type.
    const pushed = () => sampler().push("image", 0);
    expectTypeOf(pushed).returns.toEqualTypeOf<void>();
    // @ts-expect-error The number of classes is not known.
    const unknown = () => new BalancedSampler({ capacity: 3 });
    expectTypeOf(unknown).returns.toEqualTypeOf<BalancedSampler<unknown>>();
    // @ts-expect-error No such scheme.
    const scheme = () => classWeights([1, 2], { scheme: "sqrt" });
    expectTypeOf(scheme).returns.toEqualTypeOf<F32>();
  });

  it("check any loss", () => {
    const own = (input: Float64Array) => ({ value: 1, grads: { input } });
    expectTypeOf(gradcheck(own, { input: x64 }).worst.index).toEqualTypeOf<number>();
    expectTypeOf(gradcheck(crossEntropy, { input: x64, target: labels }, { options: { labelSmoothing: 0.1 } }).ok).toEqualTypeOf<boolean>();
    // @ts-expect-error No gradients.
    const none = () => gradcheck((input: Float64Array) => input.length, { input: x64 });
    expectTypeOf(none).returns.toHaveProperty("ok");
  });
});

describe("entries", () => {
  it("have the same types", () => {
    expectTypeOf<typeof scalar>().toEqualTypeOf<typeof simd128>();
    expectTypeOf(simd128.engineName).toEqualTypeOf<"simd128" | "scalar" | "threads">();
  });

  it("have errors that tell", () => {
    const error = new Error() as simd128.LossTypeError | simd128.LossRangeError;
    expectTypeOf(error.code).toEqualTypeOf<simd128.ErrorCode>();
    expectTypeOf(error.argument).toEqualTypeOf<string>();
    expectTypeOf(error.received).toEqualTypeOf<string>();
    expectTypeOf(error.expected).toEqualTypeOf<string>();
    expectTypeOf<simd128.LossTypeError>().toExtend<TypeError>();
    expectTypeOf<simd128.LossRangeError>().toExtend<RangeError>();
  });
});
