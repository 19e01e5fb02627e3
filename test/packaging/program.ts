// What every host runs: each entry of the package plays the corpus, the threads with a pool of two, and a sampler draws.
import * as simd128 from "fused-loss";
import { BalancedSampler } from "fused-loss/sampling";
import * as scalar from "fused-loss/scalar";
import { gradcheck } from "fused-loss/testing";
import * as threads from "fused-loss/threads";
import type { Call } from "../support/corpus.js";
import { type Digests, digests } from "./play.js";

export interface Answer {
  readonly builds: Readonly<Record<string, Digests>>;
  readonly started: number;
  readonly drawn: readonly string[];
  readonly checked: boolean;
}

export async function answer(corpus: readonly Call[], workerUrl?: string): Promise<Answer> {
  const sampler = new BalancedSampler<string>({ classes: 2, capacity: 4, batchSize: 4, seed: 1 });
  for (const [item, label] of [["a", 0], ["b", 0], ["c", 1], ["d", 1]] as const) sampler.push(item, label);
  const started = await threads.startThreads({ threads: 2, workerUrl });
  const builds = { simd128: await digests(simd128, corpus), scalar: await digests(scalar, corpus), threads: await digests(threads, corpus) };
  threads.stopThreads();
  const checked = gradcheck(simd128.mse, { input: Float64Array.of(1, 2), target: Float64Array.of(0, 4) }).ok;
  return { builds, started, drawn: [...sampler.next().items].sort(), checked };
}
