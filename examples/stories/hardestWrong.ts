// Two classifiers of digits: one ranks the right class above the hardest wrong one, the other learns by cross-entropy.
import { randomNumbers } from "../random.ts";
import { CLASSES, imageAt, imagesAt, labelsAt, PIXELS, readDigits, SIDE } from "./digits.ts";
import { Network } from "./network.ts";
import type { Story } from "./story.ts";
import { batches, frames, Growing, percent } from "./telling.ts";

const STEPS = 1_500;
const EVERY = 15;
const BATCH = 32;
const HIDDEN = 64;
const RATE = 0.002;
const MARGIN = 1;
const SHOWN = 10;

export const hardestWrong: Story = {
  name: "hardestWrong",
  title: "Ranking against the hardest wrong class",
  about: [
    "Margin ranking asks that the logit of the right class be greater by 1 than the greatest of the others, and leaves an image alone once it is. Cross-entropy wants all probability for the right class and is never content. " +
      "Both train the same network, from the same weights, on the same batches.",
    "The ranking is right about a percent more often, though in the end more than eight images of ten have no gradient any more: it works on the hard ones. " +
      "The least margins, measured by the median one, are better for it. What it does not give are probabilities, as the log loss of its logits shows.",
  ],
  uses: ["hardestWrong", "marginRanking", "crossEntropy"],
  data: ["digits.bin"],
  tell([bytes], { crossEntropy, hardestWrong, marginRanking, zeros }, seed) {
    const { train, test } = readDigits(bytes!);
    const batch = batches(train.labels.length, BATCH, randomNumbers(seed));
    const logits = zeros([BATCH, CLASSES]);
    const above = new Int8Array(BATCH).fill(1); // in each pair, the first logit is to be the greater one

    /** They take the labels and write the gradient by the logits over them. */
    const learners = {
      ranking(labels: Int32Array) {
        const { correct, wrong, scatter } = hardestWrong(logits, labels);
        const { grads } = marginRanking.valueAndGrad(correct, wrong, above, { margin: MARGIN });
        scatter(grads.input1, grads.input2, { out: logits });
      },
      "cross-entropy"(labels: Int32Array) {
        crossEntropy.valueAndGrad(logits, labels, { out: { grads: { input: logits } } });
      },
    };
    const runs = Object.entries(learners).map(([name, learner]) => ({ name, learner, network: new Network([PIXELS, HIDDEN, CLASSES], randomNumbers(seed)), taught: 0 }));

    const names = runs.map(({ name }) => name);
    const accuracies = new Growing(names, { title: "Accuracy on digits never seen", y: "accuracy", percent: true });
    const margins = new Growing(names, { title: "Margin that all but 5 % have, by the median margin", y: "ratio" });
    const taught = new Growing(names, { title: "Images of a batch with a gradient", y: "share", percent: true });

    return frames({
      steps: STEPS,
      every: EVERY,
      learn() {
        const places = batch.next().value;
        const [images, labels] = [imagesAt(train.images, places), labelsAt(train.labels, places)];
        for (const run of runs) {
          logits.data.set(run.network.forward(images));
          run.learner(labels);
          const gradient = logits.data;
          run.taught += labels.filter((label, row) => gradient[row * CLASSES + label] !== 0).length;
          run.network.backward(gradient);
          run.network.step(RATE);
        }
      },
      look(step) {
        const figures = runs.map((run) => {
          const output = run.network.forward(test.images);
          const { correct, wrong } = hardestWrong(output, test.labels);
          const margin = correct.map((logit, k) => logit - wrong[k]!);
          const byMargin = Array.from(margin.keys()).sort((a, b) => margin[a]! - margin[b]! || a - b);
          const quantile = (share: number) => margin[byMargin[Math.floor(share * byMargin.length)]!]!;
          // How many classes are thought likelier than the right one.
          const ranks = test.labels.map((label, k) => output.subarray(k * CLASSES, (k + 1) * CLASSES).filter((logit, c) => logit > correct[k]! && c !== label).length);
          const within = (most: number) => ranks.filter((rank) => rank < most).length / ranks.length;
          const share = step === 0 ? 1 : run.taught / (EVERY * BATCH);
          run.taught = 0;
          return {
            name: run.name,
            share,
            accuracy: within(1),
            top2: within(2),
            weakest: quantile(0.05) / quantile(0.5),
            loss: crossEntropy(output, test.labels),
            hardest: byMargin.slice(0, SHOWN),
          };
        });
        // The first steps would hide how little the two differ later, and a ratio to a median that is hardly above 0 means nothing.
        const later = figures.map((one) => (one.accuracy > 0.8 ? one : undefined));
        return {
          charts: [
            accuracies.with(step, later.map((one) => one?.accuracy)),
            margins.with(step, later.map((one) => one?.weakest)),
            taught.with(step, figures.map(({ share }) => share)),
          ],
          pictures: {
            title: "The digits with the least margin",
            width: SIDE,
            height: SIDE,
            rows: figures.map(({ name, hardest }) => ({ caption: name, images: hardest.map((place) => imageAt(test.images, place)) })),
          },
          table: {
            columns: ["loss", "accuracy", "among the first two", "margin all but 5 % have / median", "images with a gradient", "log loss"],
            rows: figures.map(({ name, accuracy, top2, weakest, share, loss }, k) => [name, percent(accuracy), percent(top2), later[k] ? weakest.toFixed(3) : "–", percent(share), loss.toFixed(4)]),
          },
        };
      },
      end: () => logits.dispose(),
    });
  },
};
