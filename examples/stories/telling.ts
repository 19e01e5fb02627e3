// What the stories have in common.
import { shuffled } from "../random.ts";
import type { Frame, Line, LineChart } from "./story.ts";

export interface Parts {
  readonly steps: number;
  /** How many steps are between two frames. */
  readonly every: number;
  /** Learns from a batch; steps count from 0. */
  readonly learn: (step: number) => void;
  /** What there is to see after some steps. */
  readonly look: (step: number) => Omit<Frame, "step" | "steps">;
  /** At the end, also where the reader leaves before it. */
  readonly end: () => void;
}

/** The frames of a training: one before its first step, the last one after its last. */
export function* frames({ steps, every, learn, look, end }: Parts): Generator<Frame, void, void> {
  try {
    for (let step = 0; ; step++) {
      if (step % every === 0) yield { step, steps, ...look(step) };
      if (step === steps) return;
      learn(step);
    }
  } finally {
    end();
  }
}

/** A chart whose lines grow by a point in each frame. */
export class Growing {
  #lines: readonly Line[];
  readonly #chart: Omit<LineChart, "x" | "lines">;

  constructor(names: readonly string[], chart: Omit<LineChart, "x" | "lines">) {
    this.#lines = names.map((name) => ({ name, points: [] }));
    this.#chart = chart;
  }

  /** The chart with one more point of each line that there is a value for. */
  with(step: number, values: readonly (number | undefined)[]): LineChart {
    this.#lines = this.#lines.map(({ name, points }, k) => {
      const value = values[k];
      return { name, points: value === undefined ? points : [...points, [step, value]] };
    });
    return { ...this.#chart, x: "Steps", lines: this.#lines };
  }
}

/** Places below `count` in batches, without end, each pass in an order of its own. */
export function* batches(count: number, size: number, random: () => number): Generator<Int32Array<ArrayBuffer>, never> {
  for (;;) {
    const order = shuffled(count, random);
    for (let from = 0; from + size <= count; from += size) yield order.subarray(from, from + size);
  }
}

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
