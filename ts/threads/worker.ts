// A worker of the pool: an instance of the engine's module over the engine's memory.
import createGlue from "../../crates/bindings/pkg/threads/fused_loss.js?factory";
import type { Answer, Start } from "./protocol.js";

/** Stack of a worker: the driver's buffers take some 400 KiB, and an overflow would hit the heap unseen. */
const STACK_BYTES = 2 ** 20;

interface Port {
  postMessage(answer: Answer): void;
  addEventListener?(type: "message", listen: (event: { readonly data: Start }) => void): void;
  on?(type: "message", listen: (data: Start) => void): void;
}

interface WorkerExports {
  pool_work(thread: number, generation: number): void;
  pool_fail(): void;
  __wbindgen_thread_destroy(): void;
}

interface Host {
  readonly process?: { getBuiltinModule?(name: "worker_threads"): { readonly parentPort: Port | null } };
}

// In Node, Bun and Deno the pool starts threads of `worker_threads`, elsewhere the Web's workers.
const port: Port = (globalThis as Host).process?.getBuiltinModule?.("worker_threads").parentPort ?? globalThis;

function start({ module, memory, thread, generation }: Start) {
  let exports: WorkerExports | undefined;
  try {
    const { initSync } = createGlue();
    exports = initSync({ module, memory, thread_stack_size: STACK_BYTES }) as unknown as WorkerExports;
    port.postMessage({ ready: true });
    exports.pool_work(thread, generation);
    exports.__wbindgen_thread_destroy();
    port.postMessage({ ended: true });
  } catch (error) {
    // The caller may be waiting for a part of its call that this worker has claimed.
    exports?.pool_fail();
    port.postMessage({ failed: String(error) });
  }
}

if (port.on) port.on("message", start);
else port.addEventListener?.("message", ({ data }) => start(data));
