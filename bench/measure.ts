// Timing: contestants in turn, A B C, C B A, …; calibrated repetitions; medians, and medians of the ratios in a round.

export interface Contestant {
  readonly name: string;
  /** One call. */
  readonly run: () => unknown;
}

/** Nanoseconds a call, by contestant: one for each round. */
export type Samples = Readonly<Record<string, readonly number[]>>;

/** The process, where there is one: not in a page. */
const { process } = globalThis as { readonly process?: NodeJS.Process };

/** The step of the clock, which in a page may be a whole millisecond: the least of some, as a busy machine stops in between. */
function clockStep(): number {
  const steps = Array.from({ length: 5 }, () => {
    const start = performance.now();
    for (;;) {
      const step = performance.now() - start;
      if (step > 0) return step;
    }
  });
  return Math.min(...steps);
}

/** How long a sample should be at least: far above what the clocks resolve, below what a busy machine hands out. */
const SAMPLE_MS = Math.max(2, 20 * clockStep());
const MIN_ROUNDS = 5;
const WARM_UP_MS = 100;

/** Keeps the engine from dropping calls whose result nobody reads. */
export let sink: unknown;

/**
 * Milliseconds that `count` calls took: the smaller of wall time, which waits for the machine's other work, and processor
 * time, which counts the background threads of the engine too. Windows gives the latter in steps of 15 ms, a page not at all.
 */
function time(run: () => unknown, count: number): number {
  const cpu = process?.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < count; i++) sink = run();
  const wall = performance.now() - start;
  if (!process || process.platform === "win32") return wall;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(wall, (user + system) / 1000);
}

/** The calls that make a sample of so many milliseconds. */
function calibrate(run: () => unknown, sample = SAMPLE_MS): number {
  for (let count = 1; ; count *= 2) {
    const ms = time(run, count);
    if (ms >= sample / 2) return Math.max(1, Math.round((count * sample) / ms));
  }
}

/** One sample: nanoseconds a call. */
export function sampleOnce(run: () => unknown, ms: number): number {
  const count = calibrate(run, ms);
  return (time(run, count) / count) * 1e6;
}

/**
 * Runs all in turn until none gets faster any more, so that each is in the code that the engine's optimising compiler
 * makes; at most four times as long as it must.
 */
function warmUp(contestants: readonly Contestant[], ms: number) {
  const start = performance.now();
  const best = contestants.map(() => Infinity);
  for (let calm = 0; calm < 3 || performance.now() - start < ms; ) {
    if (performance.now() - start > 4 * ms) return;
    calm++;
    contestants.forEach(({ run }, k) => {
      const count = calibrate(run);
      const each = time(run, count) / count;
      if (each < 0.97 * (best[k] ?? Infinity)) calm = 0;
      best[k] = Math.min(best[k] ?? Infinity, each);
    });
  }
}

/** Whether none got much faster within these rounds than the others did, as one does that the compiler comes late to. */
function steady(samples: Samples): boolean {
  const drifts = Object.values(samples).map((all) => median(all.slice(all.length >> 1)) / median(all.slice(0, all.length >> 1)));
  return Math.min(...drifts) > 0.85 * Math.max(...drifts);
}

/**
 * Measures all in turn for so many milliseconds, and MIN_ROUNDS at least; anew, up to three times, if one was not in its
 * final code yet.
 */
export function measure(contestants: readonly Contestant[], ms: number): Samples {
  warmUp(contestants, Math.min(WARM_UP_MS, ms / 2));
  for (let attempt = 1; ; attempt++) {
    const plan = contestants.map(({ name, run }) => ({ name, run, count: calibrate(run), samples: [] as number[] }));
    const start = performance.now();
    for (let round = 0; round < MIN_ROUNDS || performance.now() - start < ms; round++) {
      for (const { run, count, samples } of plan) samples.push((time(run, count) / count) * 1e6);
      plan.reverse();
    }
    const samples = Object.fromEntries(plan.map(({ name, samples }) => [name, samples]));
    if (attempt === 3 || steady(samples)) return samples;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** How many times longer `slower` takes than `faster`: the median over rounds. */
export function ratio(samples: Samples, slower: string, faster: string): number | undefined {
  const above = samples[slower];
  const below = samples[faster];
  if (!above || !below) return undefined;
  return median(above.map((ns, round) => ns / (below[round] ?? Number.NaN)));
}

export const geometricMean = (values: readonly number[]) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
