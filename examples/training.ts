// One training: the step that joins a jax-js model with a loss from outside, and what it takes to time its parts.
import { blockUntilReady, jit, numpy as np, valueAndGrad, vjp } from "@jax-js/jax";
import type { Point } from "./chart.ts";
import { CLASSES, type Digits, PIXELS } from "./digits.ts";
import type { Library, Loss, Target } from "./losses.ts";
import { Adam, initialParams, logits, type Params } from "./model.ts";
import { randomNumbers } from "./random.ts";

/** The parts of a step, in order. */
export const PARTS = [
  "forward",
  "output out of jax-js",
  "loss and its gradient",
  "gradient into jax-js",
  "backward",
  "Adam",
] as const;
export type Part = (typeof PARTS)[number];

/** Milliseconds of every step, part by part. */
export class Clock {
  readonly #times = new Map<Part, number[]>();
  #last = 0;

  start() {
    this.#last = performance.now();
  }

  /** Ends a part, which took the time since the one before. */
  lap(part: Part) {
    const now = performance.now();
    const times = this.#times.get(part) ?? [];
    times.push(now - this.#last);
    this.#times.set(part, times);
    this.#last = now;
  }

  /** A usual step: medians, as the first steps compile and others meet the garbage collector. */
  medians(): Map<Part, number> {
    const median = (times: number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
    return new Map([...this.#times].map(([part, times]) => [part, median(times)]));
  }

  /** All of all steps. */
  total(): number {
    return [...this.#times.values()].flat().reduce((sum, time) => sum + time, 0);
  }
}

/** Gives the loss of the model's output, and its gradient by that output. */
export type LossStep = (
  output: np.Array,
  target: Target,
  clock: Clock,
) => Promise<{ value: number; gradient: np.Array }>;

/** The numbers of a float32 array, which is used up. */
export function floats(array: np.Array): Float32Array {
  const data: unknown = array.dataSync(); // its declared type names Float16Array, which TypeScript's ES2022 lacks
  if (data instanceof Float32Array) return data;
  throw new TypeError("Not a float32 array");
}

/** The loss outside of the framework: the output comes out, the gradient goes in. */
export function withFusedLoss(loss: Loss, library: Library): LossStep {
  return async (output, target, clock) => {
    const shape = output.shape;
    const input = floats(output);
    clock.lap("output out of jax-js");
    const { value, grads } = loss.ours(library, input, target);
    clock.lap("loss and its gradient");
    const gradient = np.array(grads.input, { shape });
    await blockUntilReady(gradient);
    clock.lap("gradient into jax-js");
    return { value, gradient };
  };
}

/**
 * The same loss as jax-js compiles and differentiates it. Alone it could compile a whole step at once, which saves some
 * time; here the step is cut as for the loss from outside, so that the parts can be compared.
 */
export function withJaxLoss(loss: Loss): LossStep {
  const valueAndGradient = jit(valueAndGrad((input: np.Array, target: np.Array) => loss.theirs(input, target)));
  return async (output, target, clock) => {
    const shape = target instanceof Float32Array ? output.shape : [target.length];
    const [mean, gradient] = valueAndGradient(output, np.array(target, { shape }));
    await blockUntilReady([mean, gradient]);
    const value: number = mean.item();
    clock.lap("loss and its gradient");
    return { value, gradient };
  };
}

/** A model that learns by a loss; keeps its curve and its times. */
export class Training {
  readonly points: Point[] = [];
  readonly clock = new Clock();
  readonly #adam: Adam;
  readonly #model: (params: Params, images: np.Array) => np.Array;
  /** Of the epoch's batches so far. */
  #losses: number[] = [];

  constructor(
    readonly name: string,
    readonly loss: Loss,
    readonly lossStep: LossStep,
    { lr, seed }: { lr: number; seed: number },
  ) {
    this.#adam = new Adam(initialParams(randomNumbers(seed)), lr);
    this.#model = jit((params: Params, images: np.Array) => {
      const output = logits(params, images);
      return loss.head ? loss.head(output) : output;
    });
  }

  /** Learns from one batch. */
  async step({ images, labels }: Digits): Promise<void> {
    const target = this.loss.encode(labels);
    // jax-js runs an operation when its result is asked for: to time the parts, each is waited for.
    const { clock } = this;
    clock.start();
    const x = np.array(images, { shape: [labels.length, PIXELS] });
    const [output, pullback] = vjp((params: Params) => this.#model(params, x.ref), [this.#adam.params]);
    await blockUntilReady(output);
    clock.lap("forward");
    // The pullback takes a gradient from wherever it comes.
    const { value, gradient } = await this.lossStep(output, target, clock);
    const [gradients] = pullback(gradient);
    await blockUntilReady(gradients);
    clock.lap("backward");
    await this.#adam.step(gradients);
    clock.lap("Adam");
    pullback.dispose();
    x.dispose();
    this.#losses.push(value);
  }

  /** The mean loss of the epoch so far. */
  get meanLoss(): number {
    return this.#losses.reduce((sum, value) => sum + value, 0) / this.#losses.length;
  }

  /** Adds a point to the curve. */
  endEpoch(epoch: number, test: Digits): Point {
    const point = { epoch, loss: this.meanLoss, accuracy: this.accuracy(test) };
    this.points.push(point);
    this.#losses = [];
    return point;
  }

  /** The share of images that the model names rightly. */
  accuracy({ images, labels }: Digits): number {
    const x = np.array(images, { shape: [labels.length, PIXELS] });
    const output = floats(this.#model(this.#adam.params, x));
    const right = labels.filter((label, row) => {
      const scores = output.subarray(row * CLASSES, (row + 1) * CLASSES);
      return scores.indexOf(Math.max(...scores)) === label;
    });
    return right.length / labels.length;
  }
}
