// What the coordinator and its workers tell each other, and how tensors travel: as bytes, not as JSON.
import { deserialize, serialize } from "node:v8";
import { numpy as np, tree } from "@jax-js/jax";
import type { PartialState } from "fused-loss";
import { CLASSES, PIXELS } from "../digits.ts";
import { HIDDEN, type Params } from "../model.ts";
import { floats } from "../training.ts";

export const QUEUE = "shards";
/** How long a worker may be silent until its shard goes to another. */
export const LOCK_MS = 3_000;
/** Seconds after which Redis forgets a tensor that nobody has deleted. */
export const FORGET_S = 3_600;

/** A job: the images of one shard of a step's batch. */
export interface Shard {
  readonly step: number;
  readonly shard: number;
  /** Where its images are in the batch. */
  readonly from: number;
  readonly to: number;
  /** How many images the batch has. */
  readonly batch: number;
  /** Milliseconds to hold the result before it is sent, and to say so, so that a worker can be killed in the middle. */
  readonly holdMs: number;
}

/** What comes back for a shard. */
export interface ShardResult {
  readonly loss: PartialState;
  readonly gradients: readonly Float32Array<ArrayBuffer>[];
}

/** Where the tensors of a run are. */
export const keys = (run: string) => ({
  params: (step: number) => `${run}:params:${step}`,
  order: (step: number) => `${run}:order:${step}`,
  result: (step: number, shard: number) => `${run}:result:${step}:${shard}`,
});

export const pack = (value: unknown): Buffer => serialize(value);
export const unpack = (bytes: Buffer): unknown => deserialize(bytes);

const SHAPES = [[PIXELS, HIDDEN], [HIDDEN], [HIDDEN, CLASSES], [CLASSES]];

/** The numbers of parameters or their gradients, which are used up. */
export function toArrays({ hidden, output }: Params): Float32Array<ArrayBuffer>[] {
  return [hidden.weight, hidden.bias, output.weight, output.bias].map((array) => Float32Array.from(floats(array)));
}

export function fromArrays(arrays: readonly Float32Array<ArrayBuffer>[]): Params {
  const [a, b, c, d] = arrays.map((data, k) => np.array(data, { shape: SHAPES[k]! })) as [np.Array, np.Array, np.Array, np.Array];
  return { hidden: { weight: a, bias: b }, output: { weight: c, bias: d } };
}

/** For one more use. */
export const again = (params: Params): Params => tree.ref(params);
