// The engine: one instance, made by the first call that needs it.
import { load, name } from "#engine";
import { SLOT } from "./block.js";
import { fail } from "./errors.js";

type Loaded = ReturnType<typeof load>;
type Buffer = NonNullable<ReturnType<Loaded["Buffer"]["allocate"]>>;
type Exports = Loaded["exports"];

/** Exports that run a loss on a call block. */
export type KernelName = Exclude<
  {
    [K in keyof Exports]: Exports[K] extends (dtype: number, block: number) => number ? K : never;
  }[keyof Exports],
  `buffer_${string}` | `__${string}`
>;

/** The most dimensions of a broadcast operand once merged. */
export const MAX_RANK = 16;

/** The engine addresses 32 bits; the last page is left to the allocator. */
const MAX_BYTES = 2 ** 32 - 2 ** 16;

/** Scratch memory larger than this is given back after the call. */
const KEEP_BYTES = 2 ** 26;

/** Views of the engine's memory, good until it grows. */
class Views {
  readonly block: Float64Array<ArrayBuffer>;

  constructor(
    readonly buffer: ArrayBuffer,
    block: number,
  ) {
    this.block = new Float64Array(buffer, block, SLOT.size);
  }
}

/** An engine with its memory. */
export class Engine {
  readonly #loaded = load();
  readonly exports = this.#loaded.exports;
  readonly #memory = this.exports.memory;
  // Held for as long as the engine: its glue frees a buffer that nothing refers to.
  readonly #blockBuffer = this.allocate("fused-loss", SLOT.size * 8);
  readonly #block = this.#blockBuffer.address;
  #views = new Views(this.#memory.buffer, this.#block);
  #scratch: Buffer | undefined;
  #scratchBytes = 0;
  #failure: Error | undefined;
  /** What a pool of threads needs, in the build that has one. */
  readonly shared = this.#loaded.shared;
  /** Buffers that shared memory had before it grew, which stay what they were. */
  readonly #former = new WeakSet<ArrayBufferLike>();
  /** Called when the engine is thrown away. */
  onDiscard: (() => void) | undefined;

  /** The memory now. Growth detaches the older views, which asks less of the host than comparing buffers. */
  get views(): Views {
    const detached = this.#views.block.length === 0;
    if (detached || (this.shared && this.#memory.buffer !== this.#views.buffer)) {
      if (!detached) this.#former.add(this.#views.buffer);
      this.#views = new Views(this.#memory.buffer, this.#block);
    }
    return this.#views;
  }

  /** Whether a buffer is the engine's memory, of now or, where that is shared, of before. */
  owns(buffer: ArrayBufferLike): boolean {
    return buffer === this.views.buffer || (this.shared !== undefined && this.#former.has(buffer));
  }

  /** Memory for a tensor or for scratch; its owner frees it. */
  allocate(call: string, bytes: number): Buffer {
    const buffer = bytes <= MAX_BYTES ? this.#loaded.Buffer.allocate(bytes) : undefined;
    if (!buffer) fail("ERR_MEMORY", call, "memory use", "within what the engine can allocate", `a need of ${bytes} bytes`);
    return buffer;
  }

  /** Scratch memory of one call: the address of at least so many bytes. */
  reserve(call: string, bytes: number): number {
    // One that a failed call left large is not kept either.
    if (!this.#scratch || bytes > this.#scratchBytes || this.#scratchBytes > KEEP_BYTES) {
      this.#release();
      this.#scratch = this.allocate(call, bytes);
      this.#scratchBytes = bytes;
    }
    return this.#scratch.address;
  }

  /** Gives a large scratch back at the end of a call. */
  finish() {
    if (this.#scratchBytes > KEEP_BYTES) this.#release();
  }

  #release() {
    this.#scratch?.free();
    this.#scratch = undefined;
    this.#scratchBytes = 0;
  }

  /** Runs a kernel on the call block. */
  run(call: string, kernel: KernelName, dtype: number): number {
    this.views.block[SLOT.missing] = 0;
    let value;
    try {
      value = this.exports[kernel](dtype, this.#block);
    } catch (cause) {
      this.#fail(call, cause);
    }
    const missing = this.views.block[SLOT.missing];
    if (missing) fail("ERR_MEMORY", call, "memory use", "within what the engine can allocate", `a need of ${missing} bytes`);
    return value;
  }

  /** The position of the first element outside a domain, or −1. As a kernel, it may be shared among threads. */
  checkDomain(call: string, dtype: number, domain: number, address: number, size: number): number {
    try {
      return this.exports.check_domain(dtype, domain, address, size);
    } catch (cause) {
      this.#fail(call, cause);
    }
  }

  /** A trap alone does not stop an instance, but its memory is in no known state any more. */
  #fail(call: string, cause: unknown): never {
    this.#failure = this.shared?.pool.pool_failed() ? new Error("a worker has failed or died", { cause }) : (cause as Error);
    this.check(call);
    throw cause;
  }

  /** Whether a kernel has trapped. */
  get failed() {
    return this.#failure !== undefined;
  }

  /** Throws if a kernel has trapped. */
  check(call: string) {
    if (this.#failure === undefined) return;
    const failure = `one that failed: ${this.#failure.message}`;
    fail("ERR_ENGINE", call, "the engine", "usable (reset() starts another, without the tensors of this one)", failure);
  }
}

let current: Engine | undefined;

/** Whether an engine has not been thrown away. */
export const isCurrent = (made: Engine) => made === current;

/** The engine of this entry. */
export const engine = (): Engine => (current ??= new Engine());

/**
 * Throws the engine away: the next call starts a fresh one. Every tensor made before counts as disposed. Needed only
 * after the engine itself has failed.
 */
export function reset(): void {
  current?.onDiscard?.();
  current = undefined;
}

/** The build of this entry. */
export const engineName: "simd128" | "scalar" | "threads" = name;
