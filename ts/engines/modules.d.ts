// The two import forms that rollup.config.mjs resolves. All builds have the same Rust text, so the same types.

/** The glue of wasm-bindgen as a function: each call gives a fresh copy, not yet initialised. */
declare module "*/fused_loss.js?factory" {
  type Glue = typeof import("../../crates/bindings/pkg/simd128/fused_loss.js");
  export default function createGlue(): Pick<Glue, "initSync" | "Buffer">;
}

/** The compiled module, compiled by the first call. */
declare module "*/fused_loss_bg.wasm?module" {
  export default function wasmModule(): WebAssembly.Module;
}
