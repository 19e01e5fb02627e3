// What this host offers to WebAssembly, and whether each build of the package works on it.
import { relaxedSimd, simd, threads as wasmThreads } from "wasm-feature-detect";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import * as threads from "fused-loss/threads";
import { MODES, shapeLike } from "../cells.js";
import { type Engines, type Row, assertAgreement, draw, entrants } from "../rows.js";

export interface Support {
  readonly simd: boolean;
  /** Instructions whose results differ between machines. No build uses them. */
  readonly relaxedSimd: boolean;
  /** Shared memory and atomics. */
  readonly threads: boolean;
  readonly sharedArrayBuffer: boolean;
  readonly workerThreads: boolean;
}

export async function support(): Promise<Support> {
  return {
    simd: await simd(),
    relaxedSimd: await relaxedSimd(),
    threads: await wasmThreads(),
    sharedArrayBuffer: typeof SharedArrayBuffer === "function",
    workerThreads: process.getBuiltinModule("worker_threads") !== undefined,
  };
}

const yes = (is: boolean) => (is ? "yes" : "no");

export const showSupport = (of: Support) =>
  `SIMD ${yes(of.simd)}, threads ${yes(of.threads)} (SharedArrayBuffer ${yes(of.sharedArrayBuffer)}, worker_threads ${yes(of.workerThreads)}), ` +
  `relaxed SIMD ${yes(of.relaxedSimd)} (not used)`;

export interface SelfCheck {
  /** The builds that answered, all with the same bits. */
  readonly same: readonly string[];
  /** Why a build cannot run here. */
  readonly unsupported: Readonly<Record<string, string>>;
}

// More than the engine keeps on the caller's thread, and neither full vectors nor full blocks.
const ELEMENTS = 16_411;
const SHAPE = [67, 251] as const;

/** Calls every loss and function of every build that can run here, in both element types; throws at the first bit that differs. */
export async function selfCheck(rows: readonly Row[], host: Support): Promise<SelfCheck> {
  const engines: Record<string, Engines[string]> = { simd128, scalar, threads };
  const unsupported: Record<string, string> = {};
  const leaveOut = (build: string, why: string) => {
    unsupported[build] = why;
    delete engines[build];
  };
  if (!host.simd) {
    leaveOut("simd128", "no SIMD");
    leaveOut("threads", "no SIMD");
  } else if (!host.threads) {
    leaveOut("threads", "no shared memory");
  } else {
    await threads.startThreads(2).catch((error: unknown) => leaveOut("threads", error instanceof Error ? error.message : String(error)));
  }
  try {
    for (const row of rows) {
      for (const dtype of ["float32", "float64"] as const) {
        const cell = draw(row, shapeLike(row, ELEMENTS, SHAPE), dtype);
        for (const mode of MODES) {
          const all = entrants(cell, mode, engines, undefined);
          assertAgreement(`${row.title} ${dtype} ${mode}`, all, dtype);
          for (const entrant of all) entrant.dispose();
        }
      }
    }
  } finally {
    threads.stopThreads();
  }
  return { same: Object.keys(engines), unsupported };
}

export const showSelfCheck = ({ same, unsupported }: SelfCheck) =>
  [`${same.join(", ")}: ${same.length > 1 ? "same bits" : "answers"}`, ...Object.entries(unsupported).map(([build, why]) => `${build}: unsupported (${why})`)].join("; ");
