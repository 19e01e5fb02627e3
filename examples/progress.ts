// What one sees of the trainings while they run: bars on a terminal, otherwise a line for each epoch.
import { MultiBar } from "cli-progress";
import type { Point } from "./chart.ts";

export interface Progress {
  /** A step is done; `loss` is the mean of the epoch so far. */
  step(name: string, epoch: number, loss: number): void;
  /** An epoch is done, or what there was of it. */
  epoch(name: string, point: Point): void;
  stop(): void;
}

export const percent = (share: number, digits = 2) => `${(share * 100).toFixed(digits)} %`;

export function bars(names: readonly string[], epochs: number, stepsPerEpoch: number): Progress {
  const multiBar = new MultiBar({
    format: "{name} {bar} epoch {epoch}/{epochs}  loss {loss}  test accuracy {accuracy}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20,
    hideCursor: true,
    gracefulExit: false, // who draws the bars also hears of Ctrl-C, and calls stop()
    stream: process.stdout,
  });
  const width = Math.max(...names.map((name) => name.length));
  const start = { epoch: 1, epochs, loss: "–", accuracy: "–" };
  const all = new Map(
    names.map((name) => [name, multiBar.create(epochs * stepsPerEpoch, 0, { ...start, name: name.padEnd(width) })]),
  );
  return {
    step: (name, epoch, loss) => all.get(name)?.increment(1, { epoch: epoch + 1, loss: loss.toFixed(4) }),
    epoch: (name, { accuracy }) => all.get(name)?.update({ accuracy: percent(accuracy) }),
    stop: () => multiBar.stop(),
  };
}

export function lines(names: readonly string[], epochs: number): Progress {
  const width = Math.max(...names.map((name) => name.length));
  return {
    step() {},
    epoch(name, { epoch, loss, accuracy }) {
      const done = `epoch ${Number(epoch.toFixed(2))}/${epochs}`;
      console.log(`${done}  ${name.padEnd(width)}  loss ${loss.toFixed(4)}  test accuracy ${percent(accuracy)}`);
    },
    stop() {},
  };
}
