// What gallery/build.ts makes while it builds.

declare module "virtual:gallery" {
  /** What the documentation comments of ts/losses say of a loss. */
  export interface Documented {
    /** In words. */
    readonly title: string;
    /** The formula, in MathML. */
    readonly formula: string;
    /** What each option means. */
    readonly options: Readonly<Record<string, string>>;
    /** Its page in the reference, where that is there. */
    readonly page?: string;
  }
  export const documented: Readonly<Record<string, Documented>>;
  export const version: string;
}

declare module "*.css";
