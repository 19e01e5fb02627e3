// A worker: takes shards from the queue, and gives the gradient of each and its part of the loss.
//
//     node --import tsx worker.ts <redis URL> <run>
import { setTimeout } from "node:timers/promises";
import { defaultDevice, init, jit, numpy as np, tree, vjp } from "@jax-js/jax";
import { Worker } from "bullmq";
import { crossEntropy, partial } from "fused-loss";
import { Redis } from "ioredis";
import { loadDigits, pick, PIXELS } from "../digits.ts";
import { logits, type Params } from "../model.ts";
import { floats } from "../training.ts";
import { again, FORGET_S, fromArrays, keys, LOCK_MS, pack, QUEUE, type Shard, type ShardResult, toArrays, unpack } from "./shard.ts";

const [url, run] = process.argv.slice(2) as [string, string];
await init("wasm");
defaultDevice("wasm");
const { train } = loadDigits();
const model = jit(logits);
const redis = new Redis(url);
const at = keys(run);

async function fetch(key: string): Promise<unknown> {
  const bytes = await redis.getBuffer(key);
  if (!bytes) throw new Error(`Redis has no ${key}`);
  return unpack(bytes);
}

// Of the newest step: all its shards use the same.
let current: { readonly step: number; readonly params: Params; readonly order: Int32Array } | undefined;

async function stepOf(step: number) {
  if (current?.step === step) return current;
  const arrays = (await fetch(at.params(step))) as Float32Array<ArrayBuffer>[];
  const order = (await fetch(at.order(step))) as Int32Array;
  if (current) tree.dispose(current.params);
  current = { step, params: fromArrays(arrays), order };
  return current;
}

async function compute({ step, from, to, batch }: Shard): Promise<ShardResult> {
  const { params, order } = await stepOf(step);
  const { images, labels } = pick(train, order.subarray(from, to));
  const x = np.array(images, { shape: [labels.length, PIXELS] });
  const [output, pullback] = vjp((params: Params) => model(params, x.ref), [again(params)]);
  const shape = output.shape;
  const scores = { data: floats(output), shape };
  // The mean is over the whole batch, of which this is a part: so its gradient is exactly the batch's.
  const { state, grads } = partial.valueAndGrad(crossEntropy, [scores, Int32Array.from(labels)], { normalizer: batch, start: from });
  const [gradients] = pullback(np.array(grads.input!, { shape }));
  const result = { loss: state, gradients: toArrays(gradients) };
  pullback.dispose();
  x.dispose();
  return result;
}

const worker = new Worker<Shard>(
  QUEUE,
  async ({ data }) => {
    const result = await compute(data);
    if (data.holdMs > 0) {
      process.send?.("holding");
      await setTimeout(data.holdMs);
    }
    // Under the shard's own key: one that is done twice is the same bytes, and counts once.
    await redis.set(at.result(data.step, data.shard), pack(result), "EX", FORGET_S);
  },
  { connection: { url }, prefix: run, lockDuration: LOCK_MS, stalledInterval: LOCK_MS / 2, maxStalledCount: 100 },
);
worker.on("error", (error) => console.error(error.message));
process.on("SIGTERM", () => void worker.close().then(() => process.exit()));
process.on("disconnect", () => process.exit()); // the coordinator has died
await worker.waitUntilReady();
process.send?.("ready");
