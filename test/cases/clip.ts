import { matrix, numberOf } from "../support/draw.js";
import { pairCase, shareLoss } from "../support/similarity.js";

const unit = matrix([[1, 0], [0, 1]]);
const small = Math.log1p(Math.exp(-2));
const slope = 2 / (1 + Math.exp(2));

export default pairCase(
  "clip",
  ["image", "text"],
  [{}, { logitScale: 1 }, { logitScale: 2, normalize: true }],
  (inputs, similarities) => similarities.map((row) => row.map((s) => s * numberOf(inputs, "logitScale", 1 / 0.07))),
  (logits) =>
    logits.map((row, i) => {
      const own = row[i] ?? Number.NaN;
      const column = logits.map((other) => other[i] ?? Number.NaN);
      return (shareLoss(own, row.filter((_, j) => j !== i)) + shareLoss(own, column.filter((_, j) => j !== i))) / 2;
    }),
  [
    {
      title: "two at right angles",
      inputs: { args: { image: unit, text: unit }, options: { logitScale: 2 } },
      values: [small, small],
      grads: { image: [-slope, slope, slope, -slope], text: [-slope, slope, slope, -slope] },
    },
    { title: "norms do not count where they are divided by", inputs: { args: { image: matrix([[3, 0], [0, 0.5]]), text: matrix([[2, 0], [0, 7]]) }, options: { logitScale: 2, normalize: true } }, values: [small, small] },
    { title: "one alone has nothing to be told from", inputs: { args: { image: matrix([[1, 2]]), text: matrix([[3, 4]]) }, options: {} }, values: [0], grads: { image: [0, 0], text: [0, 0] } },
    { title: "NaN reaches all, through the columns", inputs: { args: { image: matrix([[NaN, 0], [0, 1]]), text: unit }, options: {} }, values: [NaN, NaN] },
  ],
);
