// Calls of the package with the arguments that a case gives.
import * as simd128 from "fused-loss";
import * as scalar from "fused-loss/scalar";
import * as threads from "fused-loss/threads";
import type { Argument, Inputs, LossCase } from "../cases/case.js";

export const DTYPES = ["float32", "float64"] as const;
export type DType = (typeof DTYPES)[number];
export type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
export type Value = number | Floats;
type Options = Readonly<Record<string, unknown>>;

/** A loss as far as all losses are the same. */
export interface Loss {
  (...args: unknown[]): Value;
  valueAndGrad(...args: unknown[]): { readonly value: Value; readonly grads: Readonly<Record<string, Floats>> };
}

/** A function as far as all functions are the same. */
export interface FloatFunction {
  (...args: unknown[]): Floats;
  vjp(...args: unknown[]): unknown;
}

/** The gradients by the arguments, by name: those of one argument come alone, those of several as an object. */
export function vjpOf(call: FloatFunction, args: Readonly<Record<string, unknown>>, gradOutput: unknown, options: Options = {}): Readonly<Record<string, Floats>> {
  const names = Object.keys(args);
  const { out } = options as { readonly out?: Readonly<Record<string, unknown>> };
  const alone = names.length === 1 ? names[0] : undefined;
  const result = call.vjp(...Object.values(args), gradOutput, out && alone !== undefined ? { ...options, out: out[alone] } : options);
  return alone === undefined ? (result as Readonly<Record<string, Floats>>) : { [alone]: result as Floats };
}

const builds = { simd128, scalar, threads };
export type Build = keyof typeof builds;

function exported(name: string, build: Build): unknown {
  return (builds[build] as unknown as Readonly<Record<string, unknown>>)[name];
}

export const lossOf = ({ name }: { readonly name: string }, build: Build = "simd128") => exported(name, build) as Loss;
export const functionOf = ({ name }: { readonly name: string }, build: Build = "simd128") => exported(name, build) as FloatFunction;

export const floats = (data: Iterable<number>, dtype: DType): Floats => (dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data));
export const zeros = (size: number, dtype: DType): Floats => (dtype === "float32" ? new Float32Array(size) : new Float64Array(size));

export interface Shaped<A> {
  readonly data: A;
  readonly shape: readonly number[];
}

/** An argument as the package takes it. */
export function shaped({ data, shape, kind }: Argument, dtype: DType): Shaped<Floats | Int32Array<ArrayBuffer>> {
  return { data: kind === "index" ? Int32Array.from(data) : floats(data, dtype), shape };
}

export interface Given {
  readonly args: Readonly<Record<string, Shaped<Floats | Int32Array<ArrayBuffer>>>>;
  readonly options: Options;
}

const isArgument = (option: number | boolean | string | Argument): option is Argument => typeof option === "object";

/** Fresh arrays for a call. */
export function givenTo(inputs: Inputs, dtype: DType): Given {
  const convert = (entries: Readonly<Record<string, number | boolean | string | Argument>>) =>
    Object.entries(entries).map(([name, value]) => [name, isArgument(value) ? shaped(value, dtype) : value] as const);
  return { args: Object.fromEntries(convert(inputs.args)) as Given["args"], options: Object.fromEntries(convert(inputs.options)) };
}

/** The inputs as the kernels of a type see them: options rounded to it once. */
export function roundedTo(inputs: Inputs, dtype: DType): Inputs {
  if (dtype === "float64") return inputs;
  const options = Object.entries(inputs.options).map(([name, value]) => [name, typeof value === "number" ? Math.fround(value) : value] as const);
  return { ...inputs, options: Object.fromEntries(options) };
}

/** What a loss can differentiate by with these inputs. */
export function ableTo(loss: LossCase, inputs: Inputs): readonly string[] {
  return loss.able?.(inputs) ?? loss.wrt.filter((name) => name in inputs.args || name in inputs.options);
}

/** The argument or option that a gradient belongs to. */
export function argumentNamed(inputs: Inputs, name: string): Argument {
  const found = inputs.args[name] ?? inputs.options[name];
  if (typeof found !== "object") throw new Error(`no argument ${name}`);
  return found;
}

export function replaced(inputs: Inputs, name: string, argument: Argument): Inputs {
  return name in inputs.args
    ? { ...inputs, args: { ...inputs.args, [name]: argument } }
    : { ...inputs, options: { ...inputs.options, [name]: argument } };
}

/** The value and its gradients, with fresh arrays; `more` are further options. */
export function run(loss: Loss, inputs: Inputs, dtype: DType, more: Options = {}) {
  const { args, options } = givenTo(inputs, dtype);
  return loss.valueAndGrad(...Object.values(args), { ...options, ...more });
}

export function runValue(loss: Loss, inputs: Inputs, dtype: DType, more: Options = {}): Value {
  const { args, options } = givenTo(inputs, dtype);
  return loss(...Object.values(args), { ...options, ...more });
}

export const list = (value: Value): readonly number[] => (typeof value === "number" ? [value] : Array.from(value));
