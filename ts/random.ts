// PyTorch's generator of random numbers, so that a seed gives the weights that it gives there.

const SIZE = 624;
const SHIFT = 397;

/** The Mersenne Twister MT19937. Source: Matsumoto and Nishimura, 1998; PyTorch's CPU generator. */
export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  #next = SIZE;

  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const before = state[i - 1] as number;
      state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
  }

  /** The next 32 bits. */
  next(): number {
    if (this.#next === SIZE) this.#twist();
    let y = this.#state[this.#next++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist() {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % SIZE] as number) & 0x7fffffff);
      state[i] = (state[(i + SHIFT) % SIZE] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }

  /** Fills an array with numbers from −bound to bound, each made and rounded as PyTorch's `uniform_` does. */
  fill(array: Float32Array | Float64Array, bound: number) {
    if (array instanceof Float32Array) {
      const low = Math.fround(-bound);
      const width = Math.fround(Math.fround(bound) - low);
      for (let i = 0; i < array.length; i++) array[i] = Math.fround((this.next() & 0xffffff) * 2 ** -24 * width) + low;
      return;
    }
    for (let i = 0; i < array.length; i++) {
      const high = this.next() & 0x1fffff;
      array[i] = (high * 2 ** 32 + this.next()) * 2 ** -53 * (bound + bound) - bound;
    }
  }
}
