// The package as npm packs it, and fresh projects that install it.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));

/** What is made for a run of the suite. */
export const folder = mkdtempSync(join(tmpdir(), "fused-loss-packaging-"));
export const removeAll = () => rmSync(folder, { recursive: true, force: true });

const execute = promisify(execFile);

/** Runs a command in a folder, and gives what it printed; a failure says what was printed too. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await execute(command, args, { cwd, maxBuffer: 2 ** 26, env: { ...process.env, NO_COLOR: "1" } })).stdout;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { readonly stdout: string; readonly stderr: string };
    throw new Error(`${message.split("\n")[0] ?? ""}\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** The command of a package of the suite's own folder, or of the repository. */
export function bin(name: string, command = name): string {
  const own = join(here, "node_modules", name, "package.json");
  const manifest = existsSync(own) ? own : createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly bin: string | Readonly<Record<string, string>> };
  const path = typeof bin === "string" ? bin : bin[command];
  if (path === undefined) throw new Error(`${name} has no command ${command}.`);
  return join(dirname(manifest), path);
}

/** The tarball of this version. */
export async function pack(): Promise<string> {
  const [packed] = JSON.parse(await run("npm", ["pack", "--json", "--pack-destination", folder], root)) as readonly [{ readonly filename: string }];
  return join(folder, packed.filename);
}

/** A fresh project with these files that has installed the tarball, and nothing else. */
export async function project(tarball: string, name: string, files: Readonly<Record<string, string>>, manifest: object = { type: "module" }): Promise<string> {
  const where = join(folder, name);
  for (const [file, text] of Object.entries({ ...files, "package.json": JSON.stringify({ name, private: true, ...manifest }) })) {
    mkdirSync(dirname(join(where, file)), { recursive: true });
    writeFileSync(join(where, file), text);
  }
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], where);
  return where;
}

/** A file of this folder as JavaScript. */
export async function script(name: string): Promise<string> {
  return (await transform(readFileSync(join(here, `${name}.ts`), "utf8"), { loader: "ts", target: "es2022" })).code;
}
