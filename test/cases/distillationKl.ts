import { REDUCTIONS, drawn, matrix, normal, numberOf, own } from "../support/draw.js";
import { PAIR_SHAPES, along, logSumExpOf, rowOf } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const distillationKl: LossCase = {
  name: "distillationKl",
  form: "rows",
  wrt: ["student", "teacher"],
  defaults: 1,
  reductions: [...REDUCTIONS, "batchmean"],
  options: [{}, { temperature: 4 }, { temperature: 0.75 }],
  shapes: PAIR_SHAPES,
  sample: (random, shape, options) => ({ args: { student: drawn(shape, () => normal(random, 2)), teacher: drawn(shape, () => normal(random, 2)) }, options: own(options) }),
  oracle: (inputs) => {
    const { student, teacher } = inputs.args as Record<"student" | "teacher", Argument>;
    const temperature = numberOf(inputs, "temperature", 1);
    const layout = along(student.shape, -1);
    const values = new Array<number>(student.data.length);
    const scale = new Array<number>(student.data.length);
    for (let row = 0; row < layout.rows; row++) {
      const [x, y] = [student, teacher].map((logits) => {
        const of = rowOf(logits, layout, row).map((value) => value / temperature);
        const { max, log } = logSumExpOf(of);
        return of.map((value) => value - max - log);
      }) as [number[], number[]];
      y.forEach((logQ, c) => {
        const [q, logP] = [Math.exp(logQ), x[c] ?? Number.NaN];
        values[layout.at(row, c)] = q === 0 ? 0 : temperature ** 2 * q * (logQ - logP);
        scale[layout.at(row, c)] = q === 0 ? 0 : temperature ** 2 * q * (Math.abs(logQ) + Math.abs(logP));
      });
    }
    return { values, scale, shape: student.shape, divisor: values.length };
  },
  edges: [
    { title: "a good student", inputs: { args: { student: matrix([[1, 2, 3]]), teacher: matrix([[11, 12, 13]]) }, options: {} }, values: [0, 0, 0], grads: { student: [0, 0, 0], teacher: [0, 0, 0] } },
    {
      title: "two classes",
      inputs: { args: { student: matrix([[0, 0]]), teacher: matrix([[Math.log(3), 0]]) }, options: {} },
      values: [0.75 * Math.log(1.5), 0.25 * Math.log(0.5)],
      dtype: "float64",
      grads: { student: [-0.25, 0.25], teacher: [(3 / 16) * Math.log(3), (-3 / 16) * Math.log(3)] },
    },
    {
      title: "confident rows keep the digits of their gradient",
      inputs: { args: { student: matrix([[40, 0]]), teacher: matrix([[30, 0]]) }, options: {} },
      values: [(Math.log1p(Math.exp(-40)) - Math.log1p(Math.exp(-30))) / (1 + Math.exp(-30)), (10 + Math.log1p(Math.exp(-40)) - Math.log1p(Math.exp(-30))) / (1 + Math.exp(30))],
      dtype: "float64",
      grads: { student: [1, -1].map((s) => (s * (Math.exp(-30) - Math.exp(-40))) / (1 + Math.exp(-30)) / (1 + Math.exp(-40))) },
    },
    { title: "a class that the teacher masks", inputs: { args: { student: matrix([[0, 0, -Infinity]]), teacher: matrix([[0, -Infinity, -Infinity]]) }, options: {} }, values: [Math.LN2, 0, 0], grads: { student: [-0.5, 0.5, 0], teacher: [0, 0, 0] } },
    { title: "NaN stays in its row", inputs: { args: { student: matrix([[NaN, 0], [0, 0]]), teacher: matrix([[0, 0], [0, 0]]) }, options: {} }, values: [NaN, NaN, 0, 0] },
  ],
};
export default distillationKl;
