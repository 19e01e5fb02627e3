// Calls made again on the same tensors, which the facade does not read anew: each is what a first call would be.
import { type Tensor, bce, bceWithLogits, crossEntropy, huber, mse, reset, tensor, zeros } from "fused-loss";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Argument, Inputs } from "./cases/case.js";
import { disposedFault, expectEngineWorks, expectFault, optionFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { DTYPES, type Floats, ableTo, argumentNamed, lossOf, run, runValue, shaped, zeros as zeroArray } from "./support/call.js";
import { lossCases } from "./support/cases.js";
import { expectSameBits, expectSameGrads } from "./support/compare.js";
import { count, seeded } from "./support/draw.js";

const CALLS = 5;

const made: Tensor[] = [];
const keep = <T extends Tensor>(one: T) => {
  made.push(one);
  return one;
};
afterEach(() => {
  made.splice(0).forEach((one) => one.dispose());
});
const floats = (...data: number[]) => keep(tensor(Float32Array.from(data)));

const isArgument = (value: unknown): value is Argument => typeof value === "object" && value !== null && "data" in value;

describe.each(lossCases.map((loss) => [loss.name, loss] as const))("%s", (_, loss) => {
  it.each(DTYPES)("is the same of %s whatever the tensors hold now", (dtype) => {
    for (const options of loss.options) {
      const shape = loss.shapes.find((one) => count(one) > 3) as readonly number[];
      const draws = Array.from({ length: CALLS }, (_, k) => loss.sample(seeded(k), shape, options));
      const [first] = draws as [Inputs];
      const residents = new Map<string, Tensor>();
      const resident = (name: string, argument: Argument) => {
        const { data, shape: own } = shaped(argument, dtype);
        const one = keep(tensor(data, [...own]));
        residents.set(name, one);
        return one;
      };
      const args = Object.entries(first.args).map(([name, argument]) => resident(name, argument));
      const own = Object.fromEntries(Object.entries(first.options).map(([name, value]) => [name, isArgument(value) ? resident(name, value) : value]));
      const refill = (inputs: Inputs) => {
        for (const [name, one] of residents) (one.data as Floats).set(shaped(argumentNamed(inputs, name), dtype).data);
      };
      const same = (inputs: Inputs) => [...residents].every(([name, one]) => argumentNamed(inputs, name).shape.join() === one.shape.join());
      const able = ableTo(loss, first);
      const places = Object.fromEntries(able.map((name) => [name, keep(zeros([...argumentNamed(first, name).shape], { dtype }))]));
      for (const reduction of loss.reductions) {
        const values = reduction === "none" ? keep(tensor(zeroArray(count(loss.oracle(first).shape), dtype), [...loss.oracle(first).shape])) : undefined;
        const out = { grads: places, ...(values && { value: values }) };
        for (const [k, inputs] of draws.entries()) {
          if (!same(inputs)) continue;
          refill(inputs);
          const what = `${JSON.stringify(options)} ${reduction}, call ${k}`;
          // A literal each time, as users write it.
          const got = lossOf(loss).valueAndGrad(...args, { ...own, reduction, out: { ...out }, ...(able.length > loss.defaults ? { wrt: able } : {}) });
          const want = run(lossOf(loss), inputs, dtype, { reduction, wrt: able });
          expect(got.value, what).toBe(values ?? want.value);
          if (values) expectSameBits(what, values.data, want.value);
          expectSameGrads(what, Object.fromEntries(able.map((name) => [name, (got.grads[name] as unknown as Tensor).data as Floats])), want.grads);
          for (const name of able) expect(got.grads[name]).toBe(places[name]);
          const alone = lossOf(loss)(...args, values ? { ...own, reduction, out: { value: values } } : { ...own, reduction });
          if (values) expectSameBits(what, values.data, runValue(lossOf(loss), inputs, dtype, { reduction }));
          else expect(alone, what).toBe(runValue(lossOf(loss), inputs, dtype, { reduction }));
        }
      }
    }
  });
});

/** Whether a call reads its options from the start, and so looks for a name of its own among those that are known. */
function readsAnew(call: () => unknown): boolean {
  const includes = vi.spyOn(Array.prototype, "includes");
  try {
    call();
    return includes.mock.calls.length > 0;
  } finally {
    includes.mockRestore();
  }
}

describe("a call made again", () => {
  const [x, y] = [[1, 2, 3], [1, 0, 0.5]] as const;
  const repeated = <R>(call: () => R): R => {
    for (let k = 1; k < CALLS; k++) call();
    return call();
  };

  it("sees what changed in its options, if they are one object throughout", () => {
    const [input, target, grad, other] = [floats(...x), floats(...y), floats(0, 0, 0), floats(0, 0, 0)];
    const options: Record<string, unknown> = { out: { grads: { input: grad } } };
    const call = () => huber.valueAndGrad(input, target, options);
    const plain = (more: object) => huber.valueAndGrad(Float32Array.from(x), Float32Array.from(y), more);
    repeated(call);
    options.reduction = "sum";
    expect(call().value).toBe(plain({ reduction: "sum" }).value);
    options.delta = 0.25;
    expect(call().value).toBe(plain({ reduction: "sum", delta: 0.25 }).value);
    repeated(call);
    options.delta = 4;
    expect(call().value).toBe(plain({ reduction: "sum", delta: 4 }).value);
    repeated(call);
    options.gradOutput = -0;
    call();
    expectSameBits("gradient", grad.data, plain({ reduction: "sum", delta: 4, gradOutput: -0 }).grads.input);
    repeated(call);
    options.gradOutput = 0;
    call();
    expectSameBits("gradient", grad.data, plain({ reduction: "sum", delta: 4, gradOutput: 0 }).grads.input);
    repeated(call);
    options.out = { grads: { input: other } };
    grad.data.fill(7);
    expect(call().grads.input).toBe(other);
    expect([...grad.data]).toEqual([7, 7, 7]);
    options.gradient = 1;
    expectFault(thrown(call), "huber", optionFault("options", "gradient"));
  });

  it("takes other arguments for others", () => {
    const [input, target, third] = [floats(...x), floats(...y), floats(9, 9, 9)];
    expect(repeated(() => mse(input, target))).toBe(mse(Float32Array.from(x), Float32Array.from(y)));
    expect(mse(third, target)).toBe(mse(Float32Array.of(9, 9, 9), Float32Array.from(y)));
    expect(mse(input, third)).toBe(mse(Float32Array.from(x), Float32Array.of(9, 9, 9)));
    const sum = repeated(() => huber(input, target, { delta: 2, reduction: "sum" }));
    expect(huber(input, target, { delta: 2 })).toBe(huber(Float32Array.from(x), Float32Array.from(y), { delta: 2 }));
    expect(huber(input, target, { delta: 2, reduction: "sum" })).toBe(sum);
    expect(huber(input, target)).toBe(huber(Float32Array.from(x), Float32Array.from(y)));
    expect(mse(input, target)).toBe(mse(Float32Array.from(x), Float32Array.from(y)));
    expectFault(thrown(() => mse(input, floats(1))), "mse", shapeFault("target", "[3]"));
    expect(mse(input, Float32Array.from(y))).toBe(mse(Float32Array.from(x), Float32Array.from(y)));
  });

  it("checks its elements anew", () => {
    const [input, target] = [floats(0.5, 0.25, 0.75), floats(...y)];
    const value = repeated(() => bce(input, target));
    target.data[1] = 1.5;
    expectFault(thrown(() => bce(input, target)), "bce", rangeFault("target[1]", "1.5"));
    target.data[1] = 0;
    expect(bce(input, target)).toBe(value);

    const logits = keep(tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]));
    const classes = keep(tensor(Int32Array.of(0, 2)));
    const first = repeated(() => crossEntropy(logits, classes));
    classes.data[1] = 3;
    expectFault(thrown(() => crossEntropy(logits, classes)), "crossEntropy", rangeFault("target[1]", "3"));
    classes.data[1] = 2;
    expect(crossEntropy(logits, classes)).toBe(first);
  });

  it("sees that a tensor was disposed of, by its options' getters too", () => {
    const [input, target, grad] = [tensor(Float32Array.from(x)), floats(...y), floats(0, 0, 0)];
    let dispose = false;
    const options = {
      get reduction() {
        if (dispose) input.dispose();
        return "sum" as const;
      },
      out: { grads: { input: grad } },
    };
    repeated(() => mse.valueAndGrad(input, target, options));
    dispose = true;
    expectFault(thrown(() => mse.valueAndGrad(input, target, options)), "mse", disposedFault("input"));
    dispose = false;

    const again = floats(...x);
    let place: Tensor<"float32"> = zeros([3]);
    const late = {
      get out() {
        return { grads: { input: place } };
      },
      get reduction() {
        if (dispose) place.dispose();
        return "sum" as const;
      },
    };
    repeated(() => mse.valueAndGrad(again, target, late));
    dispose = true;
    expectFault(thrown(() => mse.valueAndGrad(again, target, late)), "mse", disposedFault("out.grads.input"));
    place = zeros([3]);
    dispose = false;
    mse.valueAndGrad(again, target, late);
    expectSameBits("gradient", place.data, mse.valueAndGrad(Float32Array.from(x), Float32Array.from(y), { reduction: "sum" }).grads.input);
    place.dispose();
  });

  it("may have calls of the same loss inside, from a getter", () => {
    const [input, target, other] = [floats(...x), floats(...y), floats(8, 8, 8)];
    const options = {
      get reduction() {
        mse(other, target);
        return "sum" as const;
      },
    };
    const want = mse(Float32Array.from(x), Float32Array.from(y), { reduction: "sum" });
    for (let k = 0; k < CALLS; k++) expect(mse(input, target, options)).toBe(want);
    for (let k = 0; k < CALLS; k++) expect(mse(other, target)).toBe(mse(Float32Array.of(8, 8, 8), Float32Array.from(y)));

    let inner = false;
    const nested = {
      get reduction() {
        if (inner) {
          inner = false;
          mse(input, other, { reduction: "sum" });
        }
        return "sum" as const;
      },
    };
    repeated(() => mse(input, target, nested));
    inner = true;
    expect(mse(input, other, nested)).toBe(mse(Float32Array.from(x), Float32Array.of(8, 8, 8), { reduction: "sum" }));
  });

  it("is not read anew, whatever the options, the gradients and the calls between", () => {
    const [input, target, third, fourth] = [floats(...x), floats(...y), floats(1, 1, 1), floats(2, 2, 2)];
    const [byInput, byTarget] = [floats(0, 0, 0), floats(0, 0, 0)];
    const calls: (() => unknown)[] = [
      () => huber(input, target, { delta: 2 }),
      () => huber(third, fourth, { delta: 2 }),
      () => huber.valueAndGrad(input, target, { delta: 2, wrt: ["input", "target"], out: { grads: { input: byInput, target: byTarget } } }).value,
      () => bceWithLogits.valueAndGrad(input, target, { posWeight: third, gradOutput: -2, out: { grads: { input: byInput } } }).value,
      () => huber(input, target, { delta: 2, reduction: "none", out: { value: byInput } }),
      () => crossEntropy(logits, classes, { weight: third, labelSmoothing: 0.5 }),
    ];
    const logits = keep(tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]));
    const classes = keep(tensor(Int32Array.of(0, 2)));
    const first = calls.map((call) => call());
    for (const [k, call] of calls.entries()) {
      expect(repeated(call)).toBe(first[k]);
      expect(readsAnew(call)).toBe(false);
    }
    expect(readsAnew(() => huber(floats(...x), target, { delta: 2 }))).toBe(true);
    expect(readsAnew(() => huber.valueAndGrad(input, target, { delta: 2, wrt: ["input"], out: { grads: { input: byInput } } }))).toBe(true);
  });

  it("asks getters once, and takes what they say", () => {
    const [input, target] = [floats(...x), floats(...y)];
    const places = [floats(0, 0, 0), floats(0, 0, 0)];
    let asked = 0;
    const turns = {
      reduction: "sum" as const,
      get out() {
        return { grads: { input: places[asked++ % 2] as Tensor<"float32"> } };
      },
    };
    for (let k = 0; k < 2 * CALLS; k++) {
      expect(mse.valueAndGrad(input, target, turns).grads.input).toBe(places[k % 2]);
      expect(asked).toBe(k + 1);
    }
    asked = 0;
    const alternating = {
      get reduction() {
        return asked++ % 2 ? ("sum" as const) : ("mean" as const);
      },
      get delta() {
        return asked > CALLS ? 2 : 1;
      },
    };
    const plain = [Float32Array.from(x), Float32Array.from(y)] as const;
    for (let k = 0; k < 2 * CALLS; k++) {
      expect(huber(input, target, alternating)).toBe(huber(...plain, { reduction: k % 2 ? "sum" : "mean", delta: k + 1 > CALLS ? 2 : 1 }));
      expect(asked).toBe(k + 1);
    }
  });

  it("may write its gradient over its argument", () => {
    const [input, target] = [floats(...x), floats(...y)];
    let want = Float32Array.from(x);
    for (let k = 0; k < CALLS; k++) {
      mse.valueAndGrad(input, target, { out: { grads: { input } } });
      want = mse.valueAndGrad(want, Float32Array.from(y)).grads.input;
      expectSameBits(`call ${k}`, input.data, want);
    }
  });

  it("refuses what the first would", () => {
    const [input, target] = [floats(...x), floats(...y)];
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const [options, fault] of [
      [JSON.parse('{"__proto__":{"reduction":"sum"}}'), optionFault("options", "__proto__")],
      [{ circle }, optionFault("options", "circle")],
      [Math, typeFault("options")],
      [{ reduction: "most" }, rangeFault("reduction")],
      [{ wrt: ["target", "other"] }, optionFault("wrt", "other")],
    ] as const) {
      for (let k = 0; k < CALLS; k++) expectFault(thrown(() => mse(input, target, options as object)), "mse", fault);
    }
  });

  it("counts what is enumerated of plain options, in the first as in the fifth", () => {
    const [input, target, place] = [floats(...x), floats(...y), floats(0, 0, 0)];
    const hidden = (object: object, name: string, value: unknown) => Object.defineProperty(object, name, { value });
    const want = mse(Float32Array.from(x), Float32Array.from(y));
    const wantHuber = huber(Float32Array.from(x), Float32Array.from(y), { delta: 0.5 });
    for (let k = 0; k < CALLS; k++) {
      expect(mse(input, target, hidden({}, "reduction", "sum"))).toBe(want);
      expect(huber(input, target, hidden({ delta: 0.5 }, "reduction", "sum"))).toBe(wantHuber);
      const { grads } = mse.valueAndGrad(input, target, { out: hidden({}, "grads", { input: place }) });
      expect(grads.input).toBeInstanceOf(Float32Array);
    }
  });

  it("takes getters of a class for options, hidden as they are", () => {
    class Options {
      scale = 1;
      get reduction() {
        return this.scale === 1 ? ("sum" as const) : ("mean" as const);
      }
    }
    const [input, target] = [floats(...x), floats(...y)];
    const options = Object.create(Object.getPrototypeOf(new Options()) as object, { scale: { value: 1, writable: true } }) as Options;
    const sum = repeated(() => mse(input, target, options));
    expect(sum).toBe(mse(Float32Array.from(x), Float32Array.from(y), { reduction: "sum" }));
    options.scale = 2;
    expect(mse(input, target, options)).toBe(mse(Float32Array.from(x), Float32Array.from(y)));
  });

  it("is on tensors of the engine that there is", () => {
    const [input, target] = [tensor(Float32Array.from(x)), tensor(Float32Array.from(y))];
    const value = repeated(() => mse(input, target));
    reset();
    expectFault(thrown(() => mse(input, target)), "mse", disposedFault("input"));
    const anew = [floats(...x), floats(...y)] as const;
    expect(repeated(() => mse(...anew))).toBe(value);
    expectEngineWorks();
  });

  it("of no elements gives no gradient that it was not given", () => {
    const [input, target] = [keep(zeros([0])), keep(zeros([0]))];
    for (let k = 0; k < CALLS; k++) {
      const { value, grads } = mse.valueAndGrad(input, target);
      expect(value).toBeNaN();
      expect(grads.input).toEqual(new Float32Array(0));
    }
  });
});
