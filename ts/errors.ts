/** What was wrong with a call; the message says it in words. */
export type ErrorCode =
  /** An argument or option is of a type that is not accepted. */
  | "ERR_TYPE"
  /** Element types that must agree do not. */
  | "ERR_DTYPE"
  /** Shapes or lengths that must agree do not. */
  | "ERR_SHAPE"
  /** A number, index or element lies outside its range. */
  | "ERR_RANGE"
  /** An option that the function does not have, or not in this combination. */
  | "ERR_OPTION"
  /** An output overlaps memory that it may not. */
  | "ERR_OVERLAP"
  /** A tensor was used after it was disposed. */
  | "ERR_DISPOSED"
  /** The engine's memory cannot hold the call. */
  | "ERR_MEMORY"
  /** The engine has failed and refuses work until `reset()`. */
  | "ERR_ENGINE";

interface Details {
  /** The function that was called. */
  readonly call: string;
  /** The argument or option at fault. */
  readonly argument: string;
  readonly received: string;
  readonly expected: string;
}

const text = ({ call, argument, received, expected }: Details) =>
  `${call}: ${argument} must be ${expected}, got ${received}`;

/** Thrown for an argument of a wrong kind, before anything is written. */
export class LossTypeError extends TypeError {
  override readonly name = "LossTypeError";
  readonly code: ErrorCode;
  /** The argument or option at fault. */
  readonly argument: string;
  /** What was got. */
  readonly received: string;
  /** What was expected. */
  readonly expected: string;

  constructor(code: ErrorCode, details: Details) {
    super(text(details));
    this.code = code;
    this.argument = details.argument;
    this.received = details.received;
    this.expected = details.expected;
  }
}

/** Thrown for an argument of a wrong size or value, before anything is written. */
export class LossRangeError extends RangeError {
  override readonly name = "LossRangeError";
  readonly code: ErrorCode;
  /** The argument or option at fault. */
  readonly argument: string;
  /** What was got. */
  readonly received: string;
  /** What was expected. */
  readonly expected: string;

  constructor(code: ErrorCode, details: Details) {
    super(text(details));
    this.code = code;
    this.argument = details.argument;
    this.received = details.received;
    this.expected = details.expected;
  }
}

const TYPE_CODES: ReadonlySet<ErrorCode> = new Set(["ERR_TYPE", "ERR_DTYPE", "ERR_OPTION", "ERR_DISPOSED"]);

/** The one place that an error of this package comes from. */
export function fail(code: ErrorCode, call: string, argument: string, expected: string, received: string): never {
  const details = { call, argument, received, expected };
  throw TYPE_CODES.has(code) ? new LossTypeError(code, details) : new LossRangeError(code, details);
}

/** A value as an error shows it: short, and never by running the user's code. */
export function show(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object") {
    if (Array.isArray(value)) return `an array of length ${value.length}`;
    return ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : "an object";
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
}

/** A shape as an error shows it. */
export const showShape = (shape: readonly number[]) => `[${shape.join(", ")}]`;
