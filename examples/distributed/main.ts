// Trains the digit classifier of `npm run train` on several processes, by a queue in Redis.
//
//     npm run train:distributed
//     npm run train:distributed -- --help
import { createHash } from "node:crypto";
import { defaultDevice, init } from "@jax-js/jax";
import { Command } from "commander";
import { TRAIN } from "../digits.ts";
import { integer } from "../options.ts";
import { startRedis } from "./redis.ts";
import { train } from "./train.ts";

const options = new Command("npm run train:distributed --")
  .description(
    "Trains a classifier of handwritten digits on several worker processes, to which a queue in Redis hands out the shards of each batch. " +
      "It starts a redis-server of its own, unless REDIS_URL names one. The result is the same to the last bit for any number of workers, and if one is killed.",
  )
  .option("--workers <n>", "worker processes", integer(1, 64), 2)
  .option("--steps <n>", "steps", integer(1, 100_000), 50)
  .option("--batch <n>", "images in a step", integer(1, TRAIN), 256)
  .option("--shards <n>", "parts of a batch, which are jobs", integer(1, 1024), 8)
  .option("--seed <n>", "of weights and order", integer(0, 2 ** 32 - 1), 1)
  .option("--kill <step>", "kill a worker in the middle of this step", integer(0, 100_000))
  .showHelpAfterError("Options come after two dashes: npm run train:distributed -- --workers 3")
  .parse()
  .opts<{ workers: number; steps: number; batch: number; shards: number; seed: number; kill?: number }>();

process.once("SIGTERM", () => process.exit(143)); // takes the server along
await init("wasm");
defaultDevice("wasm");
const redis = await startRedis();
try {
  const began = performance.now();
  const { losses, params, retried } = await train({
    ...options,
    url: redis.url,
    shards: Math.min(options.shards, options.batch),
    lr: 0.002,
    killAt: options.kill,
    onStep: (step, loss) => {
      if (step % 10 === 9 || step === options.steps - 1) console.log(`step ${String(step + 1).padStart(5)}: loss ${loss.toPrecision(9)}`);
    },
  });
  const hash = createHash("sha256");
  for (const array of params) hash.update(array);
  console.log(`\n${options.workers} workers, ${losses.length} steps in ${((performance.now() - began) / 1000).toFixed(1)} s, ${retried} shards retried`);
  console.log(`SHA-256 of the parameters: ${hash.digest("hex").slice(0, 32)}`);
} finally {
  await redis.stop();
}
