import { type BoxPair, boxCase, boxPairs } from "../support/boxes.js";

/** The loss without what ciou adds. */
export const diouOf = ({ iou, hull: [width, height], distance }: BoxPair, eps: number) => 1 - iou + distance / (width ** 2 + height ** 2 + eps);

export default boxCase("diou", diouOf, [
  { title: "alike, without eps", inputs: boxPairs([[0, 0, 2, 1]], [[0, 0, 2, 1]], { eps: 0 }), values: [0] },
  { title: "two squares that share a quarter", inputs: boxPairs([[0, 0, 2, 2]], [[1, 1, 3, 3]], { eps: 0 }), values: [1 - 1 / 7 + 2 / 18] },
  { title: "one within another about the same centre", inputs: boxPairs([[0, 0, 4, 4]], [[1, 1, 3, 3]], { eps: 0 }), values: [0.75], grads: { boxes1: [-0.0625, -0.0625, 0.0625, 0.0625], boxes2: [0.125, 0.125, -0.125, -0.125] } },
  { title: "points", inputs: boxPairs([[1, 1, 1, 1]], [[1, 1, 1, 1]]), values: [1], grads: { boxes1: [0, 0, 0, 0], boxes2: [0, 0, 0, 0] } },
  { title: "NaN stays in its pair", inputs: boxPairs([[NaN, 0, 1, 1], [0, 0, 1, 1]], [[0, 0, 1, 1], [0, 0, 1, 1]], { eps: 0 }), values: [NaN, 0] },
]);
