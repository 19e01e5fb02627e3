// The model, as one writes it with jax-js: two dense layers, and Adam. Nothing here knows of fused-loss.
import { blockUntilReady, jit, nn, numpy as np, tree } from "@jax-js/jax";
import { CLASSES, PIXELS } from "./digits.ts";

export const HIDDEN = 256;

// jax-js takes trees of arrays; its types want `type` here, not `interface`.
type Layer = { weight: np.Array; bias: np.Array };
export type Params = { hidden: Layer; output: Layer };

/** Parameters to start from. */
export function initialParams(random: () => number): Params {
  const layer = (inputs: number, outputs: number): Layer => {
    const limit = Math.sqrt(6 / inputs); // He's uniform initialisation
    const weight = Float32Array.from({ length: inputs * outputs }, () => (2 * random() - 1) * limit);
    return { weight: np.array(weight, { shape: [inputs, outputs] }), bias: np.zeros([outputs]) };
  };
  return { hidden: layer(PIXELS, HIDDEN), output: layer(HIDDEN, CLASSES) };
}

/** From images, one a row, to logits. */
export function logits({ hidden, output }: Params, images: np.Array): np.Array {
  const activity = nn.relu(np.dot(images, hidden.weight).add(hidden.bias));
  return np.dot(activity, output.weight).add(output.bias);
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Parameters, and the running means of their gradients and of the squares of these. */
type AdamState = { params: Params; mean: Params; square: Params };

const adamStep = jit((state: AdamState, gradient: Params, rate: np.Array): AdamState => {
  const mean = tree.map(
    (old: np.Array, g: np.Array) => old.mul(BETA1).add(g.mul(1 - BETA1)),
    state.mean,
    tree.ref(gradient),
  );
  const square = tree.map(
    (old: np.Array, g: np.Array) => old.mul(BETA2).add(np.square(g).mul(1 - BETA2)),
    state.square,
    gradient,
  );
  const params = tree.map(
    (old: np.Array, m: np.Array, s: np.Array) => old.sub(rate.ref.mul(m).div(np.sqrt(s).add(EPSILON))),
    state.params,
    tree.ref(mean),
    tree.ref(square),
  );
  rate.dispose();
  return { params, mean, square };
});

/** Adam (Kingma & Ba 2015) over the parameters that it owns. */
export class Adam {
  #state: AdamState;
  #steps = 0;

  constructor(
    params: Params,
    readonly rate: number,
  ) {
    const zeros = () => tree.map((p: np.Array) => np.zerosLike(p.ref), params);
    this.#state = { mean: zeros(), square: zeros(), params };
  }

  /** The parameters as they are now, for one use. */
  get params(): Params {
    return tree.ref(this.#state.params);
  }

  async step(gradient: Params): Promise<void> {
    this.#steps++;
    const correction = Math.sqrt(1 - BETA2 ** this.#steps) / (1 - BETA1 ** this.#steps);
    this.#state = adamStep(this.#state, gradient, np.array(this.rate * correction));
    await blockUntilReady(this.#state);
  }
}
