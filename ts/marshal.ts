// Operands: what a user may give as an array, checked, and moved into the engine's memory and out of it.
import { fail, show, showShape } from "./errors.js";
import { type Engine, engine } from "./runtime.js";
import { type DType, Tensor, type TypedArray, checkShape, dtypeOf } from "./tensor.js";

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
  /** The array, unless it is a tensor of this entry. */
  readonly data: TypedArray | undefined;
  /** Where it lies in the engine's memory, if it does. */
  readonly address: number | undefined;
}

export const FLOATS: readonly DType[] = ["float32", "float64"];
export const FLAGS: readonly DType[] = ["int8", "uint8", "int32", "bigint64"];
export const INDICES: readonly DType[] = ["int32", "uint8", "uint16", "uint32", "bigint64"];

export const product = (shape: Shape, from = 0, to = shape.length) => {
  let size = 1;
  for (let i = from; i < to; i++) size *= shape[i] ?? 1;
  return size;
};

export const sameShape = (a: Shape, b: Shape) => a === b || (a.length === b.length && a.every((d, i) => d === b[i]));

const bytesOf = (dtype: DType) =>
  dtype === "float64" || dtype === "bigint64" ? 8 : dtype.endsWith("32") ? 4 : dtype.endsWith("16") ? 2 : 1;

const CONSTRUCTORS = { int8: "Int8Array", uint8: "Uint8Array", uint16: "Uint16Array", int32: "Int32Array", uint32: "Uint32Array", bigint64: "BigInt64Array", float32: "Float32Array", float64: "Float64Array" } as const;

function wrongKind(call: string, name: string, given: unknown, allowed: readonly DType[]): never {
  const first = CONSTRUCTORS[allowed[0] ?? "float32"];
  const kinds = allowed.map((dtype) => CONSTRUCTORS[dtype]).join(", ");
  const hint = Array.isArray(given) ? ` (${first}.from(array) converts one)` : "";
  fail("ERR_TYPE", call, name, `a ${kinds}, { data, shape } with one, or a tensor${hint}`, show(given));
}

/** Reads an argument: a typed array, `{ data, shape }`, or a tensor. */
export function operand(call: string, name: string, given: unknown, allowed: readonly DType[]): Operand {
  if (typeof given !== "object" || given === null) wrongKind(call, name, given, allowed);
  const resident = Tensor.address(call, name, given);
  if (resident !== undefined) {
    const { dtype, shape, size } = given as Tensor;
    if (!allowed.includes(dtype)) wrongKind(call, name, given, allowed);
    return { name, given, dtype, shape, size, bare: false, data: undefined, address: resident };
  }
  let data: unknown = given;
  let dtype = dtypeOf(data);
  let shape: Shape | undefined;
  if (!dtype) {
    const fields = given as { data?: unknown; shape?: unknown };
    data = fields.data;
    dtype = dtypeOf(data);
    if (!dtype || Array.isArray(given)) wrongKind(call, name, Array.isArray(given) ? given : (data ?? given), allowed);
    const checked = checkShape(call, `${name}.shape`, fields.shape);
    const { length } = data as TypedArray;
    if (checked.size !== length) {
      fail("ERR_SHAPE", call, `${name}.shape`, `of ${length} elements, as its data has`, showShape(checked.shape));
    }
    shape = checked.shape;
  }
  if (!allowed.includes(dtype)) wrongKind(call, name, data, allowed);
  const array = data as TypedArray;
  // A live view of this engine's memory, as Tensor.data is, needs no copy.
  const address = array.buffer === engine().views.buffer ? array.byteOffset : undefined;
  const size = array.length;
  return { name, given, dtype, shape: shape ?? [size], size, bare: !shape, data: array, address };
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

/** A part of the call in the engine's memory. */
export interface Ref {
  address: number;
  /** Bytes from the start of scratch memory; −1 for what is there already. */
  readonly offset: number;
  readonly size: number;
}

export const NOWHERE: Ref = { address: 0, offset: -1, size: 0 };

/** Moves operands in and results out of the engine's memory, for one call. */
export class Marshal {
  readonly engine: Engine = engine();
  readonly #call: string;
  /** The dtype of the kernels. */
  readonly #float64: boolean;
  #bytes = 0;
  readonly #refs: Ref[] = [];
  readonly #loads: { readonly ref: Ref; readonly op: Operand; readonly convert: ((from: TypedArray, to: Ref) => void) | undefined }[] = [];
  readonly #inputs: Operand[] = [];
  readonly #outputs: { readonly op: Operand; readonly of: string }[] = [];

  constructor(call: string, dtype: DType) {
    this.#call = call;
    this.#float64 = dtype === "float64";
    this.engine.check(call);
  }

  get code() {
    return this.#float64 ? 1 : 0;
  }

  /** Scratch memory for so many elements. */
  scratch(size: number, bytes = this.#float64 ? 8 : 4): Ref {
    const ref = { address: 0, offset: this.#bytes, size };
    this.#bytes += Math.ceil((size * bytes) / 16) * 16;
    this.#refs.push(ref);
    return ref;
  }

  /** An input of the kernel's dtype; other types are converted. */
  input(op: Operand | undefined): Ref {
    if (!op) return NOWHERE;
    this.#inputs.push(op);
    const ready = op.dtype === "float32" || op.dtype === "float64";
    if (ready && op.address !== undefined) return { address: op.address, offset: -1, size: op.size };
    const ref = this.scratch(op.size);
    this.#loads.push({ ref, op, convert: undefined });
    return ref;
  }

  /** Class indices, as int32. */
  indices(op: Operand, convert?: (from: TypedArray, to: Ref) => void): Ref {
    this.#inputs.push(op);
    if (op.dtype === "int32" && op.address !== undefined) return { address: op.address, offset: -1, size: op.size };
    const ref = this.scratch(op.size, 4);
    this.#loads.push({ ref, op, convert: convert ?? ((from, to) => this.engine.views.int32.set(from as Int32Array, to.address >>> 2)) });
    return ref;
  }

  /** Where a result goes: into `op`, or scratch memory that it is copied from. `of` names the input it may cover. */
  output(op: Operand | undefined, size: number, of = ""): Ref {
    if (op) this.#outputs.push({ op, of });
    return op?.address !== undefined ? { address: op.address, offset: -1, size } : this.scratch(size);
  }

  /** Checks overlaps, reserves memory, and copies inputs in. */
  commit() {
    this.#checkOverlaps();
    if (this.#bytes > 0) {
      const base = this.engine.reserve(this.#call, this.#bytes);
      for (const ref of this.#refs) ref.address = base + ref.offset;
    }
    for (const { ref, op, convert } of this.#loads) {
      const from = this.read(op);
      if (convert) convert(from, ref);
      else this.#floats(ref).set(typeof from[0] === "bigint" ? Array.from(from as BigInt64Array, Number) : (from as Float32Array));
    }
  }

  /** The elements of an operand, wherever they are now. */
  read(op: Operand): TypedArray {
    return op.address === undefined ? (op.data as TypedArray) : residentView(this.engine, op.dtype, op.address, op.size);
  }

  #floats({ address, size }: Ref) {
    const { float32, float64 } = this.engine.views;
    return this.#float64
      ? float64.subarray(address / 8, address / 8 + size)
      : float32.subarray(address / 4, address / 4 + size);
  }

  /** One element of a part of the call. */
  element(ref: Ref, i: number): number {
    return this.#floats(ref)[i] ?? Number.NaN;
  }

  /** A result, as the object that `out` named or a fresh array. */
  result(op: Operand | undefined, ref: Ref): object {
    if (!op) return this.#floats(ref).slice();
    if (op.address === undefined) (op.data as Float32Array).set(this.#floats(ref));
    return op.given;
  }

  #checkOverlaps() {
    if (this.#outputs.length === 0) return;
    const range = ({ address, data, size, dtype }: Operand) => {
      const start = address ?? data?.byteOffset ?? 0;
      return { memory: address === undefined ? data?.buffer : this.engine, start, end: start + size * bytesOf(dtype) };
    };
    this.#outputs.forEach(({ op, of }, i) => {
      const a = range(op);
      const check = (other: Operand, exact: boolean) => {
        const b = range(other);
        if (a.memory !== b.memory || a.start >= b.end || b.start >= a.end) return;
        if (exact && a.start === b.start && a.end === b.end) return;
        const may = of ? `apart from every other array, or exactly ${of}` : "apart from every other array";
        fail("ERR_OVERLAP", this.#call, op.name, may, `one that overlaps ${other.name}`);
      };
      for (const input of this.#inputs) check(input, input.name === of);
      for (const { op: other } of this.#outputs.slice(0, i)) check(other, false);
    });
  }
}

function residentView({ views: { buffer } }: Engine, dtype: DType, address: number, size: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, address, size);
    case "float64":
      return new Float64Array(buffer, address, size);
    case "int8":
      return new Int8Array(buffer, address, size);
    case "uint8":
      return new Uint8Array(buffer, address, size);
    case "uint16":
      return new Uint16Array(buffer, address, size);
    case "int32":
      return new Int32Array(buffer, address, size);
    case "uint32":
      return new Uint32Array(buffer, address, size);
    case "bigint64":
      return new BigInt64Array(buffer, address, size);
  }
}
