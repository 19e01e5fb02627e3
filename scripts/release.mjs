// npm run release:dry: builds, lints, tests and packs as a release would, prints what would be published, and publishes nothing.
// It refuses what must not be published: a version that CHANGELOG.md does not name, files that are not committed, and a
// manifest that npm would change. With --skip-tests it neither lints nor tests.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root, run } from "./common.mjs";
import { writeSbom } from "./sbom.mjs";

function refuse(why) {
  console.error(`\nNot to be published: ${why}`);
  process.exit(1);
}

function must(command, args, options) {
  const { status, output } = run(command, args, options);
  if (status !== 0) refuse(`\`${command} ${args.join(" ")}\` failed${output ? `\n${output}` : ""}`);
  return output;
}

let options;
try {
  options = parseArgs({ options: { "skip-tests": { type: "boolean", default: false } } }).values;
} catch (error) {
  refuse(error.message);
}

const { name, version, dependencies, scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
// Entries begin with `## 1.2.3` or `## 1.2.3 (a date)`.
const entries = readFileSync(join(root, "CHANGELOG.md"), "utf8").split(/^(?=## )/m).slice(1);
const [top = ""] = entries;
const changed = must("git", ["status", "--porcelain"], { capture: true }).trimEnd();
// At once, not after minutes of tests.
if (changed) refuse(`files are not committed:\n${changed}`);
if (!entries.some((entry) => entry.split(/\s+/)[1] === version)) refuse(`CHANGELOG.md has no entry of ${version}, the version in package.json; its top one is "${top.split("\n")[0]}"`);

if (dependencies) refuse(`it would install ${Object.keys(dependencies).join(", ")}; what it needs is bundled`);
const hooks = Object.keys(scripts).filter((script) => /^(pre|post)?(install|prepare|publish)/.test(script));
if (hooks.length > 0) refuse(`it would run scripts when it is installed: ${hooks.join(", ")}`);

must(process.execPath, ["scripts/setup.mjs"]);
if (!options["skip-tests"]) {
  must(process.execPath, ["scripts/lint.mjs"]);
  must(process.execPath, ["scripts/test.mjs"]);
}

const [{ files, size, unpackedSize }] = JSON.parse(must("npm", ["pack", "--dry-run", "--json", "--loglevel=error"], { capture: true }));
const warnings = must("npm", ["publish", "--dry-run"], { capture: true }).match(/^npm warn publish (?!This command requires you to be logged in).*$/gim);
if (warnings) refuse(warnings.join("\n"));

const sbom = join(root, "target", "sbom.cdx.json");
const parts = writeSbom(sbom);

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(`\n${name} ${version}\n`);
for (const file of files) console.log(`  ${file.path.padEnd(32)}${kB(file.size).padStart(10)}`);
console.log(`\n${files.length} files, ${kB(unpackedSize)}; packed ${kB(size)}\n\n${top.trimEnd()}`);
console.log(`\nSBOM (CycloneDX) of the ${parts} libraries and crates in it: ${sbom}`);
if (options["skip-tests"]) console.log("\nNeither linted nor tested: --skip-tests");
