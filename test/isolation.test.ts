// What runs at once does not meet: several workers, a call within a call, an engine that trapped and the next one.
import { Worker } from "node:worker_threads";
import * as scalar from "fused-loss/scalar";
import * as simd128 from "fused-loss";
import { afterEach, describe, expect, it } from "vitest";
import { thrown } from "./boundary/faults.js";
import { DTYPES, type Value, ableTo, givenTo, lossOf, run } from "./support/call.js";
import { lossCases } from "./support/cases.js";
import { seeded } from "./support/draw.js";

const { crossEntropy, mse, pairwiseDistance, tensor, tripletMarginWithDistance, zeros } = simd128;

describe("workers", () => {
  /** The values of many calls, and a value of their gradients. */
  const WORK = `
    const rows = { data: Float32Array.from({ length: 6400 }, (_, i) => ((i * 7919 + seed) % 257) / 64 - 2), shape: [64, 100] };
    const labels = Int32Array.from({ length: 64 }, (_, i) => (i * seed) % 100);
    const values = [];
    for (let k = 0; k < 300; k++) {
      const { value, grads } = crossEntropy.valueAndGrad(rows, labels, { labelSmoothing: (k % 10) / 10 });
      values.push(value, mse(rows, { data: grads.input, shape: rows.shape }));
    }`;
  const play = (seed: number) => {
    const work = `
      import { crossEntropy, mse } from ${JSON.stringify(import.meta.resolve("fused-loss"))};
      import { parentPort } from "node:worker_threads";
      const seed = ${seed};
      ${WORK}
      parentPort.postMessage(values);`;
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(work)}`));
      worker.once("message", resolve).once("error", reject);
    });
  };

  it("four at once give what each gives alone", async () => {
    const seeds = [1, 2, 3, 4];
    const together = await Promise.all(seeds.map(play));
    const alone = [];
    for (const seed of seeds) alone.push(await play(seed));
    expect(together).toEqual(alone);
    expect(new Set(together.map(String)).size).toBe(seeds.length);
  });
});

describe("a call within a call", () => {
  /** Another loss on other numbers, large enough that memory grows. */
  let calls = 0;
  function disturb() {
    calls++;
    const n = 4099 * (1 + (calls % 7));
    const x = new Float64Array(n).fill(3);
    crossEntropy.valueAndGrad({ data: x, shape: [n, 1] }, new Int32Array(n));
    simd128.huber.valueAndGrad(x, x);
  }

  /** The same object, which calls losses whenever it is read. */
  function disturbing<T extends object>(object: T): T {
    return new Proxy(object, {
      get(target, key) {
        disturb();
        const value: unknown = Reflect.get(target, key);
        return typeof value === "object" && value !== null && !ArrayBuffer.isView(value) ? disturbing(value) : value;
      },
    });
  }

  it.each(lossCases.map((loss) => [loss.name, loss] as const))("%s, with arguments and options that call losses when they are read", (_, loss) => {
    const inputs = loss.sample(seeded(5), loss.shapes.at(-1) ?? [], loss.options.at(-1) ?? {});
    for (const dtype of DTYPES) {
      const wrt = ableTo(loss, inputs);
      const want = run(lossOf(loss), inputs, dtype, { wrt });
      const { args, options } = givenTo(inputs, dtype);
      const before = calls;
      const got = lossOf(loss).valueAndGrad(...Object.values(args).map(disturbing), disturbing({ ...options, wrt }));
      expect(calls).toBeGreaterThan(before);
      expect(got).toEqual(want);
    }
  });

  it("tripletMarginWithDistance, whose distance calls losses", () => {
    const rows = (seed: number) => ({ data: Float32Array.from({ length: 30 }, (_, i) => ((i * seed) % 17) / 8), shape: [10, 3] });
    const given = [rows(3), rows(5), rows(7)] as const;
    const euclidean = (x1: simd128.DistanceRows, x2: simd128.DistanceRows) => {
      const value = pairwiseDistance(x1, x2);
      const grads = pairwiseDistance.vjp(x1, x2, value.map(() => 1));
      disturb();
      return { value, grads };
    };
    const want = tripletMarginWithDistance.valueAndGrad(...given);
    const got = tripletMarginWithDistance.valueAndGrad(...given, { distance: euclidean });
    expect(got.value).toBeCloseTo(want.value, 6);
    for (const name of ["anchor", "positive", "negative"] as const) got.grads[name].forEach((g, i) => expect(g).toBeCloseTo(want.grads[name][i] ?? NaN, 6));
    // Within itself, too.
    const nested = tripletMarginWithDistance(...given, { distance: (x1: simd128.DistanceRows, x2: simd128.DistanceRows) => (tripletMarginWithDistance(...given, { distance: euclidean }), euclidean(x1, x2)) });
    expect(nested).toBe(got.value);
  });
});

describe.each([
  ["simd128", simd128],
  ["scalar", scalar],
])("a trap in %s", (_, { crossEntropy, l1, mse, reset, tensor, zeros }) => {
  const { Instance } = WebAssembly;
  afterEach(() => {
    WebAssembly.Instance = Instance;
    reset();
  });

  it("leaves an engine that refuses all work until reset(), and frees nothing into the next", () => {
    // (module (func (export "trap") unreachable))
    const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11));
    const { trap } = new Instance(module).exports as { readonly trap: () => number };
    WebAssembly.Instance = new Proxy(Instance, { construct: (target, args: [WebAssembly.Module, WebAssembly.Imports]) => ({ exports: { ...new target(...args).exports, mse: trap } }) });
    reset();
    const x = tensor(Float32Array.of(1, 2, 3));
    const out = Float32Array.of(7, 7, 7);
    expect(crossEntropy(Float32Array.of(0, 0), Int32Array.of(1))).toBeCloseTo(Math.LN2);
    // So often that the call is known.
    for (let k = 0; k < 4; k++) expect(l1(x, x)).toBe(0);

    const code = (call: () => unknown) => (thrown(call) as { readonly code?: string }).code;
    const ones = Float32Array.of(1, 1, 1);
    expect(code(() => mse.valueAndGrad(x, ones, { out: { grads: { input: out } } }))).toBe("ERR_ENGINE");
    expect(Array.from(out)).toEqual([7, 7, 7]);
    for (const call of [() => mse(ones, ones), () => l1(x, x), () => crossEntropy(Float32Array.of(0, 0), Int32Array.of(1)), () => zeros([3]), () => tensor(ones)]) expect(code(call)).toBe("ERR_ENGINE");
    expect(() => crossEntropy(Float32Array.of(0, 0), Int32Array.of(1))).toThrow(/usable \(reset\(\) starts another.*unreachable/s);
    x.dispose();

    WebAssembly.Instance = Instance;
    reset();
    const fresh = [tensor(Float32Array.of(4, 5, 6)), zeros([3])] as const;
    x.dispose();
    expect(code(() => x.data)).toBe("ERR_DISPOSED");
    expect(mse(fresh[0], fresh[1], { reduction: "sum" })).toBe(77);
    expect(Array.from(fresh[0].data)).toEqual([4, 5, 6]);
  });
});

it("entries side by side, their calls in turn, give what each gives alone", () => {
  const x = tensor(Float32Array.of(1, 2, 3));
  const y = scalar.tensor(Float32Array.of(1, 2, 3));
  const values: Value[] = [];
  for (let k = 0; k < 100; k++) values.push(mse(x, zeros([3])), scalar.mse(y, scalar.zeros([3])));
  expect(new Set(values)).toEqual(new Set([mse(Float32Array.of(1, 2, 3), new Float32Array(3))]));
});
