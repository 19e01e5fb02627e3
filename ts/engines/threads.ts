import createGlue from "../../crates/bindings/pkg/threads/fused_loss.js?factory";
import wasmModule from "../../crates/bindings/pkg/threads/fused_loss_bg.wasm?module";
import type { PoolExports, Shared } from "./shared.js";
import { compiledWithSimd } from "./compile.js";

export const name: "simd128" | "scalar" | "threads" = "threads";

/** Pages of 64 KiB that the module declares: a shared memory has a largest size from the start. */
const PAGES = { initial: 32, maximum: 2 ** 14 };

/** A fresh instance with memory of its own; only the compiled module is shared between calls. */
export function load() {
  const { initSync, Buffer } = createGlue();
  const module = compiledWithSimd(wasmModule);
  const memory = new WebAssembly.Memory({ ...PAGES, shared: true });
  const exports = { ...initSync({ module, memory }), memory };
  const shared: Shared = { module, memory, pool: exports as unknown as PoolExports };
  return { exports, Buffer, shared: shared as Shared | undefined };
}
