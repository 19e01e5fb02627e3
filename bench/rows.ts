// What is measured: each case of test/cases in its variants and shapes, and each of these as a call of ours from both
// builds and of the plain loop, on the same numbers.
import type { Argument, FunctionArguments, LossCase } from "../test/cases/case.js";
import { count, seeded } from "../test/support/draw.js";
import type { Case } from "./cases.js";
import type { Contestant } from "./measure.js";
import type { Plain } from "./plain.js";

/** The surface of an entry. */
export type FusedLoss = typeof import("fused-loss");
/** Builds by name; the others are compared with the first. */
export type Engines = Readonly<Record<string, FusedLoss>>;
export type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
export type FloatType = "float32" | "float64";
/** What a call gives: the value alone, or with its gradient (of a function: the vector-Jacobian product alone). */
export type Mode = "value" | "gradient";
export type Shape = readonly number[];

type Options = Readonly<Record<string, number | boolean | string>>;

/** A loss or function in one variant. */
export interface Row {
  /** Its name, and that of the variant if it is not the first; the key of its plain form. */
  readonly title: string;
  readonly of: Case;
  /** What the case's `sample` takes. */
  readonly options: Options;
  /** Whether it works on rows of classes, the last dimension. */
  readonly rowwise: boolean;
  readonly shapes: readonly Shape[];
}

export const ELEMENT_SHAPES: readonly Shape[] = [[1024], [65536], [1048576]];
const PAIRS: readonly Shape[] = [[64, 10], [1024, 256]];
const BOXES: readonly Shape[] = [[64, 4], [16384, 4]];
export const ROW_SHAPES: readonly Shape[] = [[64, 10], [4096, 10], [128, 1000], [64, 32000]];

/** What is measured of a loss or function of rows, in place of one variant in the usual shapes. */
interface Rowwise {
  /** The options of each variant. */
  readonly variants?: Readonly<Record<string, Options>>;
  readonly shapes?: readonly Shape[];
}

/** Losses and functions of rows. All others are measured by element. */
const ROWWISE: Readonly<Record<string, Rowwise>> = {
  ctc: { shapes: [[50, 16, 20], [300, 8, 64]] },
  cosineEmbedding: { shapes: PAIRS },
  cosineSimilarity: { shapes: PAIRS },
  clip: { shapes: PAIRS },
  dice: {},
  infoNce: { shapes: PAIRS },
  ntXent: { shapes: PAIRS },
  sigLip: { shapes: PAIRS },
  supCon: { shapes: PAIRS },
  pairwiseDistance: { shapes: PAIRS },
  tripletMargin: { shapes: PAIRS },
  tripletMarginWithDistance: { variants: { " cosine": { distance: "cosine" } }, shapes: PAIRS },
  tversky: {},
  giou: { shapes: BOXES },
  diou: { shapes: BOXES },
  ciou: { shapes: BOXES },
  distillationKl: {},
  jensenShannon: {},
  softmaxFocal: {},
  poly: { variants: { "": {}, " probabilities": { probabilities: true } } },
  nll: {},
  crossEntropy: { variants: { "": {}, " smoothing": { labelSmoothing: 0.1 }, " probabilities": { probabilities: true } } },
  linearCrossEntropy: { variants: { "": { classes: 1000 } }, shapes: [[64, 64], [256, 256]] },
  multiLabelMargin: {},
  multiLabelSoftMargin: {},
  multiMargin: {},
  rankingSoftmax: {},
  sparsemax: {},
  softmax: {},
  logSoftmax: {},
  logSumExp: {},
};

export const showShape = (shape: Shape) => shape.map((size) => size.toLocaleString("en")).join(" × ");

/** The rows of cases: by element first, then by rows of classes, each in the order of their names. */
export function rowsOf(cases: readonly Case[]): Row[] {
  const rows = cases.flatMap((of): Row[] => {
    const rowwise = ROWWISE[of.name];
    const common = { of, rowwise: rowwise !== undefined, shapes: rowwise ? (rowwise.shapes ?? ROW_SHAPES) : ELEMENT_SHAPES };
    return Object.entries(rowwise?.variants ?? { "": {} }).map(([label, options]) => ({ ...common, title: of.name + label, options }));
  });
  return rows.sort((a, b) => Number(a.rowwise) - Number(b.rowwise) || a.title.localeCompare(b.title));
}

const isLoss = (of: Case): of is LossCase => "wrt" in of;
const floats = (dtype: FloatType, data: number | readonly number[]) => {
  const constructor = dtype === "float32" ? Float32Array : Float64Array;
  return typeof data === "number" ? new constructor(data) : constructor.from(data);
};

/** A row in one shape, with its numbers. */
export interface Cell {
  readonly row: Row;
  readonly shape: Shape;
  readonly dtype: FloatType;
  readonly inputs: readonly Input[];
  /** The loss's own options. */
  readonly options: object;
  /** For functions: the gradient of the result, in its shape. */
  readonly gradOutput: Input | undefined;
}

interface Input {
  readonly name: string;
  readonly data: Floats | Int32Array<ArrayBuffer>;
  readonly shape: Shape;
}

/** Draws the numbers of a cell, the same in every run. */
export function draw(row: Row, shape: Shape, dtype: FloatType): Cell {
  const random = seeded(1);
  const inputs = (args: object): Input[] =>
    Object.entries(args as Readonly<Record<string, Argument>>).map(([name, { data, shape, kind }]) => ({
      name,
      // Flags as floats: integers would be converted in every call.
      data: kind === "index" ? Int32Array.from(data) : floats(dtype, data),
      shape,
    }));
  const { of } = row;
  if (isLoss(of)) {
    const { args, options } = of.sample(random, shape, row.options);
    return { row, shape, dtype, inputs: inputs(args), options, gradOutput: undefined };
  }
  const args = of.sample(random, shape);
  // Whether it reduces its last dimension shows on a single element.
  const small = of.sample(random, shape.map(() => 1)) as FunctionArguments;
  const reduces = of.oracle(small, {}).shape.length < shape.length;
  const outer = reduces ? shape.slice(0, -1) : shape;
  const gradOutput = floats(dtype, Array.from({ length: count(outer) }, () => 2 * random() - 1));
  return { row, shape, dtype, inputs: inputs(args), options: {}, gradOutput: { name: "gradOutput", data: gradOutput, shape: outer } };
}

/** A contestant whose result can be read. */
export interface Entrant extends Contestant {
  /** What one call gives: the reduced value, if there is one, and the arrays. */
  answer(): { readonly value: number | undefined; readonly arrays: readonly Floats[] };
  dispose(): void;
}

/** The arrays of a call: what goes in, in order, and the names and shapes of what comes out. */
function callOf({ row: { of }, shape, inputs, gradOutput }: Cell, mode: Mode) {
  if (isLoss(of)) {
    const names = mode === "value" ? [] : of.wrt.slice(0, of.defaults);
    return { inputs, outputs: inputs.filter(({ name }) => names.includes(name)) };
  }
  if (mode === "value" || !gradOutput) return { inputs, outputs: [{ name: "out", shape: gradOutput?.shape ?? shape }] };
  return { inputs: [...inputs, gradOutput], outputs: inputs.length === 1 ? [{ name: "out", shape }] : inputs };
}

type Call = (...args: unknown[]) => unknown;

/**
 * A closure for a call. Its arguments are read from an array, as the engine would compile a loop for the very arrays that
 * a closure holds, which no user's loop would have; and they are written out, as a spread would take its own time.
 */
export function closure(call: Call, args: readonly unknown[]): () => unknown {
  switch (args.length) {
    case 2:
      return () => call(args[0], args[1]);
    case 3:
      return () => call(args[0], args[1], args[2]);
    case 4:
      return () => call(args[0], args[1], args[2], args[3]);
    case 5:
      return () => call(args[0], args[1], args[2], args[3], args[4]);
    case 6:
      return () => call(args[0], args[1], args[2], args[3], args[4], args[5]);
    default:
      return () => call(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);
  }
}

/** Our call, on resident tensors and with `out`. */
function ours(name: string, engine: FusedLoss, cell: Cell, mode: Mode): Entrant {
  const { of } = cell.row;
  const { inputs, outputs } = callOf(cell, mode);
  const tensors = inputs.map(({ data, shape }) => engine.tensor(data, shape));
  const results = outputs.map(({ shape }) => engine.zeros(shape, { dtype: cell.dtype }));
  const entry = engine[of.name as "mse"] as unknown as Call & { valueAndGrad: Call; vjp: Call };
  const loss = isLoss(of);
  const call = mode === "value" ? entry : loss ? entry.valueAndGrad : entry.vjp;
  const grads = Object.fromEntries(outputs.map((output, k) => [output.name, results[k]]));
  const out = loss ? { grads } : results.length === 1 ? results[0] : grads;
  const options = loss && mode === "value" ? cell.options : { ...cell.options, out };
  const run = closure(call, [...tensors, options]);
  return {
    name,
    run,
    answer() {
      const result = run();
      const value = loss ? (mode === "value" ? result : (result as { value: unknown }).value) : undefined;
      return { value: value as number | undefined, arrays: results.map((tensor) => tensor.data.slice()) };
    },
    dispose: () => [...tensors, ...results].forEach((tensor) => tensor.dispose()),
  };
}

/** The plain loop, on plain arrays; nothing where it is not written. */
function plainLoop(form: Plain | undefined, cell: Cell, mode: Mode): Entrant | undefined {
  const loss = isLoss(cell.row.of);
  const loop = (loss ? form?.loss : mode === "value" ? form?.value : form?.vjp) as Call | undefined;
  if (!loop) return undefined;
  const { inputs, outputs } = callOf(cell, mode);
  const results = outputs.map(({ shape }) => floats(cell.dtype, count(shape)));
  const classes = cell.row.rowwise ? [cell.shape.at(-1)] : [];
  const args = [...inputs.map(({ data }) => data), ...classes, ...results];
  const run = closure(loop, args);
  return { name: "plain", run, answer: () => ({ value: run() as number | undefined, arrays: results }), dispose: () => undefined };
}

/** Who runs a cell: both builds and, where there is one, the plain loop. */
export function entrants(cell: Cell, mode: Mode, engines: Engines, form: Plain | undefined): Entrant[] {
  const builds = Object.entries(engines).map(([name, engine]) => ours(name, engine, cell, mode));
  const plain = plainLoop(form, cell, mode);
  return plain ? [...builds, plain] : builds;
}

/** Two contestants give different answers. */
export class Disagreement extends Error {}

/**
 * Throws unless the builds agree bit for bit, and the plain loop with them to a few digits: this is about wrong answers,
 * and the tests are about the last digit.
 */
export function assertAgreement(what: string, all: readonly Entrant[], dtype: FloatType) {
  const [first, ...others] = all.map((entrant) => ({ name: entrant.name, ...entrant.answer() }));
  if (!first) return;
  for (const other of others) {
    const rounding = other.name !== "plain" ? 0 : dtype === "float32" ? 1e-5 : 1e-9;
    const compare = (where: string, got = Number.NaN, expected = Number.NaN, least = 0) => {
      if (rounding === 0 ? Object.is(got, expected) : Math.abs(got - expected) <= rounding * Math.max(Math.abs(expected), least)) return;
      throw new Disagreement(`${what}: ${where} is ${got} in ${first.name}, but ${expected} in ${other.name}`);
    };
    if (first.value !== undefined) compare("the value", first.value, other.value, 1e-3);
    first.arrays.forEach((array, k) => {
      const expected = other.arrays[k] ?? [];
      let largest = 0;
      for (const x of expected) largest = Math.max(largest, Math.abs(x));
      for (let i = 0; i < array.length; i++) compare(`element ${i} of result ${k}`, array[i], expected[i], largest);
    });
  }
}
