// WebAssembly by hand: loops that show what the machine can do at most.
import binaryen from "binaryen";

/** The exports of a module in text form. */
export function instantiate(text: string): WebAssembly.Exports {
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.SIMD128);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module.emitBinary())));
  module.dispose();
  return exports;
}
