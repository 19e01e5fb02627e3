/// <reference lib="esnext.disposable" />
import { bufferOf, lengthOf, offsetOf, tagOf } from "./arrays.js";
import { fail, show, showShape } from "./errors.js";
import { readObject } from "./invoke/options.js";
import { type Engine, engine, isCurrent } from "./runtime.js";

/** The element types of tensors, and the arrays they come in. */
export interface TensorArrays {
  float32: Float32Array<ArrayBuffer>;
  float64: Float64Array<ArrayBuffer>;
  int8: Int8Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  uint16: Uint16Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  uint32: Uint32Array<ArrayBuffer>;
  bigint64: BigInt64Array<ArrayBuffer>;
}

/** The name of an element type. */
export type DType = keyof TensorArrays;

/** The element type of an array type. */
export type DTypeOf<A> = {
  [D in DType]: A extends { readonly [Symbol.toStringTag]: TensorArrays[D][typeof Symbol.toStringTag] } ? D : never;
}[DType];

/** A typed array of any element type that this package takes. */
export type TypedArray =
  | Float32Array<ArrayBufferLike>
  | Float64Array<ArrayBufferLike>
  | Int8Array<ArrayBufferLike>
  | Uint8Array<ArrayBufferLike>
  | Uint16Array<ArrayBufferLike>
  | Int32Array<ArrayBufferLike>
  | Uint32Array<ArrayBufferLike>
  | BigInt64Array<ArrayBufferLike>;

/** The constructor of each element type. */
export const ARRAYS: {
  readonly [D in DType]: {
    readonly name: string;
    readonly BYTES_PER_ELEMENT: number;
    new (buffer: ArrayBufferLike, offset: number, length: number): TensorArrays[D];
  };
} = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bigint64: BigInt64Array,
};

/** An array of zeros. */
export const newFloats = (dtype: DType, size: number): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> => (dtype === "float32" ? new Float32Array(size) : new Float64Array(size));

const DTYPES: Readonly<Record<string, DType>> = {
  Float32Array: "float32",
  Float64Array: "float64",
  Int8Array: "int8",
  Uint8Array: "uint8",
  Uint16Array: "uint16",
  Int32Array: "int32",
  Uint32Array: "uint32",
  BigInt64Array: "bigint64",
};

/** The element type of a typed array of any realm; `undefined` for anything else. */
export const dtypeOf = (data: unknown): DType | undefined => DTYPES[tagOf(data) ?? ""];

/** A shape, checked and copied, with its number of elements. */
export function checkShape(call: string, argument: string, shape: unknown): { shape: readonly number[]; size: number } {
  if (!Array.isArray(shape)) fail("ERR_TYPE", call, argument, "an array of dimensions", show(shape));
  const copy = Array.from(shape as unknown[]);
  let size = 1;
  for (const dimension of copy) {
    if (!Number.isSafeInteger(dimension) || (dimension as number) < 0) {
      fail("ERR_SHAPE", call, argument, "dimensions that are integers ≥ 0", show(dimension));
    }
    size *= dimension as number;
  }
  if (!Number.isSafeInteger(size)) fail("ERR_SHAPE", call, argument, "a shape of at most 2⁵³ elements", showShape(copy as number[]));
  return { shape: copy as number[], size };
}

/** The tensors of the views given out; keeps a tensor for as long as its view is in use. */
const owners = /* @__PURE__ */ new WeakMap<object, Tensor>();

/** Throws for the `data` of a tensor that has been disposed. */
export function needLiveView(call: string, argument: string, data: object) {
  const owner = owners.get(data);
  if (owner) Tensor.address(call, argument, owner);
}

/** How many tensors there have been. */
let made = 0;

/**
 * An array that lives in the engine's memory: losses read and write it without a copy. Made by {@link zeros} and
 * {@link tensor}; freed by `dispose()`, at the end of a `using` block, or after it has become unreachable.
 */
export class Tensor<D extends DType = DType> {
  /** Dimensions, outermost first. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: D;
  /** Number of elements. */
  readonly size: number;
  readonly #engine: Engine;
  // Its glue has a FinalizationRegistry behind it.
  #buffer: ReturnType<Engine["allocate"]> | undefined;
  /** The buffer's, which its getter would have to ask the engine for. */
  readonly #address: number;
  #data: TensorArrays[D] | undefined;
  readonly #id = ++made;

  /** @internal Use {@link zeros} or {@link tensor}. */
  constructor(call: string, shape: readonly number[], size: number, dtype: D) {
    this.shape = Object.freeze(shape);
    this.dtype = dtype;
    this.#engine = engine();
    this.#engine.check(call);
    this.size = size;
    this.#buffer = this.#engine.allocate(call, size * ARRAYS[dtype].BYTES_PER_ELEMENT);
    this.#address = this.#buffer.address;
    Object.freeze(this);
  }

  /**
   * The elements, as a live view of the engine's memory. The view goes stale when memory grows, which any call or new
   * tensor may cause: read this property anew instead of keeping what it gave. The view keeps its tensor alive; a
   * `subarray` of it does not, and must not be used once the tensor is gone.
   */
  get data(): TensorArrays[D] {
    if (!(#buffer in this)) fail("ERR_TYPE", "Tensor.data", "the tensor", "a tensor itself", "an object that stands for one");
    const buffer = this.#live("Tensor.data", "the tensor");
    if (!this.#data || this.#data.buffer !== this.#engine.views.buffer) {
      const bytes = buffer.view();
      this.#data = new ARRAYS[this.dtype](bytes.buffer, bytes.byteOffset, this.size);
      owners.set(this.#data, this);
    }
    return this.#data;
  }

  /** Frees the memory. Any later use throws; disposing again does nothing. */
  dispose(): void {
    // The allocator of an engine that failed is in no known state.
    if (isCurrent(this.#engine) && !this.#engine.failed) this.#buffer?.free();
    this.#buffer = undefined;
    this.#data = undefined;
  }

  /** Frees the memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(call: string, argument: string) {
    if (!this.#buffer || !isCurrent(this.#engine)) {
      fail("ERR_DISPOSED", call, argument, "a live tensor", "one that was disposed");
    }
    return this.#buffer;
  }

  /** @internal The number of a live tensor of this entry, which no other has; 0 for anything else. */
  static id(value: unknown): number {
    return typeof value === "object" && value !== null && #buffer in value && value.#buffer && isCurrent(value.#engine) ? value.#id : 0;
  }

  /** @internal The address of a live tensor of this entry; `undefined` for anything else. */
  static address(call: string, argument: string, value: object): number | undefined {
    if (!(#buffer in value)) return undefined;
    value.#live(call, argument);
    return value.#address;
  }
}

/**
 * A tensor of zeros.
 *
 * @param shape - Dimensions, outermost first; `[]` is a single element.
 * @param options - `dtype`: element type, default `"float32"`.
 * @throws TypeError for a wrong shape, dtype or option; RangeError for dimensions that are none, or that the engine's
 * memory cannot hold.
 * @example
 * ```ts
 * const logits = zeros([64, 10]);
 * logits.data.fill(0.5);
 * logits.dispose();
 * ```
 */
export function zeros<D extends DType = "float32">(shape: readonly number[], options?: { readonly dtype?: D }): Tensor<D> {
  const { dtype = "float32" } = readObject("zeros", "options", options, ["dtype"]);
  if (typeof dtype !== "string" || !Object.hasOwn(ARRAYS, dtype)) {
    fail("ERR_TYPE", "zeros", "dtype", `one of ${Object.keys(ARRAYS).join(", ")}`, show(dtype));
  }
  const { shape: dimensions, size } = checkShape("zeros", "shape", shape);
  const made = new Tensor("zeros", dimensions, size, dtype as D);
  const { data } = made;
  if (data instanceof BigInt64Array) data.fill(0n);
  else data.fill(0);
  return made;
}

/**
 * A tensor with the elements of an array, copied.
 *
 * @param data - The elements, in row-major order; their type becomes the tensor's.
 * @param shape - Dimensions, outermost first; default one dimension.
 * @throws TypeError for data that is not a typed array, or is detached or disposed; RangeError for a shape of another
 * size, or that the engine's memory cannot hold.
 * @example
 * ```ts
 * const labels = tensor(Int32Array.of(3, 1, 4), [3]);
 * ```
 */
export function tensor<A extends TypedArray>(data: A, shape?: readonly number[]): Tensor<DTypeOf<A>> {
  const dtype = dtypeOf(data);
  if (!dtype) fail("ERR_TYPE", "tensor", "data", "a typed array (Float32Array.from(array) converts one)", show(data));
  const length = lengthOf("tensor", "data", data);
  const checked = shape === undefined ? { shape: [length], size: length } : checkShape("tensor", "shape", shape);
  if (checked.size !== length) {
    fail("ERR_SHAPE", "tensor", "shape", `of ${length} elements, as data has`, showShape(checked.shape));
  }
  needLiveView("tensor", "data", data);
  // The allocation may grow memory, which would detach a view of it.
  const inEngine = engine().owns(bufferOf(data));
  const source = inEngine ? new ARRAYS[dtype](bufferOf(data), offsetOf(data), length).slice() : data;
  const made = new Tensor("tensor", checked.shape, length, dtype);
  (made.data as Float32Array).set(source as Float32Array);
  return made as Tensor<DTypeOf<A>>;
}
