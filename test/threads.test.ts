// fused-loss/threads: the same bits on several threads, and a pool that starts, stops, fails and ends as it should.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as threads from "fused-loss/threads";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { optionFault, rangeFault, typeFault } from "./boundary/faults.js";
import type { FunctionCase, LossCase } from "./cases/case.js";
import { DTYPES, type DType, ableTo, floats, functionOf, givenTo, lossOf, run, runValue, vjpOf } from "./support/call.js";
import { functionCases, lossCases } from "./support/cases.js";
import { expectSameBits, expectSameGrads } from "./support/compare.js";
import { count, normal, seeded } from "./support/draw.js";
import { formOf, isOfRows } from "./support/form.js";

vi.setConfig({ testTimeout: 60_000 });

const { startThreads, stopThreads } = threads;
const root = fileURLToPath(new URL("..", import.meta.url));
const os = process.getBuiltinModule("os");
const cores = os.availableParallelism();
// On a machine of one core the pool is still to be tested: it counts as two.
const CORES = Math.max(2, cores);
os.availableParallelism = () => CORES;

/** Large enough to be split, with a last block, tile or row that is short. */
const ELEMENTS = [[140_001], [20_003]];
const ROWS = [[403, 100], [4_099, 10], [43, 4_001], [9, 7, 1_301]];
const BOXES = [[9_001, 4]];

const shapesOf = (one: LossCase | FunctionCase): readonly (readonly number[])[] => {
  if ("wrt" in one) {
    const form = formOf(one);
    if (form === "elements") return ELEMENTS;
    if (form === "batch") return one.shapes;
    return one.shapeOf ? [one.shapeOf(403, 100), one.shapeOf(4_099, 10)] : ROWS;
  }
  return isOfRows(one) ? ROWS : ELEMENTS;
};

describe("the same bits as on one thread", () => {
  beforeAll(async () => {
    expect(await startThreads(CORES)).toBe(CORES);
  });
  afterAll(stopThreads);

  describe.each(DTYPES)("%s", (dtype: DType) => {
    it.each(lossCases)("$name", (loss) => {
      for (const options of loss.options) {
        for (const shape of shapesOf(loss)) {
          const what = `${JSON.stringify(options)} on [${shape.join(", ")}]`;
          const inputs = loss.sample(seeded(count(shape)), shape, options);
          const wrt = ableTo(loss, inputs);
          for (const reduction of ["mean", "none"]) {
            const [a, b] = (["threads", "simd128"] as const).map((build) => run(lossOf(loss, build), inputs, dtype, { reduction, wrt }));
            if (!a || !b) throw new Error("no results");
            expectSameBits(`${what}, ${reduction}: value`, a.value, b.value);
            expectSameGrads(`${what}, ${reduction}`, a.grads, b.grads);
          }
          expectSameBits(`${what}: value alone`, runValue(lossOf(loss, "threads"), inputs, dtype, {}), runValue(lossOf(loss, "simd128"), inputs, dtype, {}));
        }
      }
    });

    it.each(functionCases)("$name", (one) => {
      for (const shape of shapesOf(one)) {
        const { args } = givenTo({ args: one.sample(seeded(count(shape)), shape), options: {} }, dtype);
        const [shared, alone] = [functionOf(one, "threads"), functionOf(one, "simd128")];
        const [a, b] = [shared(...Object.values(args)), alone(...Object.values(args))];
        expectSameBits(one.name, a, b);
        const random = seeded(5);
        const outer = floats(Array.from(b, () => normal(random)), dtype);
        expectSameGrads(`${one.name}: vjp`, vjpOf(shared, args, outer), vjpOf(alone, args, outer));
      }
    });
  });

  it("boxes", () => {
    const loss = lossCases.find(({ name }) => name === "giou") as LossCase;
    for (const shape of BOXES) {
      const inputs = loss.sample(seeded(1), shape, {});
      expectSameBits("giou", runValue(lossOf(loss, "threads"), inputs, "float32", {}), runValue(lossOf(loss, "simd128"), inputs, "float32", {}));
    }
  });

  it("in errors: the first of the elements that are none is named", () => {
    const [input, target] = [new Float32Array(500_000).fill(0.5), new Float32Array(500_000)];
    for (const at of [499_999, 300_001, 5]) {
      target[at] = 2;
      expect(() => threads.bce(input, target)).toThrow(expect.objectContaining({ code: "ERR_RANGE", argument: `target[${at}]` }));
    }
  });

  it("on tensors, whose memory grows meanwhile, and in place", () => {
    const made = Array.from({ length: 12 }, (_, k) => {
      const x = threads.zeros([300_000]);
      x.data.fill(k);
      return x;
    });
    const [x, y] = made as [threads.Tensor<"float32">, threads.Tensor<"float32">];
    const old = y.data; // of a buffer that is not the newest any more, perhaps
    const more = threads.zeros([5_000_000]);
    const { value, grads } = threads.mse.valueAndGrad(x, { data: old, shape: [300_000] }, { out: { grads: { input: x } } });
    expect(value).toBe(1);
    expect(grads.input).toBe(x);
    expect(x.data[299_999]).toBe(Math.fround(-2 / 300_000));
    expect(() => threads.mse.valueAndGrad(x, y, { out: { grads: { input: old } } })).toThrow(expect.objectContaining({ code: "ERR_OVERLAP" }));
    [...made, more].forEach((tensor) => tensor.dispose());
  });
});

const x = Float32Array.from({ length: 200_000 }, (_, i) => Math.sin(i));
const y = Float32Array.from({ length: 200_000 }, (_, i) => Math.cos(i) ** 2);

describe("a pool", () => {
  afterEach(stopThreads);

  it("is not needed", () => {
    expect(threads.engineName).toBe("threads");
    expect(threads.bceWithLogits(x, y)).toBeGreaterThan(0);
    stopThreads();
  });

  it("starts, stops, and starts again", async () => {
    const alone = threads.bceWithLogits(x, y);
    for (let k = 0; k < 5; k++) {
      await startThreads();
      expect(threads.bceWithLogits(x, y)).toBe(alone);
      if (k % 2 === 0) stopThreads();
      expect(threads.bceWithLogits(x, y)).toBe(alone);
    }
  });

  it("has one thread if told so, and no more than there are cores", async () => {
    expect(await startThreads(1)).toBe(1);
    expect(await startThreads({ threads: 1000 })).toBe(CORES);
    expect(await startThreads({})).toBe(CORES);
  });

  it("is the last of several that start at once", async () => {
    const counts = await Promise.all([startThreads(2), startThreads(2)]);
    expect(counts.at(-1)).toBe(2);
    expect(threads.mse(x, y)).toBe(threads.mse(x, y));
  });

  it("ends with its engine", async () => {
    await startThreads();
    threads.reset();
    expect(threads.bceWithLogits(x, y)).toBeGreaterThan(0);
    await startThreads();
    expect(threads.bceWithLogits(x, y)).toBeGreaterThan(0);
  });

  it.each([
    ["no threads", () => startThreads(0), rangeFault("threads", "an integer ≥ 1", "0")],
    ["half a thread", () => startThreads(1.5), rangeFault("threads", "an integer ≥ 1", "1.5")],
    ["a word", () => startThreads({ threads: "2" as never }), typeFault("threads", "an integer ≥ 1", '"2"')],
    ["another option", () => startThreads({ count: 2 } as never), optionFault("options")],
    ["a URL that is none", () => startThreads({ workerUrl: 3 as never }), typeFault("workerUrl", "a string or URL", "3")],
  ])("refuses %s", async (_, start, fault) => {
    // The entry has error classes of its own.
    const error = (await start().catch((thrown: unknown) => thrown)) as Error & { code: string; argument: string };
    expect([error.name, error.code, error.argument]).toEqual([`Loss${fault.kind}`, fault.code, fault.argument]);
    for (const part of fault.says ?? []) expect(error.message).toContain(part);
  });

  it("that cannot start says why, and leaves one thread", async () => {
    await expect(startThreads({ workerUrl: new URL("file:///no/such/worker.js") })).rejects.toThrow(/startThreads: a worker could not start: .*no\/such\/worker/s);
    expect(threads.mse(x, y)).toBeGreaterThan(0);
  });
});

// In processes of their own, as they end, fail, or stand in for another host.
describe("a process", () => {
  const child = async (script: string) => (await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: root, timeout: 50_000 })).stdout.trim();
  const COMMON = `
    const { Worker } = process.getBuiltinModule("worker_threads");
    // Two threads whatever the machine.
    process.getBuiltinModule("os").availableParallelism = () => 2;
    const { bce, bceWithLogits, mse, reset, startThreads, stopThreads } = await import("fused-loss/threads");
    const x = Float32Array.from({ length: 1_000_000 }, (_, i) => Math.sin(i));
    const y = x.map((value) => value * value);
    const p = y.map((value) => value / 2 + 0.25);
    const code = (run) => { try { run(); return "ran"; } catch (error) { return error.code + ": " + error.message; } };`;

  it("has one pool, however starts, stops and resets overlap", async () => {
    const result = await child(`${COMMON}
      const threads = process.getBuiltinModule("worker_threads");
      const { crossEntropy } = await import("fused-loss/threads");
      const { crossEntropy: alone } = await import("fused-loss");
      let alive = 0;
      threads.Worker = class extends Worker { constructor(...args) { super(...args); alive++; this.on("exit", () => alive--); } };
      // Workers of a pool that gave way end when they are ready.
      const settled = async (count) => { for (let k = 0; k < 500 && alive !== count; k++) await new Promise((resolve) => setTimeout(resolve, 20)); return alive; };
      const counts = await Promise.all([startThreads(2), startThreads(2), startThreads(2)]);
      console.log(counts.join(), await settled(1));
      const logits = x.subarray(0, 40_990), labels = Int32Array.from({ length: 4_099 }, (_, row) => row % 10);
      const want = alone.valueAndGrad(logits, labels);
      let same = true;
      for (let k = 0; k < 50; k++) {
        const got = crossEntropy.valueAndGrad(logits, labels);
        same &&= got.value === want.value && got.grads.input.every((g, i) => g === want.grads.input[i]);
      }
      console.log(same);
      stopThreads();
      const stopped = startThreads(2);
      stopThreads();
      console.log(await stopped, await settled(0));
      const discarded = startThreads(2);
      reset();
      console.log(await discarded, await settled(0));`);
    expect(result.split("\n")).toEqual(["1,1,2 1", "true", "1 0", "1 0"]);
  });

  it("works on both threads", async () => {
    if (cores === 1) return expect(CORES).toBe(2); // nothing can be seen of it there
    // Processor time over wall time: more than one thread can have, sooner or later, however busy the machine is.
    const share = await child(`${COMMON}
      await startThreads();
      let share = 0;
      for (let k = 0; k < 100 && share < 1.2; k++) {
        const before = process.cpuUsage();
        const start = performance.now();
        while (performance.now() - start < 200) bceWithLogits(x, y);
        const { user } = process.cpuUsage(before);
        share = user / 1000 / (performance.now() - start);
      }
      console.log(share);`);
    expect(Number(share)).toBeGreaterThanOrEqual(1.2);
  });

  it("ends while its pool is alive", async () => {
    expect(await child(`${COMMON} await startThreads(); bceWithLogits(x, y); console.log("end");`)).toBe("end");
  });

  it("is idle when its pool is", async () => {
    const ms = await child(`${COMMON}
      await startThreads();
      for (let i = 0; i < 20; i++) bceWithLogits(x, y);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      console.log((user + system) / 1000);`);
    expect(Number(ms)).toBeLessThan(100);
  });

  it("goes on alone when an idle worker dies", async () => {
    const result = await child(`${COMMON}
      const workers = [];
      const threads = process.getBuiltinModule("worker_threads");
      threads.Worker = class extends Worker { constructor(...args) { super(...args); workers.push(this); } };
      const alone = bceWithLogits(x, y);
      await startThreads();
      await workers[0].terminate();
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(workers.length, bceWithLogits(x, y) === alone);`);
    expect(result).toBe("1 true");
  });

  // Of bce the search for targets that are no probabilities is shared, too.
  it.each(["bceWithLogits", "bce"])("is told of a worker that failed in its work, and goes on after reset: %s", async (call) => {
    const worker = `
      const { parentPort } = require("node:worker_threads");
      parentPort.on("message", ({ module, memory }) => {
        const imports = {};
        for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = kind === "memory" ? memory : () => 0;
        new WebAssembly.Instance(module, imports).exports.pool_fail();
        parentPort.postMessage({ ready: true });
      });`;
    const result = await child(`${COMMON}
      const threads = process.getBuiltinModule("worker_threads");
      threads.Worker = class extends Worker { constructor() { super(${JSON.stringify(worker)}, { eval: true, execArgv: [] }); } };
      await startThreads();
      console.log(code(() => ${call}(p, y)));
      console.log(code(() => mse(x, y)));
      reset();
      threads.Worker = Worker;
      await startThreads();
      console.log(code(() => bceWithLogits(x, y)));
      process.exit();`);
    const [first, second, third] = result.split("\n");
    expect(first).toMatch(/^ERR_ENGINE: .*a worker has failed or died/);
    expect(second).toMatch(/^ERR_ENGINE: /);
    expect(third).toBe("ran");
  });

  it("is told which headers a page needs", async () => {
    const result = await child(`${COMMON}
      globalThis.crossOriginIsolated = false;
      console.log(await startThreads().catch((error) => error.message), mse(x, y) > 0);`);
    expect(result).toMatch(/Cross-Origin-Opener-Policy: same-origin.*Cross-Origin-Embedder-Policy: require-corp.* true$/);
  });
});
