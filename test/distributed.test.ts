// examples/distributed: the same bits from any number of workers, and when one is killed in the middle of its work.
import { defaultDevice, init } from "@jax-js/jax";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Server, startRedis } from "../examples/distributed/redis.js";
import { type Trained, train } from "../examples/distributed/train.js";
import { expectSameBits } from "./support/compare.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 }); // Redis may have to be installed

describe("distributed training", () => {
  let redis: Server;
  let alone: Trained;
  const run = (workers: number, killAt?: number) => train({ url: redis.url, workers, steps: 5, batch: 100, shards: 6, lr: 0.002, seed: 1, killAt });

  beforeAll(async () => {
    await init("wasm");
    defaultDevice("wasm");
    redis = await startRedis();
    alone = await run(1);
  });
  afterAll(() => redis.stop());

  it("learns", () => {
    expect(alone.losses).toHaveLength(5);
    expect(alone.losses[4]).toBeLessThan(0.9 * (alone.losses[0] ?? 0));
    expect(alone.retried).toBe(0);
  });

  it.each([
    [2, undefined],
    [3, undefined],
    [1, 2],
    [2, 2],
    [3, 3],
  ])("with %i workers, one killed in step %s", async (workers, killAt) => {
    const result = await run(workers, killAt);
    expect(result.losses).toEqual(alone.losses);
    result.params.forEach((array, k) => expectSameBits(`parameters ${k}`, array, alone.params[k] ?? []));
    if (killAt === undefined) expect(result.retried).toBe(0);
    else expect(result.retried).toBeGreaterThan(0);
  });
});
