// npm run bench:peers: fused-loss against PyTorch, tfjs, jax-js and plain loops: value with gradient in float32, one thread
// against one thread, and two of ours against two of PyTorch.
//
// Every contestant is a process of its own that gets the same inputs, answers with value and gradients (which must agree),
// and then takes samples in turn with the others, A B C, C B A, …. What a contestant cannot do is said and left out.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { loadCases } from "../cases.js";
import { median, ratio } from "../measure.js";
import { replacePart } from "../readme.js";
import { defaultPath, environment, loadNow } from "../record.js";
import { count, normal, seeded } from "../../test/support/draw.js";
import { type Cell, draw, rowsOf } from "../rows.js";
import { ADAPTIVE, CELLS, type Cells } from "./cells.js";
import { chart } from "./chart.js";
import type { Answer, Prepare } from "./protocol.js";
import { type Measured, OURS, PEERS, type PeersRecord, TWO, headline, readmePart, showCell, summary } from "./report.js";

interface Options {
  loss?: string[];
  compiled: boolean;
  twoThreads: boolean;
  python?: string;
  rounds: string;
  time: string;
  out?: string;
}

const options = new Command("npm run bench:peers --")
  .description(
    "Times fused-loss against PyTorch 2.15, eager and compiled, tfjs, jax-js and plain loops, in turn: value with gradient, float32, one thread, and two threads of ours and of PyTorch; medians and ratios. " +
      "A run of all cells and contestants writes a record and a chart to bench/records, and the README's table.",
  )
  .option("--loss <names...>", "only these losses")
  .option("--no-compiled", "leave torch.compile out, which takes half a minute a cell to compile")
  .option("--no-two-threads", "leave two threads of ours and of PyTorch out")
  .option("--python <path>", "a Python that has torch 2.15 (default: a virtual environment in bench/peers, made when missing)")
  .option("--rounds <count>", "samples of each contestant for each cell", "11")
  .option("--time <ms>", "length of a sample", "40")
  .option("--out <file.json>", "where the figures go")
  .parse()
  .opts<Options>();

/** Rounds whose samples are thrown away. */
const WARM_UP = 2;
/** The loss that cells are of. */
const nameOf = ({ title }: Cells) => title.split(" ")[0] ?? title;
const folder = fileURLToPath(new URL(".", import.meta.url));

/** A Python with PyTorch: the one told, or that of a virtual environment in this folder. */
function python(): string {
  if (options.python !== undefined) return options.python;
  const made = join(folder, ".venv", "bin", "python");
  if (existsSync(made)) return made;
  console.error("making bench/peers/.venv with PyTorch 2.15, some 3 GB …");
  for (const [command, ...args] of [
    ["python3", "-m", "venv", join(folder, ".venv")],
    [made, "-m", "pip", "install", "--quiet", "torch==2.15.*", "numpy"],
  ] as const) {
    const { status } = spawnSync(command, args, { stdio: "inherit" });
    if (status === 0) continue;
    rmSync(join(folder, ".venv"), { recursive: true, force: true });
    console.error(`\`${command} ${args.join(" ")}\` failed`);
    process.exit(1);
  }
  return made;
}

/** A contestant in its process: a line asks, a line answers. */
class Contestant {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
  ) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    if (!this.#child.stdout) throw new Error("a pipe");
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(command: object): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const next = await this.#lines.next();
    return next.done === true ? { missing: `${this.name} has ended` } : (JSON.parse(next.value) as Answer);
  }

  end() {
    this.#child.stdin?.end();
  }
}

/** What a loss is called with. */
type Called = Pick<Cell, "inputs" | "options"> & { readonly loss: string; readonly wanted: readonly string[] };

/** Writes −1 after the first −1 of each row. */
function endLists(target: Int32Array, classes: number) {
  for (let start = 0; start < target.length; start += classes) {
    const row = target.subarray(start, start + classes);
    const end = row.indexOf(-1);
    if (end >= 0) row.fill(-1, end);
  }
}

/** The numbers of a cell, the same in every run. */
function numbers({ title, options: own }: Cells, shape: readonly number[]): Called {
  if (title === ADAPTIVE.title) {
    const random = seeded(1);
    const [samples = 0] = shape;
    const input = Float32Array.from({ length: count(shape) }, () => normal(random));
    // Class c as often as 1/(c + 1), nearly, as with words.
    const target = Int32Array.from({ length: samples }, () => Math.floor(ADAPTIVE.classes ** random()) - 1);
    const { classes, cutoffs, seed } = ADAPTIVE;
    return { loss: title, inputs: [{ name: "input", data: input, shape }, { name: "target", data: target, shape: [samples] }], options: { classes, cutoffs, seed }, wanted: ["input"] };
  }
  const found = rows.find((row) => row.title === title);
  if (!found || !("wrt" in found.of)) throw new Error(`no case of ${title}`);
  const { inputs, options } = draw({ ...found, options: { ...found.options, ...own } }, shape, "float32");
  // What follows a list of classes is nobody's but is refused by PyTorch where it is no class.
  if (title === "multiLabelMargin") endLists(inputs[1]?.data as Int32Array, shape.at(-1) ?? 1);
  return { loss: found.of.name, inputs, options, wanted: found.of.wrt.slice(0, found.of.defaults) };
}

/** Inputs in files, as every contestant reads them. */
function prepare(title: string, { loss, inputs, options, wanted }: Called, into: string): Prepare {
  const written = inputs.map(({ name, data, shape }) => {
    const file = join(into, `${name}.bin`);
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { name, kind: data instanceof Int32Array ? ("index" as const) : ("float" as const), shape, file, wanted: wanted.includes(name) };
  });
  return { loss, title, options: options as Prepare["options"], dtype: "float32", inputs: written };
}

/** Whether a contestant's answer is ours, to float32's few digits. */
const agree = (a: number, b: number) => Math.abs(a - b) <= 2e-3 * Math.max(Math.abs(a), Math.abs(b), 1e-6);

const node = (kind: string) => new Contestant(kind, process.execPath, ["--import", "tsx", join(folder, "child.ts"), kind]);
const interpreter = python();
const torch = (name: string, mode: string, threads: number) => new Contestant(name, interpreter, [join(folder, "torch_peer.py"), mode, String(threads)]);
const known = CELLS.map(nameOf);
const unknown = (options.loss ?? []).filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no cell of ${unknown.join(", ")}: there are ${[...new Set(known)].join(", ")}`);
  process.exit(1);
}
const torches = (threads: number, { eager, compiled }: { readonly eager: string; readonly compiled: string }) => [torch(eager, "eager", threads), ...(options.compiled ? [torch(compiled, "compiled", threads)] : [])];
const contestants = [
  ...[node(OURS), node("arrays"), ...torches(1, PEERS), node("tfjs"), node("jax"), node("plain")],
  ...(options.twoThreads ? [node(TWO.ours), ...torches(2, TWO)] : []),
];
const temporary = mkdtempSync(join(tmpdir(), "fused-loss-peers-"));
const rows = rowsOf(await loadCases());
const [rounds, ms] = [Number(options.rounds), Number(options.time)];
const cells: Measured[] = [];
const before = loadNow();
for (const of of CELLS.filter((of) => options.loss?.includes(nameOf(of)) ?? true)) {
  const { title, shapes } = of;
  for (const shape of shapes) {
    const command = { prepare: prepare(title, numbers(of, shape), temporary) };
    const missing: Record<string, string> = {};
    const able: Contestant[] = [];
    let reference: Answer | undefined;
    for (const contestant of contestants) {
      const answer = await contestant.ask(command);
      if ("value" in answer) {
        reference ??= answer;
        if (!("value" in reference)) continue;
        const norms = reference.norms.every((norm, k) => agree(norm, answer.norms[k] ?? Number.NaN));
        if (agree(answer.value, reference.value) && norms) able.push(contestant);
        else missing[contestant.name] = `another answer: ${JSON.stringify(answer)} in place of ${JSON.stringify(reference)}`;
      } else if ("missing" in answer) {
        missing[contestant.name] = answer.missing;
      }
    }
    if (missing[OURS] !== undefined) throw new Error(`${title}: ${missing[OURS]}`);
    const samples: Record<string, number[]> = Object.fromEntries(able.map(({ name }) => [name, []]));
    // The first rounds warm up: an engine's optimising compiler may come late.
    for (let round = -WARM_UP; round < rounds; round++) {
      for (const contestant of able) {
        const answer = await contestant.ask({ sample: ms });
        if ("ns" in answer && round >= 0) samples[contestant.name]?.push(answer.ns);
      }
      able.reverse();
    }
    const names = Object.keys(samples);
    const ns = Object.fromEntries(names.map((name) => [name, median(samples[name] ?? [])]));
    const ratios = Object.fromEntries(names.filter((name) => name !== OURS).map((name) => [name, ratio(samples, name, OURS) ?? Number.NaN]));
    const cell = { title, shape, ns, ratios, missing };
    cells.push(cell);
    const shown = names.map((name) => `${name} ${((ns[name] ?? 0) / 1000).toFixed(1)} µs${name === OURS ? "" : ` (${(ratios[name] ?? 0).toFixed(2)} ×)`}`);
    console.log(`${showCell(cell)}: ${shown.join(", ")}`);
    for (const [name, why] of Object.entries(missing)) console.log(`  without ${name}: ${why}`);
  }
}
contestants.forEach((contestant) => contestant.end());
rmSync(temporary, { recursive: true, force: true });
const record: PeersRecord = { ...environment(), load: [before, loadNow()], cells };
console.log(`\n${summary(record)}`);
const whole = !options.loss && options.compiled && options.twoThreads;
const out = options.out ?? (whole ? defaultPath(record).replace(/\.json$/, "-peers.json") : undefined);
if (out !== undefined) {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(record, null, 1)}\n`);
  writeFileSync(out.replace(/\.json$/, ".svg"), chart(record));
  console.log(`written: ${out}, and its chart beside it`);
  if (options.out === undefined) {
    replacePart("bench:headline", headline(record));
    replacePart("bench:peers", readmePart(record, basename(out, ".json")));
  }
}
