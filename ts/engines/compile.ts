/** Compiles a module. A page whose policy forbids it is told so: browsers name a directive that allows far more. */
export function compiled(wasmModule: () => WebAssembly.Module): WebAssembly.Module {
  try {
    return wasmModule();
  } catch (cause) {
    if (!/content security policy|\bCSP\b/i.test(String(cause))) throw cause;
    throw new Error("This page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src", { cause });
  }
}

/** Compiles a module that needs SIMD; a host without it is told so. */
export function compiledWithSimd(wasmModule: () => WebAssembly.Module): WebAssembly.Module {
  try {
    return compiled(wasmModule);
  } catch (cause) {
    if (hasSimd()) throw cause;
    throw new Error('This host has no WebAssembly SIMD: import "fused-loss/scalar" instead of "fused-loss"', { cause });
  }
}

/** Whether the host accepts the module `(func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0))))`. */
function hasSimd() {
  const header = [0, 97, 115, 109, 1, 0, 0, 0];
  const types = [1, 5, 1, 96, 0, 1, 123];
  const functions = [3, 2, 1, 0];
  const code = [10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  return WebAssembly.validate(Uint8Array.from([...header, ...types, ...functions, ...code]));
}
