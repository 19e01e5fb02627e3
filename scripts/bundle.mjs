// Makes dist/cli.js, the command line, with the libraries, benchmark and cases that it needs; dist/cli.chart.js, which it loads to
// draw; and dist/cli.LICENSES.txt, the licences of those libraries. The package's own builds stay the files beside it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { root } from "./common.mjs";

const BESIDE = { "fused-loss": "./simd128.js", "fused-loss/scalar": "./scalar.js", "fused-loss/threads": "./threads.js", "../chart.js": "./cli.chart.js" };

const beside = {
  name: "beside",
  setup({ onResolve }) {
    onResolve({ filter: /^(fused-loss(\/\w+)?|\.\.\/chart\.js)$/ }, ({ path }) => ({ path: BESIDE[path], external: true }));
  },
};

/** Puts the cases in the place of bench/cases.ts, which looks for their files. */
const cases = {
  name: "cases",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]bench[/\\]cases\.ts$/ }, () => {
      const folder = join(root, "test", "cases");
      const files = readdirSync(folder).filter((file) => file.endsWith(".ts") && file !== "case.ts");
      const imports = files.map((file, k) => `import case${k} from ${JSON.stringify(join(folder, file))};`);
      const all = files.map((_, k) => `case${k}`).join(", ");
      return { contents: `${imports.join("\n")}\nexport const loadCases = async () => [${all}];`, resolveDir: folder };
    });
  },
};

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { cli: "bench/cli/main.ts", "cli.chart": "bench/chart.ts" },
  outdir: "dist",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  minify: true,
  legalComments: "none",
  // Some of the libraries are CommonJS and require Node's modules.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  plugins: [beside, cases],
  metafile: true,
  logLevel: "warning",
});

const packageOf = (path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
const parts = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
const packages = new Set(parts.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 && packageOf(path)) || []));
const licences = [...packages].sort().map((path) => {
  const folder = resolve(root, path);
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  return `${name} ${version}, ${license}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
});
const rule = `\n${"-".repeat(100)}\n\n`;
writeFileSync(join(root, "dist", "cli.LICENSES.txt"), ["dist/cli.js and dist/cli.chart.js hold parts of these libraries:\n", ...licences].join(rule));
