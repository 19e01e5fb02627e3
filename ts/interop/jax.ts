// `fused-loss/jax`: losses at the end of models of jax-js.
import { type JsTree, numpy as np, vjp } from "@jax-js/jax";
import { fail, show } from "../errors.js";
import type { Shaped } from "../types.js";
import { type OneOrNamed, type Outcome, type Outputs, evaluate, inOrder, named, needLoss } from "./outcome.js";

export { LossRangeError, LossTypeError } from "../errors.js";
export type { Outcome, Outputs } from "./outcome.js";

const NAME = "lossAndGrad";

/** The loss of a model with its gradient by the parameters. */
export interface LossAndGrad<P> {
  readonly value: number;
  /** As the parameters are. */
  readonly grads: P;
}

const isArray = (value: unknown): value is np.Array => value instanceof np.Array;

async function shaped(name: string, output: np.Array): Promise<Shaped<Float32Array<ArrayBuffer>>> {
  const { dtype, shape } = output;
  if (dtype !== np.float32) fail("ERR_DTYPE", NAME, name, "float32", dtype);
  return { shape: [...shape], data: (await output.data()) as Float32Array<ArrayBuffer> };
}

/**
 * The loss of a model of jax-js, and its gradient by the model's parameters: jax-js's `vjp` of the model, the loss outside of it,
 * and the pullback of the loss's gradient.
 *
 * The model gives an array, or an object of arrays by the names that the loss's gradients have (`{ anchor, positive, negative }`).
 * The loss gets `{ data, shape }` for each of them, in float32. As jax-js's own functions do, it uses the parameters up: pass
 * `tree.ref(params)` to keep them, and in the model `.ref` of what is used again.
 *
 * @param model - From parameters to outputs; may be a `jit`.
 * @param params - An array, or any tree of arrays.
 * @param loss - The loss of the outputs, mostly `valueAndGrad` of a loss.
 * @returns The value, and the gradients in the parameters' structure.
 * @throws TypeError or RangeError, with a `code`, for outputs that are not float32, and for a loss that gives no number or no
 * gradient of an output; and whatever the loss throws.
 * @example
 * ```ts
 * import { defaultDevice, init, numpy as np, tree } from "@jax-js/jax";
 * import { crossEntropy } from "fused-loss";
 * import { lossAndGrad } from "fused-loss/jax";
 * await init("wasm");
 * defaultDevice("wasm");
 * const params = { weight: np.zeros([2, 3]) };
 * const images = np.array([[1, 2], [3, 4]]);
 * const labels = Int32Array.of(0, 2);
 * const { value, grads } = await lossAndGrad(
 *   ({ weight }: { weight: np.Array }) => np.matmul(images.ref, weight),
 *   tree.ref(params),
 *   (logits) => crossEntropy.valueAndGrad(logits, labels, { labelSmoothing: 0.1 }),
 * );
 * value; // 1.098612
 * grads.weight.shape; // [2, 3]
 * ```
 */
export async function lossAndGrad<P extends JsTree<np.Array>, O extends OneOrNamed<np.Array>>(
  model: (params: P) => O,
  params: P,
  loss: (outputs: Outputs<O, np.Array>) => Outcome,
): Promise<LossAndGrad<P>> {
  if (typeof (model as unknown) !== "function") fail("ERR_TYPE", NAME, "model", "a function from parameters to outputs", show(model));
  needLoss(NAME, loss);
  // Its types want a tree of a model that is generic here.
  const [output, pullback] = (vjp as unknown as (f: (params: P) => O, primals: [P]) => [O, ((cotangent: O) => [P]) & { dispose(): void }])(model, [params]);
  try {
    const { names, labels, things } = inOrder(NAME, "output", "a jax-js array", output, isArray);
    // An array under two names is read once, as reading uses it up.
    const arraysOnce = [...new Set(things)];
    const read = await Promise.all(arraysOnce.map((array) => shaped(labels[things.indexOf(array)] as string, array)));
    // What a model made has a count for each name; a parameter that it passes on has one.
    things.forEach((array, k) => things.indexOf(array) < k && array.refCount > 0 && array.dispose());
    const given = things.map((array) => read[arraysOnce.indexOf(array)] as Shaped<Float32Array<ArrayBuffer>>);
    const { value, gradients } = evaluate(NAME, loss, names, given);
    // It makes no array of nothing from data.
    const arrays = gradients.map(({ data, shape }) => (data.length === 0 ? np.zeros(shape) : np.array(data as Float32Array<ArrayBuffer>, { shape })));
    const [grads] = pullback(named(names, arrays) as O);
    return { value, grads };
  } finally {
    pullback.dispose();
  }
}
