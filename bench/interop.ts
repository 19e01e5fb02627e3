// npm run bench:interop: steps of training in TensorFlow.js and jax-js, by a loss of fused-loss and by the framework's own, in turn.
// A step is the model's way forward, the loss, the way back and the optimiser's update, on one thread; the model is one layer.
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import * as tf from "@tensorflow/tfjs";
import { Command } from "commander";
import { bceWithLogits, crossEntropy, mse } from "fused-loss";
import { lossAndGrad } from "fused-loss/jax";
import { tensorLoss } from "fused-loss/tfjs";
import { normal, seeded } from "../test/support/draw.js";
import { median } from "./measure.js";
import { milliseconds } from "./run.js";
import { prepareTfjsWasm } from "./tfjsWasm.js";

const { time } = new Command("npm run bench:interop --")
  .description("Times steps of training in TensorFlow.js and jax-js, by a loss of fused-loss and by the framework's own, in turn.")
  .option("--time <ms>", "for each row", milliseconds, 3000)
  .parse()
  .opts<{ time: number }>();

const FEATURES = 64;
const WARM_UP = 5;

prepareTfjsWasm();
tf.enableProdMode();
await tf.setBackend("wasm");
await init("wasm");
defaultDevice("wasm");

type Step = () => unknown;

/** A loss on rows of outputs, in this package and in each framework; `truth` is what the framework takes: one number an output. */
interface Row {
  readonly title: string;
  readonly ours: (data: Float32Array, shape: readonly number[], truth: Float32Array, labels: Int32Array) => { readonly value: number; readonly grads: { readonly input: Float32Array<ArrayBuffer> } };
  readonly tfjs: (truth: tf.Tensor2D, output: tf.Tensor2D) => tf.Scalar;
  readonly jax: (truth: np.Array, output: np.Array) => np.Array;
  readonly shapes: readonly (readonly [number, number])[];
}

const ROWS: readonly Row[] = [
  {
    title: "crossEntropy",
    ours: (data, shape, _, labels) => crossEntropy.valueAndGrad({ data, shape }, labels),
    tfjs: (truth, output) => tf.losses.softmaxCrossEntropy(truth, output),
    jax: (truth, output) => np.negative(nn.logSoftmax(output).mul(truth).sum(-1).mean()),
    shapes: [[64, 10], [128, 1000], [64, 32_000]],
  },
  {
    title: "bceWithLogits",
    ours: (data, shape, truth) => bceWithLogits.valueAndGrad({ data, shape }, { data: truth, shape }),
    tfjs: (truth, output) => tf.losses.sigmoidCrossEntropy(truth, output),
    jax: (truth, output) => nn.softplus(output.ref).sub(output.mul(truth)).mean(),
    shapes: [[64, 10], [256, 1000]],
  },
  {
    title: "mse",
    ours: (data, shape, truth) => mse.valueAndGrad({ data, shape }, { data: truth, shape }),
    tfjs: (truth, output) => tf.losses.meanSquaredError(truth, output),
    jax: (truth, output) => np.square(output.sub(truth)).mean(),
    shapes: [[64, 10], [256, 1000]],
  },
];

/** The milliseconds of the fastest step of ours and of theirs: medians of steps in turn, A B C, C B A, …. */
async function compare(ours: readonly Step[], theirs: readonly Step[]) {
  const contestants = [...ours, ...theirs].map((step) => ({ step, samples: [] as number[] }));
  const order = [...contestants];
  const start = performance.now();
  for (let round = -WARM_UP; round < 10 || performance.now() - start < time; round++) {
    for (const { step, samples } of order) {
      const before = performance.now();
      await step();
      if (round >= 0) samples.push(performance.now() - before);
    }
    order.reverse();
  }
  const medians = contestants.map(({ samples }) => median(samples));
  return { ours: Math.min(...medians.slice(0, ours.length)), theirs: Math.min(...medians.slice(ours.length)) };
}

const random = seeded(1);
const floats = (size: number, scale: number) => Float32Array.from({ length: size }, () => normal(random, scale));

console.log("| loss, samples × outputs | framework | with its own loss, ms a step | with ours | times faster |\n|---|---|---|---|---|");
for (const { title, ours, tfjs, jax, shapes } of ROWS) {
  for (const [samples, outputs] of shapes) {
    const shape = [samples, outputs] as const;
    const [images, weights] = [floats(samples * FEATURES, 1), floats(FEATURES * outputs, 0.1)];
    const labels = Int32Array.from({ length: samples }, (_, i) => (i * 7) % outputs);
    const truth = Float32Array.from({ length: samples * outputs }, (_, i) => (i % outputs === labels[Math.floor(i / outputs)] ? 1 : 0));
    const print = (framework: string, { ours, theirs }: Awaited<ReturnType<typeof compare>>) =>
      console.log(`| \`${title}\` ${samples} × ${outputs.toLocaleString("en")} | ${framework} | ${theirs.toFixed(2)} | ${ours.toFixed(2)} | ${(theirs / ours).toFixed(2)} |`);

    const [x, y] = [tf.tensor2d(images, [samples, FEATURES]), tf.tensor2d(truth, [...shape])];
    const tfjsStep = (loss: (output: tf.Tensor2D) => tf.Scalar): Step => {
      const weight = tf.variable(tf.tensor2d(weights, [FEATURES, outputs]));
      const optimizer = tf.train.sgd(0.1);
      return () => tf.tidy(() => optimizer.minimize(() => loss(x.matMul(weight) as tf.Tensor2D), true, [weight])?.dataSync());
    };
    print("tfjs wasm", await compare([tfjsStep((output) => tensorLoss(output, (s) => ours(s.data, shape, truth, labels)))], [tfjsStep((output) => tfjs(y, output))]));
    tf.disposeVariables();
    tf.dispose([x, y]);

    type Params = { readonly weight: np.Array };
    const input = np.array(images, { shape: [samples, FEATURES] });
    const target = np.array(truth, { shape: [...shape] });
    // jax-js compiles where it is told to, which makes small programs faster and large ones slower: each has both.
    const models = [({ weight }: Params, x: np.Array) => np.matmul(x, weight)].flatMap((model) => [model, jit(model)]);
    const owns = [valueAndGrad((params: Params, x: np.Array, y: np.Array) => jax(y, np.matmul(x, params.weight)))].flatMap((own) => [own, jit(own)]);
    const jaxStep = (gradients: (params: Params) => Promise<{ value: number; grads: Params }>): Step => {
      let params: Params = { weight: np.array(weights, { shape: [FEATURES, outputs] }) };
      return async () => {
        const { grads } = await gradients(tree.ref(params));
        params = { weight: params.weight.sub(grads.weight.mul(0.1)) };
        await params.weight.blockUntilReady();
      };
    };
    const byOurs = models.map((model) =>
      jaxStep((params) => lossAndGrad((params: Params) => model(params, input.ref), params, ({ data }) => ours(data, shape, truth, labels))),
    );
    const byTheirs = owns.map((own) =>
      jaxStep((params) => {
        const [value, grads] = own(params, input.ref, target.ref);
        return Promise.resolve({ value: value.item(), grads });
      }),
    );
    print("jax-js wasm", await compare(byOurs, byTheirs));
    input.dispose();
    target.dispose();
  }
}
