// The figures of the README are those of the records that it names.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as peers from "../bench/peers/report.js";
import { readPart } from "../bench/readme.js";
import type { BenchRecord } from "../bench/record.js";
import * as builds from "../bench/report.js";

function recordOf(part: string): readonly [record: unknown, name: string] {
  const name = /\[record\]\(bench\/records\/(.+?)\.json\)/.exec(readPart(part).join("\n"))?.[1] ?? "no record";
  return [JSON.parse(readFileSync(new URL(`../bench/records/${name}.json`, import.meta.url), "utf8")), name];
}

test("of the builds", () => {
  const [record, name] = recordOf("bench:builds");
  expect(readPart("bench:builds")).toEqual(builds.readmePart(record as BenchRecord, name));
});

test("of the peers, and at its head", () => {
  const [record, name] = recordOf("bench:peers");
  expect(readPart("bench:peers")).toEqual(peers.readmePart(record as peers.PeersRecord, name));
  expect(readPart("bench:headline")).toEqual(peers.headline(record as peers.PeersRecord));
});
