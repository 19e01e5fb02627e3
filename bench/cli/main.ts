#!/usr/bin/env node
// npx fused-loss bench: the benchmark on a user's machine. It is bundled into dist/cli.js, by scripts/bundle.mjs, with the
// libraries and cases that it needs. It stands here, not in ts/, as it is the repository's benchmark in another dress, and as
// ts/ is free of Node's modules.
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Command, Option } from "commander";
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import { version } from "../../package.json";
import { loadCases } from "../cases.js";
import { measureCells, warmUp } from "../cells.js";
import { type Measurements, host, loadNow } from "../record.js";
import { figures } from "../report.js";
import { Disagreement, type Engines, rowsOf } from "../rows.js";
import { Progress, type Selection, choose, countCells, dtypesOf, withSelection } from "../run.js";
import { type SelfCheck, type Support, selfCheck, showSelfCheck, showSupport, support } from "./support.js";

interface Options extends Selection {
  all?: boolean;
  json?: boolean;
  svg?: string;
}

/** What `--json` prints. */
interface CommandRecord extends Measurements {
  readonly support: Support;
  readonly selfCheck: SelfCheck;
}

/** What is measured unless told: half a minute. */
const DEFAULT = { loss: ["mse", "huber", "bceWithLogits", "klDiv", "crossEntropy"], size: ["1024", "65536", "1048576", "4096x10", "128x1000"] };

// A reader that has enough, such as `head`, ends the program, and is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const program = new Command("fused-loss").description("Tells how fast fused-loss is on this machine, and whether it works.").version(version);

withSelection(program.command("bench"), 200)
  .description(
    "Checks every build, then times the SIMD build, the scalar build and plain JavaScript in turn: value alone and value with gradient, medians and ratios.",
  )
  .addOption(new Option("--all", "every loss and function in every size, which takes some minutes; not with --loss").conflicts("loss"))
  .option("--json", "print the record instead of the report")
  .option("--svg <file>", "draw the ratios of value with gradient into a file, whose folder is made")
  .addHelpText("after", `\nSizes are those that the losses are measured in; a name or size that there is not lists what there is.\nWithout --loss, --size and --all: ${DEFAULT.loss.join(", ")} in ${DEFAULT.size.join(", ")}.`)
  .action(async (options: Options, command: Command) => {
    const refuse = (message: string): never => command.error(`error: ${message}`);
    try {
      await bench(options, refuse);
    } catch (error) {
      if (error instanceof Disagreement) refuse(error.message);
      throw error;
    }
  });

/** Fails at once where a file cannot be written, not after the measuring. */
function open(path: string, refuse: (message: string) => never) {
  try {
    mkdirSync(dirname(path), { recursive: true });
    closeSync(openSync(path, "a"));
  } catch (error) {
    refuse(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function bench(options: Options, refuse: (message: string) => never) {
  const all = rowsOf(await loadCases());
  const short = !options.all && !options.loss && !options.size;
  const losses = options.loss ?? (options.all ? undefined : DEFAULT.loss);
  const rows = choose(all, { loss: losses, size: options.size ?? (short ? DEFAULT.size : undefined) }, refuse);
  const dtypes = dtypesOf(options);
  if (options.svg !== undefined) open(options.svg, refuse);

  // With --json stdout is the record alone.
  const tell = options.json ? console.error : console.log;
  const about = host();
  const can = await support();
  tell(`fused-loss ${version} on ${about.engine} ${about.engineVersion}, ${about.platform}`);
  tell(`CPU: ${about.cpu}, ${about.cores} ${about.cores === 1 ? "core" : "cores"}`);
  tell(`WebAssembly: ${showSupport(can)}`);
  const checked = await selfCheck(all, can).catch((error: unknown) => refuse(`self-check: ${error instanceof Error ? error.message : String(error)}`));
  tell(`self-check: ${showSelfCheck(checked)}`);

  const engines: Engines = checked.same.includes("simd128") ? { simd128, scalar } : { scalar };
  const load = loadNow();
  const progress = new Progress(countCells(rows, dtypes));
  progress.show("warm-up");
  warmUp(rows, engines);
  const cells = await measureCells(rows, dtypes, engines, options.time, progress);
  progress.stop();

  const record: CommandRecord = { ...about, version, support: can, selfCheck: checked, load: [load, loadNow()], time: options.time, cells };
  if (options.json) console.log(JSON.stringify(record, null, 2));
  else console.log(`\n${figures(cells).join("\n\n")}`);
  if (options.svg !== undefined) {
    const { chart } = await import("../chart.js");
    writeFileSync(options.svg, chart(record));
    console.error(`\nchart: ${options.svg}`);
  }
  if (short && !options.json) console.log("\nThis was a selection: `fused-loss bench --all` measures every loss, `--help` lists the options.");
}

await program.parseAsync();
