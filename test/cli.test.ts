// npx fused-loss: from the packed tarball, in a fresh project that has nothing else.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { pack, project, removeAll, root, run } from "./packaging/project.js";

vi.setConfig({ testTimeout: 20_000, hookTimeout: 60_000 });

interface CommandRecord {
  readonly version: string;
  readonly engine: string;
  readonly cores: number;
  readonly support: Readonly<Record<string, boolean>>;
  readonly selfCheck: { readonly same: readonly string[]; readonly unsupported: Readonly<Record<string, string>> };
  readonly cells: readonly { readonly title: string; readonly shape: readonly number[]; readonly mode: string; readonly ns: Readonly<Record<string, number>>; readonly ratios: Readonly<Record<string, number>> }[];
}

let where = "";
let dist = "";
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string; readonly dependencies?: object };

beforeAll(async () => {
  where = await project(await pack(), "command-line", {});
  dist = join(where, "node_modules/fused-loss/dist");
});
afterAll(removeAll);

/** Runs the installed program, as npx does, with flags of the engine. */
function command(args: readonly string[], flags: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, join(dist, "cli.js"), ...args], { cwd: where, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  return { status, stdout, stderr };
}

const QUICK = ["bench", "--loss", "mse", "--size", "1024", "--time", "30"];

describe("fused-loss bench", () => {
  it("prints the record alone with --json, by npx", async () => {
    const record = JSON.parse(await run("npx", ["--offline", "fused-loss", ...QUICK, "--json"], where)) as CommandRecord;
    expect(record).toMatchObject({ version: manifest.version, engine: "node", support: { simd: true, threads: true }, selfCheck: { same: ["simd128", "scalar", "threads"], unsupported: {} } });
    expect(record.cells.map(({ title, shape, mode }) => [title, shape, mode])).toEqual([
      ["mse", [1024], "value"],
      ["mse", [1024], "gradient"],
    ]);
    for (const { ns, ratios } of record.cells) {
      expect(Object.keys(ns)).toEqual(["simd128", "scalar", "plain"]);
      expect(Object.keys(ratios)).toEqual(["scalar", "plain"]);
      for (const number of [...Object.values(ns), ...Object.values(ratios)]) expect(number).toBeGreaterThan(0);
    }
  });

  it("tells of the host, checks the builds and draws with --svg", () => {
    const { status, stdout, stderr } = command([...QUICK, "--svg", "drawn/chart.svg"]);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(new RegExp(`^fused-loss ${manifest.version} on node ${process.versions.node}, `));
    expect(stdout).toContain("\nWebAssembly: SIMD yes, threads yes");
    expect(stdout).toContain("\nself-check: simd128, scalar, threads: same bits\n");
    expect(stdout).toContain("plain/simd128");
    expect(stderr).toContain("2  mse");
    const text = readFileSync(join(where, "drawn/chart.svg"), "utf8");
    const { document } = parseHTML(text);
    expect(text).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [^]*<\/svg>\n$/);
    expect(text.match(/<[a-z]/g)?.length).toBe((text.match(/<\/[a-z]/g)?.length ?? 0) + (text.match(/\/>/g)?.length ?? 0));
    expect([...document.querySelectorAll('g[aria-label="bar"] rect')]).toHaveLength(2);
  });

  it("ends in silence when its reader has enough", () => {
    const shell = `"${process.execPath}" "${join(dist, "cli.js")}" ${QUICK.join(" ")} 2>errors.txt | head -1`;
    expect(spawnSync("bash", ["-c", `set -o pipefail; ${shell}`], { cwd: where, encoding: "utf8" })).toMatchObject({ status: 0 });
    expect(readFileSync(join(where, "errors.txt"), "utf8")).not.toContain("EPIPE");
  });

  it("measures the scalar build where there is no SIMD", () => {
    const { status, stdout, stderr } = command([...QUICK, "--json"], ["--import", "data:text/javascript,WebAssembly.validate = () => false;"]);
    expect(status, stderr).toBe(0);
    const { selfCheck, cells } = JSON.parse(stdout) as CommandRecord;
    expect(selfCheck).toEqual({ same: ["scalar"], unsupported: { simd128: "no SIMD", threads: "no SIMD" } });
    expect(cells.map(({ ratios }) => Object.keys(ratios))).toEqual([["plain"], ["plain"]]);
    expect(stderr).toContain("self-check: scalar: answers; simd128: unsupported (no SIMD); threads: unsupported (no SIMD)");
  });

  it.each([
    ["a loss", ["bench", "--loss", "mse", "mean"], /^error: no loss mean; there are .*\bmse\b/],
    ["a size", ["bench", "--loss", "mse", "--size", "64x10"], /^error: no size 64x10; there are 1024, 65536, 1048576$/],
    ["an option", ["bench", "--sizes", "1024"], /^error: unknown option '--sizes'/],
    ["a time", ["bench", "--time", "soon"], /^error: option '--time <ms>' argument 'soon' is invalid\. It must be a number > 0\.$/],
    ["a dtype", ["bench", "--dtype", "float16"], /^error: option '--dtype <type>' argument 'float16' is invalid/],
    ["a file", ["bench", "--svg", "package.json/chart.svg"], /^error: cannot write package\.json\/chart\.svg: E/],
    ["a command", ["train"], /^error: unknown command 'train'/],
  ])("refuses %s that there is not, in a line", (_, args, message) => {
    const { status, stdout, stderr } = command(args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.trim().split("\n")[0]).toMatch(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it("names what differs, and exits with 1", () => {
    // Of the engine that is made first, that of the threads.
    const broken = `const { Instance } = WebAssembly;
      WebAssembly.Instance = function (module, imports) {
        WebAssembly.Instance = Instance;
        const { exports } = new Instance(module, imports);
        return { exports: { ...exports, mse: exports.l1 } };
      };`;
    const { status, stderr, stdout } = command([...QUICK, "--json"], ["--import", `data:text/javascript,${encodeURIComponent(broken)}`]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^error: self-check: mse float32 value: the value is .* in simd128, but .* in threads$/m);
  });
});

it("tells its options and its version", () => {
  expect(command(["--version"]).stdout).toBe(`${manifest.version}\n`);
  expect(command(["--help"]).stdout).toContain("bench [options]");
  const { status, stdout } = command(["bench", "--help"]);
  expect(status).toBe(0);
  for (const option of ["--loss <names...>", "--size <sizes...>", "--dtype <type>", "--time <ms>", "--all", "--json", "--svg <file>"]) expect(stdout).toContain(option);
});

describe("the package", () => {
  it("depends on nothing at run time", () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(readdirSync(join(where, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["fused-loss"]);
  });

  it.each([
    ["cli.js", 250_000],
    ["cli.chart.js", 1_000_000],
  ])("dist/%s imports Node's modules and files beside it alone, and is small", (file, size) => {
    const text = readFileSync(join(dist, file), "utf8");
    const names = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
    expect(names).toContain(file === "cli.js" ? "./simd128.js" : "node:module");
    expect(names.filter((name) => !isBuiltin(name) && !existsSync(join(dist, name)))).toEqual([]);
    expect(text.length).toBeLessThan(size);
  });

  it("has the licences of what it carries", () => {
    const text = readFileSync(join(dist, "cli.LICENSES.txt"), "utf8");
    for (const name of ["commander", "cli-progress", "wasm-feature-detect", "@observablehq/plot", "linkedom"]) expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+, `, "m"));
  });
});
