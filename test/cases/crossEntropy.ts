import { REDUCTIONS, argumentOf, given, matrix, numberOf } from "../support/draw.js";
import { CLASS_SHAPES, classInputs, classLayout, logSumExpOf, logits, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const OFF = -Infinity;
/** The loss at a margin of 40, and the probability that is left for the other class. */
const tiny = Math.log1p(Math.exp(-40));
const rest = Math.exp(-40) / (1 + Math.exp(-40));
/** σ(1), where two logits differ by 1. */
const half = 1 / (1 + Math.exp(-1));

const crossEntropy: LossCase = {
  name: "crossEntropy",
  wrt: ["input", "target", "weight"],
  defaults: 1,
  reductions: REDUCTIONS,
  able: ({ args, options }) => (args.target?.kind === "index" ? ["input"] : options.weight === undefined ? ["input", "target"] : ["input", "target", "weight"]),
  options: [
    {},
    { weight: true, ignoreIndex: -100 },
    { labelSmoothing: 0.1 },
    { labelSmoothing: 0.3, weight: true, ignoreIndex: 1 },
    { labelSmoothing: 1 },
    { zLoss: 0.01, weight: true },
    { softcap: 2.5 },
    { zLoss: 0.1, softcap: 30, labelSmoothing: 0.1, ignoreIndex: -1 },
    { probabilities: true },
    { probabilities: true, weight: true },
    { probabilities: true, weight: true, labelSmoothing: 0.2 },
    { probabilities: true, softcap: 2.5 },
  ],
  shapes: CLASS_SHAPES,
  sample: (random, shape, options) => classInputs(random, shape, options, logits(random)),
  oracle: (inputs) => {
    const { input, target } = inputs.args as Record<"input" | "target", Argument>;
    const weight = argumentOf(inputs, "weight");
    const ignoreIndex = numberOf(inputs, "ignoreIndex", -100);
    const smoothing = numberOf(inputs, "labelSmoothing", 0);
    const zLoss = numberOf(inputs, "zLoss", 0);
    const softcap = numberOf(inputs, "softcap", Infinity);
    const layout = classLayout(input.shape);
    const { classes } = layout;
    const weightOf = (c: number) => (weight ? (weight.data[c] ?? Number.NaN) : 1);
    const byIndex = target.kind === "index";

    let divisor = byIndex ? 0 : layout.rows;
    const scale: number[] = [];
    const values = Array.from({ length: layout.rows }, (_, row) => {
      const y = byIndex ? target.data[row] : undefined;
      scale.push(0);
      if (y === ignoreIndex) return 0;
      const x = rowOf(input, layout, row).map((z) => (softcap === Infinity ? z : softcap * Math.tanh(z / softcap)));
      const { max, log } = logSumExpOf(x);
      const given = byIndex ? x.map((_, c) => (c === y ? 1 : 0)) : rowOf(target, layout, row);
      let value = 0;
      let terms = 0;
      given.forEach((t, c) => {
        const smoothed = (1 - smoothing) * t + smoothing / classes;
        if (smoothed === 0) return;
        const term = weightOf(c) * smoothed * (max - (x[c] ?? Number.NaN) + log);
        value += term;
        // A cap rounds the logits once more.
        terms += Math.abs(term) + (softcap === Infinity ? 0 : weightOf(c) * smoothed * Math.abs(x[c] ?? 0));
      });
      const w = y === undefined ? 1 : weightOf(y);
      if (byIndex) divisor += w;
      scale[row] = terms + w * zLoss * (Math.abs(max) + log) ** 2;
      return zLoss === 0 ? value : value + w * zLoss * (max + log) ** 2;
    });
    return { values, shape: layout.shape, divisor, scale };
  },
  edges: [
    {
      title: "at a margin of 40 the loss is e⁻⁴⁰",
      inputs: { args: { input: matrix([[40, 0], [0, 40]]), target: given([0, 1], "index") }, options: {} },
      values: [tiny, tiny],
      grads: { input: [-rest, rest, rest, -rest] },
    },
    {
      title: "at a margin of 15 nothing is lost in float32, whatever the place of the target",
      inputs: { args: { input: matrix([[15, 0, 0, 0], [0, 0, 15, 0]]), target: given([0, 2], "index") }, options: {} },
      values: [Math.log1p(3 * Math.exp(-15)), Math.log1p(3 * Math.exp(-15))],
      grads: {
        input: [-3, 1, 1, 1, 1, 1, -3, 1].map((factor) => (factor * Math.exp(-15)) / (1 + 3 * Math.exp(-15))),
      },
    },
    {
      title: "a target far below the maximum",
      inputs: { args: { input: matrix([[0, 100], [-300, 300]]), target: given([0, 0], "index") }, options: {} },
      values: [100, 600],
      grads: { input: [-1, 1, -1, 1] },
    },
    {
      title: "ties at the maximum",
      inputs: { args: { input: matrix([[7, 7, 7, 7]]), target: given([2], "index") }, options: {} },
      values: [Math.log(4)],
      grads: { input: [0.25, 0.25, -0.75, 0.25] },
    },
    {
      title: "one class",
      inputs: { args: { input: matrix([[3], [-3]]), target: given([0, 0], "index") }, options: {} },
      values: [0, 0],
      grads: { input: [0, 0] },
    },
    {
      title: "−inf off the target is a mask",
      inputs: { args: { input: matrix([[1, OFF, 0], [OFF, OFF, 2], [OFF, 0, 0]]), target: given([0, 2, 1], "index") }, options: {} },
      values: [Math.log1p(Math.exp(-1)), 0, Math.LN2],
      grads: { input: [half - 1, 0, 1 - half, 0, 0, 0, 0, -0.5, 0.5] },
    },
    {
      title: "−inf on the target is an infinite loss",
      inputs: { args: { input: matrix([[0, OFF, 0]]), target: given([1], "index") }, options: {} },
      values: [Infinity],
      grads: { input: [0.5, -1, 0.5] },
    },
    {
      title: "with smoothing a mask is an infinite loss",
      inputs: { args: { input: matrix([[0, OFF, 0]]), target: given([0], "index") }, options: { labelSmoothing: 0.1 } },
      values: [Infinity],
    },
    {
      title: "−inf masks where the probability is exactly 0",
      inputs: { args: { input: matrix([[1, OFF, 0], [OFF, 0, 0]]), target: matrix([[1, 0, 0], [0, 0.5, 0.5]]) }, options: {} },
      values: [Math.log1p(Math.exp(-1)), Math.LN2],
      grads: { input: [half - 1, 0, 1 - half, 0, 0, 0] },
    },
    {
      title: "a confident row of probabilities keeps its digits",
      inputs: { args: { input: matrix([[40, 0], [0, 40]]), target: matrix([[1, 0], [0, 1]]) }, options: {} },
      values: [tiny, tiny],
      grads: { input: [-rest, rest, rest, -rest], target: [tiny, 40, 40, tiny] },
    },
    {
      title: "all rows ignored, whatever they hold",
      inputs: { args: { input: matrix([[1, 2], [NaN, Infinity]]), target: given([-100, -100], "index") }, options: {} },
      values: [0, 0],
      grads: { input: [0, 0, 0, 0] },
      mean: { value: NaN, grads: { input: [0, 0, 0, 0] } },
    },
    {
      title: "all rows ignored, with smoothing",
      inputs: { args: { input: matrix([[1, 2], [0, 1]]), target: given([1, 1], "index") }, options: { ignoreIndex: 1, labelSmoothing: 0.1 } },
      values: [0, 0],
      mean: { value: NaN, grads: { input: [0, 0, 0, 0] } },
    },
    {
      title: "present classes of weight 0",
      inputs: { args: { input: matrix([[1, 2], [0, 0]]), target: given([1, 1], "index") }, options: { weight: given([1, 0]) } },
      values: [0, 0],
      grads: { input: [0, 0, 0, 0] },
      mean: { value: NaN, grads: { input: [NaN, NaN, NaN, NaN] } },
    },
    {
      title: "present classes of weight 0, smoothed to others",
      inputs: { args: { input: matrix([[0, 0]]), target: given([0], "index") }, options: { weight: given([0, 1]), labelSmoothing: 0.5 } },
      values: [Math.LN2 / 4],
      mean: { value: NaN, grads: { input: [NaN, NaN] } },
    },
    {
      title: "no rows of probabilities",
      inputs: { args: { input: given([], "float", [0, 2]), target: given([], "float", [0, 2]) }, options: { weight: given([3, 1]) } },
      values: [],
      mean: { value: NaN, grads: { input: [], weight: [0, 0] } },
    },
    {
      title: "the mean divides by the weights of the targets that count",
      inputs: {
        args: { input: matrix([[0, 0], [5, 5], [9, 1]]), target: given([0, 1, -100], "index") },
        options: { weight: given([3, 1]) },
      },
      values: [3 * Math.LN2, Math.LN2, 0],
      mean: { value: Math.LN2, grads: { input: [-0.375, 0.375, 0.125, -0.125, 0, 0] } },
    },
    {
      title: "the mean of probabilities divides by the rows, whatever the weights",
      inputs: { args: { input: matrix([[0, 0], [0, 0]]), target: matrix([[1, 0], [0, 1]]) }, options: { weight: given([3, 1]) } },
      values: [3 * Math.LN2, Math.LN2],
      grads: { weight: [Math.LN2, Math.LN2], target: [3 * Math.LN2, Math.LN2, 3 * Math.LN2, Math.LN2] },
      mean: { value: 2 * Math.LN2, grads: { input: [-0.75, 0.75, 0.25, -0.25], weight: [Math.LN2 / 2, Math.LN2 / 2] } },
    },
    {
      title: "full smoothing of a masked target is an infinite loss too",
      inputs: { args: { input: matrix([[0, OFF, 0]]), target: given([1], "index") }, options: { labelSmoothing: 1 } },
      values: [Infinity],
    },
    {
      title: "full smoothing sees no target",
      inputs: { args: { input: matrix([[0, 0, 0, 0]]), target: given([1], "index") }, options: { labelSmoothing: 1 } },
      values: [Math.log(4)],
      grads: { input: [0, 0, 0, 0] },
    },
    {
      title: "zLoss of equal logits",
      inputs: { args: { input: matrix([[0, 0], [1, 1]]), target: given([0, -100], "index") }, options: { zLoss: 0.5 } },
      values: [Math.LN2 + 0.5 * Math.LN2 ** 2, 0],
      grads: { input: [-0.5 + 0.5 * Math.LN2, 0.5 + 0.5 * Math.LN2, 0, 0] },
    },
    {
      title: "softcap holds infinite logits",
      inputs: { args: { input: matrix([[Infinity, -Infinity], [0, 0]]), target: given([0, 1], "index") }, options: { softcap: 2 } },
      values: [Math.log1p(Math.exp(-4)), Math.LN2],
      grads: { input: [0, 0, 0.5, -0.5] },
    },
    {
      title: "the slope of a cap keeps its digits far out",
      inputs: { args: { input: matrix([[20, 0]]), target: given([0], "index") }, options: { softcap: 2 } },
      values: [Math.log1p(Math.exp(-2 * Math.tanh(10)))],
      grads: {
        input: [(-4 * Math.exp(-20)) / (1 + Math.exp(-20)) ** 2 / (1 + Math.exp(2 * Math.tanh(10))), 1 / (1 + Math.exp(2 * Math.tanh(10)))],
      },
    },
    {
      title: "NaN goes through",
      inputs: { args: { input: matrix([[NaN, 0, 1], [0, 0, 0]]), target: given([1, 0], "index") }, options: {} },
      values: [NaN, Math.log(3)],
    },
  ],
};
export default crossEntropy;
