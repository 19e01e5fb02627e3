// Builds crates/kernels/examples/functions.rs with the flags of the SIMD build, and prints where the module is.
import { join } from "node:path";
import { builds, cargoEnv, root, run } from "./common.mjs";

const [folder, target, example] = [join(root, "target", "simd128"), "wasm32-unknown-unknown", "functions"];
const args = ["build", "--release", "--quiet", "--package", "fused-loss-kernels", "--example", example, "--target", target];
const { status } = run("cargo", args, { env: cargoEnv(folder, builds.simd128), stdio: ["ignore", "ignore", "inherit"] });
if (status !== 0) process.exit(status);
console.log(join(folder, target, "release", "examples", `${example}.wasm`));
