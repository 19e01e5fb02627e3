/** A float array; its type chooses the kernels. */
export type FloatArray = Float32Array<ArrayBufferLike> | Float64Array<ArrayBufferLike>;

/** A typed array with the shape that it stands for, in row-major order. */
export interface Shaped<A> {
  readonly data: A;
  readonly shape: readonly number[];
}

/** float32 data: an array (1-D), an array with its shape, or a tensor. */
export type Floats32 = Float32Array<ArrayBufferLike> | Shaped<Float32Array<ArrayBufferLike>>;
/** float64 data: an array (1-D), an array with its shape, or a tensor. */
export type Floats64 = Float64Array<ArrayBufferLike> | Shaped<Float64Array<ArrayBufferLike>>;
/** Float data: an array (1-D), an array with its shape, or a tensor. */
export type Floats = Floats32 | Floats64;

type OrShaped<A> = A | Shaped<A>;

/** Class indices. */
export type Indices = OrShaped<
  | Int32Array<ArrayBufferLike>
  | Uint8Array<ArrayBufferLike>
  | Uint16Array<ArrayBufferLike>
  | Uint32Array<ArrayBufferLike>
  | BigInt64Array<ArrayBufferLike>
>;

/** Integers that stand for the numbers 0 and 1, or −1 and 1. */
export type Flags = OrShaped<
  | Int8Array<ArrayBufferLike>
  | Uint8Array<ArrayBufferLike>
  | Int32Array<ArrayBufferLike>
  | BigInt64Array<ArrayBufferLike>
>;

/** Floats of the same element type as `I`. */
export type Like<I> = I extends Floats32 ? Floats32 : Floats64;

/** The array that a result for input `I` comes in. */
export type Result<I> = I extends Floats32 ? Float32Array<ArrayBuffer> : Float64Array<ArrayBuffer>;

/** How the values of a loss are reduced. */
export type Reduction = "mean" | "sum" | "none";

/** Options that every loss has. */
export interface CommonOptions<R extends string = Reduction> {
  /** How the values are reduced: to their mean, to their sum, or not at all. Default `"mean"`. */
  readonly reduction?: R | undefined;
  /** Replaces the divisor of `"mean"`: finite and > 0. Not with `"sum"` or `"none"`. */
  readonly normalizer?: number | undefined;
}

/** Options that every loss has when it gives its value alone. */
export interface LossOptions<R extends string = Reduction> extends CommonOptions<R> {
  /** Where to put the value that `reduction: "none"` gives, in place of a fresh array. */
  readonly out?: { readonly value?: Floats | undefined } | undefined;
}

/** Options that every loss has in `valueAndGrad`; `W` names what it can differentiate by. */
export interface GradOptions<W extends string, R extends string = Reduction> extends CommonOptions<R> {
  /** The incoming gradient of the value; with `"none"` also an array of one for each element. Default 1. */
  readonly gradOutput?: number | Floats | undefined;
  /** The arguments to differentiate by; each must be given, as floats. Default: the predictions. */
  readonly wrt?: readonly W[] | undefined;
  /**
   * Where to put results, in place of fresh arrays; may name some only. A gradient may be written exactly over the
   * argument that it belongs to. Name a tensor itself rather than its `data`, which goes stale if the call grows memory.
   */
  readonly out?:
    | {
        readonly value?: Floats | undefined;
        readonly grads?: { readonly [K in W]?: Floats | undefined } | undefined;
      }
    | undefined;
}

/** No options. */
export type None = Record<never, never>;

/** The type of an option: what was given, or `Fresh` where it was not, or may not have been. */
export type Given<T, K extends string, Fresh> = T extends unknown
  ? K extends keyof T
    ? Exclude<T[K], undefined> | (undefined extends T[K] ? Fresh : never)
    : Fresh
  : never;

type Reduced<R, Fresh> = R extends "none" ? Fresh : number;

/** The value of a loss: an array for `reduction: "none"`, otherwise a number. */
export type Value<I, O> = Reduced<Given<O, "reduction", "mean">, Given<Given<O, "out", None>, "value", Result<I>>>;

type Wanted<O, D extends string> = Given<O, "wrt", readonly D[]> extends readonly (infer W extends string)[] ? W : D;

/** The gradients that `wrt` asks for. */
export type Grads<I, O, D extends string> = {
  readonly [K in Wanted<O, D>]: Given<Given<Given<O, "out", None>, "grads", None>, K, Result<I>>;
};

/** A value with its gradients. */
export interface ValueAndGrad<I, O, D extends string> {
  readonly value: Value<I, O>;
  readonly grads: Grads<I, O, D>;
}

/**
 * A loss of (input, target). `Own` are its own options, `W` what it can differentiate by, `T` what the target may be
 * beside floats of the input's type, `R` its reductions.
 */
export interface TargetLoss<Own = unknown, W extends string = "input" | "target", T = never, R extends string = Reduction> {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions<R> & Own) | undefined = undefined>(
    input: I,
    target: Like<I> | T,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradients, in one pass (but two where the gradient of a weight needs the mean first). */
  valueAndGrad<I extends Floats, const O extends (GradOptions<W, R> & Own) | undefined = undefined>(
    input: I,
    target: Like<I> | T,
    options?: O,
  ): ValueAndGrad<I, O, "input">;
}

/** A loss of class indices. */
export interface IndexLoss<Own = unknown, W extends string = "input"> {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & Own) | undefined = undefined>(input: I, target: Indices, options?: O): Value<I, O>;
  /** The value and its gradient, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<W> & Own) | undefined = undefined>(
    input: I,
    target: Indices,
    options?: O,
  ): ValueAndGrad<I, O, W>;
}

/** A loss of two arrays of the same shape. `W` is what it can differentiate by, `D` what it differentiates by unless told. */
export interface TwinLoss<Own, W extends string, D extends W = W, R extends string = Reduction> {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions<R> & Own) | undefined = undefined>(first: I, second: Like<I>, options?: O): Value<I, O>;
  /** The value and its gradients, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<W, R> & Own) | undefined = undefined>(
    first: I,
    second: Like<I>,
    options?: O,
  ): ValueAndGrad<I, O, D>;
}

/** A loss of two inputs and a target. */
export interface PairLoss<Own = unknown, T = never> {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & Own) | undefined = undefined>(
    input1: I,
    input2: Like<I>,
    target: Like<I> | T,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradients, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"input1" | "input2"> & Own) | undefined = undefined>(
    input1: I,
    input2: Like<I>,
    target: Like<I> | T,
    options?: O,
  ): ValueAndGrad<I, O, "input1" | "input2">;
}

/** A loss of an anchor, a positive and a negative. */
export interface TripletLoss<Own = unknown> {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & Own) | undefined = undefined>(
    anchor: I,
    positive: Like<I>,
    negative: Like<I>,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradients. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"anchor" | "positive" | "negative"> & Own) | undefined = undefined>(
    anchor: I,
    positive: Like<I>,
    negative: Like<I>,
    options?: O,
  ): ValueAndGrad<I, O, "anchor" | "positive" | "negative">;
}

/** A loss of (input, target, variance). */
export interface VarianceLoss<Own = unknown> {
  /** The value alone. */
  <I extends Floats, const O extends (LossOptions & Own) | undefined = undefined>(
    input: I,
    target: Like<I>,
    variance: Like<I>,
    options?: O,
  ): Value<I, O>;
  /** The value and its gradients, in one pass. */
  valueAndGrad<I extends Floats, const O extends (GradOptions<"input" | "target" | "variance"> & Own) | undefined = undefined>(
    input: I,
    target: Like<I>,
    variance: Like<I>,
    options?: O,
  ): ValueAndGrad<I, O, "input" | "variance">;
}

/** A function of two arrays with a value for each row, with its vector-Jacobian product. */
export interface PairFunction<Own = unknown> {
  /** The function. */
  <I extends Floats, const O extends (OutOption & Own) | undefined = undefined>(x1: I, x2: Like<I>, options?: O): FunctionResult<I, O>;
  /** The gradients by `x1` and `x2`, given the gradient of the result. */
  vjp<I extends Floats, const O extends (PairOutOption & Own) | undefined = undefined>(
    x1: I,
    x2: Like<I>,
    gradOutput: Like<I>,
    options?: O,
  ): { readonly [K in "x1" | "x2"]: Given<Given<O, "out", None>, K, Result<I>> };
}

/** Where a function of two arrays puts its gradients. */
export interface PairOutOption {
  /** Take the gradients in place of fresh arrays; each may be exactly the argument that it belongs to. */
  readonly out?: { readonly x1?: Floats | undefined; readonly x2?: Floats | undefined } | undefined;
}

/** Where a function puts its result. */
export interface OutOption {
  /** Takes the result in place of a fresh array; where the result has the shape of `x`, it may be exactly `x`. */
  readonly out?: Floats | undefined;
}

/** The result of a function: the object given as `out`, or a fresh array. */
export type FunctionResult<I, O> = Given<O, "out", Result<I>>;

/** A function of one array, with its vector-Jacobian product. */
export interface FloatFunction<Own = unknown> {
  /** The function. */
  <I extends Floats, const O extends (OutOption & Own) | undefined = undefined>(x: I, options?: O): FunctionResult<I, O>;
  /** The gradient by `x`, given the gradient of the result. */
  vjp<I extends Floats, const O extends (OutOption & Own) | undefined = undefined>(
    x: I,
    gradOutput: Like<I>,
    options?: O,
  ): FunctionResult<I, O>;
}
