import { REDUCTIONS, flagOf, given, matrix, numberOf } from "../support/draw.js";
import { SHAPES, labelledSample, shareLoss, similaritiesOf, sized } from "../support/similarity.js";
import type { Argument, LossCase } from "./case.js";

const pairs = matrix([[1, 0], [1, 0], [0, 1], [0, 1]]);
const two = given([5, 5, -1, -1], "index");
const value = Math.log1p(2 * Math.exp(-2));

const supCon: LossCase = {
  name: "supCon",
  form: "batch",
  wrt: ["embeddings"],
  defaults: 1,
  reductions: REDUCTIONS,
  options: [{}, { temperature: 1 }, { temperature: 0.5, normalize: true }],
  shapes: [[1, 3], ...SHAPES],
  sample: labelledSample,
  oracle: (inputs) => {
    const { embeddings, labels } = inputs.args as Record<"embeddings" | "labels", Argument>;
    const logits = similaritiesOf(embeddings, embeddings, flagOf(inputs, "normalize", false)).map((row) => row.map((s) => s / numberOf(inputs, "temperature", 0.07)));
    const values = logits.map((row, i) => {
      const positives = row.flatMap((_, j) => (labels.data[i] === labels.data[j] && j !== i ? [j] : []));
      const losses = positives.map((p) => shareLoss(row[p] ?? Number.NaN, row.filter((_, j) => j !== i && j !== p)));
      return losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, positives.length);
    });
    return { ...sized(values, logits), shape: [values.length] };
  },
  edges: [
    { title: "pairs at right angles", inputs: { args: { embeddings: pairs, labels: two }, options: { temperature: 0.5 } }, values: [value, value, value, value] },
    { title: "two of one label", inputs: { args: { embeddings: matrix([[1, 2], [3, 1]]), labels: given([3, 3], "index") }, options: {} }, values: [0, 0], grads: { embeddings: [0, 0, 0, 0] } },
    { title: "a sample alone, and one without another of its label", inputs: { args: { embeddings: matrix([[1, 2]]), labels: given([3], "index") }, options: {} }, values: [0], grads: { embeddings: [0, 0] } },
    { title: "labels of their own have no loss", inputs: { args: { embeddings: matrix([[1, 2], [3, 1]]), labels: given([3, 4], "index") }, options: {} }, values: [0, 0], grads: { embeddings: [0, 0, 0, 0] } },
  ],
};
export default supCon;
