import { boxCase, boxPairs } from "../support/boxes.js";

export default boxCase(
  "giou",
  ({ iou, union, hull: [width, height] }, eps) => 1 - iou + (width * height - union) / (width * height + eps),
  [
    { title: "alike, without eps", inputs: boxPairs([[0, 0, 2, 1]], [[0, 0, 2, 1]], { eps: 0 }), values: [0] },
    { title: "two squares that share a quarter", inputs: boxPairs([[0, 0, 2, 2]], [[1, 1, 3, 3]], { eps: 0 }), values: [1 - 1 / 7 + 2 / 9] },
    { title: "apart: the hull alone has a gradient", inputs: boxPairs([[0, 0, 1, 1]], [[3, 0, 4, 1]], { eps: 0 }), values: [1.5], grads: { boxes1: [0.125, 0, -0.25, 0], boxes2: [0.25, 0, -0.125, 0] } },
    { title: "points", inputs: boxPairs([[1, 1, 1, 1]], [[1, 1, 1, 1]]), values: [1], grads: { boxes1: [0, 0, 0, 0], boxes2: [0, 0, 0, 0] } },
    { title: "NaN stays in its pair", inputs: boxPairs([[NaN, 0, 1, 1], [0, 0, 1, 1]], [[0, 0, 1, 1], [0, 0, 1, 1]], { eps: 0 }), values: [NaN, 0] },
  ],
);
