// Pairs of bounding boxes, for the cases of their losses.
import type { Argument, Edge, Inputs, LossCase } from "../cases/case.js";
import { REDUCTIONS, type Random, drawn, matrix, numberOf, own, uniform } from "./draw.js";
import { along, rowOf } from "./rows.js";

/** What the formulas need of a pair, in float64. */
export interface BoxPair {
  readonly iou: number;
  readonly union: number;
  /** Sides of the box around both. */
  readonly hull: readonly [number, number];
  /** The distance of the centres, squared. */
  readonly distance: number;
  /** Width by height of each. */
  readonly aspects: readonly [number, number];
}

type Box = readonly [number, number, number, number];

function pairOf(a: Box, b: Box, eps: number): BoxPair {
  const side = (k: 0 | 1) => Math.max(0, Math.min(a[k + 2] as number, b[k + 2] as number) - Math.max(a[k], b[k]));
  const around = (k: 0 | 1) => Math.max(a[k + 2] as number, b[k + 2] as number) - Math.min(a[k], b[k]);
  const area = (box: Box) => (box[2] - box[0]) * (box[3] - box[1]);
  const shared = side(0) * side(1);
  const union = area(a) + area(b) - shared;
  const between = (k: 0 | 1) => (a[k] + (a[k + 2] as number) - b[k] - (b[k + 2] as number)) / 2;
  const aspect = (box: Box) => Math.atan((box[2] - box[0]) / (box[3] - box[1]));
  return { iou: shared / (union + eps), union, hull: [around(0), around(1)], distance: between(0) ** 2 + between(1) ** 2, aspects: [aspect(a), aspect(b)] };
}

function pairsOf({ args }: Inputs, eps: number): BoxPair[] {
  const { boxes1, boxes2 } = args as Record<"boxes1" | "boxes2", Argument>;
  const layout = along(boxes1.shape, -1);
  const at = (boxes: Argument, row: number) => rowOf(boxes, layout, row) as unknown as Box;
  return Array.from({ length: layout.rows }, (_, row) => pairOf(at(boxes1, row), at(boxes2, row), eps));
}

/** A box, all of whose ends keep 0.02 from those of another, where kinks are. */
function box(random: Random, other?: Box): Box {
  for (;;) {
    const [x, y] = [uniform(random, 0, 2), uniform(random, 0, 2)];
    const made = [x, y, Math.fround(x + uniform(random, 0.5, 3)), Math.fround(y + uniform(random, 0.5, 3))] as const;
    if (!other || made.every((end, k) => Math.abs(end - (other[k % 2] as number)) > 0.02 && Math.abs(end - (other[(k % 2) + 2] as number)) > 0.02)) return made;
  }
}

/** A case of a loss of boxes from its formula and its edges. */
export function boxCase(name: string, formula: (pair: BoxPair, eps: number, at: BoxPair) => number, edges: readonly Edge[]): LossCase {
  return {
    name,
    form: "rows",
    wrt: ["boxes1", "boxes2"],
    defaults: 2,
    reductions: REDUCTIONS,
    options: [{}, { eps: 0.5 }],
    shapes: [[4], [1, 4], [7, 4], [150, 4], [2, 3, 4]],
    shapeOf: (rows) => [rows, 4],
    sample: (random, shape, options) => {
      const boxes1 = drawn(shape, () => 0);
      const pairs = Array.from({ length: boxes1.data.length / 4 }, () => {
        const first = box(random);
        return [first, box(random, first)] as const;
      });
      return { args: { boxes1: { ...boxes1, data: pairs.flatMap(([a]) => a) }, boxes2: { ...boxes1, data: pairs.flatMap(([, b]) => b) } }, options: own(options) };
    },
    oracle: (inputs, at = inputs) => {
      const eps = numberOf(inputs, "eps", 1e-7);
      const constants = pairsOf(at, eps);
      const values = pairsOf(inputs, eps).map((pair, row) => formula(pair, eps, constants[row] as BoxPair));
      const shape = inputs.args.boxes1?.shape.slice(0, -1) ?? [];
      return { values, shape, divisor: values.length, scale: values.map((value) => 1 + Math.abs(value)) };
    },
    edges,
  };
}

/** A pair of boxes as arguments. */
export const boxPairs = (boxes1: readonly Box[], boxes2: readonly Box[], options: Inputs["options"] = {}): Inputs => ({
  args: { boxes1: matrix(boxes1), boxes2: matrix(boxes2) },
  options,
});
