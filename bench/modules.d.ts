// Copies of the plain loops: an import with a query is a module of its own.

declare module "*/plain.ts?float32" {
  export const plain: typeof import("./plain.js").plain;
}

declare module "*/plain.ts?float64" {
  export const plain: typeof import("./plain.js").plain;
}
