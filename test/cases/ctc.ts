import { REDUCTIONS, type Random, drawn, given, integer, normal, own } from "../support/draw.js";
import { along, logSumExpOf, rowOf } from "../support/rows.js";
import type { Argument, Inputs, LossCase } from "./case.js";

/** ln Σ exp of a few numbers. */
function logSum(...x: number[]): number {
  const most = Math.max(...x);
  return most === -Infinity ? most : most + Math.log(x.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** −ln of the probability of all alignments, by Graves's forward recursion in logarithms. */
function alignments(rows: readonly (readonly number[])[], labels: readonly number[], blank: number): number {
  const states = [blank, ...labels.flatMap((label) => [label, blank])];
  let alpha = states.map((_, s) => (s === 0 ? 0 : -Infinity));
  rows.forEach((row, t) => {
    const before = alpha;
    const at = (s: number) => before[s] ?? -Infinity;
    alpha = states.map((c, s) => {
      if (t === 0) return s < 2 ? (row[c] ?? Number.NaN) : -Infinity;
      const skips = c !== blank && c !== states[s - 2];
      return logSum(at(s), at(s - 1), skips ? at(s - 2) : -Infinity) + (row[c] ?? Number.NaN);
    });
  });
  const end = states.length - 1;
  return 0 - logSum(alpha[end] ?? -Infinity, rows.length === 0 ? -Infinity : (alpha[end - 1] ?? -Infinity));
}

/** Log-probabilities of a softmax. */
function speech(random: Random, shape: readonly number[]): Argument {
  const logits = drawn(shape, () => normal(random, 2));
  const layout = along(shape, -1);
  const data = new Array<number>(logits.data.length);
  for (let row = 0; row < layout.rows; row++) {
    const x = rowOf(logits, layout, row);
    const { max, log } = logSumExpOf(x);
    x.forEach((value, c) => (data[layout.at(row, c)] = Math.fround(value - max - log)));
  }
  return { ...logits, data };
}

interface Spoken {
  readonly rows: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

/** The frames and labels of each sample. */
function spokenIn({ args }: Inputs): Spoken[] {
  const { logProbs, targets, inputLengths, targetLengths } = args as Record<"logProbs" | "targets" | "inputLengths" | "targetLengths", Argument>;
  const [frames = 0, ...rest] = logProbs.shape;
  const samples = rest.length === 2 ? (rest[0] ?? 0) : 1;
  const layout = along(logProbs.shape, -1);
  let start = 0;
  return Array.from({ length: samples }, (_, n) => {
    const length = targetLengths.data[n] ?? 0;
    const first = targets.shape.length === 2 ? n * (targets.shape[1] ?? 0) : start;
    start += length;
    const steps = Math.min(frames, inputLengths.data[n] ?? 0);
    return { rows: Array.from({ length: steps }, (_, t) => rowOf(logProbs, layout, t * samples + n)), labels: targets.data.slice(first, first + length) };
  });
}

const blankOf = ({ options }: Inputs) => (typeof options.blank === "number" ? options.blank : 0);

const index = (data: readonly number[], shape?: number[]) => given(data, "index", shape);
const even = (shape: number[]) => given(new Array<number>(shape.reduce((a, b) => a * b)).fill(-Math.LN2), "float", shape);

/** Two frames of two classes, of which the labels need more: one label twice. */
const short: Inputs["args"] = { logProbs: even([2, 1, 2]), targets: index([1, 1], [1, 2]), inputLengths: index([2]), targetLengths: index([2]) };

const ctc: LossCase = {
  name: "ctc",
  form: "batch",
  wrt: ["logProbs"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { gradient: "logProbs" }, { blank: 1, zeroInfinity: true }, { concatenated: true, gradient: "logProbs" }],
  shapeOf: (rows, classes) => [4, rows, classes],
  shapes: [[1, 1, 2], [5, 2, 3], [9, 3, 4], [7, 4], [40, 2, 5], [90, 3, 37]],
  sample: (random, shape, options) => {
    const [frames = 0, ...rest] = shape;
    const samples = rest.length === 2 ? (rest[0] ?? 0) : 1;
    const classes = rest[rest.length - 1] ?? 0;
    const blank = typeof options.blank === "number" ? options.blank : 0;
    const lengths = Array.from({ length: samples }, (_, n) => Math.max(0, Math.floor(frames / 3) - (n % 3)));
    const room = Math.floor(frames / 2);
    const label = () => (blank + 1 + integer(random, classes - 1)) % classes;
    const padded = lengths.map((length) => Array.from({ length: room }, (_, k) => (k < length ? label() : -7)));
    const batched = rest.length === 2;
    const concatenated = batched && options.concatenated === true;
    const targets = concatenated ? index(padded.flatMap((row, n) => row.slice(0, lengths[n]))) : index(padded.flat(), batched ? [samples, room] : [room]);
    const perSample = batched ? [samples] : [];
    return {
      args: { logProbs: speech(random, shape), targets, inputLengths: index(lengths.map((_, n) => frames - (frames > 3 ? n % 2 : 0)), perSample), targetLengths: index(lengths, perSample) },
      options: own(options, "concatenated"),
    };
  },
  oracle: (inputs, at) => {
    const spoken = spokenIn(inputs);
    const values = spoken.map(({ rows, labels }) => {
      const value = alignments(rows, labels, blankOf(inputs));
      return value === Infinity && inputs.options.zeroInfinity === true ? 0 : value;
    });
    // Of the logits of a log-softmax: what the frames' probabilities add to the derivative.
    if (at && inputs.options.gradient !== "logProbs") {
      const constants = spokenIn(at);
      spoken.forEach(({ rows }, n) => rows.forEach((row, t) => row.forEach((x, c) => (values[n]! += Math.exp(constants[n]!.rows[t]![c]!) * x))));
    }
    const scale = spoken.map(({ rows }, n) => Math.abs(values[n] ?? 0) + rows.length);
    return { values, scale, shape: inputs.args.inputLengths?.shape ?? [], divisor: values.length, shares: spoken.map(({ labels }) => Math.max(1, labels.length)) };
  },
  edges: [
    {
      title: "one label over three frames",
      inputs: { args: { logProbs: even([3, 1, 2]), targets: index([1], [1, 1]), inputLengths: index([3]), targetLengths: index([1]) }, options: { gradient: "logProbs" } },
      values: [Math.log(8 / 6)],
      grads: { logProbs: [-1 / 2, -1 / 2, -1 / 3, -2 / 3, -1 / 2, -1 / 2] },
    },
    {
      title: "by logits, softmax less posterior",
      inputs: { args: { logProbs: even([3, 1, 2]), targets: index([1], [1, 1]), inputLengths: index([3]), targetLengths: index([1]) }, options: {} },
      values: [Math.log(8 / 6)],
      dtype: "float64",
      grads: { logProbs: [0, 0, 1 / 2 - 1 / 3, 1 / 2 - 2 / 3, 0, 0] },
    },
    { title: "labels that cannot be aligned", inputs: { args: short, options: {} }, values: [Infinity], grads: { logProbs: [NaN, NaN, NaN, NaN] } },
    { title: "zeroInfinity", inputs: { args: short, options: { zeroInfinity: true } }, values: [0], grads: { logProbs: [0, 0, 0, 0] } },
    {
      title: "an impossible label",
      inputs: { args: { logProbs: given([0, -Infinity, 0, -Infinity], "float", [2, 1, 2]), targets: index([1], [1, 1]), inputLengths: index([2]), targetLengths: index([1]) }, options: {} },
      values: [Infinity],
      grads: { logProbs: [NaN, NaN, NaN, NaN] },
    },
    {
      title: "no labels: blanks alone, and frames past the length",
      inputs: { args: { logProbs: even([2, 1, 2]), targets: index([], [1, 0]), inputLengths: index([1]), targetLengths: index([0]) }, options: { gradient: "logProbs" } },
      values: [Math.LN2],
      grads: { logProbs: [-1, 0, 0, 0] },
    },
    {
      title: "no frames",
      inputs: { args: { logProbs: even([1, 2, 2]), targets: index([1], [1]), inputLengths: index([0, 0]), targetLengths: index([0, 1]) }, options: { zeroInfinity: true } },
      values: [0, 0],
      grads: { logProbs: [0, 0, 0, 0] },
    },
    {
      title: "the mean divides each sample by its labels",
      inputs: { args: { logProbs: even([2, 2, 2]), targets: index([1, 1], [2, 1]), inputLengths: index([1, 1]), targetLengths: index([1, 0]) }, options: { gradient: "logProbs" } },
      values: [Math.LN2, Math.LN2],
      mean: { value: Math.LN2, grads: { logProbs: [0, -1 / 2, -1 / 2, 0, 0, 0, 0, 0] } },
    },
    {
      // Each label costs e⁻²⁰⁰: the one path there is lies e⁻²⁰⁰⁰ below that of blanks alone.
      title: "a path far below those that cannot end",
      inputs: {
        args: {
          logProbs: given(Array.from({ length: 22 }, (_, t) => (t % 2 === 0 ? [0, -200] : [0, -200])).flat(), "float", [22, 1, 2]),
          targets: index(new Array<number>(11).fill(1), [1, 11]),
          inputLengths: index([21]),
          targetLengths: index([11]),
        },
        options: { gradient: "logProbs" },
      },
      values: [2200],
      grads: { logProbs: Array.from({ length: 22 }, (_, t) => (t === 21 ? [0, 0] : t % 2 === 0 ? [0, -1] : [-1, 0])).flat() },
    },
    {
      title: "NaN makes its sample NaN",
      inputs: { args: { logProbs: given([NaN, 0, -Math.LN2, -Math.LN2], "float", [1, 2, 2]), targets: index([1, 1], [2, 1]), inputLengths: index([1, 1]), targetLengths: index([1, 1]) }, options: { gradient: "logProbs" } },
      values: [NaN, Math.LN2],
      grads: { logProbs: [NaN, NaN, 0, -1] },
    },
  ],
};
export default ctc;
