// Runs every linter over everything, the Rust text as each build compiles it, and names those that complain.
import "./setup.mjs";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { builds, cargoEnv, root, run } from "./common.mjs";

for (const [command, component] of Object.entries({ clippy: "clippy", fmt: "rustfmt" })) {
  const there = run("cargo", [command, "--version"], { capture: true }).status === 0;
  if (!there) run("rustup", ["component", "add", component]);
}

const losses = readdirSync(join(root, "crates/kernels/src/losses")).map((file) => join("crates/kernels/src/losses", file));
const clippy = ["clippy", "--workspace", "--all-targets", "--quiet"];
const deny = ["--", "-D", "warnings"];
const native = cargoEnv(join(root, "target", "native"));
const linters = [
  ["eslint", ["."]],
  ["tsc", []],
  ["cargo", ["fmt", "--check"]],
  // Declared by the registry's macro, where cargo fmt does not see them.
  ["rustfmt", ["--check", "--edition", "2024", ...losses]],
  // The bindings are a module for wasm only; the replay compiles their text natively.
  ["cargo", [...clippy, "--exclude", "fused-loss-bindings", ...deny], { env: native }],
  ...Object.entries(builds).map(([name, build]) => {
    const env = cargoEnv(join(root, "target", name), build);
    return ["cargo", [...clippy, "--exclude", "fused-loss-replay", "--target", "wasm32-unknown-unknown", ...build.cargo, ...deny], { env }];
  }),
];

const failed = linters.filter(([command, args, options]) => {
  console.log(`${command} ${args.join(" ")}`);
  return run(command, args, options).status !== 0;
});
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.map(([command, args]) => `${command} ${args[0] ?? ""}`.trim()).join(", ")}`);
  process.exit(1);
}
