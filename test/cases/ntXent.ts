import { REDUCTIONS, given, matrix, numberOf } from "../support/draw.js";
import { SHAPES, labelledSample, shareLoss, similaritiesOf, sized } from "../support/similarity.js";
import type { Argument, LossCase } from "./case.js";

const pairs = matrix([[1, 0], [1, 0], [0, 1], [0, 1]]);
const two = given([5, 5, -1, -1], "index");
const value = Math.log1p(2 * Math.exp(-2));

const ntXent: LossCase = {
  name: "ntXent",
  form: "batch",
  wrt: ["embeddings"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { temperature: 0.5 }, { temperature: 2 }],
  shapes: SHAPES,
  sample: labelledSample,
  oracle: (inputs) => {
    const { embeddings, labels } = inputs.args as Record<"embeddings" | "labels", Argument>;
    const logits = similaritiesOf(embeddings, embeddings, true).map((row) => row.map((s) => s / numberOf(inputs, "temperature", 0.07)));
    const same = (i: number, j: number) => labels.data[i] === labels.data[j];
    let count = 0;
    const values = logits.map((row, i) => {
      const negatives = row.filter((_, j) => !same(i, j));
      const positives = row.filter((_, j) => same(i, j) && j !== i);
      count += positives.length;
      return positives.reduce((sum, s) => sum + shareLoss(s, negatives), 0);
    });
    const { scale } = sized(values, logits);
    return { values, shape: [values.length], divisor: count, scale: scale.map((size) => size * values.length) };
  },
  edges: [
    { title: "pairs at right angles", inputs: { args: { embeddings: pairs, labels: two }, options: { temperature: 0.5 } }, values: [value, value, value, value], mean: { value, grads: {} } },
    { title: "the norm does not count", inputs: { args: { embeddings: matrix([[2, 0], [7, 0], [0, 0.5], [0, 1]]), labels: two }, options: { temperature: 0.5 } }, values: [value, value, value, value] },
    { title: "without negatives nothing is to be told apart", inputs: { args: { embeddings: matrix([[1, 2], [3, 1]]), labels: given([3, 3], "index") }, options: {} }, values: [0, 0], grads: { embeddings: [0, 0, 0, 0] } },
    {
      title: "without pairs the mean is of nothing",
      inputs: { args: { embeddings: matrix([[1, 2], [3, 1]]), labels: given([3, 4], "index") }, options: {} },
      values: [0, 0],
      grads: { embeddings: [0, 0, 0, 0] },
      mean: { value: NaN, grads: { embeddings: [0, 0, 0, 0] } },
    },
    { title: "NaN is in all rows that see it", inputs: { args: { embeddings: matrix([[NaN, 0], [1, 0], [0, 1]]), labels: given([0, 0, 1], "index") }, options: {} }, values: [NaN, NaN, 0] },
  ],
};
export default ntXent;
