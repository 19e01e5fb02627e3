// npm run audit: known faults and licences of what the package is made with, by npm audit and cargo-deny. Apart from the tests, as both
// ask servers for what became known since. What cannot be asked is said, and is a failure.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cache, exe, run } from "./common.mjs";

const VERSION = "0.20.2";
const folder = join(cache, `cargo-deny-${VERSION}`);
const deny = join(folder, "bin", `cargo-deny${exe}`);
if (!existsSync(deny)) run("cargo", ["install", "--debug", "--version", VERSION, "--root", folder, "cargo-deny"]);

const checks = {
  "npm audit": ["npm", ["audit"]],
  "licences, versions and sources of crates": [deny, ["check", "licenses", "bans", "sources"]],
  "advisories of crates": [deny, ["check", "advisories"]],
};
const failed = Object.entries(checks).filter(([, [command, args]]) => run(command, args).status !== 0);
for (const name of Object.keys(checks)) console.log(`${name}: ${failed.some(([other]) => other === name) ? "failed, or could not be asked" : "clean"}`);
process.exit(failed.length > 0 ? 1 : 0);
