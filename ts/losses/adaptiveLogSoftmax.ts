import { fail, show, showShape } from "../errors.js";
import { FLOATS, INDICES, Marshal, type Operand, elements, needShape, operand, output, product } from "../invoke/marshal.js";
import { multiply } from "../invoke/matrix.js";
import { flag, positive, readFloatType, readInteger, readObject, readOption } from "../invoke/options.js";
import { MersenneTwister } from "../random.js";
import { Tensor, type TensorArrays, newFloats } from "../tensor.js";
import type { FloatArray, Floats32, Floats64, Given, Indices, None } from "../types.js";
import { l1 } from "./l1.js";
import { linearCrossEntropy } from "./linearCrossEntropy.js";
import { logSoftmax } from "./logSoftmax.js";

type FloatType = "float32" | "float64";
type Input<D extends FloatType> = D extends "float32" ? Floats32 : Floats64;

/** What an {@link AdaptiveLogSoftmax} is made from. */
export interface AdaptiveLogSoftmaxOptions<D extends FloatType = FloatType> {
  /** Number of elements of an input. */
  readonly inFeatures: number;
  /** Number of classes, the most frequent first. */
  readonly classes: number;
  /** Where the clusters begin: increasing class indices. Classes below the first are in the head. */
  readonly cutoffs: readonly number[];
  /** What the width is divided by from cluster to cluster: that of cluster i is ⌊inFeatures/divValue^(i+1)⌋. Default 4. */
  readonly divValue?: number | undefined;
  /** Whether the head has a bias. Default false. */
  readonly headBias?: boolean | undefined;
  /**
   * An integer from 0 to 2³² − 1: the parameters are those that PyTorch makes after `torch.manual_seed(seed)`, to the bit where
   * it runs without AVX2 (`ATEN_CPU_CAPABILITY=default`). Default 0.
   */
  readonly seed?: number | undefined;
  /** The element type of parameters, inputs and results. Default `"float32"`. */
  readonly dtype?: D | undefined;
}

/** Something for the head, which has a bias or not, and for each cluster. */
export interface AdaptiveParts<A> {
  /** `weight` of shape [cutoffs[0] + clusters, inFeatures], `bias` of one number for each of its rows. */
  readonly head: { readonly weight: A; readonly bias?: A };
  /** Of each cluster: `projection` of shape [width, inFeatures], `weight` of shape [classes, width]. */
  readonly tail: readonly { readonly projection: A; readonly weight: A }[];
}

/** Where gradients go, in place of fresh arrays; any of them may be left out. */
export interface AdaptiveGradsOut<A> {
  readonly input?: A | undefined;
  readonly head?: { readonly weight?: A | undefined; readonly bias?: A | undefined } | undefined;
  readonly tail?: readonly ({ readonly projection?: A | undefined; readonly weight?: A | undefined } | undefined)[] | undefined;
}

/** Options of {@link AdaptiveLogSoftmax.valueAndGrad}. */
export interface AdaptiveGradOptions<A> {
  /** The incoming gradient of the value. Default 1. */
  readonly gradOutput?: number | undefined;
  /**
   * Where results go, in place of fresh arrays: arrays of the right length, or tensors. A gradient may be written exactly over
   * what it is by, the input or a parameter; nothing else may overlap.
   */
  readonly out?: { readonly output?: A | undefined; readonly grads?: AdaptiveGradsOut<A> | undefined } | undefined;
}

/** What was given of `K` in all elements of a list, or what comes in its place. */
type GivenInList<L, K extends string, A> = A | (L extends readonly (infer E)[] ? Exclude<Given<Exclude<E, undefined>, K, A>, undefined> : A);

/** Gradients by each part: the objects that `G` names, or fresh arrays. */
interface GradsOf<G, A> {
  readonly input: Given<G, "input", A>;
  readonly head: { readonly weight: Given<Given<G, "head", None>, "weight", A>; readonly bias?: Given<Given<G, "head", None>, "bias", A> };
  readonly tail: readonly {
    readonly projection: GivenInList<Given<G, "tail", readonly None[]>, "projection", A>;
    readonly weight: GivenInList<Given<G, "tail", readonly None[]>, "weight", A>;
  }[];
}

/** What {@link AdaptiveLogSoftmax.valueAndGrad} gives: in the objects that the options `O` name, or in fresh arrays. */
export interface AdaptiveResult<A, O = undefined> {
  /** The mean of −output. */
  readonly value: number;
  /** The log-probability of each input's target. */
  readonly output: Given<Given<O, "out", None>, "output", A>;
  readonly grads: GradsOf<Given<Given<O, "out", None>, "grads", None>, A>;
}

const NAME = "AdaptiveLogSoftmax";
const KNOWN = ["inFeatures", "classes", "cutoffs", "divValue", "headBias", "seed", "dtype"];

/** Some of the rows that belong to a cluster, with their targets in it. */
interface Members {
  readonly rows: number[];
  readonly targets: number[];
}

/** A part of a call's result, and where it goes. */
interface Slot {
  /** What it may be written over. */
  readonly over: string;
  readonly out: Operand | undefined;
  /** Filled by the computation. */
  result?: FloatArray;
}

/**
 * Efficient softmax over many classes of unequal frequency: the frequent ones in a head of full width, beside one entry for
 * each cluster of the others, which have narrower layers of their own. For a target y in the head,
 * ln p(y) = ln softmax(W·x + b)_y; in cluster i, ln p(y) = ln softmax(W·x + b)_{cutoffs[0] + i} + ln softmax(Wᵢ·Pᵢ·x)_{y − cutoffs[i]}.
 * The loss is the mean of −ln p(y).
 *
 * Inputs have shape (N, inFeatures), or (inFeatures) for one; a bare array is as many rows as fit. Targets are class
 * indices of shape (N), or () or one number for one input. No call holds the log-probabilities of all classes but `logProb`
 * and `predict`. The parameters are tensors, for an optimiser to change in place or to fill with trained weights, and are
 * freed by `dispose`.
 *
 * Source: PyTorch `AdaptiveLogSoftmaxWithLoss`; Grave et al., Efficient softmax approximation for GPUs, 2017.
 *
 * @formula \ell = -\ln \operatorname{softmax}(W x + b)_y \;\text{in the head},\quad -\ln \operatorname{softmax}(W x + b)_{k_0 + i} - \ln \operatorname{softmax}(W_i P_i x)_{y - k_i} \;\text{in cluster } i
 * @throws TypeError or RangeError, with a `code`, for a wrong type, dtype, shape, class index or option, before anything is
 * written.
 * @example
 * ```ts
 * const layer = new AdaptiveLogSoftmax({ inFeatures: 4, classes: 10, cutoffs: [2, 5], divValue: 2 });
 * const input = { data: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0), shape: [2, 4] };
 * const { value, output, grads } = layer.valueAndGrad(input, Int32Array.of(1, 7));
 * layer.parameters.head.weight.data.forEach((w, i, weight) => (weight[i] = w - 0.1 * grads.head.weight[i]!));
 * layer.predict(input); // Int32Array(2)
 * layer.dispose();
 * ```
 */
export class AdaptiveLogSoftmax<D extends FloatType = "float32"> {
  /** Number of elements of an input. */
  readonly inFeatures: number;
  /** Number of classes. */
  readonly classes: number;
  /** Where the clusters begin. */
  readonly cutoffs: readonly number[];
  /** The element type of parameters, inputs and results. */
  readonly dtype: D;
  /** The parameters, as live tensors of PyTorch's shapes. */
  readonly parameters: AdaptiveParts<Tensor<D>>;

  constructor(rawOptions: AdaptiveLogSoftmaxOptions<D>) {
    const options = readObject(NAME, "options", rawOptions, KNOWN);
    this.inFeatures = readInteger(NAME, "inFeatures", options.inFeatures, 1);
    this.classes = readInteger(NAME, "classes", options.classes, 2, 2 ** 31 - 1);
    const { cutoffs, dtype = "float32", seed: givenSeed = 0 } = options;
    const increasing = `an array of increasing integers from 1 to ${this.classes - 1}`;
    if (!Array.isArray(cutoffs)) fail("ERR_TYPE", NAME, "cutoffs", increasing, show(cutoffs));
    if (cutoffs.length === 0) fail("ERR_RANGE", NAME, "cutoffs", increasing, "none");
    let previous = 0;
    this.cutoffs = Object.freeze(
      Array.from(cutoffs as unknown[], (start, i) => (previous = readInteger(NAME, `cutoffs[${i}]`, start, previous + 1, this.classes - 1, `one of increasing integers from 1 to ${this.classes - 1}`))),
    );
    const divValue = readOption(NAME, options, positive("divValue", 4), false);
    const headBias = readOption(NAME, options, flag("headBias", false), false);
    this.dtype = readFloatType(NAME, dtype) as D;
    const seed = readInteger(NAME, "seed", givenSeed, 0, 2 ** 32 - 1);
    const widths = this.cutoffs.map((_, i) => Math.floor(this.inFeatures / divValue ** (i + 1)));
    const narrow = widths.findIndex((width) => width < 1);
    if (narrow >= 0) fail("ERR_RANGE", NAME, "divValue", `at most ${this.inFeatures}^(1/${narrow + 1}), so that cluster ${narrow} has a width`, show(divValue));

    const random = new MersenneTwister(seed);
    const made: Tensor<D>[] = [];
    const make = (shape: readonly number[], bound: number) => {
      const tensor = this.#tensor(NAME, shape);
      made.push(tensor);
      random.fill(tensor.data, bound);
      return tensor;
    };
    // As kaiming_uniform with a = √5 computes it.
    const bound = (width: number) => Math.sqrt(3) * (Math.sqrt(2 / 6) / Math.sqrt(width));
    try {
      const rows = (this.cutoffs[0] as number) + this.cutoffs.length;
      const weight = make([rows, this.inFeatures], bound(this.inFeatures));
      const head = headBias ? { weight, bias: make([rows], 1 / Math.sqrt(this.inFeatures)) } : { weight };
      const tail = widths.map((width, i) => {
        const projection = make([width, this.inFeatures], bound(this.inFeatures));
        return { projection, weight: make([this.#size(i), width], bound(width)) };
      });
      this.parameters = { head, tail };
    } catch (error) {
      made.forEach((tensor) => tensor.dispose());
      throw error;
    }
  }

  /** Number of classes of a cluster. */
  #size(cluster: number) {
    return (this.cutoffs[cluster + 1] ?? this.classes) - (this.cutoffs[cluster] as number);
  }

  /** The mean of −ln p(target); NaN of no inputs. */
  value(input: Input<D>, target: Indices | number): number {
    return this.#run(`${NAME}.value`, input, target, undefined, false).value;
  }

  /**
   * The mean of −ln p(target), each input's ln p(target), and the gradients of the mean by the input and by every parameter;
   * those of no inputs are 0.
   */
  valueAndGrad<const O extends AdaptiveGradOptions<Input<D> | Tensor<D>> | undefined = undefined>(input: Input<D>, target: Indices | number, options?: O): AdaptiveResult<TensorArrays[D], O> {
    return this.#run(`${NAME}.valueAndGrad`, input, target, options, true) as unknown as AdaptiveResult<TensorArrays[D], O>;
  }

  /** The log-probability of every class, as N rows of `classes`. */
  logProb(input: Input<D>): TensorArrays[D] {
    const call = `${NAME}.logProb`;
    const given = this.#input(call, input);
    const rows = this.#rows(given);
    return this.#scoped(call, given, rows, this.#marshal(call, given), (x, make) => this.#logProb(call, x, rows, make));
  }

  /** The most probable class of each input; of equal ones the first. */
  predict(input: Input<D>): Int32Array<ArrayBuffer> {
    const call = `${NAME}.predict`;
    const given = this.#input(call, input);
    const rows = this.#rows(given);
    const predicted = new Int32Array(rows);
    this.#scoped(call, given, rows, this.#marshal(call, given), (x, make) => {
      const shortlist = this.cutoffs[0] as number;
      const head = this.#head(call, x, make).data;
      const width = shortlist + this.cutoffs.length;
      const rest: number[] = [];
      for (let row = 0; row < rows; row++) {
        predicted[row] = greatest(head, row * width, width);
        if ((predicted[row] as number) >= shortlist) rest.push(row);
      }
      // Only where a cluster has most of the head can one of its classes be the greatest.
      if (rest.length > 0) {
        const all = this.#logProb(call, gathered(x, rest, make), rest.length, make);
        rest.forEach((row, k) => (predicted[row] = greatest(all, k * this.classes, this.classes)));
      }
    });
    return predicted;
  }

  /** Frees the parameters. Any later use throws. */
  dispose(): void {
    this.#tensors().forEach(([, tensor]) => tensor.dispose());
  }

  /** Frees the parameters at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #input(call: string, given: unknown): Operand {
    const op = operand(call, "input", given, FLOATS);
    if (op.dtype !== this.dtype) fail("ERR_DTYPE", call, "input", `${this.dtype} as the parameters are`, op.dtype);
    const rank = op.shape.length;
    const fits = op.bare ? op.size % this.inFeatures === 0 : (rank === 1 || rank === 2) && op.shape[rank - 1] === this.inFeatures;
    if (!fits) fail("ERR_SHAPE", call, "input", `of shape (N, ${this.inFeatures}) or (${this.inFeatures})`, op.bare ? `length ${op.size}` : `shape ${showShape(op.shape)}`);
    return op;
  }

  #rows(input: Operand) {
    return input.size / this.inFeatures;
  }

  /** A tensor of zeros. */
  #tensor(call: string, shape: readonly number[]): Tensor<D> {
    const tensor = new Tensor(call, [...shape], product(shape), this.dtype);
    (tensor.data as FloatArray).fill(0);
    return tensor;
  }

  /** What a call reads: the input and the parameters, all of them live. */
  #marshal(call: string, input: Operand): Marshal {
    const marshal = new Marshal(call, input);
    for (const [name, tensor] of this.#tensors()) marshal.reads(operand(call, name, tensor, FLOATS));
    marshal.reads(input);
    return marshal;
  }

  /** The targets of a checked input, as numbers in range. */
  #targets(call: string, given: unknown, input: Operand): { readonly op: Operand; read(): Int32Array } {
    const one = !input.bare && input.shape.length === 1;
    const rows = this.#rows(input);
    const expected = `a class index from 0 to ${this.classes - 1}`;
    let from = given;
    if (typeof given === "number" && rows === 1) {
      if (!Number.isInteger(given) || given < 0 || given >= this.classes) fail("ERR_RANGE", call, "target", expected, show(given));
      from = { data: Int32Array.of(given), shape: [] };
    }
    const op = operand(call, "target", from, INDICES);
    const scalar = (one || input.bare) && rows === 1 && op.shape.length === 0;
    if (!scalar) needShape(call, op, one && !op.bare ? [] : [rows], `as input of ${rows} rows needs`);
    const read = () =>
      Int32Array.from(elements(call, op) as Int32Array, (value, i) => {
        const target = Number(value);
        if (!(target >= 0 && target < this.classes)) fail("ERR_RANGE", call, `target[${i}]`, expected, show(value));
        return target;
      });
    return { op, read };
  }

  /** Runs with the input in a tensor, and frees all that `make` made. */
  #scoped<R>(call: string, input: Operand, rows: number, marshal: Marshal, run: (x: Tensor<D>, make: Make<D>) => R): R {
    const made: Tensor[] = [];
    const make: Make<D> = (shape) => {
      const tensor = this.#tensor(call, shape);
      made.push(tensor);
      return tensor;
    };
    try {
      if (!input.data && input.shape.length === 2) return run(input.given as Tensor<D>, make);
      const x = make([rows, this.inFeatures]);
      (x.data as Float32Array).set(marshal.read(input) as Float32Array);
      return run(x, make);
    } finally {
      made.forEach((tensor) => tensor.dispose());
    }
  }

  /** Log-probabilities of the head. */
  #head(call: string, x: Tensor<D>, make: Make<D>): Tensor<D> {
    const { weight, bias } = this.parameters.head;
    const logits = make([x.shape[0] as number, weight.shape[0] as number]);
    multiply(call, { of: x }, { of: weight, transposed: true }, logits);
    if (bias) {
      const [data, b] = [logits.data as FloatArray, bias.data as FloatArray];
      for (let i = 0; i < data.length; i++) (data[i] as number) += b[i % b.length] as number;
    }
    normalise(logits);
    return logits;
  }

  #logProb(call: string, x: Tensor<D>, rows: number, make: Make<D>): TensorArrays[D] {
    const shortlist = this.cutoffs[0] as number;
    const width = shortlist + this.cutoffs.length;
    const all = newFloats(this.dtype, rows * this.classes) as FloatArray;
    const head = this.#head(call, x, make);
    const copy = (from: FloatArray, columns: number, count: number, to: number, of: (row: number) => number) => {
      for (let row = 0; row < rows; row++) {
        const add = of(row);
        const start = row * this.classes + to;
        for (let c = 0; c < count; c++) all[start + c] = (from[row * columns + c] as number) + add;
      }
    };
    copy(head.data, width, shortlist, 0, () => 0);
    this.parameters.tail.forEach(({ projection, weight }, i) => {
      const hidden = make([rows, projection.shape[0] as number]);
      multiply(call, { of: x }, { of: projection, transposed: true }, hidden);
      const logits = make([rows, this.#size(i)]);
      multiply(call, { of: hidden }, { of: weight, transposed: true }, logits);
      normalise(logits);
      const top = head.data as FloatArray;
      copy(logits.data, this.#size(i), this.#size(i), this.cutoffs[i] as number, (row) => top[row * width + shortlist + i] as number);
      hidden.dispose();
      logits.dispose();
    });
    return all as unknown as TensorArrays[D];
  }

  #run(call: string, rawInput: unknown, rawTarget: unknown, rawOptions: unknown, wantsGrads: boolean): AdaptiveResult<FloatArray> {
    const input = this.#input(call, rawInput);
    const target = this.#targets(call, rawTarget, input);
    const options = readObject(call, "options", rawOptions, ["gradOutput", "out"]);
    const { gradOutput = 1 } = options;
    if (typeof gradOutput !== "number") fail("ERR_TYPE", call, "gradOutput", "a number", show(gradOutput));
    const rows = this.#rows(input);
    const slots = this.#slots(call, input, options.out, rows);
    const targets = target.read();
    const marshal = this.#marshal(call, input);
    marshal.reads(target.op);
    for (const { out, over } of [slots.output, ...slots.grads]) if (out) marshal.output(out, out.size, over);
    marshal.checkOverlaps();

    const { head, tail } = this.parameters;
    const shortlist = this.cutoffs[0] as number;
    const members: Members[] = this.cutoffs.map(() => ({ rows: [], targets: [] }));
    const headTargets = targets.map((y, row) => {
      if (y < shortlist) return y;
      let cluster = 0;
      while ((this.cutoffs[cluster + 1] ?? Infinity) <= y) cluster++;
      members[cluster]?.rows.push(row);
      members[cluster]?.targets.push(y - (this.cutoffs[cluster] as number));
      return shortlist + cluster;
    });
    return this.#scoped(call, input, rows, marshal, (x, make) => {
      const outer = gradOutput / rows;
      const output = newFloats(this.dtype, rows);
      /** Adds a layer's log-probabilities to its rows' outputs, and gives its gradients. */
      const layer = (of: Tensor<D>, weight: Tensor<D>, bias: Tensor<D> | undefined, indices: ArrayLike<number>, to: (k: number) => number) => {
        const run = linearCrossEntropy as unknown as Layer;
        const labels = Int32Array.from(indices);
        const common = { reduction: "none", ...(bias && { bias }) };
        const result: LayerResult = wantsGrads ? run.valueAndGrad(of, weight, labels, { ...common, gradOutput: outer }) : { value: run(of, weight, labels, common), grads: {} };
        result.value.forEach((nll, k) => ((output[to(k)] as number) -= nll));
        return result.grads;
      };
      const grads = layer(x, head.weight, head.bias, headTargets, (k) => k);
      const byInput = grads.input;
      const [inputSlot, headSlot, biasSlot, ...tailSlots] = slots.grads;
      if (headSlot && grads.linearWeight) headSlot.result = grads.linearWeight;
      if (biasSlot && grads.bias) biasSlot.result = grads.bias;
      tail.forEach(({ projection, weight }, i) => {
        const { rows: mine, targets: theirs } = members[i] as Members;
        const own = gathered(x, mine, make);
        const hidden = make([mine.length, projection.shape[0] as number]);
        multiply(call, { of: own }, { of: projection, transposed: true }, hidden);
        const { input: byHidden, linearWeight } = layer(hidden, weight, undefined, theirs, (k) => mine[k] as number);
        if (byHidden && byInput) {
          (hidden.data as Float32Array).set(byHidden);
          const byProjection = make(projection.shape);
          multiply(call, { of: hidden, transposed: true }, { of: own }, byProjection);
          multiply(call, { of: hidden }, { of: projection }, own);
          const more = own.data as FloatArray;
          mine.forEach((row, k) => {
            for (let c = 0; c < this.inFeatures; c++) (byInput[row * this.inFeatures + c] as number) += more[k * this.inFeatures + c] as number;
          });
          const [projectionSlot, weightSlot] = tailSlots.slice(2 * i, 2 * i + 2);
          if (projectionSlot) projectionSlot.result = (byProjection.data as FloatArray).slice();
          if (weightSlot && linearWeight) weightSlot.result = linearWeight;
          byProjection.dispose();
        }
        [own, hidden].forEach((tensor) => tensor.dispose());
      });
      if (inputSlot && byInput) inputSlot.result = byInput;
      // No logarithm of a probability is above 0, so that the mean of −output is that of |output|, added up as everywhere.
      const value = (l1 as (...args: unknown[]) => number)(output, output.map(() => 0));
      slots.output.result = output;
      const deliver = ({ out, result }: Slot) => {
        if (!out || !result) return result;
        marshal.write(out, result);
        return out.given;
      };
      const done = slots.grads.map(deliver);
      const [gradInput, gradWeight, gradBias, ...gradTail] = done;
      return {
        value,
        output: deliver(slots.output),
        grads: {
          input: gradInput,
          head: head.bias ? { weight: gradWeight, bias: gradBias } : { weight: gradWeight },
          tail: tail.map((_, i) => ({ projection: gradTail[2 * i], weight: gradTail[2 * i + 1] })),
        },
      } as unknown as AdaptiveResult<FloatArray>;
    });
  }

  /** The parameters by name. */
  #tensors(): (readonly [string, Tensor<D>])[] {
    const { head, tail } = this.parameters;
    return [
      ["parameters.head.weight", head.weight],
      ...(head.bias ? [["parameters.head.bias", head.bias] as const] : []),
      ...tail.flatMap(({ projection, weight }, i) => [[`parameters.tail[${i}].projection`, projection] as const, [`parameters.tail[${i}].weight`, weight] as const]),
    ];
  }

  /** Where results go, checked. */
  #slots(call: string, input: Operand, out: unknown, rows: number): { readonly output: Slot; readonly grads: readonly Slot[] } {
    const places = readObject(call, "out", out, ["output", "grads"]);
    const grads = readObject(call, "out.grads", places.grads, ["input", "head", "tail"]);
    const head = readObject(call, "out.grads.head", grads.head, this.parameters.head.bias ? ["weight", "bias"] : ["weight"]);
    const given = grads.tail === undefined ? [] : grads.tail;
    const clusters = `an array of at most ${this.cutoffs.length} objects, one for each cluster`;
    if (!Array.isArray(given)) fail("ERR_TYPE", call, "out.grads.tail", clusters, show(given));
    const list = given as unknown[];
    if (list.length > this.cutoffs.length) fail("ERR_SHAPE", call, "out.grads.tail", clusters, `one of ${list.length}`);
    const slot = (name: string, place: unknown, shape: readonly number[], over: string): Slot => ({
      over,
      out: place === undefined ? undefined : output(call, `out.${name}`, place, input, shape, "as what it is of has"),
    });
    const { head: parameters, tail } = this.parameters;
    return {
      output: slot("output", places.output, [rows], ""),
      grads: [
        slot("grads.input", grads.input, input.shape, "input"),
        slot("grads.head.weight", head.weight, parameters.weight.shape, "parameters.head.weight"),
        slot("grads.head.bias", head.bias, [parameters.weight.shape[0] as number], "parameters.head.bias"),
        ...tail.flatMap(({ projection, weight }, i) => {
          const name = `tail[${i}]`;
          const places = readObject(call, `out.grads.${name}`, list[i], ["projection", "weight"]);
          return [
            slot(`grads.${name}.projection`, places.projection, projection.shape, `parameters.${name}.projection`),
            slot(`grads.${name}.weight`, places.weight, weight.shape, `parameters.${name}.weight`),
          ];
        }),
      ],
    };
  }
}

/** {@link linearCrossEntropy} without reduction. */
interface LayerResult {
  readonly value: FloatArray;
  readonly grads: { readonly input?: FloatArray; readonly linearWeight?: FloatArray; readonly bias?: FloatArray };
}
interface Layer {
  (...args: unknown[]): FloatArray;
  valueAndGrad(...args: unknown[]): LayerResult;
}

/** Turns rows of logits into log-probabilities. */
const normalise = (logits: Tensor) => (logSoftmax as (x: unknown, options: object) => unknown)(logits, { out: logits });

type Make<D extends FloatType> = (shape: readonly number[]) => Tensor<D>;

/** Some rows of a tensor. */
function gathered<D extends FloatType>(x: Tensor<D>, rows: readonly number[], make: Make<D>): Tensor<D> {
  const width = x.shape[1] as number;
  const some = make([rows.length, width]);
  const [from, to] = [x.data as Float32Array, some.data as Float32Array];
  rows.forEach((row, k) => to.set(from.subarray(row * width, (row + 1) * width), k * width));
  return some;
}

/** Where the greatest of some elements is, counted from the first of them; NaN is greater than all, as in PyTorch. */
function greatest(x: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  for (let c = 0; c < count; c++) {
    const value = x[start + c] as number;
    if (Number.isNaN(value)) return c;
    if (value > (x[start + best] as number)) best = c;
  }
  return best;
}
