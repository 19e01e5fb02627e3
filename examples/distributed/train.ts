// Data-parallel training: the coordinator has the parameters, its workers have the images. In each step the batch is cut into
// shards, always the same ones, which are jobs of a queue in Redis; their gradients are added up by one tree. So the result
// does not depend on how many workers there are, which of them does what, or which of them dies.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Queue, QueueEvents } from "bullmq";
import { merge } from "fused-loss";
import { Redis } from "ioredis";
import { TRAIN } from "../digits.ts";
import { Adam, initialParams, type Params } from "../model.ts";
import { randomNumbers, shuffled } from "../random.ts";
import { FORGET_S, fromArrays, keys, pack, QUEUE, type Shard, type ShardResult, toArrays, unpack } from "./shard.ts";

/** Workers that may die in a run, each of which another takes the place of. */
const MOST_REPLACED = 10;

export interface TrainOptions {
  readonly url: string;
  readonly workers: number;
  readonly steps: number;
  readonly batch: number;
  readonly shards: number;
  readonly lr: number;
  readonly seed: number;
  /** The step in whose middle a worker is killed. */
  readonly killAt?: number | undefined;
  readonly onStep?: ((step: number, loss: number) => void) | undefined;
}

export interface Trained {
  /** Of every step: the mean over its batch. */
  readonly losses: readonly number[];
  readonly params: readonly Float32Array<ArrayBuffer>[];
  /** Shards that were given to another worker. */
  readonly retried: number;
}

/** Sums of arrays in pairs, of these in pairs, and so on: the same for the same arrays in the same order. */
function treeSum(all: readonly (readonly Float32Array<ArrayBuffer>[])[]): readonly Float32Array<ArrayBuffer>[] {
  if (all.length === 1) return all[0]!;
  const half = 2 ** Math.ceil(Math.log2(all.length) - 1);
  const [left, right] = [treeSum(all.slice(0, half)), treeSum(all.slice(half))];
  return left.map((array, k) => array.map((value, i) => value + right[k]![i]!));
}

/** Worker processes that are replaced when they die, and that end with their coordinator. */
class Crew {
  readonly #members = new Set<ChildProcess>();
  readonly #args: readonly string[];
  #ending = false;
  #replaced = 0;
  #lose: (error: Error) => void = () => undefined;
  /** Rejects when workers die again and again. */
  readonly lost = new Promise<never>((_, reject) => (this.#lose = reject));
  /** Called with a worker that holds the result of a shard. */
  onHolding: ((worker: ChildProcess) => void) | undefined;

  constructor(url: string, run: string) {
    this.#args = ["--import", "tsx", fileURLToPath(new URL("worker.ts", import.meta.url)), url, run];
    this.lost.catch(() => undefined);
  }

  /** Starts a worker, and waits until it takes shards. */
  async add() {
    const worker = spawn(process.execPath, this.#args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#members.add(worker);
    worker.once("exit", () => {
      this.#members.delete(worker);
      if (this.#ending) return;
      if (++this.#replaced > MOST_REPLACED) this.#lose(new Error(`${MOST_REPLACED} workers have died.`));
      else void this.add();
    });
    await new Promise<void>((resolve) => {
      worker.on("message", (message) => {
        if (message === "ready") resolve();
        else this.onHolding?.(worker);
      });
    });
  }

  async end() {
    this.#ending = true;
    await Promise.all(
      [...this.#members].map(async (worker) => {
        const exit = once(worker, "exit");
        worker.kill();
        // One that waits for a Redis that is gone.
        const timer = setTimeout(() => worker.kill("SIGKILL"), 10_000);
        await exit;
        clearTimeout(timer);
      }),
    );
  }
}

/** Trains the digit classifier. jax-js must have been started. */
export async function train({ url, workers: count, steps, batch, shards, lr, seed, killAt, onStep }: TrainOptions): Promise<Trained> {
  const run = `fused-loss-${randomUUID()}`;
  const at = keys(run);
  const connection = { url };
  const redis = new Redis(url);
  const queue = new Queue<Shard>(QUEUE, { connection, prefix: run });
  const events = new QueueEvents(QUEUE, { connection, prefix: run });
  let retried = 0;
  events.on("stalled", () => retried++);
  const crew = new Crew(url, run);
  const random = randomNumbers(seed);
  const adam = new Adam(initialParams(random), lr);
  const losses: number[] = [];
  try {
    await events.waitUntilReady();
    await Promise.race([Promise.all(Array.from({ length: count }, () => crew.add())), crew.lost]);
    let order = shuffled(TRAIN, random);
    const perEpoch = Math.floor(TRAIN / batch);
    for (let step = 0; step < steps; step++) {
      if (step > 0 && step % perEpoch === 0) order = shuffled(TRAIN, random);
      const first = (step % perEpoch) * batch;
      await redis.set(at.params(step), pack(toArrays(adam.params)), "EX", FORGET_S);
      await redis.set(at.order(step), pack(order.slice(first, first + batch)), "EX", FORGET_S);
      const border = (shard: number) => Math.round((shard * batch) / shards);
      const killing = step === killAt;
      // The first that holds a result, which nobody has seen yet.
      if (killing) {
        crew.onHolding = (worker) => {
          crew.onHolding = undefined;
          worker.kill("SIGKILL");
        };
      }
      const jobs = await queue.addBulk(
        Array.from({ length: shards }, (_, shard) => ({
          name: "shard",
          data: { step, shard, from: border(shard), to: border(shard + 1), batch, holdMs: killing ? 300 : 0 },
        })),
      );
      await Promise.race([Promise.all(jobs.map((job) => job.waitUntilFinished(events))), crew.lost]);
      const names = jobs.map((_, shard) => at.result(step, shard));
      const results = (await redis.mgetBuffer(names)).map((bytes) => unpack(bytes!) as ShardResult);
      await redis.del(at.params(step), at.order(step), ...names);
      await Promise.all(jobs.map((job) => job.remove()));
      const loss = merge(results.map((result) => result.loss)).value;
      losses.push(loss);
      onStep?.(step, loss);
      const gradient: Params = fromArrays(treeSum(results.map(({ gradients }) => gradients)));
      await adam.step(gradient);
    }
    return { losses, params: toArrays(adam.params), retried };
  } finally {
    await crew.end();
    await events.close();
    await queue.obliterate({ force: true });
    await queue.close();
    redis.disconnect();
  }
}
