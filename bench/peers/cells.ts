// The cells that are measured against peers: float32, value with gradient.
import type { Shape } from "../rows.js";

/** A row of ../rows.ts, and its shapes here. */
export interface Cells {
  readonly title: string;
  /** What the case's `sample` takes beside the row's own options. */
  readonly options?: Readonly<Record<string, number>>;
  readonly shapes: readonly Shape[];
}

const ELEMENTS: readonly Shape[] = [[1024], [65536], [1048576]];
const ROWS: readonly Shape[] = [[64, 10], [4096, 10], [128, 1000]];

const elementwise = ["mse", "l1", "smoothL1", "huber", "bce", "bceWithLogits", "klDiv", "softMargin", "hingeEmbedding", "marginRanking", "poissonNll", "gaussianNll"];

/** No row of the others', as it is a class with parameters: (samples, width) of its input, into ADAPTIVE's classes. */
export const ADAPTIVE = { title: "adaptiveLogSoftmax", shapes: [[128, 64]], classes: 10_000, cutoffs: [100, 1_000, 5_000], seed: 1 } as const;

export const CELLS: readonly Cells[] = [
  ...elementwise.map((title) => ({ title, shapes: ELEMENTS })),
  { title: "crossEntropy", shapes: [...ROWS, [64, 32000], [32, 128256], [4, 21, 128, 128]] },
  { title: "crossEntropy smoothing", shapes: ROWS },
  { title: "crossEntropy probabilities", shapes: [[128, 1000]] },
  { title: "nll", shapes: ROWS },
  ...["multiMargin", "multiLabelMargin", "multiLabelSoftMargin"].map((title) => ({ title, shapes: [[256, 100]] })),
  ...["cosineEmbedding", "tripletMargin"].map((title) => ({ title, shapes: [[1024, 256]] })),
  { title: "ctc", shapes: [[50, 16, 20], [300, 8, 64]] },
  { title: "linearCrossEntropy", options: { classes: 8192 }, shapes: [[256, 256]] },
  ADAPTIVE,
];
