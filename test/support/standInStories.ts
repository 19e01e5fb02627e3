// Stories that show all that a story can, for the tests of the gallery.
import type { Frame, Story } from "../../examples/stories/story.js";

const STEPS = 12;

/** Descends on (x − 3)², and shows points and pictures beside it. */
const standIn: Story = {
  name: "stand-in",
  title: "A stand-in",
  about: ["It stands in for a story.", "It has a second paragraph."],
  uses: ["mse"],
  data: ["numbers.bin"],
  tell([numbers = new Uint8Array()], { mse }, seed) {
    let chosen: number | undefined;
    let x = seed;
    const losses: [number, number][] = [];
    const xs: [number, number][] = [];
    const points = Array.from({ length: 60 }, (_, k) => ({ x: Math.cos(k * 2.4) * Math.sqrt(k), y: Math.sin(k * 2.4) * Math.sqrt(k), group: String(k % 3) }));
    let last: Frame = { step: 0, steps: STEPS, charts: [], table: { columns: [], rows: [] } };
    const shown = (): Frame => {
      const neighbours = chosen === undefined ? [] : points.map((_, k) => k).filter((k) => k !== chosen && k % 7 === Number(chosen) % 7);
      return { ...last, map: { title: "A map", points, neighbours, ...(chosen !== undefined && { chosen }) } };
    };
    const frames = (function* () {
      for (let step = 1; step <= STEPS; step++) {
        const { value, grads } = mse.valueAndGrad(Float64Array.of(x), Float64Array.of(3));
        losses.push([step, value]);
        if (step % 2 === 0) xs.push([step, x]);
        x -= 0.2 * (grads.input[0] ?? 0);
        const images = Array.from({ length: 4 }, (_, k) => Float32Array.from({ length: 64 }, (_, i) => (i % 9 === (k + step) % 9 ? 1 : 0)));
        last = {
          step,
          steps: STEPS,
          charts: [
            { title: "Loss and place", x: "step", y: "value", lines: [{ name: "loss", points: losses }, { name: "place", points: xs }] },
            { title: "Share done", x: "step", y: "share", percent: true, lines: [{ name: "done", points: losses.map(([at]): [number, number] => [at, at / STEPS]) }] },
          ],
          pictures: { title: "Pictures", width: 8, height: 8, rows: [{ caption: "moving", images }] },
          table: { columns: ["what", "figure"], rows: [["loss", value.toFixed(4)], ["bytes read", String(numbers.length)]] },
        };
        yield shown();
      }
    })();
    return {
      next: () => frames.next(),
      select(point) {
        chosen = point;
        return shown();
      },
    };
  },
};

/** Ends in an error, which the page has to tell of. */
const broken: Story = {
  ...standIn,
  name: "broken",
  title: "A broken stand-in",
  data: [],
  tell: () => ({
    next() {
      throw new Error("it is broken");
    },
  }),
};

export const stories: readonly Story[] = [standIn, broken];
