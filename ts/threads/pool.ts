// The pool of threads: workers that run instances of the engine's module over its memory.
import { fail, show } from "../errors.js";
import { readInteger, readObject } from "../invoke/options.js";
import type { Shared } from "../engines/shared.js";
import { engine } from "../runtime.js";
import type { Answer, Start } from "./protocol.js";

/** Options of {@link startThreads}. */
export interface StartThreadsOptions {
  /** How many threads work, with the caller's, from 1 on; at most as many as the machine has cores. Default: that many. */
  readonly threads?: number | undefined;
  /** Where `fused-loss/threads.worker.js` is, for bundlers that do not emit it by themselves (esbuild). */
  readonly workerUrl?: string | URL | undefined;
}

/** A worker of either kind. */
interface Handle {
  send(start: Start): void;
  /** What it answers, and how it ends. */
  listen(answer: (answer: Answer) => void, end: (why: string) => void): void;
  /** Lets the program end while it runs; after the listening, which holds the program. */
  release(): void;
  end(): void;
}

interface NodeWorker {
  postMessage(start: Start): void;
  on(type: "message" | "error" | "exit", listen: (value: unknown) => void): void;
  unref(): void;
  terminate(): unknown;
}

interface WebWorker {
  postMessage(start: Start): void;
  addEventListener(type: "message" | "error", listen: (event: { readonly data?: unknown; readonly message?: unknown }) => void): void;
  terminate(): void;
}

interface Host {
  readonly process?: { getBuiltinModule?(name: string): unknown };
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly crossOriginIsolated?: boolean;
  readonly Worker?: unknown;
  readonly SharedArrayBuffer?: unknown;
}

const host = () => globalThis as unknown as Host;
const NAME = "startThreads";
/** How long workers may take to start. */
const START_MS = 30_000;

interface Pool {
  readonly shared: Shared;
  readonly workers: Handle[];
}

/** The pool that is open, or is being started. */
let current: Pool | undefined;

function cores(): number {
  const os = host().process?.getBuiltinModule?.("os") as { availableParallelism?(): number } | undefined;
  return os?.availableParallelism?.() ?? host().navigator?.hardwareConcurrency ?? 1;
}

/** Starts a worker: of `worker_threads` where there is such a module, else of the Web. */
function spawn(workerUrl: string | URL | undefined): Handle {
  const threads = host().process?.getBuiltinModule?.("worker_threads") as { readonly Worker?: new (url: string | URL, options: { readonly execArgv: readonly string[] }) => NodeWorker } | undefined;
  if (threads?.Worker) {
    // Without the program's own flags, some of which no worker takes (--input-type).
    const worker = new threads.Worker(workerUrl ?? new URL("./threads.worker.js", import.meta.url), { execArgv: [] });
    return {
      send: (start) => worker.postMessage(start),
      listen(answer, end) {
        worker.on("message", (data) => answer(data as Answer));
        worker.on("error", (error) => end(String(error)));
        worker.on("exit", (code) => end(`it ended with code ${String(code)}`));
      },
      release: () => worker.unref(),
      end: () => void worker.terminate(),
    };
  }
  if (!host().Worker) throw new Error("this host has neither worker_threads nor Worker");
  const worker: WebWorker = workerUrl === undefined ? new Worker(new URL("./threads.worker.js", import.meta.url), { type: "module" }) : new Worker(workerUrl, { type: "module" });
  return {
    send: (start) => worker.postMessage(start),
    listen(answer, end) {
      worker.addEventListener("message", ({ data }) => answer(data as Answer));
      worker.addEventListener("error", ({ message }) => end(typeof message === "string" && message ? message : "its script could not be loaded"));
    },
    release: () => undefined,
    end: () => worker.terminate(),
  };
}

/** Throws where memory cannot be shared, saying what it takes. */
function needSharedMemory() {
  const { crossOriginIsolated, SharedArrayBuffer } = host();
  if (SharedArrayBuffer !== undefined && crossOriginIsolated !== false) return;
  throw new Error(
    `${NAME}: this page may not share memory between threads. Serve it with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp", and over HTTPS or from localhost`,
  );
}

/**
 * Starts the threads that calls of `fused-loss/threads` work on: large calls from then on take all of them, the caller's among
 * them, and stay synchronous. Results are the same to the last bit on any number of threads. A program does not wait for the
 * threads when it ends; idle ones take no processor time. Where threads run already, they are stopped first.
 *
 * @param threads - How many, with the caller's; or options.
 * @returns How many there are: no more than the machine has cores; 1 where another start, `stopThreads` or `reset` came meanwhile.
 * @throws TypeError or RangeError, with a `code`, for a wrong number or option; Error where the host has no threads, where a page
 * is not cross-origin isolated (it says which headers that takes), and where a worker cannot start.
 * @example
 * ```ts
 * import { crossEntropy, startThreads, stopThreads, zeros } from "fused-loss/threads";
 * await startThreads();
 * const logits = zeros([64, 32_000]);
 * crossEntropy(logits, new Int32Array(64)); // on all cores
 * stopThreads();
 * ```
 */
export async function startThreads(threads?: number | StartThreadsOptions): Promise<number> {
  const given = typeof threads === "number" ? { threads } : threads;
  const { threads: wanted, workerUrl } = readObject(NAME, "options", given, ["threads", "workerUrl"]);
  const available = cores();
  const count = Math.min(wanted === undefined ? available : readInteger(NAME, "threads", wanted, 1), available);
  if (workerUrl !== undefined && typeof workerUrl !== "string" && !(workerUrl instanceof URL)) fail("ERR_TYPE", NAME, "workerUrl", "a string or URL", show(workerUrl));
  stopThreads();
  const running = engine();
  running.check(NAME);
  const { shared } = running;
  if (!shared || count === 1) return 1;
  needSharedMemory();
  const pool: Pool = { shared, workers: [] };
  current = pool;
  running.onDiscard = stopThreads;
  const generation = shared.pool.pool_generation();
  try {
    const ready = Array.from({ length: count - 1 }, (_, k) => {
      const worker = spawn(workerUrl);
      pool.workers.push(worker);
      return started(worker, { module: shared.module, memory: shared.memory, thread: k + 1, generation });
    });
    await Promise.all(ready);
  } catch (cause) {
    // The others end by themselves once they are ready: one that is ended while it allocates would keep the allocator's lock.
    if (current === pool) stopThreads();
    throw new Error(`${NAME}: a worker could not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  // Else this pool is closed already, and its workers end.
  if (current !== pool) return 1;
  shared.pool.pool_open(count - 1);
  return count;
}

/** Waits until a worker takes part. From then on its death ends the pool it belongs to. */
function started(worker: Handle, start: Start): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      worker.release();
      reject(new Error(`no answer within ${START_MS / 1000} s`));
    }, START_MS);
    worker.listen(
      (answer) => {
        clearTimeout(timer);
        worker.release();
        if ("ready" in answer) return resolve();
        // Not every host lets a worker end itself.
        worker.end();
        if ("failed" in answer) reject(new Error(answer.failed));
      },
      (why) => {
        clearTimeout(timer);
        reject(new Error(why));
        if (current?.workers.includes(worker)) stopThreads();
      },
    );
    worker.send(start);
  });
}

/**
 * Ends the threads, also those that are being started: calls work on the caller's alone from then on, and tensors stay what they are. Without threads it does
 * nothing.
 */
export function stopThreads(): void {
  const pool = current;
  current = undefined;
  pool?.shared.pool.pool_close();
}
