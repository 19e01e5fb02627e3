// Two networks clean noisy digits. Neither ever sees a clean one: one learns by the mean absolute error, one by the mean square.
import { randomNumbers } from "../random.ts";
import { CLASSES, imageAt, imagesAt, PIXELS, readDigits, SIDE } from "./digits.ts";
import { Network } from "./network.ts";
import type { Story } from "./story.ts";
import { batches, frames, Growing, percent } from "./telling.ts";

const STEPS = 1_500;
const EVERY = 15;
const BATCH = 32;
const HIDDEN = 64;
const RATE = 0.002;
/** The share of pixels that noise replaces by paper or ink. */
const NOISE = 0.3;
/** Digits that errors are measured on. */
const TESTED = 200;

export const noisyDigits: Story = {
  name: "noisyDigits",
  title: "L1 against L2 on noisy digits",
  about: [
    "Both networks are shown a noisy digit and asked for another noisy picture of the same digit: there are no clean ones to learn from. " +
      "In every picture, noise has replaced three pixels of ten by paper or ink. The two begin with the same weights, see the same batches, and differ by their loss only.",
    "By the mean square error (mse) the best answer for a pixel is the mean of what it may be, so paper turns grey and ink pale. " +
      "By the mean absolute error (l1) it is the median, which such noise does not move. Look at the pictures, and at how far both are from the clean digits, which only these figures know.",
  ],
  uses: ["l1", "mse"],
  data: ["digits.bin"],
  tell([bytes], { l1, mse, zeros }, seed) {
    const { train, test } = readDigits(bytes!);
    const random = randomNumbers(seed);
    const noisy = (images: Float32Array<ArrayBuffer>) => images.map((grey) => (random() >= NOISE ? grey : random() < 0.5 ? 0 : 1));

    const clean = test.images.slice(0, TESTED * PIXELS);
    const seen = noisy(clean);
    const shown = Int32Array.from({ length: CLASSES }, (_, digit) => test.labels.indexOf(digit));
    const batch = batches(train.labels.length, BATCH, random);
    const runs = [
      { name: "l1", loss: l1 },
      { name: "mse", loss: mse },
    ].map((run) => ({ ...run, network: new Network([PIXELS, HIDDEN, PIXELS], randomNumbers(seed)) }));

    const [output, target] = [zeros([BATCH, PIXELS]), zeros([BATCH, PIXELS])];
    const names = runs.map(({ name }) => name);
    const errors = new Growing(names, { title: "Error against the clean digits", y: "mean absolute error" });
    const greys = new Growing(names, { title: "Pixels that are neither paper nor ink", y: "share", percent: true });

    return frames({
      steps: STEPS,
      every: EVERY,
      learn() {
        const images = imagesAt(train.images, batch.next().value);
        const input = noisy(images);
        target.data.set(noisy(images));
        for (const { loss, network } of runs) {
          output.data.set(network.forward(input));
          loss.valueAndGrad(output, target, { out: { grads: { input: output } } }); // the gradient over the output
          network.backward(output.data);
          network.step(RATE);
        }
      },
      look(step) {
        const measured = (name: string, images: Float32Array<ArrayBuffer>) => ({
          name,
          images,
          error: l1(images, clean),
          root: Math.sqrt(mse(images, clean)),
          grey: images.filter((grey) => grey > 0.15 && grey < 0.85).length / images.length,
        });
        const cleaned = runs.map(({ name, network }) => measured(name, network.forward(seen).map(clipped)));
        const all = [measured("clean", clean), measured("noisy", seen), ...cleaned];
        return {
          charts: [errors.with(step, cleaned.map(({ error }) => error)), greys.with(step, cleaned.map(({ grey }) => grey))],
          pictures: {
            title: "Digits that no network has seen",
            width: SIDE,
            height: SIDE,
            rows: all.map(({ name, images }) => ({ caption: name, images: Array.from(shown, (place) => imageAt(images, place)) })),
          },
          table: {
            columns: ["pictures", "mean error", "root mean square error", "grey pixels"],
            rows: all.map(({ name, error, root, grey }) => [name, error.toFixed(4), root.toFixed(4), percent(grey)]),
          },
        };
      },
      end() {
        output.dispose();
        target.dispose();
      },
    });
  },
};

const clipped = (grey: number) => Math.min(1, Math.max(0, grey));
