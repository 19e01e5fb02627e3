// What the examples' command lines have in common.
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import type { Library } from "./stories/story.ts";

/** A parser of whole numbers. */
export const integer = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
};

/** A parser of files to be written: tried at once, not when all the work is done. */
export const file = (text: string) => {
  const path = resolve(text);
  const folder = dirname(path);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new InvalidArgumentError(`There is no folder ${folder} that can be written to.`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new InvalidArgumentError("It is a folder.");
  return path;
};

/** The builds of fused-loss that an example can compute with. */
export const ENGINES = ["simd128", "scalar"] as const;
export type Engine = (typeof ENGINES)[number];

export const libraryOf = async (engine: Engine): Promise<Library> => (engine === "scalar" ? await import("fused-loss/scalar") : await import("fused-loss"));

/** The exit code that shells give for Ctrl-C. */
export const INTERRUPTED = 130;
