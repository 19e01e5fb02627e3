// The losses that have curves: what may be adjusted of each, and where its arguments stand.

type Scalar = number | string;

interface NumberOption {
  readonly kind: "number";
  readonly name: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
}
interface FlagOption {
  readonly kind: "flag";
  readonly name: string;
  readonly value: boolean;
}
interface ChoiceOption {
  readonly kind: "choice";
  readonly name: string;
  readonly value: Scalar;
  readonly choices: readonly Scalar[];
}
/** An array of factors, one for each class, or one that all elements share. */
interface FactorsOption {
  readonly kind: "factors";
  readonly name: string;
  readonly count: number;
}
export type Option = NumberOption | FlagOption | ChoiceOption | FactorsOption;

/** An argument of one sample: one element, or with `row` a row of them. */
export interface Argument {
  readonly name: string;
  readonly array: "Float64Array" | "Int32Array" | "Int8Array";
  readonly row: boolean;
  readonly data: readonly number[];
  /** Where its elements may be. */
  readonly min: number;
  readonly max: number;
  /** Whether an element of it can be the one on the x axis, which is where there is a gradient by it. */
  readonly moves: boolean;
  /** What the whole argument may be, where it is chosen and not drawn. */
  readonly choices?: Readonly<Record<string, readonly number[]>>;
}

export interface Loss {
  readonly name: string;
  readonly form: "elements" | "rows";
  readonly args: readonly Argument[];
  readonly options: readonly Option[];
  /** How many values a sample has, whose sum is drawn. */
  readonly terms: number;
}

const number = (name: string, value: number, min: number, max: number): Option => ({ kind: "number", name, value, min, max });
const flag = (name: string, value = false): Option => ({ kind: "flag", name, value });
const choice = (name: string, value: Scalar, choices: readonly Scalar[]): Option => ({ kind: "choice", name, value, choices });
const factors = (name: string, count: number): Option => ({ kind: "factors", name, count });
const margin = (value: number, min = -1) => number("margin", value, min, 3);
const eps = (value: number) => choice("eps", value, [value, 0.01, 0.1, 0.5, 1]);
const ignoreIndex = choice("ignoreIndex", -100, [-100, 0, 1, 2]);

/** One element, or a row, of floats: where it stands and how far it goes. */
function floats(name: string, data: number | readonly number[], min = -4, max = 4): Argument {
  const row = typeof data !== "number";
  return { name, array: "Float64Array", row, data: row ? data : [data], min, max, moves: true };
}
/** The same, where there is no gradient by it. */
const held = (...of: Parameters<typeof floats>): Argument => ({ ...floats(...of), moves: false });

const chosen = (name: string, array: Argument["array"], row: boolean, choices: Readonly<Record<string, readonly number[]>>): Argument => {
  const [data = []] = Object.values(choices);
  return { name, array, row, data, min: Math.min(...data), max: Math.max(...data), moves: false, choices };
};
const signs = chosen("target", "Int8Array", false, { "1": [1], "−1": [-1] });
const label = chosen("target", "Int32Array", false, { "class 0": [0], "class 1": [1], "class 2": [2] });
const labels = chosen("target", "Int32Array", true, { "class 0": [0, -1, -1], "classes 0 and 1": [0, 1, -1], "class 1": [1, -1, -1], "classes 1 and 2": [1, 2, -1], all: [0, 1, 2] });

const input = floats("input", 0);
const target = floats("target", 0);
const logits = floats("input", [0, 0.5, -0.5]);
const unit = (name: string, value: number) => floats(name, value, 0, 1);
const present = held("target", [1, 0, 0], 0, 1);
const probabilities = floats("input", [0.5, 0.2, 0.1], 0, 1);
const pair = [floats("input1", [1, 0.5], -3, 3), floats("input2", [1, 1], -3, 3)];
const triplet = [floats("anchor", [0, 0], -3, 3), floats("positive", [1, 0], -3, 3), floats("negative", [0, 2], -3, 3)];
const boxes = [floats("boxes1", [0, 0, 2, 2], -3, 4), floats("boxes2", [0.5, 0.5, 2.5, 2.5], -3, 4)];
const logProb = (name: string, value: number) => floats(name, value, -6, 0);

type Entry = readonly [args: readonly Argument[], options?: readonly Option[], terms?: number];

const ELEMENTS: Readonly<Record<string, Entry>> = {
  bce: [[unit("input", 0.5), unit("target", 1)], [factors("weight", 1)]],
  bceWithLogits: [[input, unit("target", 1)], [factors("weight", 1), factors("posWeight", 1)]],
  dpo: [
    [logProb("policyChosen", -2), logProb("policyRejected", -3), { ...logProb("referenceChosen", -2), moves: false }, { ...logProb("referenceRejected", -3), moves: false }],
    [number("beta", 0.1, 0.05, 2), number("labelSmoothing", 0, 0, 1)],
  ],
  gaussianNll: [[input, target, floats("variance", 1, 0.05, 4)], [flag("full"), eps(1e-6)]],
  hinge: [[input, signs]],
  hingeEmbedding: [[input, signs], [margin(1)]],
  huber: [[input, target], [number("delta", 1, 0.05, 4), factors("weight", 1)]],
  klDiv: [[floats("input", -1, -4, 0), unit("target", 0.5)], [flag("logTarget")]],
  l1: [[input, target], [factors("weight", 1)]],
  logCosh: [[input, target]],
  marginRanking: [[floats("input1", 0), floats("input2", 0), signs], [margin(0)]],
  mse: [[input, target], [factors("weight", 1)]],
  poissonNll: [[floats("input", 0, -2, 3), held("target", 2, 0, 6)], [flag("logInput", true), flag("full"), eps(1e-8)]],
  quantile: [[input, target], [number("q", 0.5, 0, 1)]],
  sigmoidFocal: [[input, held("target", 1, 0, 1)], [number("gamma", 2, 0, 6), choice("alpha", 0.25, [-1, 0, 0.1, 0.25, 0.5, 0.75, 1])]],
  smoothL1: [[input, target], [number("beta", 1, 0, 4)]],
  softMargin: [[input, signs]],
  squaredHinge: [[input, signs]],
};

const ROWS: Readonly<Record<string, Entry>> = {
  ciou: [boxes, [eps(1e-7)]],
  cosineEmbedding: [[...pair, signs], [margin(0)]],
  crossEntropy: [[logits, label], [number("labelSmoothing", 0, 0, 1), number("zLoss", 0, 0, 1), number("softcap", 0, 0, 10), factors("weight", 3), ignoreIndex]],
  dice: [[probabilities, present], [number("smooth", 1, 0, 3)]],
  diou: [boxes, [eps(1e-7)]],
  distillationKl: [[floats("student", [0, 0.5, -0.5]), floats("teacher", [1, 0, -1])], [number("temperature", 1, 0.25, 5)], 3],
  giou: [boxes, [eps(1e-7)]],
  jensenShannon: [[floats("logits1", [0, 0.5, -0.5]), floats("logits2", [1, 0, -1])], [number("beta", 0.5, 0, 1)]],
  multiLabelMargin: [[logits, labels]],
  multiLabelSoftMargin: [[logits, present], [factors("weight", 3)]],
  multiMargin: [[logits, label], [choice("p", 1, [1, 2]), margin(1), factors("weight", 3)]],
  nll: [[floats("input", [-1, -1.5, -0.8], -4, 0), label], [factors("weight", 3), ignoreIndex]],
  poly: [[logits, label], [number("epsilon", 2, -1, 5)]],
  rankingSoftmax: [[floats("scores", [0, 0.5, -0.5]), held("labels", [1, 0, 0], 0, 3)]],
  softmaxFocal: [[logits, label], [number("gamma", 2, 0, 6), factors("weight", 3), ignoreIndex]],
  sparsemax: [[logits, label]],
  tripletMargin: [triplet, [margin(1, 0.05), choice("p", 2, [1, 1.5, 2, 3, Infinity]), eps(1e-6), flag("swap")]],
  tripletMarginWithDistance: [triplet, [choice("distance", "euclidean", ["euclidean", "squaredEuclidean", "cosine"]), margin(1, 0.05), flag("swap")]],
  tversky: [[probabilities, present], [number("alpha", 0.5, 0, 2), number("beta", 0.5, 0, 2), number("smooth", 1, 0, 3)]],
};

const entries = (form: Loss["form"], table: Readonly<Record<string, Entry>>): Loss[] => Object.entries(table).map(([name, [args, options = [], terms = 1]]) => ({ name, form, args, options, terms }));

export const LOSSES: readonly Loss[] = [...entries("elements", ELEMENTS), ...entries("rows", ROWS)];
