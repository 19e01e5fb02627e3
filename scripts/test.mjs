// Runs the Rust tests, then vitest, and ends with one line over both: `N passed, N failed`.
//   npm test                     everything
//   npm test -- <vitest args>    vitest alone: `npm test -- golden` for a file, `npm test -- huber` for tests of that name
//   npm run test:packaging       the tarball in engines, bundlers and browsers, which it installs
//   npm run test:sanitize        the kernels' tests, and the corpus in native Rust, under the address sanitizer
//   npm run test:exhaustive      the elementary functions in the wasm binary over every float32 there is, against MPFR
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cargoEnv, root, run } from "./common.mjs";

const files = readdirSync(join(root, "test"));
// A word that names no file names tests.
const named = (arg) => arg.startsWith("-") || files.some((file) => join("test", file).includes(arg));
const [first, ...rest] = process.argv.slice(2);
const args = first === undefined ? [] : named(first) ? [first, ...rest] : ["-t", first, ...rest];
const sanitize = args[0] === "--sanitize";
const native = sanitize ? sanitized() : cargoEnv(join(root, "target", "native"));

/** Its standard library comes with rustc; the flag is for nightly compilers, or for a stable one that is told. */
function sanitized() {
  const [, host] = /^host: (.*)$/m.exec(run("rustc", ["-vV"], { capture: true }).output) ?? [];
  return { ...cargoEnv(join(root, "target", "sanitize"), { flags: ["-Zsanitizer=address"] }), CARGO_BUILD_TARGET: host, RUSTC_BOOTSTRAP: "1", REPLAY_CALLS: process.env.REPLAY_CALLS ?? "20000" };
}

const none = { passed: 0, failed: 0, skipped: 0 };

/** A runner that fails without a failed test, by a crash or a compile error, counts as one failed. */
const counted = (status, counts) => (status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts);

function rust() {
  // The bindings are compiled for wasm only, where vitest tests them.
  const select = ["test", "--workspace", "--exclude", "fused-loss-bindings", "--no-fail-fast"];
  const { status, output } = run("cargo", select, { env: native, stdio: ["ignore", "pipe", "inherit"] });
  console.log(output);
  const counts = { ...none };
  const results = output.matchAll(/^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/gm);
  for (const [, passed, failed, ignored] of results) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  return counted(status, counts);
}

function vitest() {
  const folder = mkdtempSync(join(tmpdir(), "fused-loss-"));
  const report = join(folder, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = run("vitest", ["run", ...reporters, ...(sanitize ? ["replay"] : args)], { env: native });
  const counts = { ...none };
  try {
    const result = JSON.parse(readFileSync(report, "utf8"));
    // A file that failed without a failed test could not be loaded.
    const fails = ({ status }) => status === "failed";
    const unloaded = result.testResults.filter((file) => fails(file) && !file.assertionResults.some(fails));
    counts.passed = result.numPassedTests;
    counts.failed = result.numFailedTests + unloaded.length;
    counts.skipped = result.numPendingTests + result.numTodoTests;
  } catch {
    // No report, because vitest crashed: the status tells.
  }
  rmSync(folder, { recursive: true });
  return counted(status, counts);
}

/** In a process of its own, as it ends its process when it fails. */
function setup() {
  const { status } = run(process.execPath, ["scripts/setup.mjs"]);
  return counted(status, none);
}

if (args[0] === "--exhaustive") {
  // It closes with the same line itself.
  const { failed } = setup();
  process.exit(failed > 0 ? 1 : run(process.execPath, ["--import", "tsx", "test/accuracy/exhaustive.ts", ...args.slice(1)]).status);
}
const suites = args.length > 0 && !sanitize ? [vitest] : [rust, vitest];
const results = [setup()];
if (results[0].failed === 0) results.push(...suites.map((suite) => suite()));
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const skipped = sum("skipped");
console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(sum("failed") > 0 ? 1 : 0);
