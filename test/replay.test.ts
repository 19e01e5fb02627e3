// Native Rust gives the bits of the WebAssembly module: each call that the corpus makes of the engine is played there, in a build
// that also stops at integers that overflow and at failed assertions; `npm run test:sanitize` has one that stops at what is read or
// written beside an operand.
//   REPLAY_CALLS=100000 npm test -- replay      more wild calls
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as scalar from "fused-loss/scalar";
import { expect, it } from "vitest";
import { digests } from "./packaging/files.js";
import { root, run } from "./packaging/project.js";
import { recordCorpus, recorded } from "./support/tape.js";
import { playWild } from "./support/wild.js";

const CALLS = Number(process.env.REPLAY_CALLS ?? 2_000);

/** Plays a tape there, and gives what is printed. */
async function replayed(tape: Buffer): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "fused-loss-"));
  const file = join(folder, "tape");
  writeFileSync(file, tape);
  try {
    return await run("cargo", ["run", "--quiet", "--package", "fused-loss-replay", "--", file], root);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const same = (calls: number) => `${calls} calls, the same bits\n`;

it("plays the corpus in native Rust", { timeout: 600_000 }, async () => {
  const { answer, tape, calls } = await recordCorpus(scalar);
  expect(answer).toEqual(digests);
  expect(calls).toBeGreaterThan(25_000); // as the README says
  expect(await replayed(tape)).toBe(same(calls));
});

it("plays wild calls there", { timeout: 600_000 + 10 * CALLS }, async () => {
  const { answer, tape, calls } = await recorded(scalar, () => playWild("scalar", CALLS));
  expect(answer).toBeGreaterThan(0.5 * CALLS);
  expect(await replayed(tape)).toBe(same(calls));
});
