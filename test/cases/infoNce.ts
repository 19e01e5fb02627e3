import { matrix, numberOf } from "../support/draw.js";
import { pairCase, shareLoss } from "../support/similarity.js";

const unit = matrix([[1, 0], [0, 1]]);
const small = Math.log1p(Math.exp(-2));
const slope = 2 / (1 + Math.exp(2));

export default pairCase(
  "infoNce",
  ["query", "key"],
  [{}, { temperature: 1 }, { temperature: 0.5, normalize: true }],
  (inputs, similarities) => similarities.map((row) => row.map((s) => s / numberOf(inputs, "temperature", 0.07))),
  (logits) => logits.map((row, i) => shareLoss(row[i] ?? Number.NaN, row.filter((_, j) => j !== i))),
  [
    {
      title: "two at right angles",
      inputs: { args: { query: unit, key: unit }, options: { temperature: 0.5 } },
      values: [small, small],
      grads: { query: [-slope, slope, slope, -slope], key: [-slope, slope, slope, -slope] },
    },
    { title: "one alone has nothing to be told from", inputs: { args: { query: matrix([[1, 2]]), key: matrix([[3, 4]]) }, options: {} }, values: [0], grads: { query: [0, 0], key: [0, 0] } },
    { title: "confident queries keep their digits", inputs: { args: { query: matrix([[8, 0], [0, 8]]), key: unit }, options: { temperature: 0.25 } }, values: [Math.log1p(Math.exp(-32)), Math.log1p(Math.exp(-32))] },
    {
      title: "small queries of large keys",
      inputs: { args: { query: matrix([[2 ** -70, 0], [0, 2 ** -70]]), key: matrix([[2 ** 70, 0], [0, 2 ** 70]]) }, options: { temperature: 0.5 } },
      values: [small, small],
      grads: { query: [-slope, slope, slope, -slope].map((g) => g * 2 ** 70), key: [-slope, slope, slope, -slope].map((g) => g * 2 ** -70) },
    },
    { title: "NaN in a query stays in its row", inputs: { args: { query: matrix([[NaN, 0], [0, 1]]), key: unit }, options: { temperature: 0.5 } }, values: [NaN, small] },
  ],
);
