// Arrays as users give them, of any kind and realm; needs no engine.
import { fail } from "./errors.js";
import type { TypedArray } from "./tensor.js";

/** Reads a property of a typed array as the language defines it, whatever the array says of itself. */
function intrinsic<T>(name: string | symbol): (data: unknown) => T {
  let descriptor: PropertyDescriptor | undefined;
  return (data) => {
    descriptor ??= Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name);
    return descriptor?.get?.call(data) as T;
  };
}

/** The name of a typed array's type; `undefined` for anything else. */
export const tagOf = /* @__PURE__ */ intrinsic<string | undefined>(Symbol.toStringTag);
const rawLength = /* @__PURE__ */ intrinsic<number>("length");

/** The buffer behind a typed array. */
export const bufferOf = /* @__PURE__ */ intrinsic<ArrayBufferLike>("buffer");
/** Where in its buffer a typed array starts. */
export const offsetOf = /* @__PURE__ */ intrinsic<number>("byteOffset");

/** The length of a typed array that is not detached. */
export function lengthOf(call: string, argument: string, data: TypedArray): number {
  const length = rawLength(data);
  if (length === 0) {
    try {
      Uint8Array.prototype.keys.call(data as Uint8Array);
    } catch {
      const got = "one whose buffer is detached (as Tensor.data is once memory has grown) or too short";
      fail("ERR_TYPE", call, argument, "a usable typed array", got);
    }
  }
  return length;
}

type Numbers = ArrayLike<number> & { slice(): object };

/** Whether a value is an array or a typed array. */
export const isArray = (value: unknown): value is Numbers => Array.isArray(value) || (ArrayBuffer.isView(value) && "slice" in value);

/** The array itself, or that of `{ data, shape }` or of a tensor; `undefined` for anything else. */
export function arrayOf(value: unknown): Numbers | undefined {
  const array: unknown = isArray(value) ? value : (value as { readonly data?: unknown } | null | undefined)?.data;
  return isArray(array) ? array : undefined;
}
