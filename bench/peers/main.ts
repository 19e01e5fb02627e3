// npm run bench:peers: fused-loss against PyTorch, value with gradient in float32, one thread against one thread.
//
// Every contestant is a process of its own that gets the same inputs, answers with value and gradients (which must agree),
// and then takes samples in turn with the others, A B C, C B A, …. What a contestant cannot do is said and left out.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { geometricMean, median, ratio } from "../measure.js";
import { environment } from "../record.js";
import { draw, loadRows, showShape } from "../rows.js";
import { CELLS } from "./cells.js";
import type { Answer, Prepare } from "./protocol.js";

interface Options {
  loss?: string[];
  compiled: boolean;
  python?: string;
  rounds: string;
  time: string;
  out?: string;
}

const options = new Command("npm run bench:peers --")
  .description("Times fused-loss against PyTorch 2.15, in turn: value with gradient, float32, one thread; medians and ratios.")
  .option("--loss <names...>", "only these losses")
  .option("--no-compiled", "leave torch.compile out, which takes half a minute a cell to compile")
  .option("--python <path>", "a Python that has torch 2.15 (default: a virtual environment in bench/peers, made when missing)")
  .option("--rounds <count>", "samples of each contestant for each cell", "11")
  .option("--time <ms>", "length of a sample", "40")
  .option("--out <file.json>", "where the figures go")
  .parse()
  .opts<Options>();

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

/** Inputs in files, as every contestant reads them. */
function prepare(loss: string, cell: ReturnType<typeof draw>, wanted: readonly string[], into: string): Prepare {
  const inputs = cell.inputs.map(({ name, data, shape }) => {
    const file = join(into, `${name}.bin`);
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { name, kind: data instanceof Int32Array ? ("index" as const) : ("float" as const), shape, file, wanted: wanted.includes(name) };
  });
  return { loss, options: cell.options as Prepare["options"], dtype: "float32", inputs };
}

/** Whether a contestant's answer is ours, to float32's few digits. */
const agree = (a: number, b: number) => Math.abs(a - b) <= 2e-3 * Math.max(Math.abs(a), Math.abs(b), 1e-6);

interface Measured {
  readonly loss: string;
  readonly options: object;
  readonly shape: readonly number[];
  /** Median nanoseconds a call. */
  readonly ns: Readonly<Record<string, number>>;
  /** How many times longer than ours on resident tensors: median over rounds. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly missing: Readonly<Record<string, string>>;
}

const OURS = "resident";
const node = (kind: string) => new Contestant(kind, process.execPath, ["--import", "tsx", join(folder, "child.ts"), kind]);
const interpreter = python();
const torch = (mode: string) => new Contestant(`torch ${mode}`, interpreter, [join(folder, "torch_peer.py"), mode]);
const contestants = [node(OURS), node("arrays"), torch("eager"), ...(options.compiled ? [torch("compiled")] : [])];
const temporary = mkdtempSync(join(tmpdir(), "fused-loss-peers-"));
const rows = await loadRows();
const [rounds, ms] = [Number(options.rounds), Number(options.time)];
const cells: Measured[] = [];
for (const { loss, options: variant = {}, shapes } of CELLS.filter(({ loss }) => !options.loss || options.loss.includes(loss))) {
  const found = rows.find(({ of }) => of.name === loss);
  if (!found || !("wrt" in found.of)) throw new Error(`no case of ${loss}`);
  const { of } = found;
  for (const shape of shapes) {
    const cell = draw({ ...found, options: variant }, shape, "float32");
    const wanted = of.wrt.slice(0, of.defaults);
    const command = { prepare: prepare(loss, cell, wanted, temporary) };
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
    const samples: Record<string, number[]> = Object.fromEntries(able.map(({ name }) => [name, []]));
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const contestant of able) {
        const answer = await contestant.ask({ sample: ms });
        if ("ns" in answer && round > 0) samples[contestant.name]?.push(answer.ns);
      }
      able.reverse();
    }
    const names = Object.keys(samples);
    const ns = Object.fromEntries(names.map((name) => [name, median(samples[name] ?? [])]));
    const ratios = Object.fromEntries(names.filter((name) => name !== OURS).map((name) => [name, ratio(samples, name, OURS) ?? Number.NaN]));
    cells.push({ loss, options: variant, shape, ns, ratios, missing });
    const shown = names.map((name) => `${name} ${((ns[name] ?? 0) / 1000).toFixed(1)} µs${name === OURS ? "" : ` (${(ratios[name] ?? 0).toFixed(2)} ×)`}`);
    console.log(`${loss}${JSON.stringify(variant) === "{}" ? "" : ` ${JSON.stringify(variant)}`} ${showShape(shape)}: ${shown.join(", ")}`);
    for (const [name, why] of Object.entries(missing)) console.log(`  without ${name}: ${why}`);
  }
}
contestants.forEach((contestant) => contestant.end());
rmSync(temporary, { recursive: true, force: true });
for (const { name } of contestants.slice(1)) {
  const all = cells.flatMap(({ ratios }) => (ratios[name] === undefined ? [] : [ratios[name]]));
  if (all.length > 0) console.log(`${name}: ${geometricMean(all).toFixed(2)} × ours, geometric mean of ${all.length} cells; least ${Math.min(...all).toFixed(2)} ×`);
}
if (options.out !== undefined) {
  mkdirSync(join(options.out, ".."), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify({ ...environment(), cells }, null, 1)}\n`);
}
