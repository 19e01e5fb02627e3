// fused-loss/tfjs and fused-loss/jax in the real libraries: models learn by our losses what they learn by the libraries' own.
import { defaultDevice, init, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import * as tf from "@tensorflow/tfjs";
import { bceWithLogits, clip, crossEntropy, dice, gaussianNll, huber, mse, multiLabelMargin, poly, tripletMargin } from "fused-loss";
import { lossAndGrad } from "fused-loss/jax";
import { compiledLoss, tensorLoss } from "fused-loss/tfjs";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { prepareTfjsWasm } from "../bench/tfjsWasm.js";
import type { LossCase } from "./cases/case.js";
import { givenTo, lossOf } from "./support/call.js";
import { lossCases } from "./support/cases.js";
import { normal, seeded } from "./support/draw.js";

vi.setConfig({ testTimeout: 60_000 });

const [SAMPLES, FEATURES, CLASSES] = [32, 7, 5];
const random = seeded(11);
const floats = (size: number, scale = 1) => Float32Array.from({ length: size }, () => normal(random, scale));
const images = floats(SAMPLES * FEATURES);
const weights = floats(FEATURES * CLASSES, 0.3);
const values = floats(SAMPLES * CLASSES);
const labels = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7) % CLASSES);
const bits = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => (i % 3 === 0 ? 1 : 0));
const oneHot = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => (i % CLASSES === labels[Math.floor(i / CLASSES)] ? 1 : 0));

const shape = [SAMPLES, CLASSES];
const STEPS = 25;

const argsOf = (one: LossCase) => one.sample(seeded(1), [2, 3], {}).args;
const twoArguments = lossCases.filter((one) => Object.keys(argsOf(one)).join() === "input,target");

/** Within what float32 loses in some steps of training. */
function expectNear(ours: ArrayLike<number>, theirs: ArrayLike<number>, tolerance = 2e-5) {
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < theirs.length; i++) expect(Math.abs((ours[i] as number) - (theirs[i] as number)), `element ${i}`).toBeLessThan(tolerance);
}

describe.each(["cpu", "wasm"])("TensorFlow.js on %s", (backend) => {
  beforeAll(async () => {
    prepareTfjsWasm();
    expect(await tf.setBackend(backend)).toBe(true);
  });
  beforeEach(() => tf.disposeVariables());

  const x = () => tf.tensor2d(images, [SAMPLES, FEATURES]);
  const truth = (data: Float32Array) => tf.tensor2d(data, [SAMPLES, CLASSES]);

  /** The weights after some steps of Adam by a loss of the logits. */
  function trained(loss: (logits: tf.Tensor) => tf.Scalar) {
    return tf.tidy(() => {
      const weight = tf.variable(tf.tensor2d(weights, [FEATURES, CLASSES]));
      const optimizer = tf.train.adam(0.05);
      const input = x();
      for (let step = 0; step < STEPS; step++) optimizer.minimize(() => loss(input.matMul(weight)));
      return weight.dataSync().slice();
    });
  }

  it.each<[string, (logits: tf.Tensor) => tf.Scalar, (logits: tf.Tensor) => tf.Scalar]>([
    ["crossEntropy of indices", (z) => tensorLoss(z, (s) => crossEntropy.valueAndGrad(s, labels)), (z) => tf.losses.softmaxCrossEntropy(truth(oneHot), z)],
    [
      "crossEntropy with labelSmoothing",
      (z) => tensorLoss(z, (s) => crossEntropy.valueAndGrad(s, labels, { labelSmoothing: 0.1 })),
      (z) => tf.losses.softmaxCrossEntropy(truth(oneHot), z, undefined, 0.1),
    ],
    ["bceWithLogits", (z) => tensorLoss(z, (s) => bceWithLogits.valueAndGrad(s, { data: bits, shape })), (z) => tf.losses.sigmoidCrossEntropy(truth(bits), z)],
    ["class indices as compiledLoss takes them", (z) => compiledLoss(crossEntropy)(tf.tensor1d(labels, "int32"), z), (z) => tf.losses.softmaxCrossEntropy(truth(oneHot), z)],
    ["class indices in a column of floats", (z) => compiledLoss(crossEntropy)(tf.tensor2d(Float32Array.from(labels), [SAMPLES, 1]), z), (z) => tf.losses.softmaxCrossEntropy(truth(oneHot), z)],
    ["mse", (z) => tensorLoss(z, (s) => mse.valueAndGrad(s, { data: values, shape })), (z) => tf.losses.meanSquaredError(truth(values), z)],
    ["huber", (z) => tensorLoss(z, (s) => huber.valueAndGrad(s, { data: values, shape })), (z) => tf.losses.huberLoss(truth(values), z)],
  ])("minimize learns the same by %s", (_, ours, theirs) => {
    const learned = trained(ours);
    expectNear(learned, trained(theirs));
    expect(Math.max(...learned.map((weight, i) => Math.abs(weight - (weights[i] ?? 0))))).toBeGreaterThan(0.1);
  });

  it.each<[string, (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Scalar, (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Scalar, () => tf.Tensor, () => tf.Tensor]>([
    ["one-hot labels", compiledLoss(crossEntropy), (t, z) => tf.losses.softmaxCrossEntropy(t, z), () => truth(oneHot), () => truth(oneHot)],
    ["one-hot labels in int32", compiledLoss(crossEntropy), (t, z) => tf.losses.softmaxCrossEntropy(t, z), () => tf.tensor2d(oneHot, [SAMPLES, CLASSES], "int32"), () => truth(oneHot)],
    ["values", compiledLoss(mse), (t, z) => tf.losses.meanSquaredError(t, z), () => truth(values), () => truth(values)],
  ])("model.compile learns the same by %s", async (_, ours, theirs, ourLabels, theirLabels) => {
    const fit = async (loss: (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Scalar, y: tf.Tensor) => {
      const model = tf.sequential({ layers: [tf.layers.dense({ units: CLASSES, inputShape: [FEATURES], useBias: false, weights: [tf.tensor2d(weights, [FEATURES, CLASSES])] })] });
      model.compile({ optimizer: tf.train.sgd(0.2), loss });
      const history = await model.fit(x(), y, { epochs: 4, batchSize: 8, shuffle: false, verbose: 0 });
      return { losses: history.history.loss as number[], weights: model.getWeights()[0]?.dataSync() ?? [] };
    };
    const [a, b] = [await fit(ours, ourLabels()), await fit(theirs, theirLabels())];
    expectNear(a.weights, b.weights);
    expectNear(a.losses, b.losses);
  });

  it("several tensors have their gradients by name", () => {
    const parts = ["anchor", "positive", "negative"].map((_, k) => tf.tensor2d(images.subarray(k * 35, k * 35 + 35), [5, 7])) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const ours = tf.grads((anchor: tf.Tensor, positive: tf.Tensor, negative: tf.Tensor) =>
      tensorLoss({ anchor, positive, negative }, (s) => tripletMargin.valueAndGrad(s.anchor, s.positive, s.negative, { margin: 3 })).mul(2),
    )(parts);
    const distance = (a: tf.Tensor, b: tf.Tensor) => a.sub(b).add(1e-6).square().sum(-1).sqrt();
    const theirs = tf.grads((a: tf.Tensor, p: tf.Tensor, n: tf.Tensor) => tf.relu(distance(a, p).sub(distance(a, n)).add(3)).mean().mul(2))(parts);
    ours.forEach((gradient, k) => expectNear(gradient.dataSync(), theirs[k]?.dataSync() ?? []));
  });

  it("classes come last in compiledLoss, whatever is before them", () => {
    const [z, y] = [tf.tensor(values, [2, 4, 4, CLASSES]), tf.tensor(labels, [2, 4, 4], "int32")];
    const flat = { data: values, shape };
    expect(compiledLoss(crossEntropy)(y, z).dataSync()[0]).toBe(crossEntropy(flat, labels));
    expect(compiledLoss(crossEntropy)(y.expandDims(-1), z).dataSync()[0]).toBe(crossEntropy(flat, labels));
    const distributions = tf.tensor(oneHot, [2, 4, 4, CLASSES]);
    expect(compiledLoss(crossEntropy)(distributions, z).dataSync()[0]).toBe(crossEntropy(flat, { data: oneHot, shape }));
    expect(compiledLoss(poly)(distributions, z).dataSync()[0]).toBe(poly(flat, { data: oneHot, shape }));
    const masks = { data: bits.slice(0, 24), shape: [2, 3, 4] };
    const predicted = { data: bits.slice(24, 48), shape: [2, 3, 4] };
    expect(compiledLoss(dice)(tf.tensor(masks.data, [2, 3, 4]), tf.tensor(predicted.data, [2, 3, 4])).dataSync()[0]).toBe(dice(predicted, masks));
    const lists = Int32Array.of(2, -1, 0, 0, 1, -1);
    const scores = { data: values.slice(0, 6), shape: [2, 3] };
    expect(compiledLoss(multiLabelMargin)(tf.tensor2d(lists, [2, 3], "int32"), tf.tensor2d(scores.data, [2, 3])).dataSync()[0]).toBe(multiLabelMargin(scores, { data: lists, shape: [2, 3] }));
  });

  // What compiledLoss has to know of a loss: a new one of these kinds is to be named in its lists.
  it.each(twoArguments.filter(({ options }) => options.some((set) => "probabilities" in set)))("$name takes probabilities whose classes come last", (one) => {
    const z = { data: values, shape };
    const loss = lossOf(one);
    const ours = compiledLoss(loss)(tf.tensor(oneHot, [2, 4, 4, CLASSES]), tf.tensor(values, [2, 4, 4, CLASSES]));
    expect(ours.dataSync()[0]).toBe(loss(z, { data: oneHot, shape }));
  });

  it.each(twoArguments.filter((one) => argsOf(one).target?.kind === "index"))("$name takes class indices", (one) => {
    const { input, target } = givenTo({ args: argsOf(one), options: {} }, "float32").args;
    if (!input || !target) throw new Error("no arguments");
    const loss = lossOf(one);
    const ours = compiledLoss(loss)(tf.tensor(target.data, [...target.shape], "int32"), tf.tensor(input.data, [...input.shape]));
    expect(ours.dataSync()[0]).toBe(loss(input, target));
  });

  it("keeps its hands off the tensors' data, and its gradients from arrays that are used again", () => {
    const [weight, target, out] = [tf.variable(tf.tensor1d([1, 2])), new Float32Array(2), new Float32Array(2)];
    const loss = (factor: number) => tensorLoss(weight.mul<tf.Tensor1D>(factor), (s) => mse.valueAndGrad(s.data, target, { reduction: "sum", out: { grads: { input: out } } }));
    const { grads } = tf.variableGrads(() => loss(1).add(loss(3)));
    expectNear(grads[weight.name]?.dataSync() ?? [], [20, 40]);
    const inPlace = tf.grad((x: tf.Tensor) => tensorLoss(x, (s) => mse.valueAndGrad(s, { data: target, shape: [2] }, { out: { grads: { input: s } } })));
    expectNear(inPlace(weight).dataSync(), [1, 2]);
    expectNear(weight.dataSync(), [1, 2]);
    const float64 = tf.grad((x: tf.Tensor) => tensorLoss(x, (s) => mse.valueAndGrad(Float64Array.from(s.data), Float64Array.of(0, 0))));
    expectNear(float64(weight).dataSync(), [1, 2]);
  });

  it("refuses second derivatives", () => {
    const f = (x: tf.Tensor) => tensorLoss(x, (s) => mse.valueAndGrad(s.data, Float32Array.of(0, 0)));
    const penalty = tf.grad((x: tf.Tensor) => tf.grad(f)(x).square().sum());
    expect(() => penalty(tf.tensor1d([1, 2]))).toThrow(expect.objectContaining({ code: "ERR_OPTION", argument: "the derivative" }));
  });

  it("leaves no tensors behind, whether it ends or throws", () => {
    const z = tf.tensor2d(values, [SAMPLES, CLASSES]);
    const step = () => tf.tidy(() => tf.grad((x: tf.Tensor) => tensorLoss(x, (s) => crossEntropy.valueAndGrad(s, labels)))(z).dataSync()[0]);
    step();
    const { numTensors } = tf.memory();
    for (let k = 0; k < 5; k++) step();
    expect(() => tensorLoss(z, () => { throw new Error("mine"); })).toThrow("mine");
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it("takes a list for a column", () => {
    const column = tf.tensor2d([1, 2], [2, 1]);
    expect(compiledLoss(mse)(tf.tensor1d([0, 0]), column).dataSync()[0]).toBe(2.5);
    expect(compiledLoss(mse)(tf.tensor2d([0, 0], [2, 1]), column).dataSync()[0]).toBe(2.5);
  });

  it("says what is wrong", () => {
    const z = tf.tensor2d(values, [SAMPLES, CLASSES]);
    expect(() => compiledLoss(crossEntropy)(tf.tensor1d([1, 2]), z)).toThrow(expect.objectContaining({ code: "ERR_SHAPE", argument: "yTrue", received: "shape [2]" }));
    expect(() => compiledLoss(crossEntropy)(tf.tensor1d(Float32Array.from(labels, (label) => label + 0.5)), z)).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: "yTrue[0]", received: "0.5" }));
    expect(() => compiledLoss(crossEntropy)(tf.tensor1d(Int32Array.from(labels, () => 5), "int32"), z)).toThrow(/crossEntropy.*5/);
    expect(() => compiledLoss(crossEntropy, { labelSmoothing: 2 })(tf.tensor1d(labels, "int32"), z)).toThrow(/labelSmoothing/);
    for (const [name, value] of Object.entries({ reduction: "none", wrt: ["target"], out: {} })) {
      expect(() => compiledLoss(mse, { [name]: value })).toThrow(expect.objectContaining({ code: "ERR_OPTION", argument: name }));
    }
    expect(() => compiledLoss(mse)(z, tf.tensor1d([1], "int32"))).toThrow(expect.objectContaining({ code: "ERR_SHAPE", argument: "yTrue" }));
    expect(() => compiledLoss(mse)(tf.tensor1d([1]), tf.tensor1d([1], "int32"))).toThrow(expect.objectContaining({ code: "ERR_DTYPE", argument: "yPred" }));
    expect(() => compiledLoss(undefined as never)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "loss" }));
    expect(() => compiledLoss(mse)(undefined as never, z)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "yTrue" }));
    expect(() => tensorLoss(undefined as never, () => ({ value: 1, grads: {} }))).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "tensors" }));
    expect(() => tensorLoss({ a: 1 } as never, () => ({ value: 1, grads: {} }))).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "tensors.a" }));
    expect(() => tensorLoss(z, 1 as never)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "loss" }));
    expect(() => tensorLoss(tf.tensor1d([1], "int32"), (s) => mse.valueAndGrad(s.data, s.data))).toThrow(expect.objectContaining({ code: "ERR_DTYPE", argument: "tensors" }));
    expect(() => tensorLoss({ anchor: z }, (s) => mse.valueAndGrad(s.anchor, s.anchor))).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "grads.anchor" }));
    expect(() => tensorLoss(z, (s) => tripletMargin.valueAndGrad(s, s, s))).toThrow(/anchor, positive, negative/);
    expect(() => tensorLoss(z, () => ({ value: 1, grads: { input: new Float32Array(3) } }))).toThrow(/160 elements/);
    expect(() => tensorLoss(z, () => undefined as never)).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "loss" }));
  });
});

describe("jax-js", () => {
  beforeAll(async () => {
    await init("wasm");
    defaultDevice("wasm");
  });

  type Params = { weight: np.Array };
  const start = () => np.array(weights, { shape: [FEATURES, CLASSES] });
  const x = () => np.array(images, { shape: [SAMPLES, FEATURES] });
  const model = ({ weight }: Params) => np.matmul(x(), weight);

  /** The weights after some steps of gradient descent. */
  async function trained(step: (params: Params) => Promise<{ weight: np.Array }>) {
    let params: Params = { weight: start() };
    for (let k = 0; k < STEPS; k++) {
      const { weight } = await step(tree.ref(params));
      params = { weight: params.weight.sub(weight.mul(0.2)) };
    }
    return (await params.weight.data()) as Float32Array;
  }

  it.each<[string, Parameters<typeof lossAndGrad<Params, np.Array>>[2], (z: np.Array) => np.Array]>([
    ["crossEntropy", (s) => crossEntropy.valueAndGrad(s, labels), (z) => np.negative(nn.logSoftmax(z).mul(np.array(oneHot, { shape })).sum(-1).mean())],
    ["bceWithLogits", (s) => bceWithLogits.valueAndGrad(s, { data: bits, shape }), (z) => nn.softplus(z.ref).sub(z.mul(np.array(bits, { shape }))).mean()],
    ["mse", (s) => mse.valueAndGrad(s, { data: values, shape }), (z) => np.square(z.sub(np.array(values, { shape }))).mean()],
  ])("learns the same by %s", async (_, loss, theirs) => {
    const learned = await trained(async (params) => (await lossAndGrad(model, params, loss)).grads);
    const own = valueAndGrad((params: Params) => theirs(model(params)));
    expectNear(learned, await trained(async (params) => Promise.resolve(own(params)[1])));
    expect(Math.max(...learned.map((weight, i) => Math.abs(weight - (weights[i] ?? 0))))).toBeGreaterThan(0.01);
  });

  it("gives gradients of several outputs", async () => {
    const [mean, spread, target] = [Float32Array.of(1, -2, 0.5), Float32Array.of(0.5, 1.5, 1), Float32Array.of(0.3, -1, 2)];
    const { value, grads } = await lossAndGrad(
      (params: { mean: np.Array; spread: np.Array }) => ({ input: params.mean.mul(2), variance: np.square(params.spread) }),
      { mean: np.array(mean), spread: np.array(spread) },
      ({ input, variance }) => gaussianNll.valueAndGrad(input, { data: target, shape: [3] }, variance, { reduction: "sum" }),
    );
    // ½(ln v + (x − y)²/v) with x = 2m and v = s², by hand.
    const difference = Array.from(mean, (m, i) => 2 * m - (target[i] ?? 0));
    const of = (f: (d: number, s: number) => number) => difference.map((d, i) => f(d, spread[i] ?? 1));
    expect(value).toBeCloseTo(of((d, s) => Math.log(s) + d ** 2 / (2 * s ** 2)).reduce((sum, term) => sum + term), 4);
    expectNear((await grads.mean.data()) as Float32Array, of((d, s) => (2 * d) / s ** 2));
    expectNear((await grads.spread.data()) as Float32Array, of((d, s) => 1 / s - d ** 2 / s ** 3));
  });

  it("takes one array under two names", async () => {
    const { value, grads } = await lossAndGrad(
      (x: np.Array) => ({ input: x.ref, target: x }),
      np.array(Float32Array.of(1, 2)),
      ({ input, target }) => mse.valueAndGrad(input, { data: target.data.map((x) => x - 1), shape: [2] }, { wrt: ["input", "target"] }),
    );
    expect(value).toBe(1);
    // 1 by the one and −1 by the other.
    expectNear((await grads.data()) as Float32Array, [0, 0]);
  });

  it("takes float64 gradients, and outputs of no elements", async () => {
    const params = () => np.array(Float32Array.of(1, 2));
    const { grads } = await lossAndGrad((x: np.Array) => x, params(), (s) => mse.valueAndGrad(Float64Array.from(s.data), Float64Array.of(0, 0)));
    expectNear((await grads.data()) as Float32Array, [1, 2]);
    const none = await lossAndGrad((x: np.Array) => x, np.zeros([0, 3]), (s) => mse.valueAndGrad(s, s, { reduction: "sum" }));
    expect(none.value).toBe(0);
    expect(none.grads.shape).toEqual([0, 3]);
  });

  it("says what is wrong", async () => {
    const params = () => ({ weight: start() });
    const rejects = (loss: Parameters<typeof lossAndGrad<Params, np.Array>>[2]) => expect(lossAndGrad(model, params(), loss)).rejects;
    await rejects((s) => mse.valueAndGrad(s, { data: values, shape }, { reduction: "none" }) as never).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "loss" }));
    await rejects((s) => clip.valueAndGrad(s, s)).toThrow(/named outputs/);
    await rejects((s) => mse.valueAndGrad(s, { data: values, shape: [1] })).toThrow(/target/);
    await expect(lossAndGrad(({ weight }: Params) => weight.astype(np.int32), params(), (s) => mse.valueAndGrad(s, s))).rejects.toThrow(expect.objectContaining({ code: "ERR_DTYPE", argument: "output" }));
    await expect(lossAndGrad(5 as never, params(), () => ({ value: 1, grads: {} }))).rejects.toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "model" }));
    await rejects(1 as never).toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "loss" }));
    await expect(lossAndGrad((({ weight }: Params) => [weight]) as never, params(), () => ({ value: 1, grads: {} }))).rejects.toThrow(expect.objectContaining({ code: "ERR_TYPE", argument: "output" }));
  });
});
