// TensorFlow.js's wasm backend, on one thread, from its package's own file.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

/** What must come before `tf.setBackend("wasm")`. */
export function prepareTfjsWasm() {
  const file = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm");
  setWasmPaths(`${dirname(file)}/`);
  setThreadsCount(1);
}
