import { type BoxPair, boxCase, boxPairs } from "../support/boxes.js";
import { diouOf } from "./diou.js";

const vOf = ({ aspects: [first, second] }: BoxPair) => (4 / Math.PI ** 2) * (second - first) ** 2;
const quarter = (4 / Math.PI ** 2) * (Math.atan(2) - Math.atan(0.5)) ** 2;

export default boxCase(
  "ciou",
  (pair, eps, at) => diouOf(pair, eps) + (vOf(at) / (1 - at.iou + vOf(at) + eps)) * vOf(pair),
  [
    { title: "squares have no aspect to differ in", inputs: boxPairs([[0, 0, 2, 2]], [[1, 1, 3, 3]], { eps: 0 }), values: [1 - 1 / 7 + 2 / 18] },
    { title: "lying and standing", inputs: boxPairs([[-2, -1, 2, 1]], [[-1, -2, 1, 2]], { eps: 0 }), values: [2 / 3 + quarter ** 2 / (2 / 3 + quarter)] },
    { title: "flat boxes are alike, whatever their width", inputs: boxPairs([[0, 0, 2, 0]], [[0, 0, 1, 0]], { eps: 0.5 }), values: [1 + 0.25 / 4.5] },
    { title: "points", inputs: boxPairs([[1, 1, 1, 1]], [[1, 1, 1, 1]]), values: [1], grads: { boxes1: [0, 0, 0, 0], boxes2: [0, 0, 0, 0] } },
    { title: "NaN stays in its pair", inputs: boxPairs([[NaN, 0, 1, 1], [0, 0, 2, 2]], [[0, 0, 1, 1], [1, 1, 3, 3]], { eps: 0 }), values: [NaN, 1 - 1 / 7 + 2 / 18] },
  ],
);
