// What the package ships of others, as a CycloneDX list: the libraries bundled into dist/ and the crates that its WebAssembly is
// compiled from, Rust's own among them. It needs no dependency at run time, so that npm's own list of those is empty.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./common.mjs";

function json(command, ...args) {
  const { status, output } = run(command, args, { capture: true });
  if (status !== 0) throw new Error(`\`${command} ${args.join(" ")}\` failed\n${output}`);
  return JSON.parse(output);
}

/** The crates that the bindings link or that expand their macros. */
function crates() {
  const { packages, resolve } = json("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "wasm32-unknown-unknown");
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const used = new Set();
  const visit = (id) => {
    if (used.has(id)) return;
    used.add(id);
    const { deps } = resolve.nodes.find((node) => node.id === id);
    for (const { pkg, dep_kinds } of deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  visit(packages.find(({ name }) => name === "fused-loss-bindings").id);
  return packages
    .filter(({ id, source }) => used.has(id) && source !== null)
    .map(({ name, version, license }) => {
      const purl = `pkg:cargo/${name}@${version}`;
      const [, content] = new RegExp(`name = "${name}"\\nversion = "${version}"\\nsource = .*\\nchecksum = "(\\w+)"`).exec(lock);
      return { "bom-ref": purl, type: "library", name, version, purl, hashes: [{ alg: "SHA-256", content }], licenses: [{ expression: license }] };
    });
}

/** Rust's standard library, parts of which are compiled in. */
function standardLibrary() {
  const { output } = run("rustc", ["--version", "--verbose"], { capture: true });
  const [, version] = /^release: (.*)$/m.exec(output) ?? [];
  const [, commit] = /^commit-hash: (.*)$/m.exec(output) ?? [];
  const purl = `pkg:github/rust-lang/rust@${commit}`;
  return { "bom-ref": purl, type: "library", name: "rust-std", version, purl, licenses: [{ expression: "MIT OR Apache-2.0" }] };
}

/** The libraries that rollup and esbuild have put into dist/. */
function bundled() {
  const { version } = JSON.parse(readFileSync(join(root, "node_modules", "fflate", "package.json"), "utf8"));
  const licences = readFileSync(join(root, "dist", "cli.LICENSES.txt"), "utf8");
  const wanted = new Set([`fflate@${version}`, ...[...licences.matchAll(/^-{100}\n\n(\S+) (\S+), /gm)].map(([, name, its]) => `${name}@${its}`)]);
  const components = json("npm", "sbom", "--sbom-format", "cyclonedx").components.filter((each) => wanted.delete(each["bom-ref"]));
  if (wanted.size > 0) throw new Error(`npm's list lacks ${[...wanted].join(", ")}`);
  return components;
}

/** Writes the list, and says how long it is. */
export function writeSbom(path) {
  const own = json("npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--omit", "peer");
  if (own.components.length > 0) throw new Error(`needed at run time: ${own.components.map(({ name }) => name).join(", ")}`);
  const components = [...bundled(), standardLibrary(), ...crates()];
  const dependencies = [{ ref: own.metadata.component["bom-ref"], dependsOn: components.map((each) => each["bom-ref"]) }];
  writeFileSync(path, `${JSON.stringify({ ...own, components, dependencies }, null, 2)}\n`);
  return components.length;
}
