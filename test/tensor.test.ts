// Tensors: what they hold, that they stay right when memory grows, and how they are freed.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { fileURLToPath } from "node:url";
import {
  type DType,
  LossRangeError,
  Tensor,
  type TypedArray,
  bce,
  crossEntropy,
  engineName,
  hinge,
  logSumExp,
  mse,
  nll,
  reset,
  sigmoid,
  softmax,
  tensor,
  zeros,
} from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { afterEach, describe, expect, it } from "vitest";
import { type Callable, exported, functions, given, losses, prepareFunction, prepareLoss } from "./boundary/calls.js";
import { type Fault, disposedFault, expectEngineWorks, expectFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";

afterEach(() => {
  reset();
});

const KINDS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bigint64: BigInt64Array,
} as const;
const DTYPES = Object.keys(KINDS) as DType[];
const numbers = (dtype: DType, values: readonly number[]): TypedArray =>
  dtype === "bigint64" ? BigInt64Array.from(values, BigInt) : KINDS[dtype].from(values);

/** Past the types. */
const anyZeros = zeros as unknown as Callable;
const anyTensor = tensor as unknown as Callable;

/** Makes memory grow: every view taken before is stale after. */
function grow(): Tensor {
  const { buffer } = zeros([1]).data;
  for (let size = 2 ** 21; size <= 2 ** 27; size *= 2) {
    const made = zeros([size], { dtype: "uint8" });
    if (buffer.byteLength === 0) return made;
  }
  throw new Error("memory did not grow");
}

describe("zeros", () => {
  it.each(DTYPES)("%s", (dtype) => {
    for (const shape of [[], [1], [0], [7], [2, 3], [2, 0, 3], [1, 1, 5, 1]]) {
      const size = shape.reduce((a, b) => a * b, 1);
      const made = zeros(shape, { dtype });
      expect(made).toBeInstanceOf(Tensor);
      expect(made.dtype).toBe(dtype);
      expect(made.shape).toEqual(shape);
      expect(made.size).toBe(size);
      expect(made.data).toBeInstanceOf(KINDS[dtype]);
      expect(made.data).toEqual(new KINDS[dtype](size));
      made.dispose();
    }
  });

  it("clears memory that held something", () => {
    for (const dtype of DTYPES) {
      const used = tensor(numbers(dtype, Array<number>(1000).fill(9)));
      const address = used.data.byteOffset;
      used.dispose();
      const made = zeros([1000], { dtype });
      expect(made.data.byteOffset).toBe(address); // Else this tests nothing.
      expect(made.data).toEqual(new KINDS[dtype](1000));
      made.dispose();
    }
  });

  it("is float32 by default", () => {
    expect(zeros([2]).dtype).toBe("float32");
    expect(zeros([2], {}).dtype).toBe("float32");
    expect(zeros([2], { dtype: undefined as unknown as "float32" }).dtype).toBe("float32");
  });

  it("is 16-byte aligned", () => {
    for (const dtype of DTYPES) expect(zeros([3], { dtype }).data.byteOffset % 16).toBe(0);
  });

  it("copies the shape that it is given", () => {
    const shape = [2, 3];
    const made = zeros(shape);
    shape[0] = 99;
    expect(made.shape).toEqual([2, 3]);
  });

  const faults: readonly (readonly [title: string, args: readonly unknown[], fault: Fault])[] = [
    ["no shape", [], typeFault("shape", "undefined")],
    ["null", [null], typeFault("shape", "null")],
    ["a number", [3], typeFault("shape", "3")],
    ["a string", ["3"], typeFault("shape")],
    ["a typed array as shape", [Int32Array.of(3)], typeFault("shape")],
    ["a negative dimension", [[-1]], shapeFault("shape", "-1")],
    ["a fraction", [[2.5]], shapeFault("shape", "2.5")],
    ["NaN", [[Number.NaN]], shapeFault("shape", "NaN")],
    ["infinity", [[Infinity]], shapeFault("shape", "Infinity")],
    ["a dimension as text", [["3"]], shapeFault("shape", '"3"')],
    ["a bigint", [[3n]], shapeFault("shape", "3n")],
    ["more than 2^53 elements", [[2 ** 30, 2 ** 30]], shapeFault("shape")],
    ["an unknown dtype", [[2], { dtype: "float16" }], typeFault("dtype", "float16", "float32")],
    ["a dtype of the prototype", [[2], { dtype: "toString" }], typeFault("dtype", "toString")],
    ["a dtype that is a constructor", [[2], { dtype: Float64Array }], typeFault("dtype")],
    ["a dtype that is null", [[2], { dtype: null }], typeFault("dtype", "null")],
    ["a dtype in place of options", [[2], "float64"], typeFault("options", "float64")],
    ["options that are null", [[2], null], typeFault("options", "null")],
    ["a misspelt option", [[2], { dype: "float64" }], { kind: "TypeError", code: "ERR_OPTION", argument: "options", says: ["dype"] }],
  ];
  it.each(faults)("refuses %s", (_, args, fault) => {
    expectFault(thrown(() => anyZeros(...args)), "zeros", fault);
    expectEngineWorks();
  });
});

describe("tensor", () => {
  it.each(DTYPES)("%s", (dtype) => {
    const data = numbers(dtype, [1, 2, 3, 4, 5, 6]);
    const made = anyTensor(data, [2, 3]) as Tensor;
    expect(made.dtype).toBe(dtype);
    expect(made.shape).toEqual([2, 3]);
    expect(made.data).toEqual(data);
    data[0] = dtype === "bigint64" ? 9n : 9;
    expect(Number(made.data[0])).toBe(1);
    expect((anyTensor(numbers(dtype, [1, 2, 3])) as Tensor).shape).toEqual([3]);
    expect((anyTensor(numbers(dtype, []), [0, 4]) as Tensor).size).toBe(0);
    const single = anyTensor(numbers(dtype, [7]), []) as Tensor;
    expect(single.shape).toEqual([]);
    expect(Number(single.data[0])).toBe(7);
  });

  it("keeps extreme values of every type", () => {
    expect(tensor(Uint32Array.of(2 ** 32 - 1)).data[0]).toBe(2 ** 32 - 1);
    expect(tensor(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)).data).toEqual(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n));
    expect(tensor(Float32Array.of(-0, Number.NaN, -Infinity)).data).toEqual(Float32Array.of(-0, Number.NaN, -Infinity));
  });

  it("copies views: shared, offset, of another tensor, and while memory grows", () => {
    const shared = new Float32Array(new SharedArrayBuffer(16), 4, 2).fill(3);
    expect(Array.from(tensor(shared).data)).toEqual([3, 3]);
    expect(Array.from(tensor(Float32Array.of(1, 2, 3).subarray(1)).data)).toEqual([2, 3]);
    const source = zeros([2 ** 18]);
    source.data.fill(4);
    const { buffer } = source.data;
    const copies: Tensor[] = [];
    while (buffer.byteLength > 0) copies.push(tensor(source.data));
    expect(copies.every(({ data, size }) => size === 2 ** 18 && data[0] === 4 && data.at(-1) === 4)).toBe(true);
  });

  const faults: readonly (readonly [title: string, args: readonly unknown[], fault: Fault])[] = [
    ["no data", [], typeFault("data", "undefined")],
    ["null", [null], typeFault("data", "null")],
    ["null with a shape", [null, [1]], typeFault("data", "null")],
    ["a number[]", [[1, 2]], typeFault("data", "Float32Array.from(array)")],
    ["a number[] with a shape", [[1, 2], [2]], typeFault("data", "Float32Array.from(array)")],
    ["{ data, shape }", [{ data: Float32Array.of(1), shape: [1] }], typeFault("data")],
    ["a Uint8ClampedArray", [new Uint8ClampedArray(1)], typeFault("data", "Uint8ClampedArray")],
    ["an Int16Array", [new Int16Array(1)], typeFault("data", "Int16Array")],
    ["a BigUint64Array", [new BigUint64Array(1)], typeFault("data", "BigUint64Array")],
    ["a DataView", [new DataView(new ArrayBuffer(4))], typeFault("data")],
    ["an ArrayBuffer", [new ArrayBuffer(4)], typeFault("data")],
    ["a shape of another size", [Float32Array.of(1, 2, 3), [2, 2]], shapeFault("shape", "3", "[2, 2]")],
    ["a shape that is null", [Float32Array.of(1), null], typeFault("shape", "null")],
    ["a shape that is a number", [Float32Array.of(1), 1], typeFault("shape", "1")],
    ["a shape with a fraction", [Float32Array.of(1), [0.5, 2]], shapeFault("shape", "0.5")],
    ["a negative shape of the right size", [Float32Array.of(1), [-1, -1]], shapeFault("shape", "-1")],
  ];
  it.each(faults)("refuses %s", (_, args, fault) => {
    expectFault(thrown(() => anyTensor(...args)), "tensor", fault);
    expectEngineWorks();
  });
});

describe("data", () => {
  it("is a live view: what losses read and what they wrote", () => {
    const x = zeros([3]);
    x.data.set([1, 2, 3]);
    expect(mse(x, Float32Array.of(0, 0, 0), { reduction: "sum" })).toBe(14);
    expect(x.data).toBe(x.data);
    mse.valueAndGrad(x, Float32Array.of(0, 0, 0), { reduction: "sum", out: { grads: { input: x } } });
    expect(Array.from(x.data)).toEqual([2, 4, 6]);
  });

  it.each(DTYPES)("%s is derived anew when memory has grown", (dtype) => {
    const made = anyTensor(numbers(dtype, [1, 2, 3])) as Tensor;
    const old = made.data;
    grow();
    expect(old.length).toBe(0);
    expect(made.data.length).toBe(3);
    expect(made.data).toEqual(numbers(dtype, [1, 2, 3]));
    expect(made.data).toBe(made.data);
  });

  it("stays right through growth between and within calls", () => {
    const x = tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
    const labels = tensor(Int32Array.of(1, 0));
    const grads = zeros([2, 2]);
    const first = crossEntropy.valueAndGrad(x, labels, { out: { grads: { input: grads } } });
    const expected = grads.data.slice();
    for (let round = 0; round < 3; round++) {
      grads.data.fill(0);
      const { buffer } = x.data;
      grow();
      expect(buffer.byteLength).toBe(0);
      expect(crossEntropy.valueAndGrad(x, labels, { out: { grads: { input: grads } } }).value).toBe(first.value);
      expect(grads.data).toEqual(expected);
    }
  });

  it("a call's own scratch may make memory grow: inputs and outputs on both sides stay right", () => {
    const n = 2 ** 20;
    const resident = zeros([n]);
    resident.data.fill(2);
    const out = zeros([n]);
    const { buffer } = resident.data;
    let size = n;
    let calls = 0;
    // Larger and larger arrays from JavaScript, until one does not fit.
    while (buffer.byteLength > 0 && size < 2 ** 26) {
      const { value } = mse.valueAndGrad(new Float32Array(size).fill(3), new Float32Array(size), { reduction: "sum" });
      expect(value).toBe(9 * size);
      size *= 2;
      calls++;
    }
    expect(buffer.byteLength, `no growth after ${calls} calls`).toBe(0);
    expect(resident.data.every((x) => x === 2)).toBe(true);
    // Growth in the very call that reads one tensor and writes another.
    const { buffer: now } = resident.data;
    let length = n;
    while (now.byteLength > 0) {
      const extra = zeros([length]);
      length *= 2;
      const { value, grads } = mse.valueAndGrad(resident, new Float32Array(n), { reduction: "none", out: { grads: { input: out } } });
      expect(value.length).toBe(n);
      expect(value[n - 1]).toBe(4);
      expect(grads.input).toBe(out);
      expect(out.data[n - 1]).toBe(4);
      extra.dispose();
    }
  });

  it("a kernel's own scratch may make memory grow in the middle of the call", () => {
    // A row of 2^20 strided classes needs 56 × 2^20 elements of scratch, more than there was before.
    const classes = 2 ** 18;
    const x = zeros([1, classes, 2]);
    const { buffer } = x.data;
    const out = zeros([1, classes, 2]);
    x.data[4] = 3;
    expect(softmax(x, { axis: 1, out })).toBe(out);
    expect(buffer.byteLength).toBe(0);
    const total = Math.exp(3) + classes - 1;
    expect(out.data[4]).toBeCloseTo(Math.exp(3) / total, 9);
    expect(out.data[5]).toBeCloseTo(1 / classes, 12);
    expect(x.data[4]).toBe(3);
  });

  it("a view that is stale is refused, not taken for an empty array", () => {
    const x = tensor(Float32Array.of(1, 2, 3));
    const stale = x.data;
    grow();
    expect(() => sigmoid(stale)).toThrow(TypeError);
    expect(() => mse(stale, stale)).toThrow(TypeError);
    expect(() => mse(stale, stale, { reduction: "none" })).toThrow(TypeError);
    expect(Array.from(x.data)).toEqual([1, 2, 3]);
  });
});

describe("dispose", () => {
  it("frees: the same memory serves again", () => {
    const first = zeros([2 ** 18]);
    const { buffer } = first.data;
    first.dispose();
    for (let i = 0; i < 5000; i++) zeros([2 ** 18]).dispose();
    expect(zeros([1]).data.buffer).toBe(buffer); // Memory has not grown.
  });

  it("twice does nothing, also to whom the memory belongs now", () => {
    const first = tensor(Float32Array.of(1, 2, 3));
    const address = first.data.byteOffset;
    first.dispose();
    const second = tensor(Float32Array.of(4, 5, 6));
    expect(second.data.byteOffset).toBe(address);
    first.dispose();
    first[Symbol.dispose]();
    const third = tensor(Float32Array.of(7, 8, 9));
    expect(Array.from(second.data)).toEqual([4, 5, 6]);
    expect(Array.from(third.data)).toEqual([7, 8, 9]);
  });

  it("is Symbol.dispose too", () => {
    const made = zeros([2]);
    made[Symbol.dispose]();
    expectFault(thrown(() => made.data), "Tensor.data", disposedFault("the tensor", "disposed"));
  });

  it("leaves shape, dtype and size readable", () => {
    const made = zeros([2, 3], { dtype: "float64" });
    made.dispose();
    expect([made.shape, made.dtype, made.size]).toEqual([[2, 3], "float64", 6]);
  });

  describe.each(losses.map((info) => ({ title: info.title, info })))("$title", ({ info }) => {
    it("refuses a disposed tensor as any argument, weight, gradOutput or output", () => {
      const spots: [argument: string, spoil: (options: Record<string, unknown>, args: unknown[], gone: Tensor) => void][] = [
        ...info.args.map((arg, k): (typeof spots)[number] => [arg.name, (_, args, gone) => (args[k] = gone)]),
        ["out.value", (options, _, gone) => ((options.out as { value: unknown }).value = gone)],
        ...info.wrt
          .slice(0, info.defaults)
          .map((name): (typeof spots)[number] => [`out.grads.${name}`, (options, _, gone) => ((options.out as { grads: Record<string, unknown> }).grads[name] = gone)]),
        ["gradOutput", (options, _, gone) => (options.gradOutput = gone)],
        ...(info.weight ? [["weight", (options, _, gone) => (options.weight = gone)] as (typeof spots)[number]] : []),
        ...(info.posWeight ? [["posWeight", (options, _, gone) => (options.posWeight = gone)] as (typeof spots)[number]] : []),
      ];
      for (const [argument, spoil] of spots) {
        const call = prepareLoss(info, "float32", "valueAndGrad", "tensor");
        const kind = info.args.find((arg) => arg.name === argument)?.kind === "index" ? "int32" : "float32";
        const shape = argument === "out.value" || argument === "gradOutput" ? info.valueShape : (info.args.find((arg) => argument.endsWith(arg.name))?.shape ?? info.weight?.shape ?? [6]);
        const gone = zeros(shape, { dtype: kind });
        gone.dispose();
        spoil(call.options, call.args, gone);
        expectFault(thrown(() => call.fn(...call.args, call.options)), info.name, disposedFault(argument, "disposed"));
        expectEngineWorks();
      }
    });
  });

  describe.each(functions.map((info) => ({ title: info.title, info })))("$title", ({ info }) => {
    it("refuses a disposed tensor as x, gradOutput or out", () => {
      for (const form of ["value", "vjp"] as const) {
        for (const spot of form === "vjp" ? ["x", "gradOutput", "out"] : ["x", "out"]) {
          const call = prepareFunction(info, "float32", form, "tensor");
          const gone = zeros(spot === "gradOutput" || (spot === "out" && form === "value") ? info.valueShape : [2, 3]);
          gone.dispose();
          if (spot === "x") call.args[0] = gone;
          else if (spot === "gradOutput") call.args[1] = gone;
          else call.options.out = gone;
          const name = form === "vjp" ? `${info.name}.vjp` : info.name;
          expectFault(thrown(() => call.fn(...call.args, call.options)), name, disposedFault(spot, "disposed"));
          expectEngineWorks();
        }
      }
    });
  });

  it("a view of a disposed tensor is not written to, as its memory may be another's", () => {
    const first = zeros([4]);
    const view = first.data;
    first.dispose();
    const second = tensor(Float32Array.of(1, 2, 3, 4));
    expect(second.data.byteOffset).toBe(view.byteOffset); // Else this tests nothing.
    expect(() => sigmoid(Float32Array.of(0, 0, 0, 0), { out: view })).toThrow(TypeError);
    expect(() => sigmoid(view)).toThrow(TypeError);
    expect(Array.from(second.data)).toEqual([1, 2, 3, 4]);
  });
});

describe("the collector", () => {
  const run = (script: string, ...flags: string[]) => {
    const path = fileURLToPath(new URL(`boundary/${script}`, import.meta.url));
    return JSON.parse(execFileSync(process.execPath, [...flags, path], { encoding: "utf8" })) as Record<string, unknown>;
  };

  it("frees tensors that are unreachable, and none that a view keeps", { timeout: 60_000 }, () => {
    const result = run("collector.mjs", "--expose-gc");
    expect(result).toMatchObject({ view: "kept", kept: true });
    expect(result.bytes).toBeLessThan(256 * 2 ** 20);
    expect(result.after).toBeLessThan(256 * 2 ** 20);
    expect(result.calls).toBeLessThan(256 * 2 ** 20);
  });

  // It fills 4 GB, which small machines do not have.
  it.skipIf(freemem() < 8 * 2 ** 30)("tensors made faster than they are collected end in ERR_MEMORY, and the engine goes on", { timeout: 60_000 }, () => {
    const result = run("flood.mjs");
    expect(result).toMatchObject({ name: "LossRangeError", code: "ERR_MEMORY", intact: true, works: true });
    expect(result.made).toBeGreaterThan(60);
    expect(result.message).toContain(String(2 ** 26));
  });
});

describe("memory", () => {
  it.each([
    ["zeros", 2 ** 30, () => zeros([2 ** 30])],
    ["zeros", 2 ** 31, () => zeros([2 ** 31], { dtype: "uint8" })],
    ["zeros", 2 ** 29, () => zeros([2 ** 29])],
    ["zeros", 2 ** 40, () => zeros([2 ** 20, 2 ** 20])],
    ["zeros", 2 ** 53 - 1, () => zeros([2 ** 53 - 1], { dtype: "float64" })],
  ])("%s of %d elements is a RangeError with sizes, and earlier tensors stay intact", (name, _, make) => {
    const earlier = tensor(Float32Array.of(1, 2, 3));
    const error = thrown(make) as LossRangeError;
    expect(error).toBeInstanceOf(LossRangeError);
    expect(error.code).toBe("ERR_MEMORY");
    expect(error.message).toContain(name);
    expect(error.received).toMatch(/\d{6,}/);
    expect(error.expected).toMatch(/\S/);
    expect(Array.from(earlier.data)).toEqual([1, 2, 3]);
    expectEngineWorks();
  });

  it("a call whose scratch does not fit is a RangeError, and writes nothing", () => {
    // Rows of 2^23 strided classes: seven operands of eight float64 rows each are 3.8 GB of scratch.
    const x = zeros([1, 2 ** 23, 2], { dtype: "float64" });
    const out = zeros([1, 2 ** 23, 2], { dtype: "float64" });
    out.data[0] = 7;
    const target = { data: new Int32Array(2), shape: [1, 2] };
    const error = thrown(() => crossEntropy.valueAndGrad(x, target, { out: { grads: { input: out } } })) as LossRangeError;
    expect(error).toBeInstanceOf(LossRangeError);
    expect(error.code).toBe("ERR_MEMORY");
    expect(error.message).toContain("crossEntropy");
    expect(out.data[0]).toBe(7);
    expectEngineWorks();
  });

  it("sizes of scratch that wrap at 2^32 bytes are not taken for small ones", () => {
    // 56 × 76,695,845 = 2^32 + 24 elements.
    const classes = 76_695_845;
    const x = zeros([1, classes, 2]);
    let value;
    try {
      value = logSumExp(x, { axis: 1 });
    } catch (error) {
      expect(error).toBeInstanceOf(LossRangeError);
      expectEngineWorks();
      return;
    }
    expect(value[0]).toBeCloseTo(Math.log(classes), 5);
    expect(value[1]).toBeCloseTo(Math.log(classes), 5);
  });
});

describe("tensors of other engines", () => {
  const foreign = <T>(x: T) => x as unknown as Float32Array;

  it("are taken as data, with their shape", () => {
    const x = scalar.tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const labels = scalar.tensor(Int32Array.of(2, 0));
    const here = tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const expected = crossEntropy.valueAndGrad(here, Int32Array.of(2, 0));
    const found = crossEntropy.valueAndGrad(foreign(x), labels as unknown as Int32Array);
    expect(found.value).toBe(expected.value);
    expect(found.grads.input).toEqual(expected.grads.input);
    expect(softmax(foreign(x))).toEqual(softmax(here));
    expect(() => mse(foreign(x), new Float32Array(6))).toThrow(RangeError); // (2, 3) against (6)
    expect(scalar.mse(foreign(here), { data: new Float32Array(6), shape: [2, 3] })).toBe(mse(here, { data: new Float32Array(6), shape: [2, 3] }));
  });

  it("are taken as out, and come back as they are", () => {
    const x = Float32Array.of(1, 2, 3);
    const grad = scalar.zeros([3]);
    const value = scalar.zeros([3]);
    const result = mse.valueAndGrad(x, new Float32Array(3), { reduction: "none", out: { value: foreign(value), grads: { input: foreign(grad) } } });
    expect(result.value).toBe(value);
    expect(result.grads.input).toBe(grad);
    expect(Array.from(value.data)).toEqual([1, 4, 9]);
    expect(Array.from(grad.data)).toEqual([2, 4, 6]);
  });

  it("are refused when disposed, of a wrong type, or of a wrong shape", () => {
    const gone = scalar.zeros([3]);
    gone.dispose();
    const error = thrown(() => mse(foreign(gone), new Float32Array(3)));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as { code: string }).code).toBe("ERR_DISPOSED");
    expect(() => mse(foreign(scalar.zeros([3], { dtype: "int32" })), new Float32Array(3))).toThrow(TypeError);
    expect(() => mse(new Float32Array(3), foreign(scalar.zeros([3], { dtype: "float64" })))).toThrow(TypeError);
    expect(() => mse(new Float32Array(3), foreign(scalar.zeros([4])))).toThrow(RangeError);
  });

  it("so are those of another copy of the package", async () => {
    // The same file under another address is another module, with an engine of its own.
    const url = `${import.meta.resolve("fused-loss")}?copy`;
    const copy = (await import(/* @vite-ignore */ url)) as typeof import("fused-loss");
    expect(copy.Tensor).not.toBe(Tensor);
    const x = copy.tensor(Float32Array.of(1, 2, 3));
    expect(mse(foreign(x), new Float32Array(3), { reduction: "sum" })).toBe(14);
    mse.valueAndGrad(foreign(x), new Float32Array(3), { reduction: "sum", out: { grads: { input: foreign(x) } } });
    expect(Array.from(x.data)).toEqual([2, 4, 6]);
    reset();
    expect(Array.from(x.data)).toEqual([2, 4, 6]);
  });

  it("live side by side with memories of their own", () => {
    expect([engineName, scalar.engineName]).toEqual(["simd128", "scalar"]);
    const a = zeros([3]);
    const b = scalar.zeros([3]);
    expect(a.data.buffer).not.toBe(b.data.buffer);
    a.data.fill(1);
    expect(Array.from(b.data)).toEqual([0, 0, 0]);
  });
});

describe("targets", () => {
  it("class indices may be tensors of every index type", () => {
    const x = { data: Float32Array.of(1, 2, 3, 4, 5, 7), shape: [2, 3] };
    const expected = nll(x, Int32Array.of(2, 0));
    for (const Kind of [Int32Array, Uint8Array, Uint16Array, Uint32Array] as const) {
      const target = anyTensor(Kind.of(2, 0)) as Tensor<"int32">;
      expect(nll(x, target)).toBe(expected);
      expect(nll(x, { data: target.data, shape: [2] })).toBe(expected);
      expect(Array.from(target.data)).toEqual([2, 0]);
    }
    const big = tensor(BigInt64Array.of(2n, 0n));
    expect(nll(x, big)).toBe(expected);
    expect(nll(x, big.data)).toBe(expected);
    expect(Array.from(big.data)).toEqual([2n, 0n]);
  });

  it("signs and probabilities may be tensors of every flag type", () => {
    const x = Float32Array.of(0.5, 0.25, 0.75);
    for (const Kind of [Int8Array, Int32Array] as const) {
      expect(hinge(x, anyTensor(Kind.of(1, -1, 1)) as Tensor<"int8">)).toBe(hinge(x, Int8Array.of(1, -1, 1)));
    }
    expect(hinge(x, tensor(BigInt64Array.of(1n, -1n, 1n)))).toBe(hinge(x, Int8Array.of(1, -1, 1)));
    for (const Kind of [Int8Array, Uint8Array, Int32Array] as const) {
      expect(bce(x, anyTensor(Kind.of(1, 0, 1)) as Tensor<"uint8">)).toBe(bce(x, Float32Array.of(1, 0, 1)));
    }
    expect(bce(x, tensor(BigInt64Array.of(1n, 0n, 1n)))).toBe(bce(x, Float32Array.of(1, 0, 1)));
  });
});

describe("reset", () => {
  it("makes earlier tensors count as disposed and the engine usable", () => {
    const x = tensor(Float32Array.of(1, 2, 3));
    const view = x.data;
    reset();
    expectEngineWorks();
    expectFault(thrown(() => x.data), "Tensor.data", disposedFault("the tensor"));
    expectFault(thrown(() => mse(x, new Float32Array(3))), "mse", disposedFault("input"));
    expectFault(thrown(() => mse(new Float32Array(3), x)), "mse", disposedFault("target"));
    expectFault(thrown(() => sigmoid(new Float32Array(3), { out: x })), "sigmoid", disposedFault("out"));
    const fresh = tensor(Float32Array.of(4, 5, 6));
    x.dispose();
    x[Symbol.dispose]();
    expect(Array.from(fresh.data)).toEqual([4, 5, 6]);
    // A view that was taken before is an array of a memory that no engine uses.
    expect(Array.from(view)).toEqual([1, 2, 3]);
    expect(mse(view, new Float32Array(3), { reduction: "sum" })).toBe(14);
    reset();
    reset();
    expectEngineWorks();
  });

  it("leaves the other entry alone", () => {
    const x = scalar.tensor(Float32Array.of(1, 2, 3));
    reset();
    expect(Array.from(x.data)).toEqual([1, 2, 3]);
  });

  it("gives the same results again", () => {
    const call = () => exported("crossEntropy").valueAndGrad({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, Int32Array.of(0, 1));
    const before = call();
    reset();
    expect(call()).toEqual(before);
  });
});

describe("the package", () => {
  it("serves views of tensors as it serves tensors", () => {
    const x = tensor(Float32Array.of(1, 2, 3));
    expect(sigmoid(given(x, "view") as Tensor<"float32">)).toEqual(sigmoid(x));
  });

  it("says so in its types: Symbol.dispose needs a library that it references itself", () => {
    const types = readFileSync(new URL("../dist/index.d.ts", import.meta.url), "utf8");
    expect(types).toMatch(/^\/\/\/ <reference lib="esnext\.disposable" \/>/);
  });
});
