import createGlue from "../../crates/bindings/pkg/simd128/fused_loss.js?factory";
import wasmModule from "../../crates/bindings/pkg/simd128/fused_loss_bg.wasm?module";
import type { Shared } from "./shared.js";
import { compiledWithSimd } from "./compile.js";

export const name: "simd128" | "scalar" | "threads" = "simd128";

/** A fresh instance with memory of its own; only the compiled module is shared between calls. */
export function load() {
  const { initSync, Buffer } = createGlue();
  return { exports: initSync({ module: compiledWithSimd(wasmModule) }), Buffer, shared: undefined as Shared | undefined };
}
