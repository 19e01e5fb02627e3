// What a story is: a training that shows what a loss is for, told in frames. It knows neither Node nor the page: both run the same
// text and get the same figures.
import type * as fusedLoss from "fused-loss";

/** The entry that a story computes with. */
export type Library = typeof fusedLoss;

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Lines over a common x. */
export interface LineChart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** Values from 0 to 1, shown as percentages. */
  readonly percent?: boolean;
}

/** Grey images of one size, in rows under a caption. */
export interface Pictures {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly rows: readonly { readonly caption: string; /** Of each image, row by row, from 0 (paper) to 1 (ink). */ readonly images: readonly Float32Array[] }[];
}

/** Points of a plane. Where the story has `select`, a reader may choose one. */
export interface PointMap {
  readonly title: string;
  readonly points: readonly { readonly x: number; readonly y: number; /** Points of one group have one colour. */ readonly group: string }[];
  /** The place of the chosen point and those of its neighbours in `points`. */
  readonly chosen?: number;
  readonly neighbours?: readonly number[];
}

/** A table: what is compared, and a line for each. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What there is to see after some steps. */
export interface Frame {
  readonly step: number;
  readonly steps: number;
  readonly charts: readonly LineChart[];
  readonly pictures?: Pictures;
  readonly map?: PointMap;
  readonly table: Table;
}

export interface Telling extends Iterator<Frame, void, void> {
  /** Chooses a point of the map, and gives the last frame anew, with its neighbours; after the end, too. */
  select?(point: number): Frame;
}

export interface Story {
  /** As in its command and its address. */
  readonly name: string;
  readonly title: string;
  /** A paragraph or two of plain text: the question, what is compared, what to look at. */
  readonly about: readonly string[];
  /** Names of the losses and helpers it is about. */
  readonly uses: readonly string[];
  /** The files of `examples/stories/data` that it reads. */
  readonly data: readonly string[];
  /** Begins the story. `files` has the bytes of `data`, in its order; the same seed gives the same frames. */
  tell(files: readonly Uint8Array[], library: Library, seed: number): Telling;
}
