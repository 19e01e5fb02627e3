// How a refused call must look.
import { LossRangeError, LossTypeError, type ErrorCode, mse } from "fused-loss";
import { expect } from "vitest";
import { type Prepared, bytes } from "./calls.js";

/** What an error must say. */
export interface Fault {
  readonly kind: "TypeError" | "RangeError";
  readonly code: ErrorCode | readonly ErrorCode[];
  /** The argument at fault. */
  readonly argument: string;
  /** What the message must say beside the function and the argument. */
  readonly says?: readonly (string | RegExp)[];
}

export const typeFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "TypeError", code: "ERR_TYPE", argument, says });
export const dtypeFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "TypeError", code: "ERR_DTYPE", argument, says });
export const shapeFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "RangeError", code: "ERR_SHAPE", argument, says });
export const rangeFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "RangeError", code: "ERR_RANGE", argument, says });
export const optionFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "TypeError", code: "ERR_OPTION", argument, says });
export const overlapFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "RangeError", code: "ERR_OVERLAP", argument, says });
export const disposedFault = (argument: string, ...says: (string | RegExp)[]): Fault => ({ kind: "TypeError", code: "ERR_DISPOSED", argument, says });

/** What a call throws; fails if it does not. */
export function thrown(call: () => unknown): unknown {
  let result;
  try {
    result = call();
  } catch (error) {
    return error;
  }
  return expect.fail(`nothing was thrown, and the result is ${String(result)}`);
}

/** What is wrong with an error of this package; empty when nothing is. One `expect` a fault, as there are thousands. */
function problems(error: unknown, name: string, fault: Fault): string[] {
  if (!(error instanceof LossTypeError || error instanceof LossRangeError)) return [`${String(error)} is no error of this package`];
  const Kind = fault.kind === "TypeError" ? LossTypeError : LossRangeError;
  const Base = fault.kind === "TypeError" ? TypeError : RangeError;
  const codes: readonly string[] = typeof fault.code === "string" ? [fault.code] : fault.code;
  const { code, argument, received, expected, message } = error;
  const found: string[] = [];
  if (!(error instanceof Kind && error instanceof Base) || error.name !== Kind.name) found.push(`class ${error.name}`);
  if (!codes.includes(code)) found.push(`code ${code}`);
  if (argument !== fault.argument) found.push(`argument ${argument}`);
  for (const part of [name, fault.argument, received, expected, ...(fault.says ?? [])]) {
    if (part === "" || !(typeof part === "string" ? message.includes(part) : part.test(message))) found.push(`the message lacks ${String(part)}`);
  }
  return found.length > 0 ? [...found, `wanted ${fault.kind} ${codes.join("|")} of ${fault.argument}`, message] : found;
}

/** Checks an error of this package. */
export function expectFault(error: unknown, name: string, fault: Fault) {
  const found = problems(error, name, fault);
  if (found.length > 0) expect.fail(`${name}: ${found.join("; ")}`);
}

const five = Float32Array.of(1, 2, 3, 4, 5);
const zero = new Float32Array(5);

/** The engine answers as it should. */
export function expectEngineWorks() {
  const value = mse(five, zero);
  if (value !== 11) expect.fail(`the engine gives ${value} where it should give 11`);
}

/** Makes a spoilt call: it must throw as `fault` says, write nothing, and leave the engine usable. */
export function expectRefused(prepared: Prepared, name: string, fault: Fault) {
  const before = prepared.memory.map(({ data }) => bytes(data));
  const error = thrown(() => prepared.fn(...prepared.args, prepared.options));
  expectFault(error, name, fault);
  prepared.memory.forEach(({ data }, k) => {
    const now = bytes(data);
    if (!before[k]?.every((byte, i) => byte === now[i])) expect.fail(`${name} wrote before it threw ${String(error)}`);
  });
  expectEngineWorks();
}
