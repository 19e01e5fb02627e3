import { REDUCTIONS, argumentOf, count, drawn, factors, given, matrix, normal, numberOf, own } from "../support/draw.js";
import { classLayout, classTargets, logSumExpOf, softmaxRows } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

/** x·Wᵀ + b of a row, and the size of what each logit is made of. */
function logitsOf(x: readonly number[], linearWeight: Argument, bias: Argument | undefined) {
  const [classes = 0, width = 0] = linearWeight.shape;
  const terms = (c: number) => [bias?.data[c] ?? 0, ...x.map((value, k) => value * (linearWeight.data[c * width + k] ?? Number.NaN))];
  const all = Array.from({ length: classes }, (_, c) => terms(c));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return { logits: all.map(sum), sizes: all.map((values) => sum(values.map(Math.abs))) };
}

/** Where two logits differ by 40, and what that leaves to the other class. */
const tiny = Math.log1p(Math.exp(-40));
const rest = Math.exp(-40) / (1 + Math.exp(-40));
const identity = matrix([[1, 0], [0, 1]]);

const linearCrossEntropy: LossCase = {
  name: "linearCrossEntropy",
  wrt: ["input", "linearWeight", "bias"],
  defaults: 3,
  reductions: REDUCTIONS,
  form: "batch",
  options: [
    {},
    { bias: true },
    { weight: true, ignoreIndex: -100, chunk: 1 },
    { bias: true, labelSmoothing: 0.1, ignoreIndex: 1 },
    { probabilities: true, bias: true },
    { probabilities: true, weight: true, labelSmoothing: 0.2 },
  ],
  // Of the input; unless `classes` is among the options, their number follows from it.
  shapes: [[1], [3], [1, 5], [4, 2], [7, 3], [3, 130], [140, 3], [2, 40]],
  sample: (random, shape, options) => {
    const rows = shape.slice(0, -1);
    const width = shape.at(-1) ?? 0;
    const classes = numberOf({ args: {}, options }, "classes", [3, 5, 33, 10][count(shape) % 4] ?? 1);
    const logits = { shape: [...rows, classes] };
    const ignored = options.ignoreIndex;
    const target = options.probabilities
      ? softmaxRows(drawn(logits.shape, () => normal(random)))
      : classTargets(random, classLayout(logits.shape), typeof ignored === "number" ? ignored : undefined);
    const scale = 1 / Math.sqrt(Math.max(width, 1));
    return {
      args: { input: drawn(shape, () => normal(random)), linearWeight: drawn([classes, width], () => normal(random, scale)), target },
      options: {
        ...own(options, "bias", "weight", "probabilities", "classes"),
        ...(options.bias && { bias: drawn([classes], () => normal(random)) }),
        ...(options.weight && { weight: factors(random, [classes]) }),
      },
    };
  },
  oracle: (inputs) => {
    const { input, linearWeight, target } = inputs.args as Record<"input" | "linearWeight" | "target", Argument>;
    const [bias, weight] = [argumentOf(inputs, "bias"), argumentOf(inputs, "weight")];
    const ignoreIndex = numberOf(inputs, "ignoreIndex", -100);
    const smoothing = numberOf(inputs, "labelSmoothing", 0);
    const [classes = 0, width = 0] = linearWeight.shape;
    const shape = input.shape.slice(0, -1);
    const rows = count(shape);
    const weightOf = (c: number) => weight?.data[c] ?? 1;
    const byIndex = target.kind === "index";
    let divisor = byIndex ? 0 : rows;
    const scale: number[] = [];
    const values = Array.from({ length: rows }, (_, row) => {
      const y = byIndex ? target.data[row] : undefined;
      scale.push(0);
      if (y === ignoreIndex) return 0;
      if (y !== undefined) divisor += weightOf(y);
      const { logits, sizes } = logitsOf(input.data.slice(row * width, (row + 1) * width), linearWeight, bias);
      const { max, log } = logSumExpOf(logits);
      const largest = Math.max(...sizes);
      let value = 0;
      logits.forEach((x, c) => {
        const t = y === undefined ? (target.data[row * classes + c] ?? Number.NaN) : Number(c === y);
        const share = weightOf(c) * ((1 - smoothing) * t + smoothing / classes);
        if (share === 0) return;
        value += share * (max - x + log);
        scale[row] = (scale[row] ?? 0) + share * (max - x + log + largest);
      });
      return value;
    });
    return { values, shape, divisor, scale };
  },
  edges: [
    {
      title: "at a margin of 40 the loss is e⁻⁴⁰",
      inputs: { args: { input: matrix([[40, 0], [0, 40]]), linearWeight: identity, target: given([0, 1], "index") }, options: {} },
      values: [tiny, tiny],
      grads: { input: [-rest, rest, rest, -rest], linearWeight: [-40 * rest, 40 * rest, 40 * rest, -40 * rest] },
    },
    {
      title: "a bias alone makes a margin",
      inputs: { args: { input: matrix([[0]]), linearWeight: matrix([[1], [2]]), target: given([0], "index") }, options: { bias: given([40, 0]) } },
      values: [tiny],
      grads: { input: [rest], linearWeight: [0, 0], bias: [-rest, rest] },
    },
    {
      title: "equal logits",
      inputs: { args: { input: matrix([[1, 2]]), linearWeight: matrix([[3, 3], [3, 3], [3, 3], [3, 3]]), target: given([2], "index") }, options: {} },
      values: [Math.log(4)],
      grads: { input: [0, 0], linearWeight: [0.25, 0.5, 0.25, 0.5, -0.75, -1.5, 0.25, 0.5] },
    },
    {
      title: "one class",
      inputs: { args: { input: matrix([[3], [-3]]), linearWeight: matrix([[7]]), target: given([0, 0], "index") }, options: {} },
      values: [0, 0],
      grads: { input: [0, 0], linearWeight: [0] },
    },
    {
      title: "−inf in the bias is a mask",
      inputs: {
        args: { input: matrix([[1, 1]]), linearWeight: matrix([[0, 0], [0, 0], [5, 5]]), target: given([0], "index") },
        options: { bias: given([0, 0, -Infinity]) },
      },
      values: [Math.LN2],
      grads: { input: [0, 0], linearWeight: [-0.5, -0.5, 0.5, 0.5, 0, 0], bias: [-0.5, 0.5, 0] },
    },
    {
      title: "all rows ignored",
      inputs: { args: { input: matrix([[1, 2], [3, 4]]), linearWeight: identity, target: given([-100, -100], "index") }, options: { bias: given([1, 2]) } },
      values: [0, 0],
      mean: { value: NaN, grads: { input: [0, 0, 0, 0], linearWeight: [0, 0, 0, 0], bias: [0, 0] } },
    },
    {
      title: "the mean divides by the weights of the targets that count",
      inputs: {
        args: { input: matrix([[0, 0], [5, 5], [9, 1]]), linearWeight: identity, target: given([0, 1, -100], "index") },
        options: { weight: given([3, 1]) },
      },
      values: [3 * Math.LN2, Math.LN2, 0],
      mean: { value: Math.LN2, grads: { input: [-0.375, 0.375, 0.125, -0.125, 0, 0], linearWeight: [0.625, 0.625, -0.625, -0.625] } },
    },
    {
      title: "the mean of probabilities divides by the rows, whatever the weights",
      inputs: { args: { input: matrix([[0, 0], [0, 0]]), linearWeight: identity, target: matrix([[1, 0], [0, 1]]) }, options: { weight: given([3, 1]) } },
      values: [3 * Math.LN2, Math.LN2],
      mean: { value: 2 * Math.LN2, grads: { input: [-0.75, 0.75, 0.25, -0.25] } },
    },
    {
      title: "an input of no width",
      inputs: { args: { input: given([], "float", [2, 0]), linearWeight: given([], "float", [4, 0]), target: given([0, 3], "index") }, options: {} },
      values: [Math.log(4), Math.log(4)],
      grads: { input: [], linearWeight: [] },
    },
    {
      title: "NaN stays in its row",
      inputs: { args: { input: matrix([[NaN, 0], [0, 0]]), linearWeight: identity, target: given([1, 0], "index") }, options: {} },
      values: [NaN, Math.LN2],
      grads: { input: [NaN, NaN, -0.5, 0.5] },
    },
  ],
};
export default linearCrossEntropy;
