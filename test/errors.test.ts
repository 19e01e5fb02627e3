// What every function refuses: the error's class, code, argument and words, and that nothing was written.
import { LossRangeError, LossTypeError, type Tensor, crossEntropy, klDiv, mse, nll, reset, sigmoid, tensor } from "fused-loss";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Argument,
  type FloatType,
  type FunctionInfo,
  type LossInfo,
  type Prepared,
  elements,
  exported,
  floats,
  functions,
  losses,
  otherType,
  prepareFunction,
  prepareLoss,
  release,
  sizeOf,
} from "./boundary/calls.js";
import { type Fault, dtypeFault, expectEngineWorks, expectFault, expectRefused, optionFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";

const dtypes = ["float32", "float64"] as const;

// A call that makes the engine fail must not fail every test after it.
afterEach(() => {
  try {
    expectEngineWorks();
  } catch {
    reset();
  }
});

/** Spoils a valid call; what it gives is what the error must say. */
type Spoil<F extends string> = (call: Prepared, dtype: FloatType, form: F) => Fault;

/** Where the call's arrays lie, and whether results go over arguments: all four together would take minutes. */
const settings = [
  { dtype: "float32", residence: "array", inPlace: true },
  { dtype: "float64", residence: "tensor", inPlace: true },
  { dtype: "float32", residence: "tensor", inPlace: false },
] as const;

/** Refused in both dtypes and forms, on arrays and on tensors, with results apart and in place. */
function refusesLoss(info: LossInfo, spoil: Spoil<"value" | "valueAndGrad">, forms: readonly ("value" | "valueAndGrad")[] = ["value", "valueAndGrad"]) {
  for (const { dtype, residence, inPlace } of settings) {
    for (const form of forms) {
      const call = prepareLoss(info, dtype, form, residence, inPlace);
      const fault = spoil(call, dtype, form);
      expectRefused(call, info.name, fault);
      release(call);
    }
  }
}

function refusesFunction(info: FunctionInfo, spoil: Spoil<"value" | "vjp">, forms: readonly ("value" | "vjp")[] = ["value", "vjp"]) {
  for (const { dtype, residence, inPlace } of settings) {
    for (const form of forms) {
      const call = prepareFunction(info, dtype, form, residence, inPlace);
      const fault = spoil(call, dtype, form);
      expectRefused(call, form === "vjp" ? `${info.name}.vjp` : info.name, fault);
      release(call);
    }
  }
}

/** Drops `out.value` and asks for a number. */
function reduce(call: Prepared, reduction = "mean") {
  delete (call.options.out as { value?: unknown }).value;
  call.options.reduction = reduction;
}

// ---------------------------------------------------------------------------------------------------------------------
// What is no data

/** Something that says it is a Float16Array, as hosts before 2025 have none. */
class Float16Array {
  readonly buffer = new ArrayBuffer(12);
  readonly byteOffset = 0;
  readonly byteLength = 12;
  readonly length = 6;
  readonly BYTES_PER_ELEMENT = 2;
  readonly [Symbol.toStringTag] = "Float16Array";
}

const junk: readonly (readonly [title: string, value: unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["a string", "0.5,1"],
  ["a number", 1],
  ["a bigint", 1n],
  ["a boolean", true],
  ["a symbol", Symbol("data")],
  ["a function", () => [1]],
  ["an empty object", {}],
  ["an object without data", { shape: [2, 3] }],
  ["an object with data that is null", { data: null, shape: [2, 3] }],
  ["an object with a string as data", { data: "123456", shape: [2, 3] }],
  ["an array-like object", { length: 6, 0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 }],
  ["a Map", new Map([["data", new Float32Array(6)]])],
  ["a Date", new Date(0)],
  ["a promise", Promise.resolve(new Float32Array(6))],
  ["an ArrayBuffer", new ArrayBuffer(24)],
  ["a DataView", new DataView(new ArrayBuffer(24))],
  ["a Uint8ClampedArray", new Uint8ClampedArray(6)],
  ["a Float16Array", new Float16Array()],
  ["an object that says it is a Float32Array", { [Symbol.toStringTag]: "Float32Array", length: 6, buffer: new ArrayBuffer(24), byteOffset: 0 }],
  ["a Proxy of a Float32Array", new Proxy(new Float32Array(6), {})],
];

const lists: readonly (readonly [title: string, make: (values: readonly number[], shape: readonly number[]) => unknown])[] = [
  ["number[]", (values) => [...values]],
  ["{ data: number[], shape }", (values, shape) => ({ data: [...values], shape })],
  ["number[][]", (values) => [values.slice(0, 3), values.slice(3)]],
  ["an empty array", () => []],
];

const wrongArrays: Readonly<Record<Argument["kind"], readonly (new (length: number) => ArrayBufferView)[]>> = {
  float: [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array],
  flag: [Uint8ClampedArray, Int16Array, Uint16Array, Uint32Array, BigUint64Array],
  index: [Int8Array, Uint8ClampedArray, Int16Array, BigUint64Array],
};

const wrongTensors: Readonly<Record<Argument["kind"], readonly (new (length: number) => unknown)[]>> = {
  float: [Int8Array, Uint8Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array],
  flag: [Uint16Array, Uint32Array],
  index: [Int8Array],
};

const badShapes: readonly (readonly [shape: unknown, fault: (argument: string) => Fault])[] = [
  [undefined, (argument) => typeFault(argument)],
  [null, (argument) => typeFault(argument)],
  ["2,3", (argument) => typeFault(argument)],
  [6, (argument) => typeFault(argument)],
  [{ length: 1, 0: 6 }, (argument) => typeFault(argument)],
  [Int32Array.of(2, 3), (argument) => typeFault(argument)],
  [[2, 4], (argument) => shapeFault(argument, "6", "[2, 4]")],
  [[], (argument) => shapeFault(argument, "6", "[]")],
  [[0], (argument) => shapeFault(argument, "6", "[0]")],
  [[-2, -3], (argument) => shapeFault(argument, "-2")],
  [[1.5, 4], (argument) => shapeFault(argument, "1.5")],
  [[Number.NaN, 3], (argument) => shapeFault(argument, "NaN")],
  [[Infinity], (argument) => shapeFault(argument, "Infinity")],
  [["2", 3], (argument) => shapeFault(argument, '"2"')],
  [[2n, 3], (argument) => shapeFault(argument, "2n")],
  [[2, undefined, 3], (argument) => shapeFault(argument, "undefined")],
  // eslint-disable-next-line no-sparse-arrays
  [[2, , 3], (argument) => shapeFault(argument, "undefined")],
  [[2 ** 27, 2 ** 27], (argument) => shapeFault(argument)],
  [[2 ** 32 + 6], (argument) => shapeFault(argument)],
];

/** Every way for an array argument, output or option to be no data. */
function noData(kind: Argument["kind"], shape: readonly number[], check: (value: unknown, fault: (argument: string) => Fault) => void) {
  const values = Array<number>(sizeOf(shape)).fill(1);
  for (const [, value] of junk) check(value, (argument) => typeFault(argument));
  const hint = kind === "index" ? "Int32Array.from(array)" : "Float32Array.from(array)";
  for (const [, make] of lists) check(make(values, shape), (argument) => typeFault(argument, hint));
  for (const Kind of wrongArrays[kind]) {
    const data = new Kind(values.length);
    check(data, (argument) => typeFault(argument, Kind.name));
    check({ data, shape }, (argument) => typeFault(argument, Kind.name));
  }
  for (const Kind of wrongTensors[kind]) {
    const resident = tensor(new Kind(values.length) as Int8Array, shape);
    check(resident, (argument) => typeFault(argument));
    resident.dispose();
  }
}

function noShape(data: ArrayBufferView, check: (value: unknown, fault: (argument: string) => Fault) => void) {
  for (const [shape, fault] of badShapes) check({ data, shape }, (argument) => fault(`${argument}.shape`));
}

// ---------------------------------------------------------------------------------------------------------------------
// Losses

const showShape = (shape: readonly number[]) => `[${shape.join(", ")}]`;

/** Shapes of six elements, or few, that are not (2, 3). */
const otherShapes = [[6], [3, 2], [1, 6], [6, 1], [2, 3, 1], [1, 2, 3], [3], [1, 3], [1], [], [0, 3], [2, 2], [2, 4]];

describe.each(losses.map((info) => ({ title: info.title, info })))("$title", ({ info }) => {
  info.args.forEach((arg, k) => {
    it(`${arg.name}: refuses what is no data`, () => {
      // A float target of these is a distribution, an integer one class indices.
      const either = ["crossEntropy", "linearCrossEntropy"].includes(info.name) && arg.name === "target";
      const indicesToo = either || info.name === "nll";
      noData(either ? "index" : arg.kind, arg.shape, (value, fault) => {
        if (value === undefined && k === 0 && indicesToo) return; // Below: missing arguments.
        refusesLoss(info, (call) => {
          call.args[k] = value;
          return fault(arg.name);
        });
      });
      if (info.name === "nll" && k === 1) {
        refusesLoss(info, (call, dtype) => {
          call.args[k] = floats(dtype, [1, 2]);
          return typeFault("target", dtype === "float32" ? "Float32Array" : "Float64Array");
        });
      }
    });

    it(`${arg.name}: refuses to be missing`, () => {
      for (const dtype of dtypes) {
        for (const form of ["value", "valueAndGrad"] as const) {
          const call = prepareLoss(info, dtype, form, "array");
          expectRefused({ ...call, fn: () => call.fn(...call.args.slice(0, k)) }, info.name, typeFault(arg.name, "undefined"));
          expectRefused({ ...call, fn: () => call.fn(...call.args.slice(0, k), {}) }, info.name, typeFault(arg.name));
        }
      }
    });

    it(`${arg.name}: refuses a shape that is none`, () => {
      const data = arg.kind === "index" ? new Int32Array(6) : undefined;
      for (const dtype of dtypes) {
        noShape(data ?? floats(dtype, Array<number>(6).fill(1)), (value, fault) => {
          for (const form of ["value", "valueAndGrad"] as const) {
            const call = prepareLoss(info, dtype, form, "array");
            call.args[k] = value;
            expectRefused(call, info.name, fault(arg.name));
          }
        });
      }
    });

    if (k > 0) {
      it(`${arg.name}: refuses another shape and names both`, () => {
        const shapes = arg.refused?.shapes ?? (arg.kind === "index" ? [[], [1], [3], [2, 1], [1, 2], [0]] : otherShapes);
        for (const shape of shapes) {
          refusesLoss(info, (call, dtype) => {
            const values = Array<number>(sizeOf(shape)).fill(1);
            call.args[k] = { data: elements({ ...arg, values }, dtype), shape };
            return shapeFault(arg.name, showShape(shape), arg.refused?.says ?? showShape(arg.shape));
          });
        }
      });
    }

    if (k > 0 && arg.kind !== "index") {
      it(`${arg.name}: refuses the other float type`, () => {
        refusesLoss(info, (call, dtype) => {
          call.args[k] = { data: floats(otherType(dtype), arg.values), shape: arg.shape };
          return dtypeFault(arg.name, dtype, otherType(dtype));
        });
        refusesLoss(info, (call, dtype) => {
          const made = tensor(floats(otherType(dtype), arg.values), arg.shape);
          call.args[k] = made;
          return dtypeFault(arg.name, dtype, otherType(dtype));
        });
      });
    }

    const outside = arg.outside;
    if (outside) {
      it(`${arg.name}: refuses elements outside its domain, with their position`, () => {
        for (const bad of outside) {
          for (const at of [0, 3, 5]) {
            refusesLoss(info, (call, dtype) => {
              const data = floats(dtype, arg.values);
              data[at] = bad;
              if (data[at] !== bad) data[at] = 3; // Rounded into the domain.
              if (!outside.includes(data[at] ?? 0) && (arg.name === "variance" || Number(data[at]) < 0)) data[at] = -1;
              call.args[k] = { data, shape: arg.shape };
              return rangeFault(`${arg.name}[${at}]`, String(data[at]));
            });
          }
        }
      });

      it(`${arg.name}: finds an element outside its domain anywhere in a long array`, () => {
        const n = 4096 * 2 + 5;
        for (const dtype of dtypes) {
          const ones = floats(dtype, Array<number>(n).fill(1));
          for (const at of [0, 7, 1023, 1024, 4095, 4096, n - 6, n - 1]) {
            const data = ones.slice();
            data[at] = -3;
            const args = info.args.map((_, i) => (i === k ? data : ones));
            expectFault(thrown(() => exported(info.name)(...args)), info.name, rangeFault(`${arg.name}[${at}]`, "-3"));
            // The first of several is named, and a NaN before it is not.
            data.fill(Number.NaN, 0, at);
            data.fill(-5, at + 1);
            expectFault(thrown(() => exported(info.name)(...args)), info.name, rangeFault(`${arg.name}[${at}]`, "-3"));
          }
        }
      });

      it(`${arg.name}: lets NaN through`, () => {
        for (const dtype of dtypes) {
          const args = info.args.map((other) => elements(other, dtype));
          args[k]?.fill(Number.NaN);
          const [first] = exported(info.name)(...args, { reduction: "none" }) as Float32Array;
          expect(first).toBeNaN();
        }
      });

      if (arg.kind === "flag") {
        it(`${arg.name}: refuses integers outside its domain`, () => {
          for (const Kind of [Int8Array, Uint8Array, Int32Array] as const) {
            refusesLoss(info, (call) => {
              call.args[k] = { data: Kind.of(1, 1, 1, 1, 2, 1), shape: arg.shape };
              return rangeFault(`${arg.name}[4]`, "2");
            });
          }
          for (const bad of [2n, -2n, 2n ** 40n]) {
            refusesLoss(info, (call) => {
              call.args[k] = { data: BigInt64Array.of(1n, 1n, 1n, 1n, bad, 1n), shape: arg.shape };
              return rangeFault(`${arg.name}[4]`, String(bad));
            });
          }
        });

        it(`${arg.name}: names the very integer that it refuses, beyond the float type too`, () => {
          const data = BigInt64Array.of(1n, 2n ** 53n + 1n);
          const x = floats("float64", [0.5, 0.5]);
          expectFault(thrown(() => exported(info.name)(x, data)), info.name, rangeFault(`${arg.name}[1]`, String(data[1])));
          const narrow = Int32Array.of(1, 2 ** 24 + 1);
          const error = thrown(() => exported(info.name)(Float32Array.of(0.5, 0.5), narrow));
          expectFault(error, info.name, rangeFault(`${arg.name}[1]`, String(narrow[1])));
        });
      }
    }
  });

  for (const option of info.options) {
    it(`${option.name}: refuses other types and numbers out of range`, () => {
      for (const value of option.wrongType) {
        refusesLoss(info, (call) => {
          call.options[option.name] = value;
          return typeFault(option.name);
        });
      }
      for (const value of option.outside) {
        refusesLoss(info, (call) => {
          call.options[option.name] = value;
          return rangeFault(option.name, Object.is(value, -0) ? "0" : String(value));
        });
      }
    });
  }

  it("refuses options that are none", () => {
    for (const options of [null, "sum", 1, true, 1n, Symbol("o"), () => ({}), ["sum"], Float32Array.of(1), new DataView(new ArrayBuffer(1))]) {
      refusesLoss(info, (call) => {
        call.options = options as unknown as Record<string, unknown>;
        return typeFault("options");
      });
    }
  });

  it("refuses options that it does not have", () => {
    const foreign = ["reducton", "Reduction", "axis", "toString", "constructor", "__proto__", "0", ""];
    for (const name of foreign) {
      refusesLoss(info, (call) => {
        Object.defineProperty(call.options, name, { value: 1, enumerable: true });
        return optionFault("options", JSON.stringify(name));
      });
    }
    // An option that is absent all the same: `{ ...(cond && { … }) }` gives such objects.
    refusesLoss(info, (call) => {
      call.options.eta = undefined;
      return optionFault("options", '"eta"');
    });
  });

  it("takes undefined for an option that is absent", () => {
    for (const dtype of dtypes) {
      const args = info.args.map((arg) => ({ data: elements(arg, dtype), shape: arg.shape }));
      const names = ["reduction", "normalizer", "gradOutput", "wrt", "out", ...info.options.map((o) => o.name)];
      const f = exported(info.name);
      expect(f(...args, Object.fromEntries(names.map((name) => [name, undefined])))).toBe(f(...args));
      expect(f(...args, { out: { value: undefined, grads: undefined } })).toBe(f(...args));
    }
  });

  it("reduction: refuses what it does not have", () => {
    const other = ["Mean", "", "avg", "none ", ...(info.batchmean ? [] : ["batchmean"])];
    for (const value of other) {
      refusesLoss(info, (call) => {
        call.options.reduction = value;
        return rangeFault("reduction", JSON.stringify(value), '"mean"', '"sum"', '"none"');
      });
    }
    for (const value of [null, 0, false, {}, ["sum"], Symbol("sum"), Object("sum")]) {
      refusesLoss(info, (call) => {
        call.options.reduction = value;
        return typeFault("reduction");
      });
    }
  });

  it("normalizer: refuses other types, numbers out of range, and sum and none", () => {
    for (const value of ["1", null, true, 1n, {}, [1], Float32Array.of(1)]) {
      refusesLoss(info, (call) => {
        reduce(call);
        call.options.normalizer = value;
        return typeFault("normalizer");
      });
    }
    for (const value of [0, -1, Number.NaN, Infinity, -Infinity]) {
      refusesLoss(info, (call) => {
        reduce(call);
        call.options.normalizer = value;
        return rangeFault("normalizer", String(value));
      });
    }
    refusesLoss(info, (call) => {
      call.options.normalizer = 2;
      return optionFault("normalizer", '"none"');
    });
    refusesLoss(info, (call) => {
      reduce(call, "sum");
      call.options.normalizer = 2;
      return optionFault("normalizer", '"sum"');
    });
  });

  it("gradOutput: refuses what is neither a number nor an array like the value", () => {
    const forms = ["valueAndGrad"] as const;
    noData("float", info.valueShape, (value, fault) => {
      if (value === undefined || typeof value === "number") return;
      refusesLoss(
        info,
        (call) => {
          call.options.gradOutput = value;
          return fault("gradOutput");
        },
        forms,
      );
    });
    refusesLoss(
      info,
      (call, dtype) => {
        call.options.gradOutput = floats(otherType(dtype), Array<number>(sizeOf(info.valueShape)).fill(1));
        return dtypeFault("gradOutput", dtype, otherType(dtype));
      },
      forms,
    );
    for (const shape of [[1], [sizeOf(info.valueShape) + 1], [...info.valueShape, 1], [0]]) {
      refusesLoss(
        info,
        (call, dtype) => {
          call.options.gradOutput = { data: floats(dtype, Array<number>(sizeOf(shape)).fill(1)), shape };
          return shapeFault("gradOutput", showShape(shape), showShape(info.valueShape));
        },
        forms,
      );
    }
  });

  it("gradOutput: refuses an array where the value is a number", () => {
    for (const reduction of ["mean", "sum"]) {
      refusesLoss(
        info,
        (call, dtype) => {
          reduce(call, reduction);
          call.options.gradOutput = { data: floats(dtype, Array<number>(sizeOf(info.valueShape)).fill(1)), shape: info.valueShape };
          return { ...typeFault("gradOutput", reduction), code: ["ERR_TYPE", "ERR_OPTION"] };
        },
        ["valueAndGrad"],
      );
    }
  });

  it("wrt: refuses what is no list of its arguments", () => {
    const forms = ["valueAndGrad"] as const;
    const wrong: unknown[] = ["input", "", null, 1, {}, new Set(["input"]), { length: 1, 0: "input" }, () => ["input"]];
    for (const value of wrong) {
      refusesLoss(
        info,
        (call) => {
          call.options.wrt = value;
          return typeFault("wrt");
        },
        forms,
      );
    }
    const able = [...info.wrt, ...(info.weight?.differentiable ? ["weight"] : [])];
    const foreign = ["Input", "", "posWeight", "toString", "__proto__", 0, null, undefined, {}, ["input"], Symbol("input")];
    for (const name of [...foreign, ...["input", "target", "weight", "variance", "input1"].filter((name) => !able.includes(name))]) {
      for (const list of [[name], [...info.wrt, name]]) {
        refusesLoss(
          info,
          (call) => {
            call.options.wrt = list;
            return optionFault("wrt", ...able);
          },
          forms,
        );
      }
    }
    if (info.weight?.differentiable) {
      refusesLoss(
        info,
        (call) => {
          call.options.wrt = ["weight"];
          delete (call.options.out as { grads?: unknown }).grads;
          return optionFault("wrt", "weight");
        },
        forms,
      );
    }
  });

  it("out: refuses what is no place for a result", () => {
    const forms = ["valueAndGrad"] as const;
    for (const value of [null, 1, "out", true, [], () => ({}), new Float32Array(6)]) {
      refusesLoss(info, (call) => {
        call.options.out = value;
        return typeFault("out");
      });
      refusesLoss(info, (call) => {
        call.options.out = { ...(call.options.out as object), grads: value };
        return typeFault("out.grads");
      });
    }
    refusesLoss(info, (call) => {
      call.options.out = { ...(call.options.out as object), valeu: new Float32Array(6) };
      return optionFault("out", '"valeu"');
    });
    refusesLoss(
      info,
      (call) => {
        const out = call.options.out as { grads?: object };
        call.options.out = { ...out, grads: { ...out.grads, inptu: new Float32Array(6) } };
        return optionFault("out.grads", '"inptu"');
      },
      forms,
    );
    refusesLoss(
      info,
      (call) => {
        call.options.wrt = [];
        return { ...optionFault(`out.grads.${info.wrt[0]}`), kind: "TypeError" };
      },
      forms,
    );
    for (const reduction of ["mean", "sum"]) {
      refusesLoss(info, (call) => {
        call.options.reduction = reduction;
        return optionFault("out.value", reduction);
      });
    }
  });

  it("out.value: refuses arrays of another type or shape", () => {
    refusesOut(info, "out.value", info.valueShape, (call, value) => {
      call.options.out = { ...(call.options.out as object), value };
    });
  });

  for (const name of info.wrt.slice(0, info.defaults)) {
    it(`out.grads.${name}: refuses arrays of another type or shape`, () => {
      const shape = info.args.find((arg) => arg.name === name)?.shape ?? [];
      refusesOut(
        info,
        `out.grads.${name}`,
        shape,
        (call, value) => {
          const out = call.options.out as { grads: object };
          call.options.out = { ...out, grads: { ...out.grads, [name]: value } };
        },
        ["valueAndGrad"],
      );
    });
  }

  const { weight } = info;
  for (const name of [...(weight ? ["weight"] : []), ...(info.posWeight ? ["posWeight"] : [])]) {
    it(`${name}: refuses what is no data, another type, and another shape`, () => {
      const { shape, broadcast } = weight ?? { shape: [], broadcast: true };
      noData("float", shape, (value, fault) => {
        if (value === undefined) return;
        refusesLoss(info, (call) => {
          call.options[name] = value;
          return fault(name);
        });
      });
      refusesLoss(info, (call, dtype) => {
        call.options[name] = { data: floats(otherType(dtype), Array<number>(sizeOf(shape)).fill(1)), shape };
        return dtypeFault(name, dtype, otherType(dtype));
      });
      const others = broadcast
        ? [[2], [6], [3, 2], [1, 2, 3], [2, 3, 1], [2, 2], [0], [3, 1]]
        : [...otherShapes, [2, 3]].filter((other) => showShape(other) !== showShape(shape));
      for (const other of others) {
        refusesLoss(info, (call, dtype) => {
          call.options[name] = { data: floats(dtype, Array<number>(sizeOf(other)).fill(1)), shape: other };
          return shapeFault(name, showShape(other), showShape(shape));
        });
      }
    });
  }

  if (!info.weight) {
    it("weight: refuses one, as it has none", () => {
      refusesLoss(info, (call, dtype) => {
        call.options.weight = floats(dtype, [1]);
        return optionFault("options", '"weight"');
      });
    });
  }
});

/** Refused as outputs: what is no data, integers, the other float type, another shape. */
function refusesOut(
  info: LossInfo,
  argument: string,
  shape: readonly number[],
  put: (call: Prepared, value: unknown) => void,
  forms?: readonly ("value" | "valueAndGrad")[],
) {
  noData("float", shape, (value, fault) => {
    if (value === undefined) return;
    refusesLoss(
      info,
      (call) => {
        put(call, value);
        return fault(argument);
      },
      forms,
    );
  });
  const size = sizeOf(shape);
  refusesLoss(
    info,
    (call, dtype) => {
      put(call, floats(otherType(dtype), Array<number>(size).fill(1)));
      return dtypeFault(argument, dtype, otherType(dtype));
    },
    forms,
  );
  for (const other of [[size + 1], [size - 1], [0], [...shape, 1], [1, ...shape]]) {
    refusesLoss(
      info,
      (call, dtype) => {
        put(call, { data: floats(dtype, Array<number>(sizeOf(other)).fill(1)), shape: other });
        return shapeFault(argument, showShape(other), showShape(shape));
      },
      forms,
    );
  }
  for (const length of [size + 1, size - 1, 0]) {
    refusesLoss(
      info,
      (call, dtype) => {
        put(call, floats(dtype, Array<number>(length).fill(1)));
        return shapeFault(argument, String(length), showShape(shape));
      },
      forms,
    );
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Functions

describe.each(functions.map((info) => ({ title: info.title, info })))("$title", ({ info }) => {
  const [x] = info.args as [Argument];

  it("x: refuses what is no data", () => {
    noData("float", x.shape, (value, fault) => {
      refusesFunction(info, (call) => {
        call.args[0] = value;
        return fault("x");
      });
    });
    for (const dtype of dtypes) {
      noShape(floats(dtype, x.values), (value, fault) => {
        const call = prepareFunction(info, dtype, "value", "array");
        call.args[0] = value;
        expectRefused(call, info.name, fault("x"));
      });
    }
    const f = exported(info.name);
    expectFault(thrown(() => f()), info.name, typeFault("x", "undefined"));
    expectFault(thrown(() => f.vjp()), info.name, typeFault("x", "undefined"));
  });

  it("gradOutput: refuses what is no data like the value", () => {
    const forms = ["vjp"] as const;
    noData("float", info.valueShape, (value, fault) => {
      refusesFunction(
        info,
        (call) => {
          call.args[1] = value;
          return fault("gradOutput");
        },
        forms,
      );
    });
    refusesFunction(
      info,
      (call, dtype) => {
        call.args[1] = floats(otherType(dtype), Array<number>(sizeOf(info.valueShape)).fill(1));
        return dtypeFault("gradOutput", dtype, otherType(dtype));
      },
      forms,
    );
    const size = sizeOf(info.valueShape);
    for (const shape of [[size + 1], [size - 1], [1, ...info.valueShape], []]) {
      refusesFunction(
        info,
        (call, dtype) => {
          call.args[1] = { data: floats(dtype, Array<number>(sizeOf(shape)).fill(1)), shape };
          return shapeFault("gradOutput", showShape(shape), showShape(info.valueShape));
        },
        forms,
      );
    }
    const missing = { data: floats("float32", x.values), shape: x.shape };
    expectFault(thrown(() => exported(info.name).vjp(missing)), `${info.name}.vjp`, typeFault("gradOutput", "undefined"));
  });

  it("refuses options that are none, that it does not have, or that are out of range", () => {
    for (const options of [null, "sum", 1, true, ["out"], Float32Array.of(1), () => ({})]) {
      refusesFunction(info, (call) => {
        call.options = options as unknown as Record<string, unknown>;
        return typeFault("options");
      });
    }
    for (const name of ["reduction", "wrt", "dim", "toString", ...(info.rows ? ["beta"] : ["axis"])]) {
      refusesFunction(info, (call) => {
        Object.defineProperty(call.options, name, { value: 1, enumerable: true });
        return optionFault("options", `"${name}"`);
      });
    }
    for (const option of info.options) {
      for (const value of option.wrongType) {
        refusesFunction(info, (call) => {
          call.options[option.name] = value;
          return typeFault(option.name);
        });
      }
      for (const value of option.outside) {
        refusesFunction(info, (call) => {
          call.options[option.name] = value;
          return rangeFault(option.name, Object.is(value, -0) ? "0" : String(value));
        });
      }
    }
  });

  it("out: refuses what is no place for the result", () => {
    for (const form of ["value", "vjp"] as const) {
      const shape = form === "vjp" ? x.shape : info.valueShape;
      noData("float", shape, (value, fault) => {
        if (value === undefined) return;
        refusesFunction(
          info,
          (call) => {
            call.options.out = value;
            return fault("out");
          },
          [form],
        );
      });
      refusesFunction(
        info,
        (call, dtype) => {
          call.options.out = floats(otherType(dtype), Array<number>(sizeOf(shape)).fill(1));
          return dtypeFault("out", dtype, otherType(dtype));
        },
        [form],
      );
      for (const other of [[sizeOf(shape) + 1], [sizeOf(shape) - 1], [0], [1, ...shape]]) {
        refusesFunction(
          info,
          (call, dtype) => {
            call.options.out = { data: floats(dtype, Array<number>(sizeOf(other)).fill(1)), shape: other };
            return shapeFault("out", showShape(other), showShape(shape));
          },
          [form],
        );
      }
    }
  });

  if (info.rows) {
    it("x: refuses a bare array, whose rows it cannot know", () => {
      refusesFunction(info, (call, dtype) => {
        call.args[0] = floats(dtype, x.values);
        return shapeFault("x", "{ data, shape }", "6");
      });
    });

    it("x: refuses a shape without dimensions, as no axis is in range", () => {
      for (const dtype of dtypes) {
        const error = thrown(() => exported(info.name)({ data: floats(dtype, [1]), shape: [] }));
        expect(error).toBeInstanceOf(LossRangeError);
        expectEngineWorks();
      }
    });
  }
});

// ---------------------------------------------------------------------------------------------------------------------
// Rows

describe("bare arrays where rows are needed", () => {
  it("crossEntropy of probabilities asks for a shape", () => {
    for (const dtype of dtypes) {
      const error = thrown(() => exported("crossEntropy")(floats(dtype, [1, 2]), floats(dtype, [0, 1])));
      expectFault(error, "crossEntropy", shapeFault("input", "{ data, shape }"));
    }
  });

  it("batchmean asks for a shape", () => {
    const error = thrown(() => klDiv(Float32Array.of(-1, -1), Float32Array.of(0.5, 0.5), { reduction: "batchmean" }));
    expectFault(error, "klDiv", shapeFault("input", "{ data, shape }"));
    const scalar = { data: Float32Array.of(-1), shape: [] };
    expectFault(thrown(() => klDiv(scalar, scalar, { reduction: "batchmean" })), "klDiv", shapeFault("input"));
  });

  it("a bare input is refused where its length does not fit the targets", () => {
    for (const name of ["nll", "crossEntropy"]) {
      for (const [length, rows] of [
        [7, 2],
        [1, 2],
        [6, 0],
        [5, 4],
      ] as const) {
        const error = thrown(() => exported(name)(new Float32Array(length), new Int32Array(rows)));
        expectFault(error, name, shapeFault("input", String(length), String(rows)));
      }
      expectFault(thrown(() => exported(name)({ data: new Float32Array(6), shape: [] }, new Int32Array(2))), name, shapeFault("input.shape"));
      expectFault(thrown(() => exported(name)({ data: new Float32Array(1), shape: [] }, new Int32Array(1))), name, shapeFault("input", "[]"));
      expectFault(thrown(() => exported(name)({ data: new Float32Array(0), shape: [2, 0] }, new Int32Array(2))), name, shapeFault("input", "class"));
    }
  });

  it("layouts disagree with targets", () => {
    for (const name of ["nll", "crossEntropy"]) {
      const input = { data: new Float32Array(24), shape: [2, 3, 4] };
      for (const shape of [[2, 3], [2], [3, 4], [8], [2, 4, 1], [4, 2]]) {
        const target = { data: new Int32Array(sizeOf(shape)), shape };
        expectFault(thrown(() => exported(name)(input, target)), name, shapeFault("target", showShape(shape), "[2, 4]", "[2, 3, 4]"));
      }
    }
  });
});

// ---------------------------------------------------------------------------------------------------------------------
// Class indices

type Indices = Int32Array | Uint8Array | Uint16Array | Uint32Array | BigInt64Array;

describe.each(["nll", "crossEntropy"])("%s: class indices", (name) => {
  const input = { data: Float32Array.of(0.5, -1, 2, 0.25, 1, -2), shape: [2, 3] };
  const call = (target: unknown, options?: object) => exported(name)(input, target, options);

  const bad: readonly Indices[] = [
    Int32Array.of(0, 3),
    Int32Array.of(0, -1),
    Int32Array.of(0, -101),
    Int32Array.of(0, 2 ** 31 - 1),
    Int32Array.of(0, -(2 ** 31)),
    Uint8Array.of(0, 3),
    Uint8Array.of(0, 255),
    Uint8Array.of(0, 156), // −100 as an int8
    Uint16Array.of(0, 65535),
    Uint16Array.of(0, 65436), // −100 as an int16
    Uint32Array.of(0, 3),
    Uint32Array.of(0, 2 ** 31),
    Uint32Array.of(0, 2 ** 32 - 1),
    Uint32Array.of(0, 2 ** 32 - 100), // −100 as an int32
    BigInt64Array.of(0n, 3n),
    BigInt64Array.of(0n, -1n),
    BigInt64Array.of(0n, -99n),
    BigInt64Array.of(0n, 2n ** 32n), // 0 as an int32
    BigInt64Array.of(0n, 2n ** 32n - 100n),
    BigInt64Array.of(0n, 2n ** 53n),
    BigInt64Array.of(0n, 2n ** 53n + 1n),
    BigInt64Array.of(0n, 2n ** 63n - 1n),
    BigInt64Array.of(0n, -(2n ** 63n)),
  ];
  const showTarget = (target: Indices) => `${target.constructor.name} ${target[1]}`;

  it.each(bad.map((target) => [showTarget(target), target] as const))("refuses %s, with its position and the range", (_, target) => {
    for (const placed of [target, tensor(target)]) {
      for (const form of [exported(name), exported(name).valueAndGrad]) {
        const data = input.data.slice();
        const error = thrown(() => form({ data, shape: [2, 3] }, placed, form === exported(name) ? {} : { out: { grads: { input: data } } }));
        expectFault(error, name, rangeFault("target[1]", String(target[1]), "from 0 to 2"));
        expect(data).toEqual(input.data);
      }
    }
    expectEngineWorks();
  });

  it.each([Int32Array, Uint8Array, Uint16Array, Uint32Array])("finds a bad index anywhere in a long $name", (Kind) => {
    const n = 4099;
    const long = { data: new Float32Array(n * 2), shape: [n, 2] };
    for (const at of [0, 7, 8, 4095, 4096, n - 1]) {
      const target = new Kind(n);
      target[at] = 2;
      if (at + 1 < n) target[at + 1] = 99;
      expectFault(thrown(() => exported(name)(long, target)), name, rangeFault(`target[${at}]`, "got 2", "from 0 to 1"));
    }
  });

  it("refuses a bad index of a single row as position 0", () => {
    const single = { data: Float32Array.of(1, 2, 3), shape: [3] };
    expectFault(thrown(() => exported(name)(single, { data: Int32Array.of(5), shape: [] })), name, rangeFault("target[0]", "5"));
  });

  const alone = (target: Indices, options?: object) => exported(name)({ data: input.data.subarray(0, 3), shape: [1, 3] }, target, options);
  const ignored: readonly (readonly [Indices, number | undefined])[] = [
    [Int32Array.of(1, -100), undefined],
    [BigInt64Array.of(1n, -100n), undefined],
    [Int32Array.of(1, -(2 ** 31)), -(2 ** 31)],
    [Int32Array.of(1, 2 ** 31 - 1), 2 ** 31 - 1],
    [Int32Array.of(1, 0), 0],
    [Int32Array.of(1, 0), -0],
    [Uint8Array.of(1, 255), 255],
    [Uint8Array.of(1, 0), 0],
    [Uint16Array.of(1, 65535), 65535],
    [Uint32Array.of(1, 2 ** 32 - 1), 2 ** 32 - 1],
    [Uint32Array.of(1, 2 ** 31), 2 ** 31],
    [BigInt64Array.of(1n, BigInt(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER],
    [BigInt64Array.of(1n, BigInt(Number.MIN_SAFE_INTEGER)), Number.MIN_SAFE_INTEGER],
    [BigInt64Array.of(1n, -1n), -1],
    [BigInt64Array.of(1n, 0n), 0],
    [BigInt64Array.of(1n, 2n ** 32n + 1n), 2 ** 32 + 1],
  ];
  it.each(ignored.map(([target, ignoreIndex]) => [showTarget(target), ignoreIndex, target] as const))("leaves %s out by ignoreIndex %s", (_, ignoreIndex, target) => {
    const expected = alone(target.slice(0, 1));
    for (const placed of [target, tensor(target)]) expect(call(placed, { ignoreIndex })).toBe(expected);
  });

  const notIgnored: readonly (readonly [Indices, number])[] = [
    [Int32Array.of(0, -1), 2 ** 32 - 1],
    [Int32Array.of(0, -100), 2 ** 32 - 100],
    [Int32Array.of(0, -(2 ** 31)), 2 ** 31],
    [Uint32Array.of(0, 2 ** 32 - 1), -1],
    [Uint32Array.of(0, 2 ** 32 - 100), -100],
    [Uint8Array.of(0, 255), -1],
    [Uint16Array.of(0, 65535), -1],
    [BigInt64Array.of(0n, -1n), 2 ** 32 - 1],
    [BigInt64Array.of(0n, 2n ** 32n - 1n), -1],
    [BigInt64Array.of(0n, -1n), -100],
    [BigInt64Array.of(0n, 2n ** 53n), Number.MAX_SAFE_INTEGER],
  ];
  it.each(notIgnored.map(([target, ignoreIndex]) => [showTarget(target), ignoreIndex, target] as const))("does not take %s for ignoreIndex %s", (_, ignoreIndex, target) => {
    for (const placed of [target, tensor(target)]) {
      expectFault(thrown(() => call(placed, { ignoreIndex })), name, rangeFault("target[1]", String(target[1])));
    }
  });

  it("does not confuse a class with ignoreIndex modulo 2^32 or 2^8", () => {
    const both = (alone(Int32Array.of(1)) as number) + (exported(name)(input.data.subarray(3), Int32Array.of(0)) as number);
    for (const [target, ignoreIndex] of [
      [Int32Array.of(1, 0), 2 ** 32],
      [Int32Array.of(1, 0), 2 ** 53 - 1 - (2 ** 32 - 1)],
      [Uint8Array.of(1, 0), 256],
      [Uint16Array.of(1, 0), 65536],
      [Uint32Array.of(1, 0), -(2 ** 32)],
      [BigInt64Array.of(1n, 0n), 2 ** 32],
    ] as const) {
      expect(call(target, { ignoreIndex })).toBeCloseTo(both / 2, 6);
    }
  });
});

describe("crossEntropy", () => {
  const input = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
  it("refuses an explicit ignoreIndex with probabilities", () => {
    for (const ignoreIndex of [-100, 0, 5]) {
      const error = thrown(() => crossEntropy(input, { data: new Float32Array(4), shape: [2, 2] }, { ignoreIndex }));
      expectFault(error, "crossEntropy", optionFault("ignoreIndex", String(ignoreIndex)));
    }
    expect(crossEntropy(input, { data: Float32Array.of(0, 1, 1, 0), shape: [2, 2] }, { ignoreIndex: undefined })).toBeGreaterThan(0);
  });

  it("refuses wrt target where the target holds integers", () => {
    for (const name of ["bce", "bceWithLogits"]) {
      const flags = Uint8Array.of(0, 1);
      expectFault(thrown(() => exported(name).valueAndGrad(Float32Array.of(0.5, 0.5), flags, { wrt: ["target"] })), name, optionFault("wrt", '"target"'));
    }
  });

  it("refuses wrt target and weight with class indices", () => {
    for (const name of ["target", "weight"]) {
      const options = { wrt: [name], weight: Float32Array.of(1, 1) };
      expectFault(thrown(() => exported("crossEntropy").valueAndGrad(input, Int32Array.of(0, 1), options)), "crossEntropy", optionFault("wrt", `"${name}"`));
      const outs = { weight: Float32Array.of(1, 1), out: { grads: { [name]: Float32Array.of(1, 1) } } };
      const error = thrown(() => exported("crossEntropy").valueAndGrad(input, Int32Array.of(0, 1), outs));
      expectFault(error, "crossEntropy", optionFault("out.grads", `"${name}"`));
    }
  });
});

// ---------------------------------------------------------------------------------------------------------------------
// Options that round to nothing, and sizes that overflow

describe("options in float32", () => {
  // "Options are rounded once to the dtype": one that then is 0 or infinite is out of its range.
  const x = Float32Array.of(0.5, 2);
  const zero = new Float32Array(2);
  const logits = { data: x, shape: [1, 2] };
  const calls: Readonly<Record<string, (value: number) => unknown>> = {
    "huber delta": (delta) => mseLike("huber", { delta }),
    "smoothL1 beta": (beta) => mseLike("smoothL1", { beta }),
    "crossEntropy softcap": (softcap) => crossEntropy(logits, Int32Array.of(0), { softcap }),
    "gaussianNll eps": (eps) => exported("gaussianNll")(zero, zero, zero, { eps }),
    "softplus beta": (beta) => exported("softplus")(zero, { beta }),
  };
  const mseLike = (name: string, options: object) => exported(name)(x, zero, options);
  const listed = (value: unknown) => (typeof value === "number" ? [value] : Array.from(value as Float32Array));

  it.each(Object.entries(calls))("%s: one that overflows or underflows is refused, or gives what it means", (_, call) => {
    const answer = (value: number) => {
      try {
        return call(value);
      } catch (error) {
        expect(error).toBeInstanceOf(LossRangeError);
        return undefined;
      }
    };
    const large = answer(1e39);
    if (large !== undefined) expect(listed(large).every(Number.isFinite), `1e39 gives ${listed(large).join(", ")}`).toBe(true);
    const small = answer(1e-50);
    if (small !== undefined) expect(listed(small).every(Number.isFinite), `1e-50 gives ${listed(small).join(", ")}`).toBe(true);
  });

  it("a softcap of 1e-50 is not the same as none", () => {
    let value;
    try {
      value = crossEntropy(logits, Int32Array.of(0), { softcap: 1e-50 });
    } catch (error) {
      expect(error).toBeInstanceOf(LossRangeError);
      return;
    }
    expect(value).toBeCloseTo(Math.log(2), 6);
  });
});

describe("sizes", () => {
  const none = new Float32Array(0);
  it("empty input with huge other dimensions sums to 0", () => {
    for (const classes of [2 ** 20, 2 ** 26, 2 ** 27, 2 ** 28, 76_695_845, 2 ** 31, 2 ** 32, 2 ** 40]) {
      for (const inner of [1, 2, 8]) {
        const shape = inner === 1 ? [0, classes] : [0, classes, inner];
        const target = { data: new Int32Array(0), shape: inner === 1 ? [0] : [0, inner] };
        for (const name of ["nll", "crossEntropy"]) {
          expect(exported(name)({ data: none, shape }, target, { reduction: "sum" }), `${name} of ${showShape(shape)}`).toBe(0);
        }
        for (const name of ["softmax", "logSoftmax", "logSumExp"]) {
          const empty = exported(name)({ data: none, shape: [...shape] }, { axis: 1 }) as Float32Array;
          expect(empty.length).toBe(0);
        }
      }
    }
    expectEngineWorks();
  });

  it("rows of no classes take no time", () => {
    const start = performance.now();
    // A loop over these rows takes most of a second; sizes up to 2^53 are as valid.
    expect((exported("softmax")({ data: none, shape: [2 ** 25, 0] }) as Float32Array).length).toBe(0);
    expect(performance.now() - start).toBeLessThan(150);
  });

  it("a result beyond memory is a RangeError that says how much", () => {
    const error = thrown(() => exported("logSumExp")({ data: none, shape: [2 ** 16, 0, 2 ** 16] }, { axis: 1 }));
    expect(error).toBeInstanceOf(LossRangeError);
    expect((error as LossRangeError).code).toBe("ERR_MEMORY");
    expectEngineWorks();
  });

  it("the pointwise losses take empty input of any shape", () => {
    const empty = { data: none, shape: [2 ** 40, 0, 2 ** 10] };
    expect(mse(empty, empty)).toBeNaN();
    expect(mse(empty, empty, { reduction: "sum" })).toBe(0);
    expect(mse(empty, empty, { reduction: "none" })).toEqual(none);
  });

  it("refuses more alternating dimensions than it can broadcast over", () => {
    const full = Array<number>(36).fill(2).fill(1, 20);
    const weight = full.map((d, i) => (i % 2 ? d : 1));
    const data = new Float32Array(sizeOf(full)).fill(0.5);
    const error = thrown(() =>
      exported("bce")({ data, shape: full }, { data, shape: full }, { weight: { data: new Float32Array(sizeOf(weight)), shape: weight } }),
    );
    expectFault(error, "bce", shapeFault("weight"));
  });
});

// ---------------------------------------------------------------------------------------------------------------------
// Hostile inputs

describe("hostile inputs", () => {
  const x = Float32Array.of(1, 2, 3);
  const y = Float32Array.of(0, 0, 0);

  /** A call either throws an error of this package or the caller's own, or gives the right answer. */
  const throwsOurs = (call: () => unknown) => {
    const error = thrown(call);
    expect(error instanceof LossTypeError || error instanceof LossRangeError, `threw ${String(error)}`).toBe(true);
    expectEngineWorks();
  };

  it("getters that throw: their own error comes through and nothing is written", () => {
    const own = new Error("own");
    const bomb = (field: string) =>
      Object.defineProperty({}, field, {
        enumerable: true,
        get() {
          throw own;
        },
      });
    for (const name of ["reduction", "normalizer", "gradOutput", "wrt", "out", "weight"]) {
      const grad = new Float32Array(3);
      const options = name === "out" ? bomb("out") : Object.assign(bomb(name), { out: { grads: { input: grad } } });
      expect(thrown(() => exported("mse").valueAndGrad(x, y, options))).toBe(own);
      expect(grad).toEqual(new Float32Array(3));
    }
    expect(thrown(() => exported("mse")(bomb("data"), y))).toBe(own);
    expect(thrown(() => exported("mse")(Object.assign(bomb("shape"), { data: x }), y))).toBe(own);
    expect(thrown(() => exported("mse").valueAndGrad(x, y, { out: bomb("grads") }))).toBe(own);
    expect(thrown(() => exported("mse").valueAndGrad(x, y, { out: { grads: bomb("input") } }))).toBe(own);
    expectEngineWorks();
  });

  it("Proxies of options and of { data, shape } work as what they stand for; a trap's error comes through", () => {
    expect(exported("mse")(new Proxy({ data: x, shape: [3] }, {}), y, new Proxy({ reduction: "sum" }, {}))).toBe(14);
    const own = new Error("own");
    const trap = new Proxy(
      {},
      {
        ownKeys() {
          throw own;
        },
      },
    );
    expect(thrown(() => exported("mse")(x, y, trap))).toBe(own);
    expect(thrown(() => exported("mse")({ data: x, shape: new Proxy([3], { get: () => { throw own; } }) }, y))).toBe(own);
    expectEngineWorks();
  });

  it("a getter that uses the engine in the middle of a call does not disturb it", () => {
    const weight = Float32Array.of(1, 2, 3);
    const value = exported("mse").valueAndGrad(x, y, {
      get weight() {
        exported("crossEntropy").valueAndGrad({ data: new Float32Array(300_000), shape: [300, 1000] }, new Int32Array(300));
        return weight;
      },
    });
    expect(value).toEqual(exported("mse").valueAndGrad(x, y, { weight }));
  });

  it("a getter that disposes an argument in the middle of a call does not make it read freed memory", () => {
    const input = tensor(Float32Array.of(1, 2, 3));
    let value: unknown;
    try {
      value = exported("mse")(input, y, {
        get weight() {
          input.dispose();
          tensor(Float32Array.of(1e9, 1e9, 1e9));
          return undefined;
        },
      });
    } catch (error) {
      expect(error).toBeInstanceOf(LossTypeError);
      return;
    }
    expect(value).toBeCloseTo(14 / 3, 5);
  });

  it("a getter that detaches an argument in the middle of a call makes it throw", () => {
    const input = Float32Array.of(1, 2, 3);
    throwsOurs(() =>
      exported("mse")(input, y, {
        get weight() {
          structuredClone(input.buffer, { transfer: [input.buffer] });
          return undefined;
        },
      }),
    );
  });

  it("detached arrays are refused, not taken for empty ones", () => {
    const detached = () => {
      const array = Float32Array.of(1, 2, 3);
      structuredClone(array.buffer, { transfer: [array.buffer] });
      return array;
    };
    for (const { name, rows } of functions) {
      if (rows) throwsOurs(() => exported(name)({ data: detached(), shape: [0, 3] }));
      else throwsOurs(() => exported(name)(detached()));
    }
    throwsOurs(() => exported("mse")(detached(), detached(), { reduction: "sum" }));
    throwsOurs(() => exported("mse")(new Float32Array(0), detached(), { reduction: "sum" }));
    throwsOurs(() => exported("mse")(x, y, { weight: detached() }));
    throwsOurs(() => exported("sigmoid")(new Float32Array(0), { out: detached() }));
    throwsOurs(() => exported("sigmoid")(x, { out: detached() }));
    throwsOurs(() => tensor(detached()));
    const target = Int32Array.of(1);
    structuredClone(target.buffer, { transfer: [target.buffer] });
    throwsOurs(() => exported("nll")(new Float32Array(0), target, { reduction: "sum" }));
  });

  it("views of shared memory are data and outputs like any other", () => {
    const shared = new Float32Array(new SharedArrayBuffer(24), 8, 3);
    shared.set(x);
    expect(mse(shared, y)).toBe(mse(x, y));
    const { grads } = mse.valueAndGrad(shared, y, { reduction: "sum", out: { grads: { input: shared } } });
    expect(grads.input).toBe(shared);
    expect(Array.from(shared)).toEqual([2, 4, 6]);
    const labels = new Int32Array(new SharedArrayBuffer(4));
    expect(nll({ data: shared, shape: [1, 3] }, labels)).toBe(-2);
  });

  it("views of resizable buffers are read at their length of now", () => {
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer & { resize(bytes: number): void };
    const buffer = new Resizable(12, { maxByteLength: 64 });
    const tracking = new Float32Array(buffer);
    tracking.set(x);
    expect(mse(tracking, y)).toBe(mse(x, y));
    buffer.resize(20);
    expectFault(thrown(() => mse(tracking, y)), "mse", shapeFault("target", "[5]", "[3]"));
    buffer.resize(8);
    expectFault(thrown(() => mse(tracking, y)), "mse", shapeFault("target", "[2]", "[3]"));
    const fixed = new Float32Array(buffer, 0, 2);
    buffer.resize(4);
    // Out of bounds now: its length reads as 0.
    throwsOurs(() => mse(fixed, Float32Array.of(0, 0)));
    throwsOurs(() => sigmoid(fixed));
    // Shrunk in the middle of a call.
    buffer.resize(12);
    const shrinking = new Float32Array(buffer);
    throwsOurs(() =>
      exported("mse")(shrinking, y, {
        get weight() {
          buffer.resize(4);
          return undefined;
        },
      }),
    );
  });

  it("subclasses of typed arrays are typed arrays, whatever they say of themselves", () => {
    class Named extends Float32Array {
      override get [Symbol.toStringTag](): "Float32Array" {
        return "Named" as "Float32Array";
      }
    }
    expect(mse(new Named([1, 2, 3]), y)).toBe(mse(x, y));
    class Long extends Float32Array {
      override get length() {
        return 1000;
      }
    }
    const none = exported("mse")(new Long([1, 2, 3]), y, { reduction: "none" });
    expect(none).toEqual(Float32Array.of(1, 4, 9));
    const own = Object.defineProperty(Float32Array.of(1, 2, 3), "length", { value: 4000 });
    expect(exported("sigmoid")(own)).toEqual(sigmoid(x));
    // What results come in is a plain array of the language.
    expect(Object.getPrototypeOf(sigmoid(new Named([1])))).toBe(Float32Array.prototype);
  });

  it("an array that claims to lie in the engine's memory is read where it is", () => {
    const resident = tensor(Float32Array.of(7, 7, 7));
    const liar = Object.defineProperties(Float32Array.of(1, 2, 3), {
      buffer: { value: resident.data.buffer },
      byteOffset: { value: resident.data.buffer.byteLength - 4 },
    });
    expect(exported("mse")(liar, y)).toBe(mse(x, y));
    expectEngineWorks();
  });

  it("a tensor's shape, size and dtype cannot be changed under the engine", () => {
    for (const [field, value] of [
      ["shape", [2 ** 20]],
      ["size", 2 ** 20],
      ["dtype", "float64"],
    ] as const) {
      const made = tensor(Float32Array.of(1, 2, 3));
      try {
        (made as unknown as Record<string, unknown>)[field] = value;
      } catch {
        // As it should.
      }
      expect(Array.from(made.data)).toEqual([1, 2, 3]);
      expect(exported("mse")(made, y)).toBe(mse(x, y));
      expect(() => (made.shape as number[]).push(4)).toThrow(TypeError);
      expectEngineWorks();
    }
  });

  it("a tensor behind a Proxy, as reactive frameworks make them, works or is refused as such", () => {
    const made: Tensor = tensor(Float32Array.of(1, 2, 3));
    let value;
    try {
      value = exported("mse")(new Proxy(made, {}), y);
    } catch (error) {
      expect(error instanceof LossTypeError, String(error)).toBe(true);
      return;
    }
    expect(value).toBe(mse(x, y));
  });

  it("objects that are no options are refused, as their content would be ignored", () => {
    for (const options of [new Map([["reduction", "sum"]]), new Set(["sum"]), new Date(0), /sum/, Promise.resolve({ reduction: "sum" })]) {
      expectFault(thrown(() => exported("mse")(x, y, options)), "mse", typeFault("options"));
    }
  });

  it("options of a class or without a prototype are options", () => {
    class Settings {
      reduction = "sum";
    }
    expect(exported("mse")(x, y, new Settings())).toBe(14);
    expect(exported("mse")(x, y, Object.assign(Object.create(null), { reduction: "sum" }))).toBe(14);
    expect(exported("mse")(x, y, Object.create({ reduction: "sum" }))).toBe(14);
  });

  it("huge, tiny and special numbers where any number goes give what arithmetic gives", () => {
    const { grads } = mse.valueAndGrad(x, y, { reduction: "sum", gradOutput: Number.NaN });
    expect(Array.from(grads.input)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(Array.from(mse.valueAndGrad(x, y, { gradOutput: Infinity }).grads.input)).toEqual([Infinity, Infinity, Infinity]);
    expect(Array.from(mse.valueAndGrad(x, y, { gradOutput: -0 }).grads.input)).toEqual([-0, -0, -0]);
    expect(mse(x, y, { normalizer: Number.MAX_VALUE })).toBe(0);
    expect(mse(x, y, { normalizer: Number.MIN_VALUE })).toBe(Infinity);
  });
});
