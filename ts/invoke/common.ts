// What all losses and functions have in common between a user's call and the engine's call block.
import { fail, show } from "../errors.js";
import { SLOT } from "../block.js";
import {
  FLOATS,
  Marshal,
  NOWHERE,
  type Operand,
  type Place,
  type Shape,
  isFloat,
  needDtype,
  needFlatShape,
  operand,
  output,
  reducedValue,
} from "./marshal.js";
import type { LossOptions, LossSpec, Terms } from "./lossOptions.js";
import { EMPTY, has, readPositive, readValues } from "./options.js";
import { type Lesson, Repeat } from "./repeat.js";

/** A gradient that a call is to give: of which operand, and where to, if told. */
export interface Gradient {
  readonly of: Operand;
  readonly out: Operand | undefined;
}

/** What the options that every loss has say. */
export interface Common {
  readonly reduction: string;
  readonly normalizer: number | undefined;
  readonly gradOutput: number;
  readonly gradOutputs: Operand | undefined;
  readonly outValue: Operand | undefined;
  readonly gradients: readonly Gradient[];
  readonly terms: Terms | undefined;
}

const OUTS = ["grads", "value"];
const NOTHING: readonly string[] = [];

function readNames(call: string, wrt: unknown, able: readonly string[]): readonly string[] {
  if (!Array.isArray(wrt)) fail("ERR_TYPE", call, "wrt", "an array of names", show(wrt));
  const names = new Set(wrt as unknown[]);
  for (const name of names) {
    if (typeof name !== "string" || !has(able, name)) {
      fail("ERR_OPTION", call, "wrt", `names among ${able.map(show).join(", ")}`, show(name));
    }
  }
  return Array.from(names) as string[];
}

function named(operands: readonly Operand[], name: string): Operand | undefined {
  for (const op of operands) if (op.name === name) return op;
  return undefined;
}

/** Reads what divides a mean in place of its own divisor. */
export function readNormalizer(call: string, normalizer: unknown, reduction: string): number | undefined {
  if (normalizer === undefined) return undefined;
  const divisor = readPositive(call, "normalizer", normalizer);
  if (reduction === "sum" || reduction === "none") {
    fail("ERR_OPTION", call, "normalizer", `absent with reduction "${reduction}", which divides by nothing`, show(normalizer));
  }
  return divisor;
}

/** Reads the options that every loss has. */
export function readCommon(
  spec: LossSpec,
  options: LossOptions,
  valueShape: Shape,
  like: Operand,
  grads: boolean,
  args: readonly Operand[],
  weight: Operand | undefined,
): Common {
  const { name: call, reductions, wrt: able } = spec;
  const { reduction: givenReduction, normalizer: givenNormalizer, gradOutput, wrt, out, terms } = options;
  const reduction = givenReduction === undefined ? "mean" : givenReduction;
  if (typeof reduction !== "string" || !has(reductions, reduction)) {
    fail(typeof reduction === "string" ? "ERR_RANGE" : "ERR_TYPE", call, "reduction", `one of ${reductions.map(show).join(", ")}`, show(reduction));
  }
  const normalizer = readNormalizer(call, givenNormalizer, reduction);
  let outer = 1;
  let gradOutputs: Operand | undefined;
  if (typeof gradOutput === "number") {
    outer = gradOutput;
  } else if (gradOutput !== undefined) {
    if (reduction !== "none") fail("ERR_TYPE", call, "gradOutput", `a number with reduction "${reduction}"`, show(gradOutput));
    if (grads) {
      gradOutputs = operand(call, "gradOutput", gradOutput, FLOATS);
      needDtype(call, gradOutputs, like);
      needFlatShape(call, gradOutputs, valueShape, "as the value has");
    }
  }
  let wanted = grads ? spec.defaultWrt : NOTHING;
  if (wrt !== undefined) {
    const names = readNames(call, wrt, able);
    if (grads) wanted = names;
  }
  const outs = readValues(call, "out", out, OUTS);
  const givenGrads = outs[0];
  const givenValue = outs[1];
  const places = readValues(call, "out.grads", givenGrads, able);
  const gradients = new Array<Gradient>(wanted.length);
  if (grads) {
    for (let k = 0; k < places.length; k++) {
      const name = able[k] as string;
      if (places[k] !== undefined && !has(wanted, name)) {
        fail("ERR_OPTION", call, spec.paths[k] as string, `absent, or ${name} in wrt`, "a place for a gradient that is not asked for");
      }
    }
    for (let k = 0; k < wanted.length; k++) {
      const name = wanted[k] as string;
      const of = name === "weight" ? weight : named(args, name);
      if (!of) fail("ERR_OPTION", call, "wrt", `without ${name} where no ${name} is given`, show(name));
      if (!isFloat(of.dtype)) fail("ERR_OPTION", call, "wrt", `without ${name} where it holds integers`, show(name));
      const at = able.indexOf(name);
      const place = places[at];
      gradients[k] = { of, out: place === undefined ? undefined : output(call, spec.paths[at] as string, place, like, of.shape, spec.whys[at] as string) };
    }
  }
  let outValue: Operand | undefined;
  if (givenValue !== undefined) {
    if (reduction !== "none") fail("ERR_OPTION", call, "out.value", `absent with reduction "${reduction}", whose value is a number`, show(givenValue));
    outValue = output(call, "out.value", givenValue, like, valueShape, "as the value has");
  }
  if (terms) {
    terms.loss ||= call;
    terms.dtype = like.dtype;
    terms.reduction = reduction;
  }
  return { reduction, normalizer, gradOutput: outer, gradOutputs, outValue, gradients, terms };
}

/** Where values go that are not reduced, `size` of them; and where the `count` terms go, if somebody asks for them. */
export function valuePlace(marshal: Marshal, common: Common, size: number, count = size): Place {
  if (common.reduction === "none") return marshal.output(common.outValue, size, "");
  if (common.terms) common.terms.place = marshal.scratch(count, 8);
  return NOWHERE;
}

/** Where the gradients of a call go, in their order. */
export function gradientPlaces(marshal: Marshal, { gradients }: Common): Place[] {
  // With its length from the start, as a first `push` would make room for seventeen.
  const places = new Array<Place>(gradients.length);
  for (let k = 0; k < places.length; k++) {
    const { of, out } = gradients[k] as Gradient;
    places[k] = marshal.output(out, of.size, of.name);
  }
  return places;
}

/** Writes what all losses read. */
export function fillCommon(block: Float64Array, common: Common, divisor: number, gradOutputs: Place, values: Place) {
  block[SLOT.divisor] = divisor;
  block[SLOT.gradOutput] = common.gradOutput;
  block[SLOT.gradOutputs] = gradOutputs.address;
  block[SLOT.values] = values.address;
  const { terms } = common;
  block[SLOT.terms] = terms?.place?.address ?? 0;
  if (terms) terms.divisor = divisor;
}

/** The value of a call, and its gradients. */
export interface Outcome {
  readonly value: unknown;
  readonly grads: Record<string, object>;
}

/** An option that is an array of factors. */
export function factor(call: string, name: string, { own }: LossOptions, input: Operand): Operand | undefined {
  const given = own === EMPTY ? undefined : own[name];
  if (given === undefined) return undefined;
  const op = operand(call, name, given, FLOATS);
  needDtype(call, op, input);
  return op;
}

/** The value, reduced or an array of all, and the gradients. */
export function finish(marshal: Marshal, common: Common, reduced: number, values: Place, places: readonly Place[]): Outcome {
  const grads: Record<string, object> = {};
  for (let k = 0; k < places.length; k++) {
    const { of, out } = common.gradients[k] as Gradient;
    grads[of.name] = marshal.result(out, places[k] as Place);
  }
  const { terms } = common;
  if (terms?.place) terms.values = new Float64Array(marshal.engine.views.buffer, terms.place.address, terms.place.size).slice();
  let value: unknown = reducedValue(marshal.dtype, reduced);
  if (common.reduction === "none") value = marshal.result(common.outValue, values);
  marshal.engine.finish();
  return { value, grads };
}

/** Runs a loss on its arguments and options. */
export type Run = (args: readonly unknown[], options: unknown, grads: boolean, lesson?: Lesson) => Outcome;

/** Of each loss of this entry: how many arguments it has, how it is run, and whether its terms are each of an element or a row. */
export const losses = /* @__PURE__ */ new WeakMap<object, { readonly arity: number; readonly run: Run; readonly separate: boolean }>();

/** A function of this name that has another as its property. */
export const withForm = (name: string, value: (...args: never[]) => unknown, form: object) => Object.assign(Object.defineProperty(value, "name", { value: name }), form);

/** The two forms of a loss: the value alone, and with its gradients. */
export function forms<L>(name: string, arity: number, run: Run, separate = true): L {
  const values = new Repeat(arity, run, false);
  const gradients = new Repeat(arity, run, true);
  const loss = withForm(name, (...args: unknown[]) => values.call(args).value, { valueAndGrad: (...args: unknown[]) => gradients.call(args) });
  losses.set(loss, { arity, run, separate });
  return loss as L;
}

/** The two forms of a function: itself, and its vector-Jacobian product. */
export function withVjp<F>(name: string, run: (call: string, x: unknown, gradOutput: unknown, options: unknown) => object): F {
  const value = (x: unknown, options?: unknown) => run(name, x, NOWHERE, options);
  const vjp = (x: unknown, gradOutput: unknown, options?: unknown) => run(`${name}.vjp`, x, gradOutput, options);
  return withForm(name, value, { vjp }) as F;
}
