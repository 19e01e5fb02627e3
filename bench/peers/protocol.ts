// What the parent of `npm run bench:peers` and its contestants say to each other, as lines of JSON.

/** A cell to get ready for: inputs lie in files, as raw elements. */
export interface Prepare {
  readonly loss: string;
  /** The loss and its variant: the key of its plain form. */
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly dtype: "float32";
  readonly inputs: readonly {
    readonly name: string;
    readonly kind: "float" | "index";
    readonly shape: readonly number[];
    readonly file: string;
    /** Whether its gradient is. */
    readonly wanted: boolean;
  }[];
}

/** The value and the norms of the gradients, the time of one call, or why there is none. */
export type Answer =
  | { readonly value: number; readonly norms: readonly number[] }
  | { readonly ns: number }
  | { readonly missing: string };
