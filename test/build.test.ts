// What the build promises: the blocks survive wasm-opt, the exports are the registry's, and dist/ suits every bundler.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";
import { build } from "esbuild";
import { inflateSync } from "fflate";
import { rollup } from "rollup";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import * as entry from "fused-loss";
import * as sampling from "fused-loss/sampling";
import * as testing from "fused-loss/testing";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url));
const text = (path: string) => read(path).toString("utf8");

const registry = [...text("crates/kernels/src/losses/mod.rs").matchAll(/^ +(pointwise|rowwise|whole) (\w+)::\w+;$/gm)].map(([, driver, name]) => ({
  driver: driver as "pointwise" | "rowwise" | "whole",
  name: name as string,
}));
const named = (driver: string) => registry.filter((loss) => loss.driver === driver).map(({ name }) => name);

interface Function {
  /** Floating-point operations in loops: on vectors in simd128, on numbers in scalar. */
  readonly looped: number;
  readonly arithmetic: number;
  readonly loops: number;
  readonly calls: ReadonlySet<string>;
  readonly indirect: number;
}

/** The texts of the outermost loops, which the text indents. */
function loops(body: string): string[] {
  const found: string[] = [];
  let end: string | undefined;
  let lines: string[] = [];
  for (const line of body.split("\n")) {
    const indent = /^ */.exec(line)?.[0] ?? "";
    if (end === undefined && line.startsWith("(loop", indent.length)) {
      end = `${indent})`;
      lines = [];
    }
    if (end === undefined) continue;
    lines.push(line);
    if (line.startsWith(end)) {
      found.push(lines.join("\n"));
      end = undefined;
    }
  }
  return found;
}

/** The module of a build, as wasm-pack leaves it. */
const moduleOf = (name: string) => read(`crates/bindings/pkg/${name}/fused_loss_bg.wasm`);

/** What is in each function of a module, by binaryen's text of it. */
function disassemble(name: string) {
  const module = binaryen.readBinary(moduleOf(name));
  const wat = module.emitText();
  module.dispose();
  const operator = name === "scalar" ? /\(f(?:32|64)\.(?:add|sub|mul|div)\b/g : /\((?:f32x4|f64x2)\.(?:add|sub|mul|div)\b/g;
  const functions = new Map<string, Function>();
  for (const body of wat.split(/^ (?=\(func )/m).slice(1)) {
    const count = (pattern: RegExp) => body.match(pattern)?.length ?? 0;
    functions.set(/^\(func (\S+)/.exec(body)?.[1] ?? "", {
      loops: count(/\(loop\b/g),
      arithmetic: count(operator),
      looped: loops(body).reduce((sum, loop) => sum + (loop.match(operator)?.length ?? 0), 0),
      calls: new Set([...body.matchAll(/\((?:return_)?call (\$\S+)/g)].map(([, callee]) => callee as string)),
      indirect: count(/\(call_indirect\b/g),
    });
  }
  const exports = new Map([...wat.matchAll(/\(export "(\w+)" \(func (\S+)\)\)/g)].map(([, as, of]) => [as as string, of as string]));
  const table = new Set([...wat.matchAll(/^ \(elem .*? func (.*)\)$/gm)].flatMap(([, list]) => (list as string).split(" ")));
  return { wat, functions, exports, table };
}

describe.each(["simd128", "scalar", "threads"])("the module %s", (name) => {
  let module: ReturnType<typeof disassemble>;
  beforeAll(() => {
    module = disassemble(name);
  });

  const of = (exported: string) => {
    const found = module.functions.get(module.exports.get(exported) ?? "");
    if (!found) throw new Error(`no function ${exported}`);
    return found;
  };
  /** A function that a large call spends its time in: a loop of arithmetic, to itself. */
  const isBlock = (id: string) => (module.functions.get(id)?.looped ?? 0) > 0;
  const reachable = (from: string, seen = new Set<string>()) => {
    if (!seen.has(from)) {
      seen.add(from);
      module.functions.get(from)?.calls.forEach((callee) => reachable(callee, seen));
    }
    return seen;
  };

  it("exports what the registry names, the buffer and the checks", () => {
    const exported = WebAssembly.Module.exports(new WebAssembly.Module(Uint8Array.from(moduleOf(name)))).map((e) => e.name);
    const pool = ["close", "fail", "failed", "generation", "open", "work"].map((part) => `pool_${part}`);
    const own = [...(name === "threads" ? pool : []), "memory", "buffer_allocate", "buffer_address", "buffer_view", "check_classes", "check_domain", "check_lists", "multiply", "sum_rows"];
    expect(exported.filter((e) => !e.startsWith("__")).sort()).toEqual([...registry.map((loss) => loss.name), ...own].sort());
    expect(registry.length).toBeGreaterThanOrEqual(25);
  });

  it.each(named("pointwise"))("%s: its loop is not inlined into its export", (loss) => {
    expect(of(loss).looped).toBe(0);
    // The driver calls the blocks through the table, which wasm-opt cannot inline through.
    const ids = [...reachable(module.exports.get(loss) as string)];
    expect(ids.some((id) => (module.functions.get(id)?.indirect ?? 0) > 0)).toBe(true);
  });

  it("has two blocks at least for each pointwise loss and dtype: the value alone, and with its gradient", () => {
    // A loop may call the formula, where that is compiled once for both.
    const computes = (id: string) => (module.functions.get(id)?.arithmetic ?? 0) > 0;
    const blocks = [...module.table].filter((id) => {
      const found = module.functions.get(id);
      return found && found.loops > 0 && (found.looped > 0 || [...found.calls].some(computes));
    });
    expect(blocks.length).toBeGreaterThanOrEqual(2 * 2 * named("pointwise").length);
  });

  // nll reads one class of a row and sweeps nothing.
  it.each(named("rowwise").filter((loss) => loss !== "nll"))("%s: its sweeps are not inlined into its export", (loss) => {
    expect(of(loss).looped).toBe(0);
  });

  it("has sweeps along and across rows, in float32 and float64, for each row loss", () => {
    const sweeps = [...module.functions.keys()].filter((id) => isBlock(id) && !module.table.has(id));
    expect(sweeps.length).toBeGreaterThanOrEqual(4 * (named("rowwise").length - 1));
  });

  it("uses no instruction whose result may differ between machines", () => {
    expect(module.wat).not.toMatch(/relaxed/);
    expect(module.wat.includes("v128")).toBe(name !== "scalar");
  });

  it("is what the entry carries inlined", () => {
    const [, base64 = ""] = /base64 = "([A-Za-z0-9+/=]+)"/.exec(text(`dist/${name}.js`)) ?? [];
    const inlined = inflateSync(Buffer.from(base64, "base64"));
    expect(Buffer.compare(inlined, moduleOf(name))).toBe(0);
    if (name !== "threads") expect(Buffer.compare(inlined, read(`dist/${name}.wasm`))).toBe(0);
  });
});

const scripts = ["simd128.js", "scalar.js", "threads.js", "simd128.workerd.js", "scalar.workerd.js"];

/** Module specifiers of a script, and awaits outside of functions. */
function survey(path: string) {
  const source = ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const imports: string[] = [];
  const awaits: number[] = [];
  const visit = (node: ts.Node, inside: boolean) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) imports.push((node.moduleSpecifier as ts.StringLiteral).text);
    if (ts.isCallExpression(node) && (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === "require")) {
      imports.push(node.arguments[0]?.getText() ?? "");
    }
    if (!inside && (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier))) awaits.push(node.pos);
    ts.forEachChild(node, (child) => visit(child, inside || ts.isFunctionLike(node)));
  };
  visit(source, false);
  return { imports, awaits };
}

/** The values, not the types, that a script or a file of types exports. */
function exportsOf(path: string): string[] {
  const source = ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest, true, path.endsWith(".js") ? ts.ScriptKind.JS : ts.ScriptKind.TS);
  return source.statements
    .filter(ts.isExportDeclaration)
    .filter(({ isTypeOnly }) => !isTypeOnly)
    .flatMap(({ exportClause }) => (exportClause && ts.isNamedExports(exportClause) ? [...exportClause.elements] : []))
    .filter((element) => !element.isTypeOnly)
    .map(({ name }) => name.text)
    .sort();
}

describe.each(scripts)("dist/%s", (script) => {
  it("imports nothing but its engine, and awaits nothing at the top", () => {
    const { imports, awaits } = survey(`dist/${script}`);
    expect(awaits).toEqual([]);
    expect(imports).toEqual(script.includes("workerd") ? [`./${script.split(".")[0]}.wasm`] : []);
    expect(text(`dist/${script}`)).not.toMatch(/["'`]node:/);
  });

  it("has the exports of index.d.ts", () => {
    expect(Object.keys(entry).sort()).toEqual(exportsOf("dist/index.d.ts"));
    const more = script === "threads.js" ? exportsOf("dist/threads.d.ts") : [];
    expect(exportsOf(`dist/${script}`)).toEqual([...exportsOf("dist/index.d.ts"), ...more].sort());
  });

  if (script.includes("workerd")) {
    it("compiles no bytes, as edge runtimes forbid it", () => {
      expect(text(`dist/${script}`)).not.toMatch(/\batob\(|new WebAssembly\.Module\(\w*\(/);
      expect(text(`dist/${script}`).length).toBeLessThan(150_000);
    });
  }
});

const child = (...args: string[]) => execFileSync(process.execPath, ["--no-warnings", ...args], { cwd: root, encoding: "utf8" }).trim();

describe("dist/threads.worker.js", () => {
  it("imports nothing, awaits nothing at the top, and carries no engine", () => {
    expect(survey("dist/threads.worker.js")).toEqual({ imports: [], awaits: [] });
    expect(text("dist/threads.worker.js").length).toBeLessThan(5000);
  });
});

describe.each(["simd128", "scalar", "threads"])("dist/%s.js", (build) => {
  // As in browsers.
  it.each(["process.getBuiltinModule = undefined", "delete globalThis.process"])("unpacks its engine by itself after %s", (before) => {
    const program = `const { log } = console; ${before}; const { mse } = await import("./dist/${build}.js"); log(mse(Float32Array.of(3), Float32Array.of(1)))`;
    expect(child("--input-type=module", "--eval", program)).toBe("4");
  });
});

const bundled = async (contents: string) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    write: false,
    format: "esm",
    minify: true,
    platform: "browser",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
};

// The entries that need no engine.
describe.each([
  ["sampling", sampling],
  ["testing", testing],
])("dist/%s.js", (name, loaded) => {
  it("imports nothing, awaits nothing at the top, and carries no engine", () => {
    expect(survey(`dist/${name}.js`)).toEqual({ imports: [], awaits: [] });
    expect(text(`dist/${name}.js`)).not.toMatch(/["'`]node:|WebAssembly|base64|\batob\b/);
    expect(text(`dist/${name}.js`).length).toBeLessThan(20_000);
  });

  it("has the exports of its own types", () => {
    expect(Object.keys(loaded).sort()).toEqual(exportsOf(`dist/${name}.d.ts`));
    expect(survey(`dist/${name}.d.ts`).imports).toEqual([]);
  });

  it("can be required, and shaken", async () => {
    const script = `const all = require("fused-loss/${name}"); console.log(Object.keys(all).sort().join())`;
    expect(child("--input-type=commonjs", "-e", script)).toBe(Object.keys(loaded).sort().join());
    const unused = await bundled(`import * as all from "fused-loss/${name}";`);
    expect(unused.trim()).toBe("");
  });
});

describe("the package", () => {
  it("compiles nothing before the first call", () => {
    const script = `
      const { Module } = WebAssembly;
      let compiled = 0;
      WebAssembly.Module = class extends Module { constructor(bytes) { super(bytes); compiled++; } };
      const { mse, zeros } = await import("fused-loss");
      const before = compiled;
      mse(Float32Array.of(1), Float32Array.of(0)); zeros([1]);
      console.log(before, compiled);`;
    expect(child("--input-type=module", "-e", script)).toBe("0 1");
  });

  it("can be required", () => {
    const script = 'const { mse, engineName } = require("fused-loss"); console.log(engineName, mse(Float32Array.of(3), Float32Array.of(1)))';
    expect(child("--input-type=commonjs", "-e", script)).toBe("simd128 4");
    for (const name of ["scalar", "threads"]) {
      expect(child("--input-type=commonjs", "-e", script.replace('"fused-loss"', `"fused-loss/${name}"`))).toBe(`${name} 4`);
    }
  });

  it("names fused-loss/scalar where the host has no SIMD", () => {
    const script = `
      const refuse = () => { throw new WebAssembly.CompileError("no SIMD"); };
      WebAssembly.Module = refuse;
      WebAssembly.validate = () => false;
      const { mse } = await import("fused-loss");
      try { mse(Float32Array.of(1), Float32Array.of(0)); } catch (error) { console.log(error.message); }`;
    expect(child("--input-type=module", "-e", script)).toContain("fused-loss/scalar");
  });

  it("gives the .wasm files as exports", () => {
    for (const name of ["simd128", "scalar"]) {
      expect(import.meta.resolve(`fused-loss/${name}.wasm`)).toBe(new URL(`../dist/${name}.wasm`, import.meta.url).href);
    }
  });

  const rolled = async (contents: string) => {
    const only = <T>(value: T) => (id: string) => (id === "entry" ? value : null);
    const dist = fileURLToPath(new URL("../dist/simd128.js", import.meta.url));
    const resolveId = (id: string) => (id === "fused-loss" ? dist : id === "entry" ? id : null);
    // By its path, so that it is the text alone, and no `sideEffects: false`, that lets it be dropped.
    const bundle = await rollup({ input: "entry", plugins: [{ name: "entry", resolveId, load: only(contents) }] });
    const { output } = await bundle.generate({ format: "es" });
    return output[0].code;
  };

  it.each([
    ["esbuild", bundled],
    ["rollup, by its text alone", rolled],
  ])("can be shaken: %s", async (_, bundle) => {
    const whole = await bundle('import * as all from "fused-loss"; globalThis.all = Object.keys(all).map((k) => all[k]);');
    const carried = await bundle('import { mse } from "fused-loss"; globalThis.mse = mse;');
    // The text without the module in base64, in which any four letters may come together.
    const one = carried.replace(/[A-Za-z0-9+/]{10000,}=*/, "");
    expect(one.length).toBeLessThan(carried.length - 100_000);
    const none = await bundle('import "fused-loss"; import { huber } from "fused-loss";');
    expect(none.trim()).toBe("");
    expect(carried.length).toBeLessThan(whole.length - 5000);
    for (const other of ["gaussianNll", "crossEntropy", "logSumExp", "labelSmoothing", "ignoreIndex", "axis"]) expect(one).not.toContain(other);
    expect(one).toMatch(/["'`]mse["'`]/);
    const error = await bundle('import { LossTypeError } from "fused-loss"; globalThis.e = LossTypeError;');
    expect(error.length).toBeLessThan(3000);
  });

  it("bundles without a warning for the browser, and runs", async () => {
    const { outputFiles, warnings } = await build({
      stdin: { contents: 'import { mse } from "fused-loss"; console.log(mse(Float32Array.of(3), Float32Array.of(1)));', resolveDir: root },
      bundle: true,
      write: false,
      format: "iife",
      platform: "browser",
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    expect(execFileSync(process.execPath, ["-"], { input: outputFiles[0]?.text ?? "", encoding: "utf8" }).trim()).toBe("4");
  });
});
