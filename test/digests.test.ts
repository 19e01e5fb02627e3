// The bits of every loss and function, as committed: a change that moves one has to say so, by `npm test -- digests -u`. The
// packaging suite asks the same of other engines, test/replay.test.ts of native Rust.
import os from "node:os";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import * as threads from "fused-loss/threads";
import { describe, expect, it, vi } from "vitest";
import { digests } from "./packaging/play.js";
import { corpus } from "./support/corpus.js";

const calls = corpus();
const expectDigests = async (library: object) => expect(`${JSON.stringify(await digests(library, calls), null, 2)}\n`).toMatchFileSnapshot("digests.json");

it.each([
  ["simd128", simd128],
  ["scalar", scalar],
])("of %s", (_, library) => expectDigests(library));

describe("of threads", () => {
  it.each([1, 2, 3])("%s of them", async (count) => {
    // No more are started than there are cores: a machine with fewer takes turns.
    const cores = vi.spyOn(os, "availableParallelism").mockReturnValue(3);
    try {
      expect(await threads.startThreads(count)).toBe(count);
      await expectDigests(threads);
    } finally {
      threads.stopThreads();
      cores.mockRestore();
    }
  });
});
