// Native Rust gives the bits of the WebAssembly module: each call that the corpus makes of the engine is played there, in a build
// that also stops at integers that overflow and at failed assertions; `npm run test:sanitize` has one that stops at what is read or
// written beside an operand.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as scalar from "fused-loss/scalar";
import { expect, it } from "vitest";
import { digests } from "./packaging/files.js";
import { root, run } from "./packaging/project.js";
import { recordCorpus } from "./support/tape.js";

it("plays the corpus in native Rust", { timeout: 600_000 }, async () => {
  const { answer, tape } = await recordCorpus(scalar);
  expect(answer).toEqual(digests);
  const folder = mkdtempSync(join(tmpdir(), "fused-loss-"));
  const file = join(folder, "tape");
  writeFileSync(file, tape);
  const output = await run("cargo", ["run", "--quiet", "--package", "fused-loss-replay", "--", file], root);
  rmSync(folder, { recursive: true });
  expect(output).toMatch(/^\d{4,} calls, the same bits\n$/);
});
