// What the examples' command lines have in common.
import { InvalidArgumentError } from "commander";

/** A parser of whole numbers. */
export const integer = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
};
