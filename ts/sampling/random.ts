// A small generator of random numbers whose state is four integers, the same on every machine.

/** The state of a generator. */
export type RandomState = readonly [number, number, number, number];

const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k));

/** xoshiro128**, seeded by SplitMix32. Source: Blackman and Vigna, 2018. */
export class Xoshiro128 {
  state: RandomState;

  constructor(seed: number) {
    let x = seed | 0;
    const split = () => {
      x = (x + 0x9e3779b9) | 0;
      let z = x ^ (x >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.state = [split(), split(), split(), split()];
  }

  /** The next 32 bits. */
  next(): number {
    let [a, b, c, d] = this.state;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    this.state = [a, b, c, d];
    return result;
  }

  /** An integer from 0 to below a bound, each as likely as the others. */
  below(bound: number): number {
    const whole = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const x = this.next();
      if (x < whole) return x % bound;
    }
  }
}
