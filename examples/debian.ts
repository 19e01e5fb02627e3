// Programs of the system's.
import { spawnSync } from "node:child_process";

const isThere = (program: string) => spawnSync(program, ["--version"]).status === 0;

/** Installs Debian's packages where that can be done. */
export function install(...packages: readonly string[]) {
  if (process.getuid?.() !== 0 || !isThere("apt-get")) return;
  console.error(`installing ${packages.join(", ")} …`);
  for (const args of [["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", ...packages]]) {
    spawnSync("apt-get", args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
  }
}

/** Installs Debian's package of a program of the same name where that can be done; throws, saying what to do, where it cannot. */
export function needProgram(program: string, otherwise = "") {
  if (isThere(program)) return;
  install(program);
  if (isThere(program)) return;
  throw new Error(`There is no ${program}: install one (on Debian \`apt-get install ${program}\`)${otherwise}.`);
}
