// npm run bench:matrix: the product of matrices of the simd128 build against the peak of 128-bit multiplies and adds, in turn.
//   npm run bench:matrix                 a table: GFLOP/s of both, and their ratio; the aim is 0.8 for float32
//   npm run bench:matrix -- --large      linearCrossEntropy of 4,096 × 512 into 131,072 classes, with gradients, in 1 GiB
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { linearCrossEntropy, tensor, zeros } from "fused-loss";
import { Buffer, initSync } from "../crates/bindings/pkg/simd128/fused_loss.js";
import { measure, median, ratio } from "./measure.js";
import { instantiate } from "./wat.js";

const options = new Command("npm run bench:matrix --")
  .description("Times the product of matrices against the peak of one core, or runs linearCrossEntropy on a large vocabulary.")
  .option("--large", "run linearCrossEntropy on 131,072 classes and check its memory and its values")
  .parse()
  .opts<{ large?: boolean }>();

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

// ---------------------------------------------------------------------------------------------------------------------
// The peak: multiplies and adds on registers alone, twelve chains of them, so that none waits for another.

const CHAINS = 6;
const STEPS = 4;

function peakLoop(lanes: "f32x4" | "f64x2"): (rounds: number, factor: number) => number {
  const float = lanes.slice(0, 3);
  const chains = Array.from({ length: CHAINS }, (_, k) => k);
  const step = chains.map((k) => `(local.set $s${k} (${lanes}.add (local.get $s${k}) (local.get $x))) (local.set $p${k} (${lanes}.mul (local.get $p${k}) (local.get $x)))`).join("\n");
  const text = `(module (func (export "peak") (param $n i32) (param $factor ${float}) (result ${float})
    (local $x v128) ${chains.map((k) => `(local $s${k} v128) (local $p${k} v128)`).join(" ")}
    (local.set $x (${lanes}.splat (local.get $factor)))
    ${chains.map((k) => `(local.set $s${k} (${lanes}.splat (${float}.const ${k}))) (local.set $p${k} (${lanes}.splat (${float}.const ${k + 1})))`).join("\n")}
    (loop $again ${step.concat("\n").repeat(STEPS)} (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (${lanes}.extract_lane 0 ${chains.reduce((sum, k) => `(${lanes}.add ${sum} (${lanes}.add (local.get $s${k}) (local.get $p${k})))`, "(local.get $x)")})))`;
  const { peak } = instantiate(text);
  return peak as (rounds: number, factor: number) => number;
}

// ---------------------------------------------------------------------------------------------------------------------
// The kernel, on the memory of the module itself. Slots as in `SLOT` of ts/runtime.ts.

const OPERANDS = 27;
const OPERAND = 34;
const BLOCK_BYTES = 8 * (OPERANDS + 5 * OPERAND);

interface Size {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Which factor lies column by column. */
  readonly transposed: "neither" | "left" | "right";
}

const SIZES: readonly Size[] = [
  { m: 256, k: 512, n: 8192, transposed: "right" }, // logits
  { m: 256, k: 8192, n: 512, transposed: "neither" }, // the gradient by the input
  { m: 8192, k: 256, n: 512, transposed: "left" }, // the gradient by the weight
  { m: 128, k: 512, n: 8192, transposed: "right" },
  { m: 64, k: 64, n: 64, transposed: "neither" },
];

const engine = options.large ? undefined : initSync({ module: readFileSync(new URL("../dist/simd128.wasm", import.meta.url)) });

function multiplication({ memory, multiply }: NonNullable<typeof engine>, { m, k, n, transposed }: Size, dtype: 0 | 1) {
  const shapes = [[m, k], [k, n], [m, n]] as const;
  const buffers = [BLOCK_BYTES, ...shapes.map(([rows, columns]) => rows * columns * (4 << dtype))].map((bytes) => {
    const buffer = Buffer.allocate(bytes);
    if (!buffer) throw new Error(`no memory for ${bytes} bytes`);
    return buffer;
  });
  const [block, ...operands] = buffers.map(({ address }) => address) as [number, ...number[]];
  const slots = new Float64Array(memory.buffer, block, BLOCK_BYTES / 8);
  shapes.forEach(([rows, columns], which) => {
    const across = (which === 0 && transposed === "left") || (which === 1 && transposed === "right");
    slots.set([operands[which] ?? 0, 2, rows, across ? 1 : columns, columns, across ? rows : 1], OPERANDS + which * OPERAND);
    new (dtype ? Float64Array : Float32Array)(memory.buffer, operands[which], rows * columns).fill(0.5);
  });
  return { run: () => multiply(dtype, block), free: () => buffers.forEach((buffer) => buffer.free()) };
}

function table(loaded: NonNullable<typeof engine>) {
  for (const dtype of [0, 1] as const) {
    const lanes = dtype ? 2 : 4;
    const peak = peakLoop(dtype ? "f64x2" : "f32x4");
    console.log(`\n${dtype ? "float64" : "float32"}, m × k × n`.padEnd(36), "GFLOP/s".padStart(8), "peak".padStart(8), "ratio".padStart(8));
    for (const size of SIZES) {
      const { m, k, n, transposed } = size;
      const flop = 2 * m * k * n;
      // As long as the product, so that both wait for the machine's other work alike.
      const rounds = Math.ceil(flop / (2 * CHAINS * STEPS * lanes));
      const { run, free } = multiplication(loaded, size, dtype);
      const samples = measure([{ name: "product", run }, { name: "peak", run: () => peak(rounds, 1.0000001) }], 600);
      const of = (name: string, work: number) => (work / median(samples[name] ?? [])).toFixed(1).padStart(8);
      const share = (ratio(samples, "peak", "product") ?? Number.NaN) * (flop / (rounds * 2 * CHAINS * STEPS * lanes));
      const title = `${m} × ${k} × ${n}${transposed === "neither" ? "" : `, ${transposed} transposed`}`;
      console.log(title.padEnd(35), of("product", flop), of("peak", rounds * 2 * CHAINS * STEPS * lanes), share.toFixed(2).padStart(8));
      free();
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// A large vocabulary.

function large() {
  const [rows, width, classes] = [4096, 512, 131_072];
  const random = (size: number, scale: number) => Float32Array.from({ length: size }, () => scale * (Math.random() - 0.5));
  const input = tensor(random(rows * width, 2), [rows, width]);
  const linearWeight = zeros([classes, width]);
  linearWeight.data.set(random(classes * width, 0.5));
  const target = tensor(Int32Array.from({ length: rows }, () => Math.floor(Math.random() * classes)));
  const out = { value: zeros([rows]), grads: { input: zeros([rows, width]), linearWeight: zeros([classes, width]) } };
  const start = performance.now();
  linearCrossEntropy.valueAndGrad(input, linearWeight, target, { reduction: "none", gradOutput: 1 / rows, out });
  const ms = performance.now() - start;
  const bytes = input.data.buffer.byteLength;
  const gflops = (6 * rows * width * classes) / ms / 1e6;
  console.log(`${rows} × ${width} into ${classes} classes, value and gradients: ${seconds(ms)}, ${gflops.toFixed(1)} GFLOP/s`);
  console.log(`memory of the engine: ${(bytes / 2 ** 20).toFixed(0)} MiB; the logits alone would be ${(rows * classes * 4) / 2 ** 20} MiB`);
  if (bytes > 2 ** 30) throw new Error(`${bytes} bytes are more than 1 GiB`);

  const weights = linearWeight.data;
  for (const row of [0, 1000, rows - 1]) {
    const logits = Float64Array.from({ length: classes }, (_, c) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += (input.data[row * width + k] ?? 0) * (weights[c * width + k] ?? 0);
      return sum;
    });
    const want = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - (logits[target.data[row] ?? 0] ?? 0);
    const got = out.value.data[row] ?? Number.NaN;
    if (!(Math.abs(got - want) < 1e-5 * Math.abs(want))) throw new Error(`row ${row} is ${got}, and ${want} in float64`);
  }
  console.log("values agree with float64");
}

if (engine) table(engine);
else large();
