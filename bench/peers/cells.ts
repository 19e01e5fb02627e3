// The cells that are measured against peers: float32, value with gradient.
import type { Shape } from "../rows.js";

/** A loss in a variant and its shapes. */
export interface Cells {
  readonly loss: string;
  /** What the case's `sample` takes; also the loss's options. */
  readonly options?: Readonly<Record<string, number | boolean>>;
  readonly shapes: readonly Shape[];
}

const ELEMENTS: readonly Shape[] = [[1024], [65536], [1048576]];
const ROWS: readonly Shape[] = [[64, 10], [4096, 10], [128, 1000]];

const elementwise = ["mse", "l1", "smoothL1", "huber", "bce", "bceWithLogits", "klDiv", "softMargin", "hingeEmbedding", "marginRanking", "poissonNll", "gaussianNll"];

export const CELLS: readonly Cells[] = [
  ...elementwise.map((loss) => ({ loss, shapes: ELEMENTS })),
  { loss: "crossEntropy", shapes: [...ROWS, [64, 32000], [32, 128256], [4, 21, 128, 128]] },
  { loss: "crossEntropy", options: { labelSmoothing: 0.1 }, shapes: ROWS },
  { loss: "crossEntropy", options: { probabilities: true }, shapes: [[128, 1000]] },
  { loss: "nll", shapes: ROWS },
  ...["multiMargin", "multiLabelMargin", "multiLabelSoftMargin"].map((loss) => ({ loss, shapes: [[256, 100]] })),
  ...["cosineEmbedding", "tripletMargin"].map((loss) => ({ loss, shapes: [[1024, 256]] })),
  { loss: "ctc", shapes: [[50, 16, 20], [300, 8, 64]] },
];
