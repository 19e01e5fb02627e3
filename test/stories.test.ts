// The stories of examples/stories: what they read, that they are told the same everywhere, and that they say the truth, which
// takes minutes, with these seeds: STORIES=1,2,3 npm test -- stories
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { randomNumbers } from "../examples/random.js";
import { stories } from "../examples/stories/index.js";
import { Network } from "../examples/stories/network.js";
import type { Frame, Library, Story, Telling } from "../examples/stories/story.js";
import { storyDrawing } from "../examples/storyDrawing.js";
import { folder, makeStoryData } from "../scripts/storyData.js";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), "stories-"));
const byName = stories.map((story) => [story.name, story] as const);

const tell = (story: Story, library: Library, seed = 1) => {
  const files = story.data.map((name) => readFileSync(join(folder, name)));
  return story.tell(files, library, seed);
};

function take(telling: Telling, count: number): Frame[] {
  const frames: Frame[] = [];
  while (frames.length < count) {
    const { done, value } = telling.next();
    if (done) break;
    frames.push(value);
  }
  telling.return?.();
  return frames;
}

/** All but what is a time. */
const timeless = ({ charts, table: { columns, rows }, ...frame }: Frame) => {
  const isTime = columns.map((column) => column.startsWith("ms "));
  return { ...frame, charts: charts.filter(({ y }) => y !== "milliseconds"), table: { columns, rows: rows.map((row) => row.filter((_, k) => !isTime[k])) } };
};

beforeAll(() => makeStoryData());
afterAll(() => rmSync(scratch, { recursive: true }));

describe("the data", () => {
  it("are what the stories read, small, and the same bytes whenever they are made", () => {
    makeStoryData(scratch);
    expect(readdirSync(scratch).sort()).toEqual([...new Set(stories.flatMap(({ data }) => data))].sort());
    for (const name of readdirSync(scratch)) {
      const bytes = readFileSync(join(scratch, name));
      expect(bytes.equals(readFileSync(join(folder, name))), name).toBe(true);
      expect(gzipSync(bytes).length, name).toBeLessThan(500_000);
    }
  });
});

describe("the text", () => {
  it("knows neither Node nor mathematics that machines differ in, and is small", async () => {
    const { metafile, outputFiles } = await build({ entryPoints: ["examples/stories/index.ts"], bundle: true, minify: true, format: "esm", external: ["fused-loss", "fused-loss/*"], metafile: true, write: false });
    const sources = Object.keys(metafile.inputs);
    expect(sources.every((source) => /^examples\/(stories\/\w+|random)\.ts$/.test(source))).toBe(true);
    const { text, contents } = outputFiles[0]!;
    expect(text).not.toMatch(/\b(Math\.(?!(abs|ceil|floor|imul|max|min|round|sqrt)\b)|document\.|process\.)/);
    expect(gzipSync(contents).length).toBeLessThan(12_000);
  });
});

describe("the network", () => {
  it("has the gradients that differences show", () => {
    const random = randomNumbers(1);
    const rows = Float32Array.from({ length: 3 * 6 }, (_, i) => (i % 4 === 0 ? 0 : random() - 0.5)); // no multiple of four wide
    const network = new Network([6, 5, 2], random);
    const pull = Float32Array.from({ length: 3 * 2 }, () => random() - 0.5);
    const value = (x: Float32Array) => network.forward(x).reduce((sum, y, i) => sum + y * pull[i]!, 0);
    network.forward(rows);
    const gradient = network.backward(pull, true);
    rows.forEach((_, i) => {
      const moved = (by: number) => value(rows.map((x, k) => (k === i ? x + by : x)));
      expect((moved(0.01) - moved(-0.01)) / 0.02).toBeCloseTo(gradient[i]!, 3);
    });
    const before = value(rows);
    network.step(0.01); // against the gradient of what it gave last, so that the value falls
    expect(value(rows)).toBeLessThan(before);
  });
});

describe.each(byName)("%s", (name, story) => {
  it("is named as its command, and says what it is about", () => {
    expect(readFileSync(`examples/${name}.ts`, "utf8")).toContain(`./stories/${name}.ts`);
    expect(story.about.length).toBeGreaterThanOrEqual(1);
    expect(story.uses.length).toBeGreaterThanOrEqual(1);
  });

  it("has finite figures, which the same seed and the scalar build give again", () => {
    const frames = take(tell(story, simd128), 2);
    expect(frames).toHaveLength(2);
    for (const { step, steps, charts, pictures, map, table } of frames) {
      expect(step).toBeLessThan(steps);
      const numbers = charts.flatMap(({ lines }) => lines.flatMap(({ points }) => points.flat()));
      expect(numbers.every(Number.isFinite)).toBe(true);
      expect((map?.points ?? []).every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
      for (const image of pictures?.rows.flatMap(({ images }) => images) ?? []) {
        expect(image).toHaveLength(pictures!.width * pictures!.height);
        expect(image.every((ink) => ink >= 0 && ink <= 1)).toBe(true);
      }
      for (const row of table.rows) expect(row).toHaveLength(table.columns.length);
      expect(table.rows.flat().join()).not.toMatch(/NaN|Infinity|undefined/);
    }
    const lineNames = ({ charts }: Frame) => charts.map(({ lines }) => lines.map((line) => line.name)); // so that colours stay
    expect(lineNames(frames[1]!)).toEqual(lineNames(frames[0]!));
    expect(take(tell(story, simd128), 2).map(timeless)).toEqual(frames.map(timeless));
    expect(take(tell(story, scalar), 2).map(timeless)).toEqual(frames.map(timeless));
    expect(take(tell(story, simd128, 2), 1).map(timeless)).not.toEqual(frames.slice(0, 1).map(timeless));
    for (const frame of frames) expect(storyDrawing(story.title, frame)).not.toMatch(/NaN|undefined/);
  });

  it("begins before the first step, and can be left", () => {
    const telling = tell(story, simd128);
    const [first] = take(telling, 1);
    expect(first!.step).toBe(0);
    expect(telling.next().done).toBe(true);
  });
});

describe("imageSearch", () => {
  it("shows the neighbours of what is chosen", () => {
    const telling = tell(stories.find(({ name }) => name === "imageSearch")!, simd128);
    const next = () => telling.next().value as Frame;
    const before = next();
    expect(telling.select!(7)).toEqual({ ...before, map: { ...before.map!, chosen: 7, neighbours: expect.any(Array) as number[] }, pictures: expect.any(Object) as object });
    const after = next();
    telling.return!();
    // After the end, too.
    expect(telling.select!(8)).toMatchObject({ step: after.step, map: { chosen: 8 } });
    expect([before.map!.chosen, after.map!.chosen]).toEqual([0, 7]);
    const { points, neighbours } = after.map!;
    const distance = (k: number) => (points[k]!.x - points[7]!.x) ** 2 + (points[k]!.y - points[7]!.y) ** 2;
    const byDistance = Array.from(points.keys()).filter((k) => k !== 7).sort((a, b) => distance(a) - distance(b));
    expect(neighbours).toEqual(byDistance.slice(0, neighbours!.length));
    expect(after.pictures!.rows[1]!.images).toHaveLength(neighbours!.length);
    for (const wrong of [-1, 400, 0.5, NaN]) expect(() => telling.select!(wrong)).toThrow(RangeError);
  });
});

describe("commands", () => {
  const command = (name: string, ...args: string[]) => run(process.execPath, ["--import", "tsx", `examples/${name}.ts`, ...args]);

  it("say how they are used", async () => {
    const helps = await Promise.all(stories.map(({ name }) => command(name, "--help")));
    helps.forEach(({ stdout }, k) => {
      expect(stdout).toContain(`npm run story:${stories[k]!.name} --`);
      expect(stdout).toContain(stories[k]!.title);
    });
    await expect(command("spamFilter", "--seed", "x")).rejects.toThrow("whole number");
  });

  it("end with figures and a drawing", async () => {
    const out = join(scratch, "spam.svg");
    const { stdout } = await command("spamFilter", "--seed", "2", "--engine", "scalar", "--out", out);
    const last = take(tell(stories.find(({ name }) => name === "spamFilter")!, simd128, 2), Infinity).at(-1)!;
    for (const cell of last.table.rows.flat()) expect(stdout).toContain(cell);
    expect(readFileSync(out, "utf8")).toMatch(/^<svg.*<\/svg>$/s);
  });
});

/** What each story claims, of the rows of its last table by their names. */
const claims: Record<string, (row: (name: string) => number[]) => void> = {
  noisyDigits(row) {
    const [l1Error, l1Root, l1Grey] = row("l1");
    const [error, root, grey] = row("mse");
    expect(l1Error).toBeLessThan(0.6 * error!);
    expect(l1Root).toBeLessThan(root!);
    expect(l1Grey).toBeLessThan(0.5 * grey!);
  },
  spamFilter(row) {
    const [recall, precision, , loss, rate] = row("plain");
    for (const name of ["class weights", "balanced"]) {
      expect(row(name)[0]).toBeGreaterThan(recall! + 15);
      expect(row(name)[1]).toBeLessThan(precision!);
      expect(row(name)[4]).toBeGreaterThan(1.8 * 5);
    }
    const tuned = row("fine-tuned");
    expect(tuned[0]).toBeGreaterThan(recall!);
    expect(tuned[3]).toBeLessThan(0.9 * row("balanced")[3]!);
    expect(tuned[3]).toBeLessThan(1.15 * loss!);
    expect(tuned[4]).toBeLessThan(1.3 * 5);
    expect(rate).toBeLessThan(1.3 * 5);
  },
  imageSearch(row) {
    expect(Math.abs(row("the map")[0]! - row("pixels")[0]!)).toBeLessThan(5);
    expect(row("the map")[2]).toBeGreaterThan(row("pixels")[2]! + 5);
  },
  adaptiveSoftmax(row) {
    const [perplexity, time, , , memory] = row("adaptive softmax");
    expect(perplexity).toBeLessThan(1.03 * row("full softmax")[0]!);
    expect(row("full softmax")[0]).toBeLessThan(row("words' frequencies alone")[0]!);
    expect(time).toBeLessThan(row("full softmax")[1]! / 2);
    expect(memory).toBeLessThan(row("full softmax")[4]! / 5);
  },
  hardestWrong(row) {
    const [accuracy, , margin, share, loss] = row("ranking");
    expect(accuracy).toBeGreaterThanOrEqual(row("cross-entropy")[0]!);
    expect(margin).toBeGreaterThan(row("cross-entropy")[2]!);
    expect(share).toBeLessThan(15);
    expect(loss).toBeGreaterThan(row("cross-entropy")[4]!);
  },
};

const seeds = process.env.STORIES ? process.env.STORIES.split(",").map(Number) : [];
if (seeds.length > 0) {
  it.each(byName.flatMap(([name, story]) => seeds.map((seed) => [name, seed, story] as const)))("%s, seed %i: what it says is so", { timeout: 300_000 }, (name, seed, story) => {
    const { step, steps, table } = take(tell(story, simd128, seed), Infinity).at(-1)!;
    expect(step).toBe(steps);
    console.log([table.columns, ...table.rows].map((row) => row.join(" | ")).join("\n"));
    const figures = new Map(table.rows.map(([first, ...cells]) => [first, cells.map((cell) => Number.parseFloat(cell.replaceAll(",", "")))]));
    claims[name]!((row) => figures.get(row)!);
  });
}
