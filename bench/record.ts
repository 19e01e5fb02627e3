// The record of a run: what was measured, on what.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import type { Overhead } from "./overhead.js";
import type { FloatType, Mode, Shape } from "./rows.js";

/** One measured cell. */
export interface Result {
  readonly title: string;
  readonly rowwise: boolean;
  readonly shape: Shape;
  readonly mode: Mode;
  readonly dtype: FloatType;
  /** Whether it takes an exp or log of every element, as far as that is known. */
  readonly expOrLog: boolean | undefined;
  /** Median nanoseconds a call, by contestant. */
  readonly ns: Readonly<Record<string, number>>;
  /** How many times longer than simd128 a contestant takes: median over rounds. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly rounds: number;
}

/** An aim of the project, and how it stands. */
export interface Aim {
  readonly title: string;
  readonly aim: number;
  readonly got: number;
  readonly met: boolean;
}

/** What was measured, and on what. */
export interface Measurements {
  readonly engine: string;
  readonly engineVersion: string;
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly date: string;
  readonly version: string;
  /** Load of the machine before and after (one minute's mean), which should be below its cores. */
  readonly load: readonly [before: number, after: number];
  /** Milliseconds for each cell. */
  readonly time: number;
  readonly cells: readonly Result[];
}

/** What bench/records holds. */
export interface BenchRecord extends Measurements {
  /** The commit, with `-dirty` where files differ from it. */
  readonly commit: string | undefined;
  readonly aims: readonly Aim[];
  /** Tiny calls: before anything else was called, and after everything was. */
  readonly overhead: { readonly fresh: readonly Overhead[]; readonly used: readonly Overhead[] };
  readonly checked: readonly Overhead[];
}

function commit() {
  const args = ["--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
  const { status, stdout } = spawnSync("git", args, { cwd: fileURLToPath(new URL("..", import.meta.url)), encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

export const loadNow = () => loadavg()[0] ?? 0;

/** The engine and the machine, now. */
export function host() {
  const { bun, deno, node } = process.versions;
  return {
    engine: bun !== undefined ? "bun" : deno !== undefined ? "deno" : "node",
    engineVersion: bun ?? deno ?? node,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString(),
  };
}

/** What does not depend on what was measured. */
export function environment() {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  return { ...host(), version, commit: commit() };
}

/** Where a record goes unless told: bench/records/<engine>-<cpu>-<date>.json. */
export function defaultPath({ engine, engineVersion, cpu, date }: ReturnType<typeof environment>): string {
  const parts = [engine, engineVersion.split(".")[0], cpu, date.slice(0, 10)];
  const name = parts.join("-").toLowerCase().replace(/\((?:r|tm)\)|[^a-z0-9]+/g, "-").replace(/-{2,}/g, "-");
  return fileURLToPath(new URL(`records/${name}.json`, import.meta.url));
}
