// What the losses that own their loops (`Whole` in the kernels) have in common: filling the engine's call block.
import { SLOT } from "../block.js";
import { type Common, fillCommon } from "./common.js";
import { NOWHERE, type Place } from "./marshal.js";

/** A call as `whole::Call` in crates/kernels/src/driver/whole.rs has it; what is left out is null there. */
export interface WholeCall {
  readonly sizes: readonly number[];
  readonly args: readonly Place[];
  readonly index?: readonly Place[];
  /** The index of rows to leave out; NaN where there is none. */
  readonly ignore?: number;
  readonly weight?: Place;
  /** What the sum is divided by; NaN stands for what the loss itself says. */
  readonly divisor: number;
  readonly gradOutputs?: Place;
  readonly values?: Place;
  /** By the kernel's order; sparse. */
  readonly grads: readonly (Place | undefined)[];
  readonly numbers?: readonly number[];
}

/** Fills the block for a whole loss. */
export function fillWhole(block: Float64Array, common: Common, call: WholeCall) {
  block.fill(0, SLOT.divisor, SLOT.operands);
  fillCommon(block, common, call.divisor, call.gradOutputs ?? NOWHERE, call.values ?? NOWHERE);
  for (let k = 0; k < 4; k++) {
    block[SLOT.shape + k] = call.sizes[k] ?? 0;
    block[SLOT.operands + k * SLOT.operand] = (call.args[k] ?? NOWHERE).address;
    block[SLOT.grads + k] = (call.grads[k] ?? NOWHERE).address;
  }
  for (let k = 0; k < 3; k++) block[SLOT.index + k] = (call.index?.[k] ?? NOWHERE).address;
  block[SLOT.ignore] = call.ignore ?? Number.NaN;
  block[SLOT.weight] = (call.weight ?? NOWHERE).address;
  call.numbers?.forEach((value, k) => (block[SLOT.options + k] = value));
}
