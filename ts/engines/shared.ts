// What an engine with shared memory has beside the others.

/** The exports that the pool of threads is run by; crates/bindings/src/lib.rs. */
export interface PoolExports {
  pool_generation(): number;
  pool_open(workers: number): void;
  pool_close(): void;
  pool_failed(): number;
}

/** An engine whose memory workers share. */
export interface Shared {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly pool: PoolExports;
}
