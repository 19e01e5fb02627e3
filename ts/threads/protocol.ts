/** What a worker is told when it starts. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Its number; the caller's thread is 0. */
  readonly thread: number;
  /** The pool that it belongs to. */
  readonly generation: number;
}

/** What a worker answers: that it takes part, that its pool has ended, or why it cannot go on. */
export type Answer = { readonly ready: true } | { readonly ended: true } | { readonly failed: string };
