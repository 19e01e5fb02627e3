// What a suite or a benchmark needs to know of a loss. One file a loss gives it; suites glob the folder.

/** An argument as the oracle sees it: float64 numbers with a shape. */
export interface Argument {
  readonly data: readonly number[];
  readonly shape: readonly number[];
  /** `index`: class indices; `flag`: an integer array will do too; `float`: floats only. */
  readonly kind: "float" | "index" | "flag";
}

/** Arguments by name, in the order of the call, and options that are arrays (weight, posWeight) among `options`. */
export interface Inputs {
  readonly args: Readonly<Record<string, Argument>>;
  /** The loss's own options; array options are Arguments. */
  readonly options: Readonly<Record<string, number | boolean | string | Argument>>;
}

/** What the oracle says: the value of every element, and what `mean` divides their sum by. */
export interface Expected {
  readonly values: readonly number[];
  /** The shape of the values. */
  readonly shape: readonly number[];
  readonly divisor: number;
  /** What `mean` divides each value by first. */
  readonly shares?: readonly number[];
  /** The size of the terms that each value is made of, where they cancel: rounding errors are to be seen against it. */
  readonly scale?: readonly number[];
}

export interface Edge {
  readonly title: string;
  readonly inputs: Inputs;
  /** Values with `reduction: "none"`. */
  readonly values: readonly number[];
  /** Gradients with `reduction: "sum"`, by argument. */
  readonly grads?: Readonly<Record<string, readonly number[]>>;
  /** Value and gradients with `reduction: "mean"`, where the divisor is what the row is about. */
  readonly mean?: { readonly value: number; readonly grads: Readonly<Record<string, readonly number[]>> };
  /** For rows that only one element type can hold. */
  readonly dtype?: "float32" | "float64";
}

export interface LossCase {
  /** The name it is exported by. */
  readonly name: string;
  /** What it can differentiate by, the default ones first; `weight` only where a weight is given, integers never. */
  readonly wrt: readonly string[];
  readonly defaults: number;
  readonly reductions: readonly string[];
  /**
   * What an element of the loss is made of. `elements`: one element of each argument; `classes`: a row of classes and its
   * class target, laid out as crossEntropy's; `rows`: a row along the last dimension, or a sample; `batch`: perhaps all there
   * is. Default: `classes` where the target holds class indices, else `elements`.
   */
  readonly form?: "elements" | "classes" | "rows" | "batch";
  /** The shape of so many rows and classes, where not every [rows, classes] will do. */
  shapeOf?(rows: number, classes: number): readonly number[];
  /** What `wrt` leaves for these inputs, if the rule above does not tell. */
  able?(inputs: Inputs): readonly string[];
  /**
   * What `sample` takes, one set a test; the first is empty. Mostly the loss's own options, which it passes on; where one
   * is an array, `true` asks for it. A few name a variant of the arguments (`probabilities`, `varianceShape`) instead.
   */
  readonly options: readonly Readonly<Record<string, number | boolean | string>>[];
  /** Shapes of the input, from a single element over borders of vectors and blocks to several dimensions. */
  readonly shapes: readonly (readonly number[])[];
  /** Random inputs of a shape; `random` gives numbers in [0, 1). Kinks are kept at a distance that central differences need. */
  sample(random: () => number, shape: readonly number[], options: Readonly<Record<string, number | boolean | string>>): Inputs;
  /**
   * The formula in float64, written from its source and not from the kernel. `at`: where to take what the gradient treats
   * as a constant, if not at the inputs.
   */
  oracle(inputs: Inputs, at?: Inputs): Expected;
  /** Rows where the answer is known exactly or where floats misbehave. */
  readonly edges: readonly Edge[];
}

/** The arguments of a function: `x`, or `x1` and `x2`. */
export interface FunctionArguments {
  readonly x: Argument;
  readonly x1: Argument;
  readonly x2: Argument;
}

export interface FunctionCase {
  readonly name: string;
  readonly options: readonly Readonly<Record<string, number>>[];
  readonly shapes: readonly (readonly number[])[];
  sample(random: () => number, shape: readonly number[]): Partial<FunctionArguments>;
  /** The result in float64. */
  oracle(args: FunctionArguments, options: Readonly<Record<string, number>>): Omit<Expected, "divisor">;
  readonly edges: readonly FunctionEdge[];
}

export interface FunctionEdge {
  readonly title: string;
  readonly args: Partial<FunctionArguments>;
  readonly options?: Readonly<Record<string, number>>;
  readonly values: readonly number[];
  readonly vjp?: { readonly gradOutput: readonly number[]; readonly grads: { readonly [K in keyof FunctionArguments]?: readonly number[] } };
}
