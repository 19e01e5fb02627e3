// Gradients against central differences of the oracles.
import { type Gradients, gradcheck } from "fused-loss/testing";
import { expect } from "vitest";
import type { Argument } from "../cases/case.js";
import { integer, seeded } from "./draw.js";

/** The error of a difference is below these. */
const TOLERANCE = { eps: 2e-4, atol: 3e-9, rtol: 3e-9 };

/** Elements to differentiate by: all of a small argument, some of a large one. */
function probes(size: number, most = 40): readonly number[] {
  if (size <= most) return Array.from({ length: size }, (_, i) => i);
  const random = seeded(size);
  return [...new Set([0, size - 1, ...Array.from({ length: 4 }, () => integer(random, size))])];
}

/** The gradient `got` by an argument against the differences of Σ gradOutputᵢ·fᵢ. */
export function expectDerivative(what: string, got: ArrayLike<number>, argument: Argument, gradOutput: number | readonly number[], f: (argument: Argument) => readonly number[]) {
  expect(got.length, what).toBe(argument.data.length);
  const at = probes(argument.data.length);
  const start = Float64Array.from(at, (i) => argument.data[i] as number);
  const loss = (probed: Float64Array): Gradients => {
    const moved = (times: number) => {
      const data = argument.data.slice();
      at.forEach((i, k) => (data[i] = (start[k] as number) + times * ((probed[k] as number) - (start[k] as number))));
      return f({ ...argument, data });
    };
    // (8 f(x + d) − f(x + 2d))/6 has f's gradient at d = 0 and no third derivative: its differences are of fourth order.
    const twice = moved(2);
    return { value: moved(1).map((value, i) => (8 * value - (twice[i] as number)) / 6), grads: { probed: at.map((i) => got[i] as number) } };
  };
  const { ok, worst } = gradcheck(loss, { probed: start }, { ...TOLERANCE, options: { gradOutput } });
  if (!ok) expect.fail(`${what}[${at[worst.index]}] is ${worst.analytic} in place of ${worst.numeric}`);
}
