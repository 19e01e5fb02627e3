// Tells a story in Node: shows how far it is, prints its figures, and draws its last frame.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import { type Engine, ENGINES, INTERRUPTED, file, integer, libraryOf } from "./options.ts";
import type { Frame, Story, Table } from "./stories/story.ts";
import { storyDrawing } from "./storyDrawing.ts";

export async function tell(story: Story): Promise<void> {
  const svg = `${story.name}.svg`;
  const options = new Command(`npm run story:${story.name} --`)
    .description([story.title, ...story.about].join("\n\n"))
    .addOption(new Option("--seed <n>", "of weights, noise and order").argParser(integer(0, 2 ** 32 - 1)).default(1))
    .addOption(new Option("--engine <name>", "the build of fused-loss").choices(ENGINES).default("simd128"))
    .addOption(new Option("--out <file>", "SVG of charts, pictures and maps").argParser(file).default(resolve(svg), svg))
    .addHelpText("after", `\nThe same seed gives the same figures; times differ.\nCtrl-C ends the story after the next frame: it shows what there is and exits with ${INTERRUPTED}.`)
    .showHelpAfterError(`Options come after two dashes: npm run story:${story.name} -- --seed 3.`)
    .parse()
    .opts<{ seed: number; engine: Engine; out: string }>();

  const { folder, makeStoryData } = await import("../scripts/storyData.ts"); // after the options, as the data sets take a second to load
  makeStoryData();
  const library = await libraryOf(options.engine);
  const files = story.data.map((name) => readFileSync(join(folder, name)));

  // Ctrl-C takes effect between two frames. It may be heard twice, as npm passes it on.
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.on("SIGINT", interrupt);

  console.log(`${story.title} (seed ${options.seed}, ${options.engine})\n`);
  const telling = story.tell(files, library, options.seed);
  const progress = process.stdout.isTTY ? bar() : lines();
  const start = performance.now();
  let last: Frame | undefined;
  while (!interruption.signal.aborted) {
    const { done, value: frame } = telling.next();
    if (done) break;
    last = frame;
    progress.show(frame);
    await setImmediate(); // lets Node hear of Ctrl-C and draw the bar
  }
  telling.return?.();
  progress.stop();
  process.off("SIGINT", interrupt);
  if (interruption.signal.aborted) process.exitCode = INTERRUPTED;
  if (!last) return;

  const ended = last.step < last.steps ? `interrupted after step ${last.step} of ${last.steps}` : `${last.steps} steps`;
  console.log(`\n${ended}, ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  console.log(text(last.table));
  writeFileSync(options.out, storyDrawing(`${story.title}: ${ended}, seed ${options.seed}`, last));
  console.log(`\nDrawing: ${options.out}`);
}

interface Progress {
  show(frame: Frame): void;
  stop(): void;
}

function bar(): Progress {
  const single = new SingleBar({
    format: "{bar} step {value}/{total}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 40,
    hideCursor: true,
    gracefulExit: false, // who draws the bar also hears of Ctrl-C, and calls stop()
    stream: process.stdout,
  });
  let started = false;
  return {
    show({ step, steps }) {
      if (!started) single.start(steps, step);
      else single.update(step);
      started = true;
    },
    stop: () => single.stop(),
  };
}

/** A line for each tenth of the story, with the rows of its table. */
function lines(): Progress {
  let next = 0;
  return {
    show({ step, steps, table }) {
      if (step < next) return;
      next += steps / 10;
      console.log(`step ${step}/${steps}  ${table.rows.map(([name, figure]) => `${name} ${figure}`).join("  ")}`);
    },
    stop() {},
  };
}

/** A table whose columns lie below each other: names to the left, figures to the right. */
function text({ columns, rows }: Table): string {
  const widths = columns.map((column, k) => Math.max(column.length, ...rows.map((row) => row[k]!.length)));
  return [columns, ...rows].map((row) => row.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join("  ")).join("\n");
}
