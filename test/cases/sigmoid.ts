import { FLAT_SHAPES, drawn, given, normal, sigmoidOf } from "../support/draw.js";
import type { FunctionCase } from "./case.js";

const sigmoid: FunctionCase = {
  name: "sigmoid",
  options: [{}],
  shapes: FLAT_SHAPES,
  sample: (random, shape) => ({ x: drawn(shape, () => normal(random, 3)) }),
  oracle: ({ x }) => ({ values: x.data.map(sigmoidOf), shape: x.shape }),
  edges: [
    { title: "the middle and the ends", args: { x: given([0, Infinity, -Infinity, 100, -80]) }, values: [0.5, 1, 0, 1, Math.exp(-80)] },
    {
      title: "the slope keeps its digits on both sides",
      args: { x: given([0, 15, 40, -40, Infinity, -Infinity]) },
      values: [0.5, sigmoidOf(15), sigmoidOf(40), sigmoidOf(-40), 1, 0],
      vjp: { gradOutput: [4, 1, 1, 1, 1, 1], grads: { x: [1, sigmoidOf(15) * sigmoidOf(-15), Math.exp(-40), Math.exp(-40), 0, 0] } },
    },
    { title: "NaN goes through", args: { x: given([NaN, 0]) }, values: [NaN, 0.5] },
  ],
};
export default sigmoid;
