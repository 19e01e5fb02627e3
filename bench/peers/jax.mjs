// jax-js as a contestant of `npm run bench:peers`: its wasm backend, value and gradient in one compiled function. Node has no
// global `Worker`, so it computes on one thread. An array is used up by the operation that takes it; `.ref` keeps it.
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";

await init("wasm");
defaultDevice("wasm");

const dot = (a, b) => a.mul(b).sum(-1);
const distance = (a, b) => np.sqrt(np.square(a.sub(b).add(1e-6)).sum(-1));

/** |x − y| below 1 is squared. */
function huber(x, y) {
  const d = np.abs(x.sub(y));
  const near = np.minimum(d.ref, 1);
  return near.ref.mul(d.sub(near.mul(0.5))).mean();
}

/** Not `nn.oneHot`, which takes its rows from a matrix of classes × classes: 4 GB of 32,000 classes. */
const oneHot = (y, classes) => np.where(np.equal(np.expandDims(y, -1), np.arange(classes)), 1, 0);

/** −Σ t·ln softmax(x) by the rows, of the last dimension. */
const ofDistribution = (x, t) => np.negative(nn.logSoftmax(x).mul(t).sum(-1).mean());

function crossEntropy(x, y, { labelSmoothing = 0, probabilities = false }) {
  const classes = x.shape.at(-1);
  if (probabilities) return ofDistribution(x, y);
  const t = oneHot(y, classes);
  return ofDistribution(x, labelSmoothing > 0 ? t.mul(1 - labelSmoothing).add(labelSmoothing / classes) : t);
}

const withLogits = (x, y) => nn.softplus(x.ref).sub(x.mul(y)).mean();

const LOSSES = {
  mse: (x, y) => np.square(x.sub(y)).mean(),
  l1: (x, y) => np.abs(x.sub(y)).mean(),
  smoothL1: huber,
  huber,
  bce: (x, y) => np.negative(y.ref.mul(np.log(x.ref)).add(np.subtract(1, y).mul(np.log(np.subtract(1, x)))).mean()),
  bceWithLogits: withLogits,
  klDiv: (x, y) => y.ref.mul(np.log(y).sub(x)).mean(),
  softMargin: (x, y) => nn.softplus(np.negative(x.mul(y))).mean(),
  hingeEmbedding: (x, y) => np.where(np.greater(y, 0), x.ref, nn.relu(np.subtract(1, x))).mean(),
  marginRanking: (a, b, y) => nn.relu(b.sub(a).mul(y)).mean(),
  poissonNll: (x, y) => np.exp(x.ref).sub(x.mul(y)).mean(),
  gaussianNll: (x, y, v) => np.log(v.ref).add(np.square(x.sub(y)).div(v)).mul(0.5).mean(),
  crossEntropy,
  nll: (x, y) => {
    const classes = x.shape.at(-1);
    return np.negative(x.mul(oneHot(y, classes)).sum(-1).mean());
  },
  multiMargin: (x, y) => {
    const t = oneHot(y, x.shape.at(-1));
    const own = x.ref.mul(t.ref).sum(-1, { keepdims: true });
    return nn.relu(x.sub(own).add(1)).mul(np.subtract(1, t)).mean();
  },
  multiLabelSoftMargin: withLogits,
  cosineEmbedding: (a, b, y) => {
    const squares = dot(a.ref, a.ref).add(1e-12).mul(dot(b.ref, b.ref).add(1e-12));
    const cos = dot(a, b).div(np.sqrt(squares));
    return np.where(np.greater(y, 0), np.subtract(1, cos.ref), nn.relu(cos)).mean();
  },
  tripletMargin: (a, p, n) => nn.relu(distance(a.ref, p).sub(distance(a, n)).add(1)).mean(),
  linearCrossEntropy: (x, w, y) => crossEntropy(np.matmul(x, np.transpose(w)), y, {}),
};

/** An array in its shape, channels last. */
function arrayOf({ data, shape }) {
  const array = np.array(data).reshape([...shape]);
  return shape.length < 3 || data instanceof Int32Array ? array : np.moveaxis(array, 1, -1);
}

export function prepare(loss, inputs, options) {
  const form = LOSSES[loss];
  if (!form) throw new Error(`jax-js has no ${loss}`);
  const arrays = inputs.map(arrayOf);
  const probabilities = inputs[1] !== undefined && inputs[1].data instanceof Float32Array;
  const argnums = inputs.flatMap(({ wanted }, k) => (wanted ? [k] : []));
  const call = jit(valueAndGrad((...args) => form(...args, { ...options, probabilities }), { argnums }));
  const read = (take) => {
    const [value, grads] = call(...arrays.map((array) => array.ref));
    const taken = take(grads);
    return { value: value.js(), grads: taken };
  };
  return {
    run: () => read((grads) => grads.forEach((grad) => grad.dispose())),
    answer: () => read((grads) => grads.map((grad) => grad.dataSync())),
    dispose() {
      arrays.forEach((array) => array.dispose());
      call.dispose();
    },
  };
}
