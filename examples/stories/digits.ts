// The digits of `digits.bin`, which scripts/storyData.ts makes.

export const SIDE = 14;
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;
const TRAIN = 4_000;

/** Images row by row, from 0 (paper) to 1 (ink), and what each of them shows. */
export interface Digits {
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
}

/** The digits to train on, and those to test with. */
export function readDigits(bytes: Uint8Array): { train: Digits; test: Digits } {
  const count = bytes.length / (1 + PIXELS);
  const labels = Int32Array.from(bytes.subarray(0, count));
  const images = Float32Array.from(bytes.subarray(count), (grey) => grey / 255);
  const part = (from: number, to: number) => ({ images: images.slice(from * PIXELS, to * PIXELS), labels: labels.slice(from, to) });
  return { train: part(0, TRAIN), test: part(TRAIN, count) };
}

/** The image at a place among some. */
export const imageAt = (images: Float32Array<ArrayBuffer>, place: number) => images.slice(place * PIXELS, (place + 1) * PIXELS);

/** The images at some places. */
export function imagesAt(images: Float32Array<ArrayBuffer>, places: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const some = new Float32Array(places.length * PIXELS);
  Array.from(places).forEach((place, k) => some.set(images.subarray(place * PIXELS, (place + 1) * PIXELS), k * PIXELS));
  return some;
}

/** The labels at some places. */
export const labelsAt = (labels: Int32Array, places: Int32Array<ArrayBuffer>) => places.map((place) => labels[place]!);
