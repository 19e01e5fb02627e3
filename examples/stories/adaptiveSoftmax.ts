// Two models foretell the next word of Moby Dick: one has a softmax over all words, one an adaptive softmax.
import type { AdaptiveParts } from "fused-loss";
import { randomNumbers } from "../random.ts";
import { Network, Parameter } from "./network.ts";
import type { Story } from "./story.ts";
import { frames, Growing } from "./telling.ts";

const STEPS = 500;
const EVERY = 4;
const BATCH = 64;
/** At first; it falls evenly to 0. */
const RATE = 0.012;
const WORDS = 8_000;
/** How many words before it a word is foretold from, and of how many numbers an embedding of one is. */
const CONTEXT = 3;
const WIDTH = 24;
/** Numbers that go into the output layer. */
const FEATURES = 64;
/** Where the clusters of rarer words begin: those words have 16 and 4 numbers in place of 64. */
const CUTOFFS = [500, 2_000];
/** Words to test with, from the last tenth of the book. */
const TESTED = 512;

export const adaptiveSoftmax: Story = {
  name: "adaptiveSoftmax",
  title: "Adaptive softmax on the words of Moby Dick",
  about: [
    "A model that foretells the next of 8,000 words spends most of its time and memory on the words that hardly ever come. The adaptive softmax gives the 500 most frequent words full width and puts the others into two clusters, " +
      "with narrow layers of their own that are computed only for the words that need them. Both models have the same embeddings and hidden layers, and see the same words.",
    "Look at the time of a step, which is that of this machine, at the numbers that the output layer learns and computes, and at the perplexity on the last tenth of the book: among how many equally likely words the model is undecided. " +
      "After as many steps the two are about as good as each other; the adaptive softmax takes less than half the time for them, and its output layer, with what it computes for a step, a fifth of the memory. All this after 32,000 words: what a long training would give is not shown here.",
  ],
  uses: ["AdaptiveLogSoftmax", "linearCrossEntropy", "poissonNll"],
  data: ["words.bin"],
  tell([bytes], { AdaptiveLogSoftmax, bce, linearCrossEntropy, poissonNll, tensor, zeros }, seed) {
    const text = new Uint16Array(Uint8Array.from(bytes!).buffer); // a copy, as the bytes may begin anywhere
    const learned = Math.floor(0.9 * text.length);
    const random = randomNumbers(seed);
    const wordsAt = (places: Int32Array<ArrayBuffer>) => places.map((place) => text[place]!);
    const tested = Int32Array.from({ length: TESTED }, (_, k) => learned + CONTEXT + Math.floor((k * (text.length - learned - CONTEXT)) / TESTED));

    const hidden = zeros([BATCH, FEATURES]);
    const uniform = randomNumbers(seed);
    const weight = tensor(Float32Array.from({ length: WORDS * FEATURES }, () => (2 * uniform() - 1) / Math.sqrt(FEATURES)), [WORDS, FEATURES]);
    const layer = new AdaptiveLogSoftmax({ inFeatures: FEATURES, classes: WORDS, cutoffs: CUTOFFS, seed });

    /** All words: one matrix, whose product with the inputs is all logits. */
    const full = (): OutputLayer => {
      const parameter = new Parameter(weight);
      return {
        parameters: [parameter],
        learn: (target) => linearCrossEntropy.valueAndGrad(hidden, weight, target, { out: { grads: { input: hidden, linearWeight: parameter.gradient } } }),
        value: (input, target) => linearCrossEntropy(input, weight, target),
        logits: (target) => target.length * WORDS,
      };
    };
    /** The frequent words beside the clusters, and each cluster for those of its words that come. */
    const adaptive = (): OutputLayer => {
      const { head, tail } = layer.parameters;
      const parameters = { head: new Parameter(head.weight), tail: tail.map(({ projection, weight }) => ({ projection: new Parameter(projection), weight: new Parameter(weight) })) };
      const gradients: AdaptiveParts<Float32Array<ArrayBuffer>> = {
        head: { weight: parameters.head.gradient },
        tail: parameters.tail.map(({ projection, weight }) => ({ projection: projection.gradient, weight: weight.gradient })),
      };
      const bounds = [...CUTOFFS, WORDS];
      return {
        parameters: [parameters.head, ...parameters.tail.flatMap(({ projection, weight }) => [projection, weight])],
        learn: (target) => layer.valueAndGrad(hidden, target, { out: { grads: { input: hidden, ...gradients } } }),
        value: (input, target) => layer.value(input, target),
        logits: (target) =>
          CUTOFFS.reduce((sum, from, k) => {
            const to = bounds[k + 1]!;
            return sum + target.filter((word) => word >= from && word < to).length * (to - from);
          }, target.length * (CUTOFFS[0]! + CUTOFFS.length)),
      };
    };
    const runs = [
      { name: "full softmax", output: full() },
      { name: "adaptive softmax", output: adaptive() },
    ].map(({ name, output }) => {
      const numbers = randomNumbers(seed);
      const embeddings = new Parameter({ data: Float32Array.from({ length: WORDS * WIDTH }, () => 2 * numbers() - 1) });
      return { name, output, embeddings, network: new Network([CONTEXT * WIDTH, FEATURES, FEATURES], numbers), times: [] as number[], logits: 0 };
    });

    /** Does it for each of the words before each place, which `row` counts. */
    const forContext = (places: Int32Array, each: (word: number, row: number) => void) =>
      places.forEach((place, k) => {
        for (let c = 0; c < CONTEXT; c++) each(text[place - CONTEXT + c]!, k * CONTEXT + c);
      });
    const embedded = ({ of: { data } }: Parameter, places: Int32Array) => {
      const rows = new Float32Array(places.length * CONTEXT * WIDTH);
      forContext(places, (word, row) => rows.set(data.subarray(word * WIDTH, (word + 1) * WIDTH), row * WIDTH));
      return rows;
    };

    /** eˣ as the library has it, the same on every machine. */
    const exp = (x: number) => poissonNll(Float64Array.of(x), Float64Array.of(0));
    // What one knows without reading: how often each word comes. −ln p is the binary cross-entropy of p against 1.
    const counts = new Float64Array(WORDS).fill(1);
    for (const word of text.subarray(0, learned)) counts[word]!++;
    const known = Float64Array.from(wordsAt(tested), (word) => counts[word]! / (learned + WORDS));
    const unread = exp(bce(known, new Float64Array(TESTED).fill(1)));

    const names = runs.map(({ name }) => name);
    const perplexities = new Growing([...names, "words' frequencies alone"], { title: "Perplexity on the last tenth of the book", y: "perplexity" });
    const times = new Growing(names, { title: "Time of a step", y: "milliseconds" });

    return frames({
      steps: STEPS,
      every: EVERY,
      learn(step) {
        const rate = RATE * (1 - step / STEPS);
        const places = Int32Array.from({ length: BATCH }, () => CONTEXT + Math.floor(random() * (learned - CONTEXT)));
        const target = wordsAt(places);
        for (const run of runs) {
          const { output, network, embeddings } = run;
          const start = performance.now();
          hidden.data.set(network.forward(embedded(embeddings, places)));
          output.learn(target); // the gradient over the hidden layer's output
          const gradient = network.backward(hidden.data, true);
          const sums = embeddings.gradient.fill(0);
          forContext(places, (word, row) => {
            for (let i = 0; i < WIDTH; i++) sums[word * WIDTH + i]! += gradient[row * WIDTH + i]!;
          });
          network.step(rate);
          for (const parameter of [embeddings, ...output.parameters]) parameter.step(rate);
          run.times.push(performance.now() - start);
          run.logits += output.logits(target);
        }
      },
      look(step) {
        const target = wordsAt(tested);
        const figures = runs.map(({ name, output, embeddings, network, times, logits }) => ({
          name,
          perplexity: exp(output.value({ data: network.forward(embedded(embeddings, tested)), shape: [TESTED, FEATURES] }, target)),
          time: median(times),
          parameters: output.parameters.reduce((sum, { gradient }) => sum + gradient.length, 0),
          logits: step === 0 ? 0 : logits / step,
        }));
        return {
          charts: [
            // At first the models know less than nothing, which would flatten what follows.
            perplexities.with(step, [...figures.map(({ perplexity }) => (perplexity < 2 * unread ? perplexity : undefined)), unread]),
            times.with(step, figures.map(({ time }) => (step === 0 ? undefined : time))),
          ],
          table: {
            columns: ["output layer", "perplexity", "ms a step (median)", "parameters", "logits a step", "memory of these two"],
            rows: [
              ...figures.map(({ name, perplexity, time, parameters, logits }) => [
                name,
                perplexity.toFixed(1),
                time.toFixed(2),
                thousands(parameters),
                thousands(logits),
                `${((4 * (parameters + logits)) / 2 ** 20).toFixed(2)} MiB`,
              ]),
              ["words' frequencies alone", unread.toFixed(1), "–", thousands(WORDS), "–", "–"],
            ],
          },
        };
      },
      end() {
        hidden.dispose();
        weight.dispose();
        layer.dispose();
      },
    });
  },
};

/** What turns the hidden layer's output into a loss. */
interface OutputLayer {
  readonly parameters: readonly Parameter[];
  /** Writes the gradients, that by the hidden layer's output over it. */
  learn(target: Int32Array<ArrayBuffer>): void;
  /** The mean of −ln p. */
  value(input: { data: Float32Array<ArrayBuffer>; shape: number[] }, target: Int32Array<ArrayBuffer>): number;
  /** How many logits are computed for such targets. */
  logits(target: Int32Array<ArrayBuffer>): number;
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

const thousands = (count: number) => Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, ",");
