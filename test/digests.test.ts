// The bits of every loss and function, as committed: a change that moves one has to say so, by `npm test -- digests -u`. The
// packaging suite asks the same of other engines.
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import * as threads from "fused-loss/threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digests } from "./packaging/play.js";
import { corpus } from "./support/corpus.js";

const calls = corpus();

beforeAll(() => threads.startThreads(2));
afterAll(threads.stopThreads);

it.each([
  ["simd128", simd128],
  ["scalar", scalar],
  ["threads", threads],
])("of %s", async (_, library) => {
  await expect(`${JSON.stringify(await digests(library, calls), null, 2)}\n`).toMatchFileSnapshot("digests.json");
});
