import { matrix, numberOf, sigmoidOf, softplusOf } from "../support/draw.js";
import { pairCase } from "../support/similarity.js";

const unit = matrix([[1, 0], [0, 1]]);

export default pairCase(
  "sigLip",
  ["input1", "input2"],
  [{}, { logitScale: 1 }, { logitBias: 0.5 }, { logitScale: 2, logitBias: -1, normalize: true }],
  (inputs, similarities) => similarities.map((row) => row.map((s) => s * numberOf(inputs, "logitScale", 10) + numberOf(inputs, "logitBias", -10))),
  (logits) => logits.map((row, i) => row.reduce((sum, z, j) => sum + softplusOf(i === j ? -z : z), 0)),
  [
    {
      title: "two at right angles",
      inputs: { args: { input1: unit, input2: unit }, options: { logitScale: 2, logitBias: -1 } },
      values: [2 * softplusOf(-1), 2 * softplusOf(-1)],
      grads: { input1: [-2, 2, 2, -2].map((s) => s * sigmoidOf(-1)), input2: [-2, 2, 2, -2].map((s) => s * sigmoidOf(-1)) },
    },
    { title: "a pair that is sure keeps its digits", inputs: { args: { input1: matrix([[6]]), input2: matrix([[6]]) }, options: { logitScale: 1, logitBias: 0 } }, values: [Math.log1p(Math.exp(-36))], grads: { input1: [-6 / (1 + Math.exp(36))] } },
    { title: "NaN stays in its row", inputs: { args: { input1: matrix([[NaN, 0], [0, 1]]), input2: unit }, options: { logitScale: 2, logitBias: -1 } }, values: [NaN, 2 * softplusOf(-1)] },
  ],
);
