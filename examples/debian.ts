// Programs of the system's.
import { spawnSync } from "node:child_process";

const isThere = (program: string) => spawnSync(program, ["--version"]).status === 0;

/** Installs Debian's package of a program of the same name where that can be done; throws, saying what to do, where it cannot. */
export function needProgram(program: string, otherwise = "") {
  if (isThere(program)) return;
  if (process.getuid?.() === 0 && isThere("apt-get")) {
    console.error(`installing ${program} …`);
    for (const args of [["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", program]]) {
      spawnSync("apt-get", args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    }
    if (isThere(program)) return;
  }
  throw new Error(`There is no ${program}: install one (on Debian \`apt-get install ${program}\`)${otherwise}.`);
}
