import { arrayOf, isArray } from "../arrays.js";
import { fail, show } from "../errors.js";
import { readNumber, readObject } from "../invoke/options.js";

/** Numbers in an array, in `{ data, shape }`, or in a tensor. */
export type Numbers = ArrayLike<number> | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

/** A value with gradients by name, as `valueAndGrad` gives them. */
export interface Gradients {
  readonly value: number | Numbers;
  readonly grads: Readonly<Record<string, Numbers | undefined>>;
}

/** A loss of this package, or a function that gives a value and its gradients by the names of its inputs. */
export type Differentiable = ((...args: never[]) => Gradients) | WithGradients;

/** What has a form that gives gradients, as each loss of this package. */
export interface WithGradients {
  /** The value with its gradients. */
  valueAndGrad(...args: never[]): Gradients;
}

/** Options of {@link gradcheck}. */
export interface GradcheckOptions {
  /** The inputs to check, or arrays among `options`. Default: all of them that the loss gives gradients by. */
  readonly wrt?: readonly string[] | undefined;
  /** The last argument of every call. A loss of this package is also given `wrt`, where it asks for more than the default. */
  readonly options?: object | undefined;
  /** How far an element is moved to either side. Default 1e-6. */
  readonly eps?: number | undefined;
  /** The absolute error that is allowed. Default 1e-5. */
  readonly atol?: number | undefined;
  /** The error that is allowed relative to the difference. Default 1e-3. */
  readonly rtol?: number | undefined;
}

/** The element whose gradient is furthest off. */
export interface Worst {
  readonly input: string;
  /** The flat index of the element; −1 where there are none. */
  readonly index: number;
  /** What the loss says. */
  readonly analytic: number;
  /** What the differences say. */
  readonly numeric: number;
  /** |analytic − numeric|/(atol + rtol·|numeric|): above 1 is wrong. */
  readonly error: number;
}

/** What {@link gradcheck} finds. */
export interface Gradcheck {
  /** Whether every gradient is within the tolerance. */
  readonly ok: boolean;
  readonly worst: Worst;
}

const NAME = "gradcheck";

type Named = Readonly<Record<string, unknown>>;

function number(name: string, value: unknown, otherwise: number, positive: boolean): number {
  const expected = `a finite number ${positive ? ">" : "≥"} 0`;
  return readNumber(NAME, name, value === undefined ? otherwise : value, expected, (x) => x < Infinity && (positive ? x > 0 : x >= 0));
}

/** What is given with every array copied, and tensors as `{ data, shape }`. Functions and the like stay what they are. */
function copied(value: unknown): unknown {
  if (isArray(value)) return value.slice();
  if (typeof value !== "object" || value === null) return value;
  const { data, shape } = value as { readonly data?: unknown; readonly shape?: unknown };
  if (isArray(data) && isArray(shape)) return { data: data.slice(), shape: shape.slice() };
  const plain = Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
  return plain ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copied(each)])) : value;
}

/** The float64 elements of an input. */
function elements(name: string, value: unknown): Float64Array {
  const array = arrayOf(value);
  // Of any realm.
  if (Object.prototype.toString.call(array) !== "[object Float64Array]") {
    const expected = "a Float64Array, { data, shape } with one, or a float64 tensor, as differences need its precision";
    fail("ERR_DTYPE", NAME, name, expected, show(array ?? value));
  }
  return array as Float64Array;
}

/** The factor of each value that `gradOutput` among the options gives. */
function factors(gradOutput: unknown): (i: number) => number {
  if (typeof gradOutput === "number") return () => gradOutput;
  const array = arrayOf(gradOutput);
  return array ? (i) => array[i] ?? Number.NaN : () => 1;
}

/**
 * Compares gradients with central differences in float64: each g_i with (f(x + ε·e_i) − f(x − ε·e_i))/2ε, which it may be off
 * by atol + rtol·|difference|.
 *
 * `inputs` holds the arguments by name, in the order of the call. Those to check must be float64; others, such as class
 * indices, may be anything. So are arrays among `options`, such as a `weight` or a `bias`, by their names. Where the loss
 * gives an array of values, f is their sum, each times its `gradOutput` if `options` has one. Inputs and options are left as
 * they are: every call is given copies, in which `{ data, shape }` stands for a tensor.
 *
 * NaN is never right. Kinks and the ends of a domain must be further away than ε: |x| at 0 has no derivative to compare
 * with. `ciou` treats a part of itself as a constant, and `ctc` differentiates by logits: neither is a derivative of its value
 * (`ctc` with `gradient: "logProbs"` is).
 *
 * Source: PyTorch `gradcheck`, whose defaults these are.
 *
 * @throws TypeError or RangeError, with a `code`, for inputs that are not float64, names that are not there, and a loss that
 * does not give a value and a gradient of the input's length.
 * @example
 * ```ts
 * import { gradcheck } from "fused-loss/testing";
 * function cauchy(input: Float64Array, target: Float64Array) {
 *   const d = input.map((x, i) => x - target[i]!);
 *   return { value: d.reduce((sum, x) => sum + Math.log1p(x * x), 0), grads: { input: d.map((x) => (2 * x) / (1 + x * x)) } };
 * }
 * gradcheck(cauchy, { input: Float64Array.of(1, -2), target: Float64Array.of(0.5, 3) }).ok; // true
 * ```
 */
export function gradcheck(loss: Differentiable, inputs: Readonly<Record<string, unknown>>, options?: GradcheckOptions): Gradcheck {
  const read = readObject(NAME, "options", options, ["wrt", "options", "eps", "atol", "rtol"]);
  const [eps, atol, rtol] = [number("eps", read.eps, 1e-6, true), number("atol", read.atol, 1e-5, false), number("rtol", read.rtol, 1e-3, false)];
  const { wrt } = read;
  if (wrt !== undefined && !Array.isArray(wrt)) fail("ERR_TYPE", NAME, "wrt", "an array of names", show(wrt));
  if (typeof inputs !== "object" || inputs === null || arrayOf(inputs)) fail("ERR_TYPE", NAME, "inputs", "an object of arguments by name", show(inputs));
  if (read.options !== undefined && (typeof read.options !== "object" || read.options === null)) fail("ERR_TYPE", NAME, "options.options", "an object", show(read.options));
  const own = (loss as { readonly valueAndGrad?: unknown } | null | undefined)?.valueAndGrad;
  if (typeof own !== "function" && typeof loss !== "function") fail("ERR_TYPE", NAME, "loss", "a function, or an object with valueAndGrad", show(loss));
  const f = (typeof own === "function" ? own.bind(loss) : loss) as (...args: unknown[]) => unknown;
  const factor = factors((read.options as Named | undefined)?.gradOutput);

  /** Calls the loss on copies, in which one element is moved. */
  function call(more: object | undefined, name?: string, index = 0, moved = 0) {
    const args = copied(inputs) as Named;
    const last = read.options || more ? ({ ...(copied(read.options) as object | undefined), ...more } as Named) : undefined;
    if (name !== undefined) elements(name, name in args ? args[name] : last?.[name])[index] = moved;
    const result = f(...Object.values(args), ...(last ? [last] : [])) as Partial<Gradients> | null | undefined;
    const values = typeof result?.value === "number" ? [result.value] : arrayOf(result?.value);
    if (!values) fail("ERR_TYPE", NAME, "the value of the loss", "a number or an array", show(result?.value));
    const { grads } = result as Gradients;
    if (typeof grads !== "object" || grads === null) fail("ERR_TYPE", NAME, "the grads of the loss", "an object of gradients by name", show(grads));
    return { values: Array.from(values), grads };
  }

  let asked: { readonly wrt: readonly string[] } | undefined;
  let { grads } = call(asked);
  const all: Named = { ...(read.options as Named | undefined), ...inputs };
  const names = (wrt as readonly string[] | undefined) ?? Object.keys(grads).filter((name) => grads[name] !== undefined && Object.hasOwn(all, name));
  if (names.length === 0) fail("ERR_OPTION", NAME, "wrt", "of at least one name", "none");
  const parts = names.map((name) => {
    if (!Object.hasOwn(all, name)) fail("ERR_OPTION", NAME, "wrt", `names among ${Object.keys(all).map(show).join(", ")}`, show(name));
    return { name, data: elements(name in inputs ? `inputs.${name}` : `options.options.${name}`, all[name]).slice() };
  });
  if (typeof own === "function" && names.some((name) => !grads[name])) {
    asked = { wrt: names };
    ({ grads } = call(asked));
  }
  // Copied, as a loss may give the same arrays every time.
  const analytic = parts.map(({ name, data }) => {
    const grad = arrayOf(grads[name]);
    if (grad?.length !== data.length) fail("ERR_SHAPE", NAME, `grads.${name}`, `of ${data.length} elements, as ${name} has`, grad ? `${grad.length} elements` : "none");
    return Float64Array.from(grad);
  });

  let worst: Worst = { input: names[0] as string, index: -1, analytic: 0, numeric: 0, error: 0 };
  parts.forEach(({ name, data }, k) => {
    data.forEach((x, index) => {
      // Rounded, as the loss sees them.
      const [high, low] = [x + eps, x - eps];
      const [above, below] = [call(asked, name, index, high).values, call(asked, name, index, low).values];
      // One by one, so that values which do not depend on the element add no error, nor NaN where they are infinite.
      const change = above.reduce((sum, value, i) => sum + (value === below[i] ? 0 : factor(i) * (value - (below[i] ?? Number.NaN))), 0);
      const numeric = change / (high - low);
      const exact = analytic[k]?.[index] as number;
      const off = exact === numeric ? 0 : Math.abs(exact - numeric) / (atol + rtol * Math.abs(numeric));
      const error = Number.isNaN(off) ? Infinity : off;
      if (worst.index < 0 || error > worst.error) worst = { input: name, index, analytic: exact, numeric, error };
    });
  });
  return { ok: worst.error <= 1, worst };
}
