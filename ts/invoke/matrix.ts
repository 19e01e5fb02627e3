// Products of matrices that lie in the engine's memory.
import { SLOT } from "../block.js";
import { engine } from "../runtime.js";
import { Tensor } from "../tensor.js";

/** A factor: a tensor of two dimensions, or its transpose. */
export interface Factor {
  readonly of: Tensor;
  readonly transposed?: boolean;
}

function fill(call: string, block: Float64Array, k: number, { of, transposed = false }: Factor) {
  const [rows = 0, columns = 0] = of.shape;
  const at = SLOT.operands + k * SLOT.operand;
  const slots = [Tensor.address(call, "a matrix", of) ?? 0, 2, ...(transposed ? [columns, 1, rows, columns] : [rows, columns, columns, 1])];
  slots.forEach((value, i) => (block[at + i] = value));
}

/** Puts the product of two factors into a tensor of its shape. */
export function multiply(call: string, a: Factor, b: Factor, out: Tensor) {
  const running = engine();
  const { block } = running.views;
  [a, b, { of: out }].forEach((factor, k) => fill(call, block, k, factor));
  block[SLOT.options] = 0;
  running.run(call, "multiply", out.dtype === "float64" ? 1 : 0);
}
