// npm run test:packaging: the tarball, installed in a fresh project for every host, gives the committed bits there.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { recordCorpus } from "../support/tape.js";
import { BROWSER_NAMES, type Visit, visit } from "./browsers.js";
import { CHECK, COMMAND, EXPECTED, digests, filesToPlay, typesProgram } from "./files.js";
import { bin, folder, pack, project, removeAll, root, run } from "./project.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 600_000 });

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = join(here, "node_modules");

let tarball = "";
let files: Readonly<Record<string, string>> = {};

/** Installs the engines and bundlers, unless the lock file's are there. */
async function install() {
  const [lock, installed] = [join(here, "package-lock.json"), join(modules, ".installed")];
  const wanted = readFileSync(lock, "utf8");
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return;
  await run("npm", ["ci", "--no-audit", "--no-fund"], here);
  writeFileSync(installed, wanted);
}

beforeAll(async () => {
  await install();
  tarball = await pack();
  files = await filesToPlay();
});
afterAll(removeAll);

describe("a program of", () => {
  const engines = {
    "Node 20": [join(modules, "node-20", "bin", "node")],
    "Node 22": [join(modules, "node-22", "bin", "node")],
    "Node 24": [join(modules, "node-24", "bin", "node")],
    "Node 26": [join(modules, "node-26", "bin", "node")],
    Bun: [join(modules, "@oven", "bun-linux-x64", "bin", "bun")],
    Deno: [join(modules, "@deno", "linux-x64-glibc", "deno"), "run", "--allow-all"],
  };

  it.each(Object.entries(engines))("%s", async (name, [command = "", ...args]) => {
    const where = await project(tarball, name.replace(" ", "-").toLowerCase(), { ...files, "main.js": COMMAND });
    expect(JSON.parse(await run(command, [...args, "main.js"], where))).toEqual(EXPECTED);
    // The command line, too, checks itself there.
    const bench = ["node_modules/fused-loss/dist/cli.js", "bench", "--loss", "mse", "--size", "1024", "--time", "20", "--json"];
    expect(JSON.parse(await run(command, [...args, ...bench], where))).toMatchObject({ selfCheck: { same: ["simd128", "scalar", "threads"], unsupported: {} } });
  });
});

it("types resolve with TypeScript 5.7, the oldest that they are for", async () => {
  const where = await project(tarball, "typescript", { "main.ts": typesProgram });
  await run(bin("typescript-5.7", "tsc"), [...CHECK, "--module", "nodenext", "main.ts"], where);
});

describe("workerd", () => {
  const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    compatibilityDate = "2026-11-01",
    modules = [
      (name = "worker.js", esModule = embed "dist/worker.js"),
      (name = "simd128.wasm", wasm = embed "node_modules/fused-loss/dist/simd128.wasm"),
      (name = "scalar.wasm", wasm = embed "node_modules/fused-loss/dist/scalar.wasm"),
      (name = "corpus.json", json = embed "corpus.json"),
    ],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);`;
  const WORKER = `
import corpus from "./corpus.json";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { digests } from "./play.js";
export default {
  async fetch() {
    return Response.json({ simd128: await digests(simd128, corpus), scalar: await digests(scalar, corpus) });
  },
};`;

  it("runs it, bundled for its condition", async () => {
    const where = await project(tarball, "workerd", { ...files, "main.js": WORKER, "config.capnp": CONFIG });
    const own = ["--external:*.wasm", "--external:./corpus.json", "--conditions=workerd", "--outfile=dist/worker.js"];
    await run(bin("esbuild"), ["main.js", "--bundle", "--format=esm", ...own], where);
    const server = spawn(bin("workerd"), ["serve", "config.capnp", "--control-fd=3"], { cwd: where, stdio: ["ignore", "inherit", "inherit", "pipe"] });
    try {
      const [control] = [server.stdio[3]];
      if (!control || !("read" in control)) throw new Error("no pipe");
      for await (const line of createInterface({ input: control })) {
        const { event, port } = JSON.parse(line) as { readonly event: string; readonly port?: number };
        if (event !== "listen") continue;
        const response = await fetch(`http://127.0.0.1:${String(port)}/`);
        expect(await response.json()).toEqual({ simd128: digests, scalar: digests });
        return;
      }
      throw new Error("workerd has ended");
    } finally {
      server.kill();
    }
  });
});

describe("wasmtime, which has no JavaScript", () => {
  const builds = { simd128, scalar };

  it.each(["simd128", "scalar"] as const)("plays what %s is asked", async (name) => {
    const where = join(folder, "wasmtime");
    const python = join(where, "bin", "python");
    if (!existsSync(python)) {
      await run("python3", ["-m", "venv", where], folder);
      await run(python, ["-m", "pip", "install", "--quiet", "wasmtime==50.0.1"], folder);
    }
    const { answer, tape, calls } = await recordCorpus(builds[name]);
    expect(answer).toEqual(digests);
    writeFileSync(join(where, "tape"), tape);
    expect(await run(python, [join(here, "replay.py"), join(root, "dist", `${name}.wasm`), join(where, "tape")], where)).toBe(`${calls} calls, the same bits\n`);
  });
});

/** A page whose script is `src`, or the given one, with what it needs before. */
const page = (src: string, before = "") => `<!doctype html><meta charset="utf-8"><title>fused-loss</title><link rel="icon" href="data:,">${before}<script type="module" src="${src}"></script>`;

const asking = (workerUrl?: string) => `
import { answer } from "./program.js";
const corpus = await (await fetch("/corpus.json")).json();
globalThis.outcome = await answer(corpus, ${JSON.stringify(workerUrl)}).catch((error) => ({ error: String(error?.stack ?? error) }));`;

const WORKER = `
import { answer } from "./program.js";
onmessage = ({ data }) => answer(data).then(postMessage, (error) => postMessage({ error: String(error?.stack ?? error) }));`;
const ASKING_WORKER = `
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => { globalThis.outcome = data; };
worker.onerror = ({ message }) => { globalThis.outcome = { error: message }; };
worker.postMessage(await (await fetch("/corpus.json")).json());`;

const WEBPACK = `
export default { mode: "production", entry: "./main.js", experiments: { outputModule: true }, output: { path: import.meta.dirname + "/dist", filename: "main.js", publicPath: "/dist/", module: true }, performance: false };`;
const ROLLUP = `
import resolve from ${JSON.stringify(join(modules, "@rollup/plugin-node-resolve/dist/es/index.js"))};
export default { input: "main.js", plugins: [resolve({ browser: true })], output: { dir: "dist", format: "es" } };`;
const IMPORT_MAP = `<script type="importmap">${JSON.stringify({
  imports: Object.fromEntries(["", "/scalar", "/threads", "/sampling", "/testing"].map((entry) => [`fused-loss${entry}`, `/node_modules/fused-loss/dist/${entry === "" ? "simd128" : entry.slice(1)}.js`])),
})}</script>`;

interface Site extends Visit {
  readonly files: Readonly<Record<string, string>>;
  build?(where: string): Promise<unknown>;
}

/** Copies the threads' worker beside what a bundler made that does not do so itself. */
const copyWorker = (where: string) => copyFileSync(join(where, "node_modules/fused-loss/dist/threads.worker.js"), join(where, "dist/threads.worker.js"));

async function bundled(where: string) {
  await run(bin("esbuild"), ["main.js", "--bundle", "--format=esm", "--minify", "--outdir=dist"], where);
  copyWorker(where);
}

const sites: Readonly<Record<string, Site>> = {
  "an import map": { files: { "index.html": page("main.js", IMPORT_MAP), "main.js": asking() } },
  // What the package needs of a policy, and nothing else.
  "esbuild under a Content-Security-Policy": {
    files: { "index.html": page("dist/main.js"), "main.js": asking() },
    build: bundled,
    headers: { "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:" },
  },
  esbuild: { files: { "index.html": page("dist/main.js"), "main.js": asking("/dist/threads.worker.js") }, build: bundled },
  rollup: {
    files: { "index.html": page("dist/main.js"), "main.js": asking(), "rollup.config.mjs": ROLLUP },
    build: async (where) => {
      await run(bin("rollup"), ["--config"], where);
      copyWorker(where);
    },
  },
  webpack: { files: { "index.html": page("dist/main.js"), "main.js": asking(), "webpack.config.mjs": WEBPACK }, build: (where) => run(bin("webpack-cli"), ["build"], where) },
  Vite: { files: { "index.html": page("/main.js"), "main.js": asking() }, build: (where) => run(bin("vite"), ["build", "--outDir=built", "--target=esnext"], where) },
  "Vite in development": { files: { "index.html": page("/main.js"), "main.js": asking() }, development: true },
  "a worker by Vite": {
    files: { "index.html": page("/main.js"), "main.js": ASKING_WORKER, "worker.js": WORKER },
    build: (where) => run(bin("vite"), ["build", "--outDir=built", "--target=esnext"], where),
  },
};

describe.each(Object.entries(sites))("a page made by %s in", (name, site) => {
  let where = "";
  beforeAll(async () => {
    where = await project(tarball, name.replaceAll(" ", "-"), { ...files, ...site.files });
    await site.build?.(where);
    if (existsSync(join(where, "built"))) copyFileSync(join(where, "corpus.json"), join(where, "built/corpus.json"));
  });

  it.each(BROWSER_NAMES)("%s", async (browser) => {
    const built = join(where, "built");
    expect(await visit(browser, existsSync(built) ? built : where, site)).toEqual(EXPECTED);
  });
});

it.each(BROWSER_NAMES)("says in %s which directive a Content-Security-Policy lacks", async (browser) => {
  const asking = `
import { mse } from "fused-loss";
try { globalThis.outcome = mse(Float32Array.of(1), Float32Array.of(1)); } catch (error) { globalThis.outcome = error.message; }`;
  const where = await project(tarball, `policy-${browser}`, { "index.html": page("dist/main.js"), "main.js": asking });
  await bundled(where);
  const headers = { "Content-Security-Policy": "default-src 'none'; script-src 'self'; img-src data:" };
  const told = "This page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src";
  expect(await visit(browser, where, { headers, mayComplain: true })).toBe(told);
});
