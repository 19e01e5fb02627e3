// Errors in units in the last place.
const DIGITS = { float32: 24, float64: 53 } as const;
const LOWEST = { float32: -126, float64: -1022 } as const;

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** The exponent of the largest power of two that is not larger. */
function exponentOf(x: number): number {
  number[0] = Math.abs(x);
  const exponent = (words[1] ?? 0) >>> 20;
  if (exponent > 0) return exponent - 1023;
  return x === 0 ? -Infinity : exponentOf(x * 2 ** 52) - 52;
}

/**
 * How far a result is from the exact value, in units in the last place of `unitOf`: the distance of the numbers of the type around
 * it, which among subnormal ones is the smallest there is. A special value, which an exact one beyond the type rounds to, is right
 * or infinitely wrong.
 */
export function ulps(got: number, exact: number, dtype: "float32" | "float64", unitOf = exact): number {
  const nearest = dtype === "float32" ? Math.fround(exact) : exact;
  if (!Number.isFinite(got) || !Number.isFinite(nearest)) return Object.is(got, nearest) ? 0 : Infinity;
  const exponent = Math.max(exponentOf(unitOf), LOWEST[dtype]) - DIGITS[dtype] + 1;
  // In two steps, as 2^1074 is too large for a number.
  const half = exponent >> 1;
  return (Math.abs(got - exact) / 2 ** half) / 2 ** (exponent - half);
}
