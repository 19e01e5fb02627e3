// What the scripts share: the WebAssembly builds, the tools, and how a command is run.
// It may use Node's own modules only, as set-up runs before `npm ci`.
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const exe = process.platform === "win32" ? ".exe" : "";

const SIMD = "target-feature=+simd128";
// With a largest size, and with what wasm-bindgen gives each thread its stack and thread-local memory by.
const SHARED = ["--shared-memory", "--import-memory", "--max-memory=1073741824", ...["wasm_init_tls", "tls_size", "tls_align", "tls_base"].map((name) => `--export=__${name}`)];

/**
 * The WebAssembly builds: the flags of rustc for each, and what cargo is told beside. The standard library that comes with
 * rustc has no atomics, so the threads build compiles its own, which a stable cargo does under RUSTC_BOOTSTRAP.
 */
export const builds = {
  scalar: { flags: [], cargo: [] },
  simd128: { flags: ["-C", SIMD], cargo: [] },
  threads: {
    flags: ["-C", `${SIMD},+atomics,+bulk-memory`, ...SHARED.map((arg) => `-Clink-arg=${arg}`)],
    cargo: ["-Z", "build-std=std,panic_abort"],
  },
};

/** Where the Rust tools go: per user and by version, so that a second clone does not build them again. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "fused-loss");
export const tools = [
  { name: "wasm-bindgen-cli", bin: "wasm-bindgen", version: "0.2.130" }, // as crates/bindings/Cargo.toml pins it
  { name: "wasm-pack", bin: "wasm-pack", version: "0.15.1" },
].map((tool) => ({ ...tool, root: join(cache, `${tool.name}-${tool.version}`) }));

/** The tools come first: wasm-pack takes wasm-bindgen and wasm-opt from PATH. */
const path = [...tools.map((tool) => join(tool.root, "bin")), join(root, "node_modules", ".bin"), process.env.PATH];
const env = { ...process.env, PATH: path.join(delimiter) };

/**
 * The environment of a cargo run: its own target folder (another set of flags in the same one recompiles everything)
 * and exactly these flags, whatever the user's shell sets (the encoded form wins over RUSTFLAGS and config files).
 */
export function cargoEnv(target, { flags = [], cargo = [] } = {}) {
  const own = { CARGO_TARGET_DIR: target, CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"), CARGO_BUILD_TARGET: undefined };
  return { ...env, ...own, ...(cargo.length > 0 && { RUSTC_BOOTSTRAP: "1" }) };
}

/**
 * Runs a command, from PATH or node_modules/.bin, in the project's folder. Its output goes to the terminal, or with
 * `capture` into `output`. A command that cannot be started has status 1 and says why.
 */
export function run(command, args, { capture = false, ...options } = {}) {
  const out = capture ? "pipe" : "inherit";
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: ["ignore", out, out],
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    // On Windows npm and what is in node_modules/.bin are .cmd files, which only a shell can start.
    shell: process.platform === "win32",
    ...options,
  });
  return { status: status ?? 1, output: error ? error.message : `${stdout ?? ""}${stderr ?? ""}` };
}
