// The tarball in a fresh project of this machine's Node: what a user meets first. Other hosts: hosts.test.ts.
import { readFileSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { formatMessage } from "publint/utils";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CHECK, COMMAND, EXPECTED, filesToPlay, typesProgram } from "./files.js";
import { bin, pack, project, removeAll, root, run } from "./project.js";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let tarball = "";
let where = "";
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly exports: object };

beforeAll(async () => {
  tarball = await pack();
  where = await project(tarball, "here", {
    ...(await filesToPlay()),
    "main.js": COMMAND,
    "required.cjs": `
      const { mse } = require("fused-loss");
      console.log(mse(Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1)));`,
    "bundle.js": `export { mse } from "fused-loss"; import { mse } from "fused-loss"; console.log(mse(Float64Array.of(3), Float64Array.of(1)));`,
    "frameworks.js": `
      import * as tf from "@tensorflow/tfjs";
      import { numpy as np } from "@jax-js/jax";
      import { mse } from "fused-loss";
      import { lossAndGrad } from "fused-loss/jax";
      import { tensorLoss } from "fused-loss/tfjs";
      await tf.setBackend("cpu");
      const loss = ({ data }) => mse.valueAndGrad(data, Float32Array.of(0, 0));
      const gradient = tf.grad((x) => tensorLoss(x, loss))(tf.tensor1d([1, 2]));
      const { value, grads } = await lossAndGrad((x) => x.mul(2), np.array([1, 2]), loss);
      console.log(JSON.stringify([...gradient.dataSync(), value, ...(await grads.data())]));`,
    "types.ts": typesProgram,
    "types.mts": typesProgram,
  });
});
afterAll(removeAll);

it("gives the committed bits", async () => {
  expect(JSON.parse(await run(process.execPath, ["main.js"], where))).toEqual(EXPECTED);
});

it("meets TensorFlow.js and jax-js where they are installed", async () => {
  for (const name of ["@tensorflow", "@jax-js"]) symlinkSync(join(root, "node_modules", name), join(where, "node_modules", name));
  expect(JSON.parse(await run(process.execPath, ["frameworks.js"], where))).toEqual([1, 2, 10, 4, 8]);
});

it("can be required", async () => {
  expect(await run(process.execPath, ["--no-warnings", "required.cjs"], where)).toBe("1.6666666269302368\n");
});

it("runs where a bundler for Node puts it", async () => {
  await run(bin("esbuild"), ["bundle.js", "--bundle", "--platform=node", "--format=esm", "--minify", "--outfile=bundled.mjs"], where);
  expect(await run(process.execPath, ["bundled.mjs"], where)).toBe("4\n");
});

describe("types resolve with", () => {
  it.each([
    ["bundler", "esnext"],
    ["node16", "node16"],
    ["nodenext", "nodenext"],
  ])("moduleResolution %s", async (moduleResolution, module) => {
    await run(bin("typescript", "tsc"), [...CHECK, "--module", module, "--moduleResolution", moduleResolution, "types.ts", "types.mts"], where);
  });
});

it("is what publint takes for a sound package", async () => {
  const { messages } = await publint({ pkgDir: join(where, "node_modules/fused-loss"), pack: false, strict: true });
  expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
});

it("has types that are not wrong", async () => {
  // Those have none: a host gives an import of wasm a meaning of its own, and nothing imports the worker.
  const untyped = ["simd128.wasm", "scalar.wasm", "threads.worker.js"];
  await run(bin("@arethetypeswrong/cli", "attw"), [tarball, "--profile", "esm-only", "--exclude-entrypoints", ...untyped], where);
});

it("has source maps with their sources, of what programs import", () => {
  const dist = join(where, "node_modules/fused-loss/dist");
  const scripts = readdirSync(dist).filter((file) => file.endsWith(".js") && !file.startsWith("cli."));
  expect(scripts).toContain("simd128.js");
  for (const file of scripts) {
    expect(readFileSync(join(dist, file), "utf8").slice(-100)).toContain(`//# sourceMappingURL=${file}.map`);
    const map = JSON.parse(readFileSync(join(dist, `${file}.map`), "utf8")) as { readonly sources: readonly string[]; readonly sourcesContent: readonly (string | null)[] };
    expect(map.sources.length).toBeGreaterThan(0);
    expect(map.sourcesContent.every((text) => typeof text === "string"), file).toBe(true);
  }
});
