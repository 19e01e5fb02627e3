// reference.c, compiled and asked.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "../../examples/debian.js";

export interface Judgement {
  readonly mpfr: string;
  readonly seen: number;
  /** How many results are not the correctly rounded ones. */
  readonly wrong: number;
  /** The largest error in units in the last place; 0.5 where none is larger. */
  readonly error: number;
  /** Where. */
  readonly at: string;
}

const folder = fileURLToPath(new URL("../../target/accuracy/", import.meta.url));
const source = fileURLToPath(new URL("reference.c", import.meta.url));
const program = join(folder, "reference");

/** Compiles the program; brings in MPFR where that can be done, and throws, saying what to do, where it cannot. */
export function compileReference() {
  mkdirSync(folder, { recursive: true });
  const compile = () => spawnSync("cc", ["-O2", source, "-o", program, "-lmpfr", "-lgmp", "-lm"], { encoding: "utf8" });
  if (compile().status === 0) return;
  const packages = ["gcc", "libc6-dev", "libmpfr-dev"];
  install(...packages);
  const { status, stderr, error } = compile();
  if (status !== 0) throw new Error(`${error?.message ?? stderr}\nThe reference needs a C compiler and MPFR (on Debian \`apt-get install ${packages.join(" ")}\`).`);
}

/** What the program, given these arguments, says of results that come in chunks. */
export async function judge(args: readonly string[], chunks: Iterable<Float32Array | Float64Array>): Promise<Judgement> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8");
  let answer = "";
  child.stdout.on("data", (text: string) => (answer += text));
  const ended = once(child, "close");
  // A program that ends early says why, and its status tells.
  child.stdin.on("error", () => {});
  for (const chunk of chunks) {
    if (child.stdin.destroyed) break;
    if (!child.stdin.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) await Promise.race([once(child.stdin, "drain"), ended]);
  }
  child.stdin.end();
  const [status] = (await ended) as [number | null];
  if (status !== 0) throw new Error(`reference ${args.join(" ")} failed`);
  return JSON.parse(answer) as Judgement;
}
