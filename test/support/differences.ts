// Gradients of the oracles by central differences.
import type { Argument } from "../cases/case.js";
import { type Random, integer } from "./draw.js";

/** The error of a difference is below this, beside the same relative to the gradient. */
export const DIFFERENCE_ERROR = 3e-9;

const STEP = 2e-4;

/** Elements to differentiate by: all of a small argument, some of a large one. */
export function probes(random: Random, size: number, most = 40): readonly number[] {
  if (size <= most) return Array.from({ length: size }, (_, i) => i);
  return [0, size - 1, ...Array.from({ length: 4 }, () => integer(random, size))];
}

/**
 * The derivative of Σ wᵢ·fᵢ by one element of an argument, in fourth order. Values are subtracted one by one before they
 * are summed, so that those which do not depend on the element add no error.
 */
export function difference(argument: Argument, at: number, weights: readonly number[] | undefined, f: (argument: Argument) => readonly number[]): number {
  const shifted = (step: number) => f({ ...argument, data: argument.data.map((x, i) => (i === at ? x + step : x)) });
  const central = (step: number) => {
    const [above, below] = [shifted(step), shifted(-step)];
    return above.reduce((sum, value, i) => sum + (weights ? (weights[i] ?? 0) : 1) * (value - (below[i] ?? 0)), 0) / (2 * step);
  };
  return (4 * central(STEP) - central(2 * STEP)) / 3;
}
