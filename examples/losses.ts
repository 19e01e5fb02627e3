// The losses that can train a classifier, one entry each: how the labels are written for it, what the model's last
// layer must give, and the loss itself twice, by fused-loss and in jax-js's own operations.
//
// In the jax-js text an array is used up by the operation that takes it; `.ref` keeps it for one more use.
import { nn, numpy as np } from "@jax-js/jax";
import { CLASSES } from "./digits.ts";

/** `fused-loss` or `fused-loss/scalar`: both have the same exports. */
export type Library = typeof import("fused-loss");

export type Target = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

interface ValueAndGrad {
  readonly value: number;
  readonly grads: { readonly input: Float32Array<ArrayBuffer> };
}

export interface Loss<T extends Target = Target> {
  /** The labels of a batch as the loss wants them. */
  encode(labels: Int32Array): T;
  /** From logits to what the loss takes, where that is not the logits. */
  head?(logits: np.Array): np.Array;
  /** `input` has one row of `CLASSES` values for each label. */
  ours(library: Library, input: Float32Array, target: T): ValueAndGrad;
  /** The same mean, for jax-js to differentiate. */
  theirs(input: np.Array, target: np.Array): np.Array;
}

const classes = (labels: Int32Array) => Int32Array.from(labels);

/** Rows of `off`, with `on` at the label. */
const rows = (on: number, off: number) => (labels: Int32Array) => {
  const target = new Float32Array(labels.length * CLASSES).fill(off);
  labels.forEach((label, row) => (target[row * CLASSES + label] = on));
  return target;
};
const oneHot = rows(1, 0);
const signs = rows(1, -1);
/** One-hot, a tenth of it spread over all classes. */
const smooth = rows(0.91, 0.01);

const crossEntropy: Loss<Int32Array<ArrayBuffer>> = {
  encode: classes,
  ours: (library, input, target) => library.crossEntropy.valueAndGrad(input, target),
  theirs: (input, target) => {
    const ofLabel = nn.logSoftmax(input).mul(nn.oneHot(target, CLASSES)).sum(-1);
    return np.negative(ofLabel.mean());
  },
};

const nll: Loss<Int32Array<ArrayBuffer>> = {
  encode: classes,
  head: (logits) => nn.logSoftmax(logits),
  ours: (library, input, target) => library.nll.valueAndGrad(input, target),
  theirs: (input, target) => {
    const ofLabel = input.mul(nn.oneHot(target, CLASSES)).sum(-1);
    return np.negative(ofLabel.mean());
  },
};

const klDiv: Loss<Float32Array<ArrayBuffer>> = {
  encode: smooth,
  head: (logits) => nn.logSoftmax(logits),
  ours: (library, input, target) => {
    const shape = [input.length / CLASSES, CLASSES];
    return library.klDiv.valueAndGrad({ data: input, shape }, { data: target, shape }, { reduction: "batchmean" });
  },
  theirs: (input, target) => target.ref.mul(np.log(target).sub(input)).sum(-1).mean(),
};

const bce: Loss<Float32Array<ArrayBuffer>> = {
  encode: oneHot,
  head: (logits) => nn.sigmoid(logits),
  ours: (library, input, target) => library.bce.valueAndGrad(input, target),
  theirs: (input, target) => {
    const p = np.clip(input, 1e-7, 1 - 1e-7); // log 0 would train with NaN
    const positive = target.ref.mul(np.log(p.ref));
    const negative = np.subtract(1, target).mul(np.log(np.subtract(1, p)));
    return np.negative(positive.add(negative).mean());
  },
};

const bceWithLogits: Loss<Float32Array<ArrayBuffer>> = {
  encode: oneHot,
  ours: (library, input, target) => library.bceWithLogits.valueAndGrad(input, target),
  theirs: (input, target) => nn.softplus(input.ref).sub(input.mul(target)).mean(),
};

const softMargin: Loss<Float32Array<ArrayBuffer>> = {
  encode: signs,
  ours: (library, input, target) => library.softMargin.valueAndGrad(input, target),
  theirs: (input, target) => nn.softplus(np.negative(input.mul(target))).mean(),
};

const hinge: Loss<Float32Array<ArrayBuffer>> = {
  encode: signs,
  ours: (library, input, target) => library.hinge.valueAndGrad(input, target),
  theirs: (input, target) => nn.relu(np.subtract(1, input.mul(target))).mean(),
};

const squaredHinge: Loss<Float32Array<ArrayBuffer>> = {
  encode: signs,
  ours: (library, input, target) => library.squaredHinge.valueAndGrad(input, target),
  theirs: (input, target) => np.square(nn.relu(np.subtract(1, input.mul(target)))).mean(),
};

/** The label's logit against the greatest of the others. */
const marginRanking: Loss<Int32Array<ArrayBuffer>> = {
  encode: classes,
  ours: (library, input, target) => {
    const { correct, wrong, scatter } = library.hardestWrong(input, target);
    const ones = new Int8Array(target.length).fill(1);
    const { value, grads } = library.marginRanking.valueAndGrad(correct, wrong, ones, { margin: 1 });
    return { value, grads: { input: scatter(grads.input1, grads.input2) } };
  },
  theirs: (input, target) => {
    const ofLabel = nn.oneHot(target, CLASSES);
    const correct = input.ref.mul(ofLabel.ref).sum(-1);
    const wrong = np.max(input.sub(ofLabel.mul(1e9)), -1);
    return nn.relu(wrong.sub(correct).add(1)).mean();
  },
};

const mse: Loss<Float32Array<ArrayBuffer>> = {
  encode: oneHot,
  ours: (library, input, target) => library.mse.valueAndGrad(input, target),
  theirs: (input, target) => np.square(input.sub(target)).mean(),
};

const huber: Loss<Float32Array<ArrayBuffer>> = {
  encode: oneHot,
  ours: (library, input, target) => library.huber.valueAndGrad(input, target),
  theirs: (input, target) => {
    const distance = np.absolute(input.sub(target));
    const near = np.square(distance.ref).mul(0.5);
    const far = distance.ref.sub(0.5);
    return np.where(np.less(distance, 1), near, far).mean();
  },
};

const logCosh: Loss<Float32Array<ArrayBuffer>> = {
  encode: oneHot,
  ours: (library, input, target) => library.logCosh.valueAndGrad(input, target),
  theirs: (input, target) => {
    const difference = input.sub(target);
    const softplus = nn.softplus(difference.ref.mul(-2));
    return difference.add(softplus).sub(Math.LN2).mean();
  },
};

export const losses: ReadonlyMap<string, Loss> = new Map<string, Loss>(
  Object.entries({
    crossEntropy,
    nll,
    klDiv,
    bce,
    bceWithLogits,
    softMargin,
    hinge,
    squaredHinge,
    marginRanking,
    mse,
    huber,
    logCosh,
  }),
);
