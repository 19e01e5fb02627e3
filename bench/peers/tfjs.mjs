// tfjs as a contestant of `npm run bench:peers`: its wasm backend with SIMD, one thread, and its own losses where it has them.
// Targets are prepared as its losses want them, one-hot and channels last; the gradients stay its tensors.
import * as tf from "@tensorflow/tfjs";
import { prepareTfjsWasm } from "../tfjsWasm.ts";

prepareTfjsWasm();
tf.enableProdMode();
await tf.setBackend("wasm");

const { losses } = tf;
const dot = (a, b) => a.mul(b).sum(-1);
const distance = (a, b) => a.sub(b).add(1e-6).square().sum(-1).sqrt();

/** Of the inputs in their order, targets as `prepare` makes them. */
const LOSSES = {
  mse: (x, y) => losses.meanSquaredError(y, x),
  l1: (x, y) => losses.absoluteDifference(y, x),
  smoothL1: (x, y) => losses.huberLoss(y, x),
  huber: (x, y) => losses.huberLoss(y, x),
  bce: (x, y) => losses.logLoss(y, x),
  bceWithLogits: (x, y) => losses.sigmoidCrossEntropy(y, x),
  klDiv: (x, y) => y.log().sub(x).mul(y).mean(),
  softMargin: (x, y) => tf.softplus(x.mul(y).neg()).mean(),
  hingeEmbedding: (x, y) => tf.where(y.greater(0), x, tf.relu(tf.sub(1, x))).mean(),
  marginRanking: (a, b, y) => tf.relu(b.sub(a).mul(y)).mean(),
  poissonNll: (x, y) => x.exp().sub(x.mul(y)).mean(),
  gaussianNll: (x, y, v) => v.log().add(x.sub(y).square().div(v)).mul(0.5).mean(),
  crossEntropy: (x, y, { labelSmoothing }) => losses.softmaxCrossEntropy(y, x, undefined, labelSmoothing),
  nll: (x, y) => x.mul(y).sum().div(-x.shape[0]),
  multiMargin: (x, y) => tf.relu(x.sub(x.mul(y).sum(-1, true)).add(1)).mul(tf.sub(1, y)).mean(),
  multiLabelSoftMargin: (x, y) => losses.sigmoidCrossEntropy(y, x),
  cosineEmbedding: (a, b, y) => {
    const cos = dot(a, b).div(dot(a, a).add(1e-12).mul(dot(b, b).add(1e-12)).sqrt());
    return tf.where(y.greater(0), tf.sub(1, cos), tf.relu(cos)).mean();
  },
  tripletMargin: (a, p, n) => tf.relu(distance(a, p).sub(distance(a, n)).add(1)).mean(),
  linearCrossEntropy: (x, w, y) => losses.softmaxCrossEntropy(y, x.matMul(w, false, true)),
};

/** A float array in its shape, channels last; class indices as one-hot rows. */
function tensorOf({ data, shape }, classes) {
  if (data instanceof Int32Array) return tf.tidy(() => tf.oneHot(tf.tensor(data, shape, "int32"), classes).cast("float32"));
  if (shape.length < 3) return tf.tensor(data, shape);
  const axes = shape.map((_, d) => d);
  return tf.tidy(() => tf.tensor(data, shape).transpose([0, ...axes.slice(2), 1]));
}

export function prepare(loss, inputs, options) {
  const form = LOSSES[loss];
  if (!form) throw new Error(`tfjs has no ${loss}`);
  tf.disposeVariables();
  const classes = loss === "linearCrossEntropy" ? inputs[1].shape[0] : inputs[0].shape[1];
  const tensors = inputs.map((input) => tensorOf(input, classes));
  const wanted = tensors.filter((_, k) => inputs[k].wanted);
  const call = tf.valueAndGrads((...leaves) => {
    const args = tensors.map((tensor, k) => (inputs[k].wanted ? leaves[wanted.indexOf(tensor)] : tensor));
    return form(...args, options);
  });
  const read = (take) =>
    tf.tidy(() => {
      const { value, grads } = call(wanted);
      return { value: value.dataSync()[0], grads: take(grads) };
    });
  return {
    run: () => read(() => undefined),
    answer: () => read((grads) => grads.map((grad) => grad.dataSync().slice())),
    dispose: () => tf.dispose(tensors),
  };
}
