// Trains a digit classifier in Node, on one CPU core. The model and its optimiser are jax-js's, the loss and its
// gradient come from fused-loss. A second training, with jax-js's own loss, is there to compare.
//
//     npm run train
//     npm run train -- --help
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { defaultDevice, init } from "@jax-js/jax";
import { Command, InvalidArgumentError, Option } from "commander";
import { learningCurve } from "./chart.ts";
import { loadDigits, pick, TRAIN } from "./digits.ts";
import { losses } from "./losses.ts";
import { type Engine, ENGINES, INTERRUPTED, file, integer, libraryOf } from "./options.ts";
import { bars, lines, percent } from "./progress.ts";
import { randomNumbers, shuffled } from "./random.ts";
import { type Part, PARTS, Training, withFusedLoss, withJaxLoss } from "./training.ts";

interface Options {
  loss: string;
  epochs: number;
  batch: number;
  lr: number;
  seed: number;
  engine: Engine;
  out: string;
}

const options = readOptions();
const loss = losses.get(options.loss)!; // the parser lets no other name through
const library = await libraryOf(options.engine);

// Where there is a global `Worker`, jax-js computes with threads. Node has none, so all of it runs on one core.
await init("wasm");
defaultDevice("wasm");

const { train, test } = loadDigits();
// Every batch has the same size, as jax-js compiles anew for each shape; the few images left over change by epoch.
const stepsPerEpoch = Math.floor(TRAIN / options.batch);
const ours = new Training(`fused-loss (${options.engine})`, loss, withFusedLoss(loss, library), options);
const theirs = new Training("jax-js alone", loss, withJaxLoss(loss), options);
const both = [ours, theirs] as const;

// Ctrl-C takes effect between two steps. It may be heard twice, as npm passes it on.
const interruption = new AbortController();
process.on("SIGINT", () => interruption.abort());

const names = both.map(({ name }) => name);
const progress = process.stdout.isTTY ? bars(names, options.epochs, stepsPerEpoch) : lines(names, options.epochs);
const random = randomNumbers(options.seed);
for (let epoch = 0; epoch < options.epochs; epoch++) {
  const order = shuffled(TRAIN, random);
  let steps = 0;
  for (; steps < stepsPerEpoch && !interruption.signal.aborted; steps++) {
    const batch = pick(train, order.subarray(steps * options.batch, (steps + 1) * options.batch));
    // In turn, and neither always first: whatever else the machine does slows both alike.
    for (const training of steps % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      await training.step(batch);
      progress.step(training.name, epoch, training.meanLoss);
    }
    await setImmediate(); // lets Node hear of Ctrl-C and draw the bars
  }
  if (steps === 0) break;
  for (const training of both) progress.epoch(training.name, training.endEpoch(epoch + steps / stepsPerEpoch, test));
}
progress.stop();

report();
if (interruption.signal.aborted) process.exitCode = INTERRUPTED;

function report() {
  const epochs = ours.points.at(-1)?.epoch;
  if (epochs === undefined) {
    console.log("Interrupted before the first step.");
    return;
  }
  const title = `${options.loss}, batches of ${options.batch}, learning rate ${options.lr}, seed ${options.seed}`;
  const columns = both.map(({ name, points, clock }) => {
    const { loss, accuracy } = points.at(-1)!;
    const medians = clock.medians();
    const time = (...parts: Part[]) => parts.reduce((sum, part) => sum + (medians.get(part) ?? 0), 0);
    const ms = (...parts: Part[]) => (time(...parts) > 0 ? `${time(...parts).toFixed(3)} ms` : "–");
    const share = (...parts: Part[]) => percent(time(...parts) / time(...PARTS));
    return new Map([
      ["", name],
      ["test accuracy", percent(accuracy)],
      ["loss in the last epoch", loss.toPrecision(5)],
      ["training time", `${(clock.total() / 1000).toFixed(1)} s`],
      ["time per step (of medians)", ms(...PARTS)],
      ...PARTS.map((part) => [`  ${part}`, ms(part)] as const),
      ["share spent in the loss", share("loss and its gradient")],
      ["  with the ways out and in", share("output out of jax-js", "loss and its gradient", "gradient into jax-js")],
    ]);
  });

  console.log(`\n${title}${interruption.signal.aborted ? `: interrupted after ${epochs.toFixed(2)} epochs` : ""}\n`);
  for (const key of columns[0]!.keys()) {
    console.log(key.padEnd(30) + columns.map((column) => column.get(key)!.padStart(22)).join(""));
  }

  writeFileSync(options.out, learningCurve(title, both));
  console.log(`\nLearning curve: ${options.out}`);
}

function readOptions(): Options {
  const positive = (text: string) => {
    const value = Number(text);
    if (value > 0 && value < Infinity) return value;
    throw new InvalidArgumentError("It must be a number above 0.");
  };

  const names = [...losses.keys()];
  const curve = "train-curve.svg";
  return new Command("npm run train --")
    .description(
      "Trains a classifier of handwritten digits, by jax-js with a loss of fused-loss and once more by jax-js alone. " +
        "Reports accuracies, times and the share that the loss has in them, and draws the learning curve.",
    )
    .addOption(new Option("--loss <name>", "the loss").choices(names).default("crossEntropy"))
    .addOption(new Option("--epochs <n>", "passes over 8,000 images").argParser(integer(1, 10_000)).default(10))
    .addOption(new Option("--batch <n>", "images in a step").argParser(integer(1, TRAIN)).default(64))
    .addOption(new Option("--lr <rate>", "learning rate of Adam").argParser(positive).default(0.002))
    .addOption(new Option("--seed <n>", "of weights and order").argParser(integer(0, 2 ** 32 - 1)).default(1))
    .addOption(new Option("--engine <name>", "the build of fused-loss").choices(ENGINES).default("simd128"))
    .addOption(new Option("--out <file>", "SVG of the learning curve").argParser(file).default(resolve(curve), curve))
    .addHelpText(
      "after",
      "\nThe same options give the same losses and accuracies; times differ." +
        `\nCtrl-C ends the training after the step at hand: it reports what there is and exits with ${INTERRUPTED}.`,
    )
    .showHelpAfterError("Options come after two dashes: npm run train -- --epochs 3. All: npm run train -- --help")
    .parse()
    .opts<Options>();
}
