import createGlue from "../../crates/bindings/pkg/scalar/fused_loss.js?factory";
import wasmModule from "../../crates/bindings/pkg/scalar/fused_loss_bg.wasm?module";
import { compiled } from "./compile.js";
import type { Shared } from "./shared.js";

export const name: "simd128" | "scalar" | "threads" = "scalar";

/** A fresh instance with memory of its own; only the compiled module is shared between calls. */
export function load() {
  const { initSync, Buffer } = createGlue();
  return { exports: initSync({ module: compiled(wasmModule) }), Buffer, shared: undefined as Shared | undefined };
}
