// Four spam filters learn from mails of which one in twenty is spam.
import { BalancedSampler, classCounts, classWeights } from "fused-loss/sampling";
import { randomNumbers, shuffled } from "../random.ts";
import { Network } from "./network.ts";
import type { Story } from "./story.ts";
import { frames, Growing, percent } from "./telling.ts";

const STEPS = 400;
const EVERY = 5;
const BATCH = 32;
const RATE = 0.002;
/** The step from which fine-tuning has the natural frequencies, and what it divides the rate by. */
const TUNING = 300;
const SLOWER = 4;
/** The mails to test with. */
const TESTED = 2_000;
/** The share of spam, to learn from and to test with. */
const SHARE = 0.05;

const WORDS = 300;
const RECORD = 1 + Math.ceil(WORDS / 8);

export const spamFilter: Story = {
  name: "spamFilter",
  title: "A spam filter that sees little spam",
  about: [
    "One mail in twenty is spam, and a linear filter is told which of 300 words a mail has. Trained plainly it misses nearly half of the spam. " +
      "With class weights, or with batches that have as much spam as ham, it finds most of it, but takes more ham for spam, and its probabilities are not to be believed any more: it expects about twice the spam that there is, or more.",
    "The fourth filter learns from balanced batches first, and from step 300 on, at a quarter of the rate, from batches with the natural frequencies. " +
      "That brings its mean probability back near the true rate and lowers its log loss to about that of the plain filter. Of the spam that it had gained, some stays found: little with some seeds, and its F1 is then no better than the plain filter's. " +
      "All of this is about learning from little: trained for longer, the plain filter catches up.",
  ],
  uses: ["crossEntropy", "softmax", "classCounts", "classWeights", "BalancedSampler"],
  data: ["mails.bin"],
  tell([bytes], { crossEntropy, softmax, zeros }, seed) {
    const mails = Array.from({ length: bytes!.length / RECORD }, (_, k) => bytes!.subarray(k * RECORD, (k + 1) * RECORD));
    const ham = mails.filter(([spam]) => spam === 0);
    const spam = mails.filter(([spam]) => spam === 1);
    // The mails to test with are the same for every seed. Of the rest, only as much spam is kept as makes the share.
    const random = randomNumbers(seed);
    const tested = [...ham.splice(0, (1 - SHARE) * TESTED), ...spam.splice(0, SHARE * TESTED)];
    const kept = shuffled(spam.length, random).subarray(0, Math.round((ham.length * SHARE) / (1 - SHARE)));
    const learned = [...ham, ...Array.from(kept, (place) => spam[place]!)];
    const order = shuffled(learned.length, random);

    const weight = classWeights(classCounts(labelsOf(learned), 2));
    const runs = [
      { name: "plain", natural: true },
      { name: "class weights", natural: true, options: { weight } },
      { name: "balanced", natural: false },
      { name: "fine-tuned", natural: false, tuned: true },
    ].map(({ name, natural, options, tuned = false }) => {
      const sampler = new BalancedSampler<Uint8Array>({ classes: 2, capacity: learned.length, batchSize: BATCH, seed });
      for (const place of order) sampler.push(learned[place]!, learned[place]![0]!);
      sampler.useFrequencies(natural);
      return { name, sampler, options, tuned, network: new Network([WORDS, 2], randomNumbers(seed)) };
    });

    const logits = zeros([BATCH, 2]);
    const [testWords, testLabels] = [wordsOf(tested), labelsOf(tested)];
    const names = runs.map(({ name }) => name);
    const scores = new Growing(names, { title: "F1 of spam", y: "F1", percent: true });
    const rates = new Growing([...names, "true rate"], { title: "How often spam is expected", y: "mean probability of spam", percent: true });
    const losses = new Growing(names, { title: "Log loss on mails never seen", y: "log loss" });

    return frames({
      steps: STEPS,
      every: EVERY,
      learn(step) {
        for (const { sampler, options, network, tuned } of runs) {
          const tunes = tuned && step >= TUNING;
          if (tunes) sampler.useFrequencies();
          const { items, labels } = sampler.next();
          logits.data.set(network.forward(wordsOf(items)));
          crossEntropy.valueAndGrad(logits, labels, { ...options, out: { grads: { input: logits } } });
          network.backward(logits.data);
          network.step(tunes ? RATE / SLOWER : RATE);
        }
      },
      look(step) {
        const figures = runs.map(({ name, network }) => {
          const output = { data: network.forward(testWords), shape: [TESTED, 2] };
          const loss = crossEntropy(output, testLabels);
          const probabilities = softmax(output).filter((_, i) => i % 2 === 1);
          const found = testLabels.map((label, k) => (probabilities[k]! > 0.5 ? 1 + label : 0)); // 0: not, 1: falsely, 2: rightly
          const [falsely, rightly] = classCounts(found, 3).subarray(1);
          const all = SHARE * TESTED;
          return {
            name,
            loss,
            rate: probabilities.reduce((sum, p) => sum + p, 0) / TESTED,
            recall: rightly! / all,
            precision: rightly! / (rightly! + falsely!),
            f1: (2 * rightly!) / (rightly! + falsely! + all),
          };
        });
        return {
          charts: [
            scores.with(step, figures.map(({ f1 }) => f1)),
            rates.with(step, [...figures.map(({ rate }) => rate), SHARE]),
            losses.with(step, figures.map(({ loss }) => loss)),
          ],
          table: {
            columns: ["filter", "recall", "precision", "F1", "log loss", `expects spam (true: ${percent(SHARE)})`],
            rows: figures.map(({ name, recall, precision, f1, loss, rate }) => {
              const found = Number.isNaN(precision) ? "–" : percent(precision); // it may find nothing at all
              return [name, percent(recall), found, percent(f1), loss.toFixed(4), percent(rate)];
            }),
          },
        };
      },
      end: () => logits.dispose(),
    });
  },
};

const labelsOf = (mails: readonly Uint8Array[]) => Int32Array.from(mails, ([spam]) => spam!);

/** For each mail, which of the words it has: ones and zeros. */
function wordsOf(mails: readonly Uint8Array[]): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(mails.length * WORDS);
  mails.forEach((mail, k) => {
    for (let word = 0; word < WORDS; word++) rows[k * WORDS + word] = (mail[1 + (word >> 3)]! >> (word & 7)) & 1;
  });
  return rows;
}
