// Brings in what is missing and builds what has changed, in order: npm packages, the wasm target and the text of the
// standard library, wasm-bindgen and wasm-pack, one WebAssembly module per build, dist/. Prints a line for each step done, and nothing when all is there.
// Every npm script runs it first. It runs before `npm ci`, so it may use Node's own modules only.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { builds, cache, cargoEnv, exe, root, run, tools } from "./common.mjs";
import { order } from "./order.mjs";

function fail(message) {
  console.log(); // ends the line of the step
  console.error(message);
  process.exit(1);
}

/** Runs a command quietly and returns its output; if it fails, its output is the message and set-up ends. */
function must(command, args, options) {
  const { status, output } = run(command, args, { capture: true, ...options });
  if (status !== 0) fail(`${output}\nset-up: \`${command} ${args.join(" ")}\` failed`);
  return output;
}

/** Does `work` and prints how long it took. The name comes first, so that one sees what a long step is. */
function step(name, work) {
  process.stdout.write(`${name} … `);
  const start = performance.now();
  work();
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** As `step`, unless it was done with the same key: a stamp, a file beside what it makes, tells. Returns whether it was done. */
function stepUnlessMade(stampPath, key, name, work) {
  const stamp = join(root, stampPath);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return false;
  step(name, () => {
    rmSync(stamp, { force: true }); // so that an interrupted step is done again
    work();
    writeFileSync(stamp, key);
  });
  return true;
}

/** Does `work` while no other set-up does, such as another clone's: `file` holds the process that does. */
function alone(file, work) {
  const ended = (holder) => {
    try {
      process.kill(holder, 0);
      return false;
    } catch (error) {
      return error.code === "ESRCH";
    }
  };
  for (let told = false; ; told = true) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
      // One that was killed before it wrote its number leaves an empty file.
      const empty = holder === 0 && Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > 5000;
      if (empty || (holder > 0 && ended(holder))) rmSync(file, { force: true });
      else if (!told) console.log(`waiting for another set-up (process ${holder}) …`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
  const release = () => rmSync(file, { force: true });
  process.on("exit", release);
  work();
  process.off("exit", release);
  release();
}

const hash = (...parts) => createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** Names and texts of files and of all files in folders; a missing one has an empty text. */
function texts(...paths) {
  return paths.flatMap((path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (found?.isDirectory()) return texts(...readdirSync(join(root, path)).sort().map((name) => join(path, name)));
    return [path, found ? readFileSync(join(root, path), "utf8") : ""];
  });
}

// 1. npm packages
stepUnlessMade("node_modules/.stamp", hash(texts("package-lock.json")), "npm ci", () => must("npm", ["ci"]));

// 2. The wasm target
const rustc = run("rustc", ["-vV"], { capture: true });
if (rustc.status !== 0) fail(`${rustc.output}\nset-up: Rust is needed; install it with rustup, https://rustup.rs`);
const target = "wasm32-unknown-unknown";
if (!existsSync(must("rustc", ["--print", "target-libdir", "--target", target]).trim())) {
  step(`rustup target add ${target}`, () => must("rustup", ["target", "add", target]));
}
const source = join(must("rustc", ["--print", "sysroot"]).trim(), "lib", "rustlib", "src", "rust", "library", "Cargo.toml");
if (!existsSync(source)) step("rustup component add rust-src", () => must("rustup", ["component", "add", "rust-src"]));

// 3. wasm-bindgen and wasm-pack. A debug build gives the same output and takes a third of the time. Without --locked,
// as a locked dependency may be missing from a copy of the registry. The target folder stays until all are installed,
// so that they share what they have in common and an interrupted set-up goes on where it was.
const missing = () => tools.filter((tool) => !existsSync(join(tool.root, "bin", tool.bin + exe)));
if (missing().length > 0) {
  const toolsTarget = join(cache, "target");
  mkdirSync(cache, { recursive: true });
  alone(join(cache, "lock"), () => {
    for (const { name, version, bin, root } of missing()) {
      step(`cargo install ${name} ${version}`, () => {
        const args = ["install", "--debug", name, "--version", version, "--bin", bin, "--root", root];
        must("cargo", args, { cwd: cache, env: cargoEnv(toolsTarget) });
      });
    }
    rmSync(toolsTarget, { recursive: true, force: true });
  });
}

// 4. One WebAssembly module per build
const wasmOpt = join(root, "node_modules", ".bin", "wasm-opt");
if (!existsSync(wasmOpt)) fail("set-up: wasm-opt is missing from node_modules: is binaryen among the devDependencies?");
const crates = readdirSync(join(root, "crates")).map((name) => join("crates", name));
const rustTexts = texts("Cargo.toml", "Cargo.lock", ...crates.flatMap((c) => [join(c, "Cargo.toml"), join(c, "src")]));
const versions = [rustc.output, tools, texts("node_modules/binaryen/package.json")];
const wasmKeys = Object.entries(builds).map(([name, build]) => {
  const out = join("pkg", name);
  const args = ["build", "crates/bindings", "--release", "--target", "web", "--mode", "no-install", "--no-pack"];
  args.push("--out-name", "fused_loss", "--out-dir", out);
  if (build.cargo.length > 0) args.push("--", ...build.cargo);
  const key = hash(rustTexts, versions, texts("scripts/order.mjs"), build, args);
  stepUnlessMade(join("crates", "bindings", out, ".stamp"), key, `wasm-pack build (${name})`, () => {
    const output = must("wasm-pack", args, { env: cargoEnv(join(root, "target", name), build) });
    // Without wasm-opt wasm-pack succeeds all the same, with a module of other speed.
    if (!output.includes("Optimizing wasm binaries")) fail(`${output}\nset-up: wasm-pack did not run wasm-opt`);
    order(join(root, "crates", "bindings", out, "fused_loss_bg.wasm"));
  });
  return key;
});

// 5. dist/: what programs import, then the command line; with its sizes
const bundleTexts = texts("ts", "rollup.config.mjs", "tsconfig.json", "package.json", "package-lock.json");
const bundled = stepUnlessMade("dist/.stamp", hash(bundleTexts, wasmKeys), "rollup", () => {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  must("rollup", ["--config", "--failAfterWarnings"]);
});
const benchmark = readdirSync(join(root, "bench")).filter((name) => name.endsWith(".ts")).map((name) => join("bench", name));
const commandTexts = texts("bench/cli", ...benchmark, "test/cases", "test/support", "scripts/bundle.mjs", "package.json", "package-lock.json");
const command = stepUnlessMade("dist/.stamp-cli", hash(commandTexts), "command line", () => must(process.execPath, ["scripts/bundle.mjs"]));
if (bundled || command) run(process.execPath, ["scripts/sizes.mjs"]);
