// Which memory results may be written to: exactly the argument that they differentiate, or memory apart from all else.
import { type Tensor, mse, sigmoid, tensor } from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Argument,
  type FloatType,
  type FunctionInfo,
  type LossInfo,
  type Numbers,
  type Placed,
  type Residence,
  bytes,
  elements,
  exported,
  floats,
  functions,
  given,
  losses,
  place,
  sizeOf,
} from "./boundary/calls.js";
import { expectEngineWorks, expectFault, overlapFault, thrown } from "./boundary/faults.js";

const dtypes = ["float32", "float64"] as const;
const residences = ["array", "tensor", "view"] as const;

let tensors: Tensor[] = [];
afterEach(() => {
  for (const made of tensors) made.dispose();
  tensors = [];
});

function put(data: Numbers | Int32Array, shape: readonly number[], residence: Residence): Placed {
  const placed = place(data, shape, residence);
  if (residence !== "array") tensors.push(placed as Tensor);
  return placed;
}

/** The arguments of a loss, and a weight where it takes one, by name. */
function operands(info: LossInfo, dtype: FloatType, residence: Residence): Map<string, Placed> {
  const made = new Map(info.args.map((arg) => [arg.name, put(elements(arg, dtype), arg.shape, residence)]));
  if (info.weight) {
    const values = [0.5, 1, 2, 0.25, 1.5, 3].slice(0, sizeOf(info.weight.shape));
    made.set("weight", put(floats(dtype, values), info.weight.shape, residence));
  }
  if (info.posWeight) made.set("posWeight", put(floats(dtype, [2, 0.5, 1]), [3], residence));
  return made;
}

interface Result {
  readonly value: unknown;
  readonly grads: Readonly<Record<string, Numbers>>;
}

function call(info: LossInfo, from: ReadonlyMap<string, Placed>, residence: Residence, options: Record<string, unknown>): Result {
  const args = info.args.map((arg) => given(from.get(arg.name) as Placed, residence));
  const extras = [...(info.weight ? ["weight"] : []), ...(info.posWeight ? ["posWeight"] : [])];
  const arrays = Object.fromEntries(extras.map((name) => [name, given(from.get(name) as Placed, residence)]));
  return exported(info.name).valueAndGrad(...args, { ...arrays, ...options }) as Result;
}

const able = (info: LossInfo) => [...info.wrt, ...(info.weight?.differentiable ? ["weight"] : [])];

describe.each(losses.map((info) => ({ title: info.title, info })))("$title", ({ info }) => {
  describe.each(residences)("in place, %s", (residence) => {
    it.each(able(info))("over %s: the same as apart", (name) => {
      for (const dtype of dtypes) {
        for (const reduction of ["mean", "sum", "none"]) {
          const options = { reduction, wrt: [name] };
          const expected = call(info, operands(info, dtype, "array"), "array", options);
          const from = operands(info, dtype, residence);
          const others = [...from].filter(([key]) => key !== name).map(([, { data }]) => [data, bytes(data)] as const);
          const out = given(from.get(name) as Placed, residence);
          const { value, grads } = call(info, from, residence, { ...options, out: { grads: { [name]: out } } });
          expect(value).toEqual(expected.value);
          expect(grads[name]).toBe(out);
          expect(bytes((from.get(name) as Placed).data)).toEqual(bytes(expected.grads[name] as Numbers));
          for (const [data, before] of others) expect(bytes(data)).toEqual(before);
        }
      }
    });

    it("over all of them at once: the same as apart", () => {
      for (const dtype of dtypes) {
        const options = { wrt: able(info) };
        const expected = call(info, operands(info, dtype, "array"), "array", options);
        const from = operands(info, dtype, residence);
        const outs = Object.fromEntries(able(info).map((name) => [name, given(from.get(name) as Placed, residence)]));
        const { value } = call(info, from, residence, { ...options, out: { grads: outs } });
        expect(value).toEqual(expected.value);
        for (const name of able(info)) {
          expect(bytes((from.get(name) as Placed).data)).toEqual(bytes(expected.grads[name] as Numbers));
        }
      }
    });
  });

  describe.each(residences)("any other overlap is refused, %s", (residence) => {
    const refuses = (dtype: FloatType, argument: string, options: (from: ReadonlyMap<string, Placed>) => Record<string, unknown>, says: string) => {
      const from = operands(info, dtype, residence);
      const made = options(from);
      const before = [...from.values()].map(({ data }) => bytes(data));
      expectFault(thrown(() => call(info, from, residence, made)), info.name, overlapFault(argument, says));
      expect([...from.values()].map(({ data }) => bytes(data))).toEqual(before);
      expectEngineWorks();
    };

    it.each(able(info))("the gradient of %s over another argument", (name) => {
      for (const dtype of dtypes) {
        const shape = (key: string) => (key === "weight" || key === "posWeight" ? (info.weight?.shape ?? []) : (info.args.find((a) => a.name === key)?.shape ?? []));
        const keys = [...info.args.filter((a) => a.kind !== "index").map((a) => a.name), ...(info.weight ? ["weight"] : [])];
        for (const other of keys.filter((key) => key !== name && sizeOf(shape(key)) === sizeOf(shape(name)))) {
          refuses(dtype, `out.grads.${name}`, (from) => ({ wrt: [name], out: { grads: { [name]: given(from.get(other) as Placed, residence) } } }), other);
        }
      }
    });

    it("the value over any argument", () => {
      for (const dtype of dtypes) {
        const size = sizeOf(info.valueShape);
        for (const other of info.args.filter((arg) => arg.kind !== "index")) {
          refuses(
            dtype,
            "out.value",
            (from) => {
              const { data } = from.get(other.name) as Placed;
              const value = (data as Numbers).subarray(0, size);
              return { reduction: "none", out: { value: { data: value, shape: info.valueShape } } };
            },
            other.name,
          );
        }
      }
    });

    it("the value over a gradient, and two gradients in one place", () => {
      for (const dtype of dtypes) {
        const [first, second] = info.wrt;
        const shape = info.args.find((arg) => arg.name === first)?.shape ?? [];
        const shared = put(new (dtype === "float32" ? Float32Array : Float64Array)(sizeOf(shape)), shape, residence);
        const valuePart = () => ({ data: (shared.data as Numbers).subarray(0, sizeOf(info.valueShape)), shape: info.valueShape });
        const both = [`out.grads.${first}`, "out.value"];
        const from = operands(info, dtype, residence);
        const error = thrown(() =>
          call(info, from, residence, { reduction: "none", wrt: [first], out: { value: valuePart(), grads: { [first as string]: given(shared, residence) } } }),
        );
        expectFault(error, info.name, overlapFault((error as { argument: string }).argument));
        expect(both).toContain((error as { argument: string }).argument);
        if (second !== undefined) {
          const grads = { [first as string]: given(shared, residence), [second]: given(shared, residence) };
          refuses(dtype, `out.grads.${second}`, () => ({ wrt: [first, second], out: { grads } }), `out.grads.${first}`);
        }
        expect(Array.from(shared.data as Numbers).every((x) => x === 0)).toBe(true);
      }
    });

    it("the gradient over a part of its argument, or of gradOutput", () => {
      const [name] = info.wrt as [string];
      const arg = info.args.find((a) => a.name === name) as Argument;
      const size = sizeOf(arg.shape);
      for (const dtype of dtypes) {
        for (const shift of [1, size - 1, -1, 1 - size]) {
          // Two overlapping windows of one array.
          const length = size + Math.abs(shift);
          const base = put(floats(dtype, Array.from({ length }, (_, i) => arg.values[i % size] ?? 0)), [length], residence);
          const window = (from: number) => ({ data: (base.data as Numbers).subarray(from, from + size), shape: arg.shape });
          const from = operands(info, dtype, residence);
          const before = bytes(base.data);
          const args = info.args.map((a) => (a.name === name ? window(Math.max(0, -shift)) : given(from.get(a.name) as Placed, residence)));
          const options = { wrt: [name], out: { grads: { [name]: window(Math.max(0, shift)) } } };
          expectFault(thrown(() => exported(info.name).valueAndGrad(...args, options)), info.name, overlapFault(`out.grads.${name}`, name));
          expect(bytes(base.data)).toEqual(before);
        }
        const from = operands(info, dtype, residence);
        const gradOutput = put(floats(dtype, Array<number>(size).fill(1)), [size], residence);
        const upstream = () => (gradOutput.data as Numbers).subarray(0, sizeOf(info.valueShape));
        const options = () => ({ reduction: "none", wrt: [name], gradOutput: upstream(), out: { grads: { [name]: given(gradOutput, residence) } } });
        const flat = thrown(() => call(info, from, residence, { ...options(), out: { grads: { [name]: gradOutput.data } } }));
        expectFault(flat, info.name, overlapFault(`out.grads.${name}`, "gradOutput"));
      }
    });
  });
});

describe("class targets", () => {
  it.each(["nll", "crossEntropy"])("%s: no result over the targets, whatever their type", (name) => {
    const buffer = new ArrayBuffer(64);
    const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
    for (const target of [new Int32Array(buffer, 0, 2), new Uint8Array(buffer, 12, 2), new Uint16Array(buffer, 8, 2), new BigInt64Array(buffer, 0, 2)]) {
      const error = thrown(() => exported(name).valueAndGrad(x, target, { out: { grads: { input: new Float32Array(buffer, 0, 4) } } }));
      expectFault(error, name, overlapFault("out.grads.input", "target"));
      expect(() => exported(name).valueAndGrad(x, target, { out: { grads: { input: new Float32Array(buffer, 16, 4) } } })).not.toThrow();
      new Uint8Array(buffer).fill(0);
    }
    const labels = tensor(Int32Array.of(0, 1));
    const view = new Float32Array(labels.data.buffer, labels.data.byteOffset, 2);
    const error = thrown(() => exported(name)(x, labels, { reduction: "none", out: { value: view } }));
    expectFault(error, name, overlapFault("out.value", "target"));
    expect(Array.from(labels.data)).toEqual([0, 1]);
  });

  it("crossEntropy: in place over strided classes leaves the labels of a tensor alone", () => {
    const labels = tensor(Int32Array.of(0, 1, 1, 0));
    const input = tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 2, 2]);
    const target = { data: labels.data, shape: [2, 2] };
    const expected = exported("crossEntropy").valueAndGrad({ data: input.data.slice(), shape: [2, 2, 2] }, target) as Result;
    const found = exported("crossEntropy").valueAndGrad(input, target, { out: { grads: { input } } }) as Result;
    expect(found.value).toBe(expected.value);
    expect(input.data).toEqual(expected.grads.input);
    expect(Array.from(labels.data)).toEqual([0, 1, 1, 0]);
  });
});

describe.each(functions.map((info) => ({ title: info.title, info })))("$title", ({ info }) => {
  const [x] = info.args as [Argument];
  const upstream = (dtype: FloatType) => floats(dtype, [0.5, -1, 2, 1, 0.25, 3].slice(0, sizeOf(info.valueShape)));
  const reduces = (form: "value" | "vjp", { valueShape }: FunctionInfo) => form === "value" && valueShape.length < x.shape.length;

  it.each(residences)("in place over x: the same as apart (%s)", (residence) => {
    for (const dtype of dtypes) {
      for (const form of ["value", "vjp"] as const) {
        if (reduces(form, info)) continue;
        const f = form === "vjp" ? exported(info.name).vjp : exported(info.name);
        const g = { data: upstream(dtype), shape: info.valueShape };
        const extra = form === "vjp" ? [g] : [];
        const expected = f({ data: elements(x, dtype), shape: x.shape }, ...extra) as Numbers;
        const placed = put(elements(x, dtype), x.shape, residence);
        const out = given(placed, residence);
        expect(f(out, ...extra, { out })).toBe(out);
        expect(bytes(placed.data)).toEqual(bytes(expected));
        expect(g.data).toEqual(upstream(dtype));
      }
    }
  });

  it.each(residences)("refuses any other overlap (%s)", (residence) => {
    for (const dtype of dtypes) {
      const name = info.name;
      const size = sizeOf(x.shape);
      for (const form of ["value", "vjp"] as const) {
        const f = form === "vjp" ? exported(name).vjp : exported(name);
        const called = form === "vjp" ? `${name}.vjp` : name;
        const outSize = reduces(form, info) ? sizeOf(info.valueShape) : size;
        const outShape = reduces(form, info) ? info.valueShape : x.shape;
        const base = put(floats(dtype, [...x.values, ...x.values]), [2 * size], residence);
        const window = (from: number, shape: readonly number[]) => ({ data: (base.data as Numbers).subarray(from, from + sizeOf(shape)), shape });
        const g = put(upstream(dtype), info.valueShape, residence);
        const extra = () => (form === "vjp" ? [given(g, residence)] : []);
        const before = [bytes(base.data), bytes(g.data)];
        // A reduced result may lie nowhere in x, not even at its start.
        const starts = reduces(form, info) ? [3, 4, 8] : [2, 4, 1];
        for (const start of starts) {
          const error = thrown(() => f(window(3, x.shape), ...extra(), { out: window(start, outShape) }));
          expectFault(error, called, overlapFault("out", "x"));
        }
        if (form === "vjp" && outSize === sizeOf(info.valueShape)) {
          const error = thrown(() => f(window(0, x.shape), given(g, residence), { out: given(g, residence) }));
          expectFault(error, called, overlapFault("out", "gradOutput"));
        }
        expect([bytes(base.data), bytes(g.data)]).toEqual(before);
        expectEngineWorks();
      }
    }
  });
});

describe("memory of different kinds", () => {
  it("an argument may be given twice, and neither may then be written", () => {
    for (const residence of residences) {
      const x = put(Float32Array.of(1, 2, 3), [3], residence);
      expect(mse(given(x, residence) as Tensor<"float32">, given(x, residence) as Tensor<"float32">)).toBe(0);
      const both = () => exported("mse").valueAndGrad(given(x, residence), given(x, residence), { out: { grads: { input: given(x, residence) } } });
      expectFault(thrown(both), "mse", overlapFault("out.grads.input", "target"));
      expect(Array.from(x.data as Float32Array)).toEqual([1, 2, 3]);
    }
  });

  it("a tensor and a view of it are the same memory", () => {
    const x = tensor(Float32Array.of(1, 2, 3));
    const t = tensor(Float32Array.of(0, 0, 0));
    expectFault(thrown(() => mse.valueAndGrad(x, t, { out: { grads: { input: t.data } } })), "mse", overlapFault("out.grads.input", "target"));
    const part = x.data.subarray(1);
    expectFault(thrown(() => sigmoid(x.data.subarray(0, 2), { out: part })), "sigmoid", overlapFault("out", "x"));
    const view = x.data;
    expect(mse.valueAndGrad(x, t, { reduction: "sum", out: { grads: { input: view } } }).grads.input).toBe(view);
    expect(Array.from(x.data)).toEqual([2, 4, 6]);
    expect(mse.valueAndGrad(x.data, t, { reduction: "sum", out: { grads: { input: x } } }).grads.input).toBe(x);
    expect(Array.from(x.data)).toEqual([4, 8, 12]);
  });

  it("views of one buffer that touch but do not overlap are apart", () => {
    const buffer = new ArrayBuffer(64);
    const x = new Float32Array(buffer, 4, 3);
    const out = new Float32Array(buffer, 16, 3);
    const target = new Float32Array(buffer, 28, 3);
    x.set([1, 2, 3]);
    mse.valueAndGrad(x, target, { reduction: "sum", out: { grads: { input: out } } });
    expect(Array.from(new Float32Array(buffer))).toEqual([0, 1, 2, 3, 2, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const both = tensor(Float32Array.of(1, 2, 3, 0, 0, 0));
    const halves = [both.data.subarray(0, 3), both.data.subarray(3)] as const;
    expect(sigmoid(halves[0], { out: halves[1] })).toBe(halves[1]);
    expect(Array.from(both.data.subarray(0, 3))).toEqual([1, 2, 3]);
  });

  it("subarrays of tensors at any offset give the same bits", () => {
    for (const dtype of dtypes) {
      const n = 37;
      const values = Array.from({ length: n }, (_, i) => Math.sin(i) * 3);
      const expected = exported("logCosh").valueAndGrad(floats(dtype, values), new (dtype === "float32" ? Float32Array : Float64Array)(n)) as Result;
      for (const offset of [0, 1, 2, 3, 5]) {
        const base = tensor(floats(dtype, [...Array<number>(offset).fill(9), ...values, 9]) as Float32Array);
        const zero = tensor(floats(dtype, Array<number>(offset + n + 1).fill(0)) as Float32Array);
        const x = base.data.subarray(offset, offset + n);
        const found = exported("logCosh").valueAndGrad(x, zero.data.subarray(offset, offset + n), { out: { grads: { input: x } } }) as Result;
        expect(found.value).toBe(expected.value);
        expect(bytes(base.data.subarray(offset, offset + n))).toEqual(bytes(expected.grads.input as Numbers));
        expect([...base.data.subarray(0, offset), base.data[offset + n]]).toEqual(Array<number>(offset + 1).fill(9));
      }
    }
  });

  it("tensors of the other entry are JavaScript arrays here: in place exactly, or refused", () => {
    const x = scalar.tensor(Float32Array.of(1, 2, 3, 4));
    const zero = new Float32Array(4);
    const { grads } = mse.valueAndGrad(x as unknown as Float32Array, zero, { reduction: "sum", out: { grads: { input: x as unknown as Float32Array } } });
    expect(grads.input).toBe(x);
    expect(Array.from(x.data)).toEqual([2, 4, 6, 8]);
    const shifted = thrown(() => sigmoid(x.data.subarray(0, 3), { out: x.data.subarray(1) }));
    expectFault(shifted, "sigmoid", overlapFault("out", "x"));
  });

  it("empty arrays overlap nothing", () => {
    const none = new Float32Array(0);
    expect(mse.valueAndGrad(none, none, { wrt: ["input", "target"], out: { grads: { input: none, target: none } } }).value).toBeNaN();
    expect(sigmoid(none, { out: none })).toBe(none);
  });

  it("gaussianNll: the gradient of a broadcast variance may cover it", () => {
    for (const shape of [[2], [2, 1]]) {
      for (const residence of residences) {
        const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
        const target = { data: new Float32Array(6), shape: [2, 3] };
        const variance = put(Float32Array.of(1, 4), shape, residence);
        const expected = exported("gaussianNll").valueAndGrad(x, target, { data: Float32Array.of(1, 4), shape }) as Result;
        const out = given(variance, residence);
        const found = exported("gaussianNll").valueAndGrad(x, target, out, { out: { grads: { variance: out } } }) as Result;
        expect(found.value).toBe(expected.value);
        expect(found.grads.variance).toBe(out);
        expect(bytes(variance.data)).toEqual(bytes(expected.grads.variance as Numbers));
      }
    }
  });
});
