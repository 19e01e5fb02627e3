// `fused-loss/tfjs`: losses in the differentiation and the models of TensorFlow.js.
import * as tf from "@tensorflow/tfjs";
import { fail, show, showShape } from "../errors.js";
import type { Shaped } from "../types.js";
import { type OneOrNamed, type Outcome, type Outputs, evaluate, inOrder, needLoss } from "./outcome.js";

export { LossRangeError, LossTypeError } from "../errors.js";
export type { Outcome, Outputs } from "./outcome.js";

const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor;

/** The wasm backend copies data out and in; others give and keep the very array. */
const unshared = (data: Float32Array<ArrayBufferLike>) => (tf.getBackend() === "wasm" ? data : data.slice());

function shaped(call: string, name: string, tensor: tf.Tensor): Shaped<Float32Array<ArrayBuffer>> {
  if (tensor.dtype !== "float32") fail("ERR_DTYPE", call, name, "a float32 tensor", `one of ${tensor.dtype}`);
  return { data: unshared(tensor.dataSync() as Float32Array<ArrayBuffer>) as Float32Array<ArrayBuffer>, shape: tensor.shape };
}

/**
 * A loss of tensors of TensorFlow.js, which `optimizer.minimize`, `tf.grad`, `tf.variableGrads` and the like differentiate
 * through: the value and the gradients come from the one call of `loss`.
 *
 * `tensors` is a tensor, or an object of tensors by the names that the loss's gradients have (`{ anchor, positive, negative }`).
 * The loss gets `{ data, shape }` for each. What else it takes, such as targets, it has from elsewhere: there is no gradient by it.
 * Shapes mean what they mean in this package: classes are the second dimension. There is no second derivative: asking for one throws.
 * Tested on the backends cpu and wasm.
 *
 * @param tensors - What the loss is of, in float32.
 * @param loss - The loss, mostly `valueAndGrad` of one.
 * @returns The value, a scalar.
 * @throws TypeError or RangeError, with a `code`, for tensors that are not float32, and for a loss that gives no number or no
 * gradient of a tensor; and whatever the loss throws.
 * @example
 * ```ts
 * import * as tf from "@tensorflow/tfjs";
 * import { crossEntropy } from "fused-loss";
 * import { tensorLoss } from "fused-loss/tfjs";
 * await tf.setBackend("cpu");
 * const weight = tf.variable(tf.zeros([2, 3]));
 * const images = tf.tensor2d([[1, 2], [3, 4]]);
 * const labels = Int32Array.of(0, 2);
 * const cost = tf.train.sgd(0.1).minimize(
 *   () => tensorLoss(images.matMul(weight), (logits) => crossEntropy.valueAndGrad(logits, labels)),
 *   true,
 * );
 * cost?.dataSync()[0]; // 1.098612
 * ```
 */
export function tensorLoss<T extends OneOrNamed<tf.Tensor>>(tensors: T, loss: (outputs: Outputs<T, tf.Tensor>) => Outcome): tf.Scalar {
  return scalar("tensorLoss", "tensors", tensors, loss);
}

function scalar<T extends OneOrNamed<tf.Tensor>>(call: string, argument: string, tensors: T, loss: (outputs: Outputs<T, tf.Tensor>) => Outcome): tf.Scalar {
  needLoss(call, loss);
  const { names, labels, things } = inOrder(call, argument, "a tensor", tensors, isTensor);
  const given = things.map((tensor, k) => shaped(call, labels[k] as string, tensor));
  const differentiable = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const { value, gradients } = evaluate(call, loss, names, given);
    // Kept by the framework: the loss's arrays may be used again before the way back.
    save(gradients.map(({ data, shape }) => tf.tensor(unshared(data), shape, "float32")));
    return { value: tf.scalar(value), gradFunc: (outer: tf.Tensor, saved: tf.Tensor[]) => saved.map((gradient) => times(call, gradient, outer, things)) };
  });
  return differentiable(...things);
}

/** A gradient times that of the loss: a number to the framework, but of the tensors, so that a second derivative is refused. */
function times(call: string, gradient: tf.Tensor, outer: tf.Tensor, tensors: readonly tf.Tensor[]): tf.Tensor {
  const once = tf.customGrad(() => ({
    value: gradient.mul(outer),
    gradFunc: () => fail("ERR_OPTION", call, "the derivative", "the first: the loss has no second", "the second"),
  }));
  return once(outer, ...tensors);
}

/** A loss of (input, target), as far as all are the same. */
export interface TwoArgumentLoss {
  /** As errors name it. */
  readonly name: string;
  /** The value with its gradients. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each loss has a signature of its own
  valueAndGrad(input: any, target: any, options?: any): { readonly value: unknown; readonly grads: object };
}

/** The losses whose targets are indices in the shape of the input, and those that take probabilities by the second dimension. */
const OF_INDICES: ReadonlySet<string> = new Set(["multiLabelMargin"]);
const BY_CHANNEL: ReadonlySet<string> = new Set(["crossEntropy", "poly"]);

function indices(call: string, labels: tf.Tensor): Int32Array<ArrayBuffer> {
  const data = labels.dataSync();
  const found = new Int32Array(data);
  const wrong = found.findIndex((label, i) => label !== data[i]);
  if (wrong >= 0) fail("ERR_RANGE", call, `yTrue[${wrong}]`, "a class index, as yTrue has no dimension of classes", show(data[wrong]));
  return found;
}

const same = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((size, k) => size === b[k]);

/**
 * A loss as `model.compile({ loss })` takes it: a function of the truth and the prediction, in TensorFlow.js's order and layout.
 *
 * The last dimension holds the classes. Labels are class indices where `yTrue` has the shape of `yPred` without its last dimension,
 * or with 1 for it, in int32 or as integers in float32; elsewhere `yTrue` has `yPred`'s shape, as one-hot rows, probabilities or
 * values. `fit` itself refuses class indices for any loss that is not its own: there they are one-hot rows (`tf.oneHot`), so that losses
 * of class indices alone (`nll`, `multiMargin`, …) serve only outside of it. The value is one scalar for a batch, which `classWeight` of
 * `fit` scales as a whole: `weight` of `crossEntropy` weighs classes.
 *
 * @param loss - A loss of (input, target) that differentiates by the input alone unless told: `crossEntropy`, `mse`, `bceWithLogits`, …; for
 * others there is {@link tensorLoss}.
 * @param options - The loss's options, but `wrt` and `out`; `reduction` may be `"mean"` or `"sum"`.
 * @throws TypeError or RangeError, with a `code`, for what the loss refuses.
 * @example
 * ```ts
 * import * as tf from "@tensorflow/tfjs";
 * import { crossEntropy } from "fused-loss";
 * import { compiledLoss } from "fused-loss/tfjs";
 * await tf.setBackend("cpu");
 * const model = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [2] })] });
 * model.compile({ optimizer: "sgd", loss: compiledLoss(crossEntropy, { labelSmoothing: 0.1 }) });
 * const history = await model.fit(tf.ones([4, 2]), tf.oneHot([0, 1, 2, 1], 3), { epochs: 2, verbose: 0 });
 * history.epoch; // [0, 1]
 * ```
 */
export function compiledLoss(loss: TwoArgumentLoss, options: object = {}): (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Scalar {
  const given: unknown = loss;
  if (typeof given !== "function" || typeof (given as unknown as TwoArgumentLoss).valueAndGrad !== "function") fail("ERR_TYPE", "compiledLoss", "loss", "a loss with valueAndGrad", show(given));
  const call = `compiledLoss(${loss.name})`;
  if (typeof options !== "object" || (options as unknown) === null) fail("ERR_TYPE", call, "options", "an object of the loss's options", show(options));
  for (const name of ["wrt", "out"]) if (name in options) fail("ERR_OPTION", call, name, "absent, as the gradient goes to TensorFlow.js", show((options as Readonly<Record<string, unknown>>)[name]));
  if ((options as { readonly reduction?: unknown }).reduction === "none") fail("ERR_OPTION", call, "reduction", '"mean" or "sum"', '"none"');
  return (yTrue, yPred) => {
    for (const [name, tensor] of Object.entries({ yTrue, yPred })) if (!isTensor(tensor)) fail("ERR_TYPE", call, name, "a tensor", show(tensor));
    const [classes = 1] = yPred.shape.slice(-1);
    const leading = yPred.shape.slice(0, -1);
    const withoutLast = yTrue.shape.at(-1) === 1 && yTrue.rank === yPred.rank ? yTrue.shape.slice(0, -1) : yTrue.shape;
    const rows = leading.reduce((product, size) => product * size, 1);
    const ofIndices = classes !== 1 && same(withoutLast, leading);
    // A column may come as a list.
    const ofValues = same(yTrue.shape, yPred.shape) || (classes === 1 && same(withoutLast, leading));
    if (!ofIndices && !ofValues) {
      fail("ERR_SHAPE", call, "yTrue", `of shape ${showShape(yPred.shape)} as yPred, or of class indices ${showShape(leading)}`, `shape ${showShape(yTrue.shape)}`);
    }
    // Classes that come last are rows, whatever is before them.
    const byRow = ofIndices || (BY_CHANNEL.has(loss.name) && yPred.rank > 2);
    const shape = byRow ? [rows, classes] : yPred.shape;
    const target = ofIndices
      ? { data: indices(call, yTrue), shape: [rows] }
      : { data: OF_INDICES.has(loss.name) ? indices(call, yTrue) : new Float32Array(yTrue.dataSync()), shape };
    return scalar(call, "yPred", yPred, ({ data }) => loss.valueAndGrad({ data, shape }, target, options) as Outcome);
  };
}
