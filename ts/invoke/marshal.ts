// Operands: what a user may give as an array, checked, and moved into the engine's memory and out of it.
// A call on tensors comes through here in under a microsecond: few closures and copies.
import { bufferOf, lengthOf, offsetOf } from "../arrays.js";
import { fail, show, showShape } from "../errors.js";
import { has } from "./options.js";
import { type Engine, engine } from "../runtime.js";
import {
  ARRAYS,
  type DType,
  Tensor,
  type TypedArray,
  checkShape,
  dtypeOf,
  needLiveView,
} from "../tensor.js";

export type Shape = readonly number[];

/** An argument, an option that is an array, or an output. */
export interface Operand {
  readonly name: string;
  /** What the user gave. */
  readonly given: object;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly size: number;
  /** Whether it is an array without a shape of its own. */
  readonly bare: boolean;
  /** The array; `undefined` for a tensor of this entry. */
  readonly data: TypedArray | undefined;
  /** Where it lies in the engine's memory, if it does; −1 otherwise. Known once all of the user's code has run. */
  address: number;
  /** Of an output, the name of the input that it may be written over. */
  covers: string;
}

/** Where a part of a call lies in the engine's memory, once the call's memory is reserved. */
export interface Place {
  address: number;
  readonly size: number;
}

/** The place of what is not there: null to the engine. */
export const NOWHERE: Place = { address: 0, size: 0 };

export const FLOATS: readonly DType[] = ["float32", "float64"];
/** Floats, or integers that stand for 0 and 1 or for −1 and 1. */
export const FLAGS: readonly DType[] = ["float32", "float64", "int8", "uint8", "int32", "bigint64"];
export const INDICES: readonly DType[] = ["int32", "uint8", "uint16", "uint32", "bigint64"];
export const INDICES_OR_FLOATS: readonly DType[] = ["int32", "uint8", "uint16", "uint32", "bigint64", "float32", "float64"];

export const isFloat = (dtype: DType) => dtype === "float32" || dtype === "float64";

export function product(shape: Shape, from = 0, to = shape.length) {
  let size = 1;
  for (let i = from; i < to; i++) size *= shape[i] ?? 1;
  return size;
}

export function sameShape(a: Shape, b: Shape) {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function wrongKind(call: string, name: string, given: unknown, allowed: readonly DType[]): never {
  const kinds = allowed.map((dtype) => ARRAYS[dtype].name).join(", ");
  const hint = Array.isArray(given) ? ` (${ARRAYS[allowed[0] ?? "float32"].name}.from(array) converts one)` : "";
  fail("ERR_TYPE", call, name, `one of ${kinds}, { data, shape } with one, or a tensor${hint}`, show(given));
}

/** Reads an argument: a typed array, `{ data, shape }`, or a tensor. */
export function operand(call: string, name: string, given: unknown, allowed: readonly DType[]): Operand {
  if (typeof given !== "object" || given === null) wrongKind(call, name, given, allowed);
  if (Tensor.address(call, name, given) !== undefined) {
    const { dtype, shape, size } = given as Tensor;
    if (!has(allowed, dtype)) wrongKind(call, name, given, allowed);
    return { name, given, dtype, shape, size, bare: false, data: undefined, address: -1, covers: "" };
  }
  let data: unknown = given;
  let dtype = dtypeOf(data);
  let shape: Shape | undefined;
  if (!dtype) {
    if (Array.isArray(given)) wrongKind(call, name, given, allowed);
    const fields = given as { data?: unknown; shape?: unknown };
    data = fields.data;
    dtype = dtypeOf(data);
    if (!dtype) wrongKind(call, name, data ?? given, allowed);
    const checked = checkShape(call, `${name}.shape`, fields.shape);
    const length = lengthOf(call, name, data as TypedArray);
    if (checked.size !== length) {
      fail("ERR_SHAPE", call, `${name}.shape`, `of ${length} elements, as its data has`, showShape(checked.shape));
    }
    shape = checked.shape;
  }
  if (!has(allowed, dtype)) wrongKind(call, name, data, allowed);
  const array = data as TypedArray;
  const size = lengthOf(call, name, array);
  return { name, given, dtype, shape: shape ?? [size], size, bare: !shape, data: array, address: -1, covers: "" };
}

/** Finds where an operand lies, and that it still is what it was. From here on no code of the user's runs. */
function locate(call: string, op: Operand, engine: Engine) {
  const { name, given, data, size } = op;
  if (!data) {
    op.address = Tensor.address(call, name, given) ?? -1;
    return;
  }
  if (lengthOf(call, name, data) !== size) fail("ERR_SHAPE", call, name, `of ${size} elements throughout the call`, "an array that changed");
  // A live view of this engine's memory, as Tensor.data is, needs no copy.
  if (engine.owns(bufferOf(data))) {
    needLiveView(call, name, data);
    op.address = offsetOf(data);
  }
}

/** Reads a place for a result. */
export function output(call: string, name: string, given: unknown, like: Operand, shape: Shape, why: string): Operand {
  const op = operand(call, name, given, FLOATS);
  needDtype(call, op, like);
  needFlatShape(call, op, shape, why);
  return op;
}

/** The elements of an operand, where they lie until memory grows. */
export function elements(call: string, { name, given, data }: Operand): TypedArray {
  if (!data) return (given as Tensor).data;
  needLiveView(call, name, data);
  return data;
}

export function needDtype(call: string, op: Operand, like: Operand) {
  if (op.dtype !== like.dtype) fail("ERR_DTYPE", call, op.name, `${like.dtype} as ${like.name} is`, op.dtype);
}

export function needShape(call: string, op: Operand, shape: Shape, why: string) {
  if (!sameShape(op.shape, shape)) {
    fail("ERR_SHAPE", call, op.name, `of shape ${showShape(shape)}, ${why}`, `shape ${showShape(op.shape)}`);
  }
}

/** As {@link needShape}, for arrays that results come in: bare ones need the right length only. */
export function needFlatShape(call: string, op: Operand, shape: Shape, why: string) {
  if (!op.bare || op.size !== product(shape)) needShape(call, op, shape, why);
}

export function needOwnShape(call: string, op: Operand) {
  if (op.bare) {
    const expected = "{ data, shape } or a tensor, as a bare array does not tell its rows";
    fail("ERR_SHAPE", call, op.name, expected, `a bare array of length ${op.size}`);
  }
}

/** Fills a place from an array of another type. */
type Convert = (from: TypedArray, to: Place) => void;

/** An input to copy in. */
interface Load {
  readonly op: Operand;
  readonly to: Place;
  readonly convert: Convert | undefined;
}

/** How many inputs and outputs a call usually has at most. */
const ROOM = 4;
// Most calls on tensors have none; those that do copy a list to grow it.
const NO_PLACES: readonly Place[] = [];
const NO_LOADS: readonly Load[] = [];

/** Moves operands in and results out of the engine's memory, for one call. */
export class Marshal {
  readonly engine: Engine = engine();
  /** The kernels' dtype: 0 for float32, 1 for float64. */
  readonly dtype: 0 | 1;
  readonly #call: string;
  #bytes = 0;
  /** Places in scratch memory: until it is reserved, their addresses count from its start. */
  #scratch = NO_PLACES;
  #loads = NO_LOADS;
  // With room from the start, as a first `push` would make room for seventeen.
  readonly #inputs = new Array<Operand>(ROOM);
  #inputCount = 0;
  readonly #outputs = new Array<Operand>(ROOM);
  #outputCount = 0;

  constructor(call: string, like: Operand) {
    this.#call = call;
    this.dtype = like.dtype === "float64" ? 1 : 0;
    this.engine.check(call);
  }

  /** Scratch memory for so many elements. */
  scratch(size: number, bytes = this.dtype ? 8 : 4): Place {
    const place = { address: this.#bytes, size };
    this.#bytes += Math.ceil((size * bytes) / 16) * 16;
    this.#scratch = [...this.#scratch, place];
    return place;
  }

  /** An input that was read already: nothing may be written over it. */
  reads(op: Operand) {
    locate(this.#call, op, this.engine);
    this.#inputs[this.#inputCount++] = op;
  }

  /** An input in the kernels' dtype; other types are converted. */
  input(op: Operand | undefined): Place {
    if (!op) return NOWHERE;
    this.reads(op);
    if (op.address >= 0 && isFloat(op.dtype)) return op;
    const to = this.scratch(op.size);
    this.#loads = [...this.#loads, { op, to, convert: undefined }];
    return to;
  }

  /** Class indices as int32. */
  indices(op: Operand, convert: Convert | undefined): Place {
    this.reads(op);
    if (op.address >= 0 && op.dtype === "int32") return op;
    const to = this.scratch(op.size, 4);
    this.#loads = [...this.#loads, { op, to, convert: convert ?? ((from) => this.int32(to).set(from as Int32Array)) }];
    return to;
  }

  /** Where a result goes: `op`, or scratch memory that is copied from. `covers` is the input that it may be written over. */
  output(op: Operand | undefined, size: number, covers: string): Place {
    if (op) {
      locate(this.#call, op, this.engine);
      op.covers = covers;
      this.#outputs[this.#outputCount++] = op;
      if (op.address >= 0) return op;
    }
    return this.scratch(size);
  }

  /** Whether the call is on so many arrays, all of which are in the engine's memory as they are. */
  isOn(count: number): boolean {
    return this.#scratch.length === 0 && this.#inputCount + this.#outputCount === count;
  }

  /** Outputs lie apart from each other and from all inputs, but for those that they may cover exactly. */
  checkOverlaps() {
    for (let i = 0; i < this.#outputCount; i++) this.#checkOverlap(i);
  }

  /** Checks overlaps, reserves memory, and copies inputs in. */
  commit() {
    this.checkOverlaps();
    if (this.#scratch.length === 0) return;
    const base = this.engine.reserve(this.#call, this.#bytes);
    for (const place of this.#scratch) place.address += base;
    for (const { op, to, convert } of this.#loads) {
      const from = this.read(op);
      if (convert) convert(from, to);
      else if (op.dtype === "bigint64") this.floats(to).set(Array.from({ length: op.size }, (_, i) => Number(from[i])));
      else this.floats(to).set(from as Float32Array);
    }
  }

  #checkOverlap(i: number) {
    const out = this.#outputs[i] as Operand;
    const { covers } = out;
    for (let k = 0; k < this.#inputCount; k++) {
      const input = this.#inputs[k] as Operand;
      const shared = overlap(out, input);
      if (shared === "none" || (shared === "exact" && input.name === covers)) continue;
      const may = covers ? `apart from every other array, or exactly ${covers}` : "apart from every other array";
      fail("ERR_OVERLAP", this.#call, out.name, may, `one that overlaps ${input.name}`);
    }
    for (let k = 0; k < i; k++) {
      const other = this.#outputs[k] as Operand;
      if (overlap(out, other) !== "none") {
        fail("ERR_OVERLAP", this.#call, out.name, "apart from every other output", `one that overlaps ${other.name}`);
      }
    }
  }

  /** The elements of an operand, wherever they are now. */
  read(op: Operand): TypedArray {
    if (op.address < 0) return op.data as TypedArray;
    return new ARRAYS[op.dtype](this.engine.views.buffer, op.address, op.size);
  }

  /** The floats at a place. */
  floats({ address, size }: Place): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
    return new ARRAYS[this.dtype ? "float64" : "float32"](this.engine.views.buffer, address, size);
  }

  /** The int32 numbers at a place. */
  int32({ address, size }: Place): Int32Array<ArrayBuffer> {
    return new Int32Array(this.engine.views.buffer, address, size);
  }

  /** A result, in the object that `out` named or a fresh array. */
  result(op: Operand | undefined, place: Place): object {
    if (!op) return this.floats(place).slice();
    if (op.address < 0) this.write(op, this.floats(place));
    return op.given;
  }

  /** Puts elements into an operand, wherever it is now. */
  write(op: Operand, values: ArrayLike<number>) {
    // The intrinsic method, whatever the user's array has in its place.
    Float32Array.prototype.set.call(this.read(op) as Float32Array, values);
  }
}

/** A reduced value as the kernels' dtype has it. */
export const reducedValue = (dtype: 0 | 1, reduced: number) => (dtype ? reduced : Math.fround(reduced));

function overlap(a: Operand, b: Operand): "none" | "some" | "exact" {
  const inEngine = a.address >= 0;
  if (inEngine !== b.address >= 0) return "none";
  if (!inEngine && bufferOf(a.data) !== bufferOf(b.data)) return "none";
  const aStart = inEngine ? a.address : offsetOf(a.data);
  const bStart = inEngine ? b.address : offsetOf(b.data);
  const aEnd = aStart + a.size * ARRAYS[a.dtype].BYTES_PER_ELEMENT;
  const bEnd = bStart + b.size * ARRAYS[b.dtype].BYTES_PER_ELEMENT;
  if (aStart >= bEnd || bStart >= aEnd) return "none";
  return aStart === bStart && aEnd === bEnd ? "exact" : "some";
}
