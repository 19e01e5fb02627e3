// Memory that many calls hold: flat, whether their tensors are disposed or left to the collector.
//   SOAK_CALLS=1000000 npm test -- soak      more of them
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const CALLS = Number(process.env.SOAK_CALLS ?? 6_000);
const MEBI = 2 ** 20;

interface Held {
  readonly engine: number;
  readonly process: number;
}

it.each(["dispose", "collect"])("%s", { timeout: 60_000 + CALLS }, (how) => {
  const script = fileURLToPath(new URL("boundary/soak.mjs", import.meta.url));
  const held = JSON.parse(execFileSync(process.execPath, ["--expose-gc", script, String(CALLS), how], { encoding: "utf8" })) as Held[];
  console.log(`${how}: ${held.map(({ engine, process }) => `${(engine / MEBI).toFixed(1)} of ${(process / MEBI).toFixed(0)} MiB`).join(", ")}`);
  // What is left to the collector waits for it, now longer, now less, and memory stays at the most there was: the first quarter does not
  // tell yet. Without finalizers each quarter of the least run would add 9 MiB, of a million calls 1.5 GiB.
  const [, second, , last] = held as [Held, Held, Held, Held];
  expect(last.engine).toBeLessThanOrEqual(second.engine + (how === "dispose" ? 0 : Math.max(12 * MEBI, second.engine / 2)));
  expect(last.process).toBeLessThan(second.process + 64 * MEBI);
});
