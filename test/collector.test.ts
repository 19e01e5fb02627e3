import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

// In a process of its own, as only a flag lets a script call the collector.
const script = `
  import { mse, tensor, zeros } from "fused-loss";
  const ones = new Float32Array(64).fill(1);
  mse(ones, ones);
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5)); // finalizers run between turns of the event loop
  }
  const held = Array.from({ length: 200 }, (_, i) => tensor(new Float32Array(1 + i).fill(7)));
  for (const n of [1, 8, 300]) mse.valueAndGrad(zeros([n]), zeros([n]));
  console.log(held.filter((x) => x.data.some((value) => value !== 7)).length);
`;

const forgotten = `
  import { bce, crossEntropy, mse, tensor } from "fused-loss";
  const refs = [];
  const use = (loss, target) => {
    const input = tensor(new Float32Array(6).fill(0.5), [2, 3]);
    const grad = tensor(new Float32Array(6), [2, 3]);
    for (let k = 0; k < 5; k++) loss.valueAndGrad(input, target, { out: { grads: { input: grad } } });
    refs.push(new WeakRef(input), new WeakRef(grad), new WeakRef(target));
  };
  use(mse, tensor(new Float32Array(6), [2, 3]));
  use(bce, tensor(new Float32Array(6), [2, 3]));
  use(crossEntropy, tensor(Int32Array.of(0, 2), [2]));
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    globalThis.gc();
  }
  console.log(refs.filter((ref) => ref.deref()).length);
`;

it("calls that may be made again keep no tensor alive", () => {
  const output = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", forgotten], { encoding: "utf8" });
  expect(output.trim()).toBe("0");
});

it("what the engine itself needs outlives the collector: no call writes over a tensor", () => {
  const output = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], { encoding: "utf8" });
  expect(output.trim()).toBe("0");
});
