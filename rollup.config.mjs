// Makes dist/: for each engine an entry that carries its WebAssembly inlined, one that imports it as a file (for
// workerd, which forbids compiling bytes), and that file; and one index.d.ts for all; and the entries that need none.
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import zopfli from "@gfx/zopfli";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import esbuild from "rollup-plugin-esbuild";
import { builds } from "./scripts/common.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const inflate = fileURLToPath(import.meta.resolve("fflate/browser"));

/** `#engine` means the engine of this build. */
const engine = (name) => ({
  name: "engine",
  resolveId: (id) => (id === "#engine" ? file(`ts/engines/${name}.ts`) : null),
});

/**
 * The text of a function that evaluates a module anew and returns these exports of it. So nothing of it runs at the top
 * level of dist/, and every call has its own module state.
 */
async function factory(exports, module) {
  const text = `export { ${exports} } from ${JSON.stringify(module)}`;
  const only = (value) => (id) => (id === "entry" ? value : null);
  const entry = { name: "entry", resolveId: only("entry"), load: only(text) };
  const bundle = await rollup({ input: "entry", plugins: [entry] });
  const format = { format: "iife", name: "module", exports: "named", esModule: false, strict: false };
  const { output } = await bundle.generate(format);
  const { code } = await transform(output[0].code, { minify: true, target: "es2022", legalComments: "none" });
  return `() => { ${code} return module; }`;
}

/** Loads the two import forms of ts/engines/modules.d.ts; `module(path)` gives the text of the second. */
const wasm = (module) => ({
  name: "wasm",
  resolveId: (id, importer) => (id.includes("?") ? resolve(dirname(importer), id) : null),
  async load(id) {
    const [path, form] = id.split("?");
    if (form === undefined) return null;
    const code = form === "factory" ? `export default ${await factory("initSync, Buffer", path)}` : await module(path);
    return { code, map: { mappings: "" } };
  },
});

/**
 * The bytes as base64 of deflated data. Base64 of raw bytes, as @rollup/plugin-wasm inlines them, hides repetition from
 * gzip: they travel at 1.3 to 1.8 times the gzipped size of the file, these at 1.02 to 1.06 times. Zopfli deflates to 4 % less
 * than zlib does.
 */
async function inlined(path) {
  const base64 = Buffer.from(await zopfli.deflateAsync(await readFile(path), {})).toString("base64");
  return `
    // fflate, MIT License, (c) Arjun Barrett: https://github.com/101arrowz/fflate
    const createInflate = ${await factory("inflateSync", inflate)};
    const base64 = "${base64}";
    function inflated() {
      // Where the host has them, its own decoder and inflate: cold JavaScript takes ten times as long.
      const { process } = globalThis;
      const zlib = process?.getBuiltinModule?.("zlib");
      if (zlib) return zlib.inflateRawSync(process.getBuiltinModule("buffer").Buffer.from(base64, "base64"));
      const text = atob(base64);
      const bytes = new Uint8Array(text.length);
      for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
      return createInflate().inflateSync(bytes);
    }
    let module;
    export default () => (module ??= new WebAssembly.Module(inflated()));`;
}

const imported = (name) => () => `import module from "./${name}.wasm"; export default () => module;`;

/** Puts the .wasm file beside the entry, which imports it by its name there. */
const wasmFile = (name) => ({
  name: "wasm-file",
  resolveId: (id) => (id === `./${name}.wasm` ? { id, external: true } : null),
  async generateBundle() {
    const source = await readFile(file(`crates/bindings/pkg/${name}/fused_loss_bg.wasm`));
    this.emitFile({ type: "asset", fileName: `${name}.wasm`, source });
  },
});

const inputs = { scalar: "ts/index.ts", simd128: "ts/index.ts", threads: "ts/threads/index.ts" };
const transpile = esbuild({ target: "es2022", tsconfig: "tsconfig.json" });

function entry(build, name, ...plugins) {
  const output = { file: `dist/${name}.js`, format: "es", sourcemap: true };
  return { input: inputs[build], plugins: [engine(build), ...plugins, transpile], output };
}

/** What the interops are for, which their users have. */
const FRAMEWORKS = ["@tensorflow/tfjs", "@jax-js/jax"];

/** The types of an entry. */
const types = (input, name, banner) => ({ input, plugins: [engine("simd128"), dts()], output: { file: `dist/${name}.d.ts`, banner } });
// For Symbol.dispose; the plugin drops the directive of the source.
const DISPOSABLE = '/// <reference lib="esnext.disposable" />';

export default [
  ...Object.keys(builds).map((build) => entry(build, build, wasm(inlined))),
  // Edge runtimes have no threads.
  ...["scalar", "simd128"].map((build) => entry(build, `${build}.workerd`, wasm(imported(build)), wasmFile(build))),
  { input: "ts/threads/worker.ts", plugins: [wasm(), transpile], output: { file: "dist/threads.worker.js", format: "es", footer: "export {};", sourcemap: true } },
  // What needs no engine has none.
  ...Object.entries({ sampling: "sampling/index", testing: "testing/index", tfjs: "interop/tfjs", jax: "interop/jax" }).flatMap(([name, path]) => [
    { input: `ts/${path}.ts`, external: FRAMEWORKS, plugins: [transpile], output: { file: `dist/${name}.js`, format: "es", sourcemap: true } },
    { input: `ts/${path}.ts`, external: FRAMEWORKS, plugins: [dts()], output: { file: `dist/${name}.d.ts` } },
  ]),
  types("ts/index.ts", "index", DISPOSABLE),
  types("ts/threads/pool.ts", "threads", 'export * from "./index.js";'),
];
