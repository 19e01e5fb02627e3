import { FLAT_SHAPES, drawn, given, normal, softplusOf } from "../support/draw.js";
import type { FunctionCase } from "./case.js";

const logSigmoid: FunctionCase = {
  name: "logSigmoid",
  options: [{}],
  shapes: FLAT_SHAPES,
  sample: (random, shape) => ({ x: drawn(shape, () => normal(random, 3)) }),
  oracle: ({ x }) => ({ values: x.data.map((value) => -softplusOf(-value)), shape: x.shape }),
  edges: [
    { title: "the middle and the ends", args: { x: given([0, Infinity, -Infinity, 1e4]) }, values: [-Math.LN2, 0, -Infinity, 0] },
    { title: "both sides keep their digits", args: { x: given([40, -40, -1000]) }, values: [-Math.exp(-40), -40, -1000], vjp: { gradOutput: [1, 1, 2], grads: { x: [Math.exp(-40), 1, 2] } } },
    { title: "NaN goes through", args: { x: given([NaN, 0]) }, values: [NaN, -Math.LN2] },
  ],
};
export default logSigmoid;
