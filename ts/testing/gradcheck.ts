import { fail, show } from "../errors.js";
import { readObject } from "../invoke/options.js";

/** A value with gradients by name, as `valueAndGrad` gives them. An array of values counts as its sum. */
export interface Gradients {
  readonly value: number | ArrayLike<number>;
  readonly grads: Readonly<Record<string, ArrayLike<number> | undefined>>;
}

/** A loss of this package, or a function that gives a value and its gradients by the names of its inputs. */
export type Differentiable = ((...args: never[]) => Gradients) | { valueAndGrad(...args: never[]): Gradients };

/** Options of {@link gradcheck}. */
export interface GradcheckOptions {
  /** The inputs to check. Default: all that `grads` names. */
  readonly wrt?: readonly string[] | undefined;
  /** The last argument of every call; `wrt` joins it for a loss of this package. */
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
  readonly ok: boolean;
  readonly worst: Worst;
}

const NAME = "gradcheck";

function number(name: string, value: unknown, otherwise: number, positive: boolean): number {
  const given = value === undefined ? otherwise : value;
  const expected = `a finite number ${positive ? ">" : "≥"} 0`;
  if (typeof given !== "number") fail("ERR_TYPE", NAME, name, expected, show(given));
  if (!(given < Infinity && (positive ? given > 0 : given >= 0))) fail("ERR_RANGE", NAME, name, expected, show(given));
  return given;
}

/** The float64 elements of an input, copied, and the input with other elements in their place. */
function opened(name: string, given: unknown): { readonly data: Float64Array<ArrayBuffer>; with(data: Float64Array): unknown } {
  const shaped = typeof given === "object" && given !== null && "shape" in given ? (given as { data: unknown; shape: readonly number[] }) : undefined;
  const data = shaped ? shaped.data : given;
  if (!(data instanceof Float64Array)) {
    fail("ERR_DTYPE", NAME, `inputs.${name}`, "a Float64Array, { data, shape } with one, or a float64 tensor, as differences in float32 tell too little", show(data));
  }
  const shape = shaped && [...shaped.shape];
  return { data: data.slice(), with: (moved) => (shape ? { data: moved, shape } : moved) };
}

const total = (value: number | ArrayLike<number>) => (typeof value === "number" ? value : Array.from(value).reduce((sum, x) => sum + x, 0));

/**
 * Compares gradients with central differences in float64: each g_i with (f(x + ε·e_i) − f(x − ε·e_i))/2ε, which it may be off
 * by atol + rtol·|difference|.
 *
 * `inputs` holds the arguments by name, in the order of the call. Those that `wrt` names must be float64; others, such as
 * class indices, may be anything. Inputs are left as they are: the loss is called with copies. A gradient that is NaN where
 * the difference is not, or the other way round, is wrong. Kinks must be further away than ε: |x| at 0 has no derivative to
 * compare with. `ciou` treats a part of itself as a constant, and `ctc` differentiates by logits: neither is a derivative
 * of its value (`ctc` with `gradient: "logProbs"` is).
 *
 * Source: PyTorch `gradcheck`, whose defaults these are.
 *
 * @throws TypeError or RangeError, with a `code`, for inputs that are not float64, gradients of another length, and names
 * that are not there.
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
  if (typeof inputs !== "object" || inputs === null) fail("ERR_TYPE", NAME, "inputs", "an object of arguments by name", show(inputs));
  const own = (loss as { valueAndGrad?: unknown }).valueAndGrad;
  if (typeof own !== "function" && typeof loss !== "function") fail("ERR_TYPE", NAME, "loss", "a function, or with a valueAndGrad", show(loss));
  const last = read.options as object | undefined;
  const trailing = typeof own === "function" && wrt ? [{ ...last, wrt }] : last === undefined ? [] : [last];
  const f = (typeof own === "function" ? own.bind(loss) : loss) as (...args: unknown[]) => Gradients;
  const call = (args: Readonly<Record<string, unknown>>) => f(...Object.values(args), ...trailing);

  const names = (wrt as readonly string[] | undefined) ?? Object.keys(call(inputs).grads);
  if (names.length === 0) fail("ERR_OPTION", NAME, "wrt", "of at least one name", "none");
  const parts = names.map((name) => {
    if (!(name in inputs)) fail("ERR_OPTION", NAME, "wrt", `names among ${Object.keys(inputs).map(show).join(", ")}`, show(name));
    return [name, opened(name, inputs[name])] as const;
  });
  const copies = { ...inputs };
  for (const [name, part] of parts) copies[name] = part.with(part.data.slice());
  const { grads } = call(copies);
  // Copied, as a loss may give the same arrays every time.
  const analytic = parts.map(([name, { data }]) => {
    const grad = grads[name];
    if (grad?.length !== data.length) fail("ERR_SHAPE", NAME, `grads.${name}`, `of ${data.length} elements, as inputs.${name} has`, grad ? `${grad.length} elements` : "none");
    return Float64Array.from(grad);
  });

  let worst: Worst = { input: names[0] as string, index: -1, analytic: 0, numeric: 0, error: 0 };
  parts.forEach(([name, part], k) => {
    for (let index = 0; index < part.data.length; index++) {
      const at = (step: number) => {
        const moved = part.data.slice();
        (moved[index] as number) += step;
        return total(call({ ...copies, [name]: part.with(moved) }).value);
      };
      const numeric = (at(eps) - at(-eps)) / (2 * eps);
      const exact = analytic[k]?.[index] as number;
      const off = Math.abs(exact - numeric) / (atol + rtol * Math.abs(numeric));
      const error = Number.isNaN(off) ? (Object.is(exact, numeric) ? 0 : Infinity) : off;
      if (worst.index < 0 || error > worst.error) worst = { input: name, index, analytic: exact, numeric, error };
    }
  });
  return { ok: worst.error <= 1, worst };
}
