import { REDUCTIONS, drawn, matrix, normal, numberOf, own } from "../support/draw.js";
import { PAIR_SHAPES, logSumExpOf, overPairs } from "../support/rows.js";
import type { Argument, LossCase } from "./case.js";

const logSoftmaxOf = (x: readonly number[]) => {
  const { max, log } = logSumExpOf(x);
  return x.map((value) => value - max - log);
};

const jensenShannon: LossCase = {
  name: "jensenShannon",
  form: "rows",
  wrt: ["logits1", "logits2"],
  defaults: 2,
  reductions: REDUCTIONS,
  options: [{}, { beta: 0.1 }, { beta: 0.75 }, { beta: 0 }, { beta: 1 }],
  shapes: PAIR_SHAPES,
  sample: (random, shape, options) => ({ args: { logits1: drawn(shape, () => normal(random, 2)), logits2: drawn(shape, () => normal(random, 2)) }, options: own(options) }),
  oracle: (inputs) => {
    const { logits1, logits2 } = inputs.args as Record<"logits1" | "logits2", Argument>;
    const beta = numberOf(inputs, "beta", 0.5);
    const { values, scale, shape } = overPairs(logits1, logits2, (x, y) => {
      if (beta === 0 || beta === 1) return { value: 0, scale: 0 };
      const [logP, logQ] = [logSoftmaxOf(x), logSoftmaxOf(y)];
      const terms = logP.flatMap((first, c) => {
        const second = logQ[c] ?? Number.NaN;
        const [p, q] = [beta * Math.exp(first), (1 - beta) * Math.exp(second)];
        const logM = Math.log(p + q);
        const term = (share: number, log: number) => (share === 0 ? { value: 0, scale: 0 } : { value: share * (log - logM), scale: share * (Math.abs(log) + Math.abs(logM)) });
        return [term(p, first), term(q, second)];
      });
      const over = (of: "value" | "scale") => terms.reduce((sum, term) => sum + term[of], 0);
      return { value: over("value"), scale: over("scale") };
    });
    return { values, scale, shape, divisor: values.length };
  },
  edges: [
    { title: "equal but for a shift", inputs: { args: { logits1: matrix([[1, 2, 3]]), logits2: matrix([[11, 12, 13]]) }, options: {} }, values: [0], grads: { logits1: [0, 0, 0], logits2: [0, 0, 0] } },
    { title: "nothing in common", inputs: { args: { logits1: matrix([[0, -Infinity]]), logits2: matrix([[-Infinity, 0]]) }, options: {} }, values: [Math.LN2], grads: { logits1: [0, 0], logits2: [0, 0] } },
    { title: "far apart", inputs: { args: { logits1: matrix([[1000, 0]]), logits2: matrix([[0, 1000]]) }, options: {} }, values: [Math.LN2], grads: { logits1: [0, 0], logits2: [0, 0] } },
    {
      title: "a confident row keeps the digits of its gradient",
      inputs: { args: { logits1: matrix([[20, 0, 0]]), logits2: matrix([[0, 0, 0]]) }, options: {} },
      values: [0.3182570437205461],
      grads: { logits1: [3.836570650738988e-8, -1.918285325369494e-8, -1.918285325369494e-8], logits2: [-0.1540327057605222, 0.07701635288026108, 0.07701635288026108] },
    },
    { title: "a mixture of one", inputs: { args: { logits1: matrix([[100, 0]]), logits2: matrix([[0, 100]]) }, options: { beta: 1 } }, values: [0], grads: { logits1: [0, 0], logits2: [0, 0] } },
    { title: "NaN stays in its row", inputs: { args: { logits1: matrix([[NaN, 0], [0, 0]]), logits2: matrix([[0, 0], [0, 0]]) }, options: {} }, values: [NaN, 0] },
  ],
};
export default jensenShannon;
