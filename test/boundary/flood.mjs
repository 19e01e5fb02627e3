// Run by tensor.test.ts in a process of its own, as it fills the engine's 4 GB with unreachable tensors.
import { mse, zeros } from "fused-loss";

const kept = zeros([1024]);
kept.data.fill(3);
let made = 0;
let error;
try {
  // Finalizers cannot run inside one turn, so that this ends in an error.
  for (; made < 100; made++) zeros([2 ** 26], { dtype: "uint8" });
} catch (caught) {
  error = caught;
}
const intact = kept.data.every((x) => x === 3);
const works = mse(Float32Array.of(1, 2), Float32Array.of(0, 0)) === 2.5;
console.log(JSON.stringify({ made, name: error?.name, code: error?.code, message: error?.message, intact, works }));
