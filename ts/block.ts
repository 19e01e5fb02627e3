// The layout of a call block, which the facade fills and the engine reads. Apart from the engine, as tests read it too.

/** Slots of a call block; `block` in crates/bindings/src/lib.rs. */
export const SLOT = {
  missing: 0,
  divisor: 1,
  gradOutput: 2,
  gradOutputs: 3,
  values: 4,
  grads: 5,
  weightGrad: 9,
  shape: 10,
  index: 14,
  ignore: 17,
  terms: 18,
  options: 19,
  operands: 27,
  operand: 34,
  weight: 27 + 4 * 34,
  size: 27 + 5 * 34,
} as const;
