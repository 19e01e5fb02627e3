/// <reference types="vite/client" />
// All cases, by file.
import type { Expected, FunctionCase, LossCase } from "../cases/case.js";
import { formOf } from "./form.js";

const found = import.meta.glob<LossCase | FunctionCase>(["../cases/*.ts", "!../cases/case.ts"], { eager: true, import: "default" });

const all = Object.values(found);

export const lossCases = all.filter((one): one is LossCase => "wrt" in one);

export const isOfClasses = (loss: LossCase) => formOf(loss) === "classes";

/** A shape of a loss's first argument. */
export const shapeOf = (loss: LossCase, rows: number, classes: number) => loss.shapeOf?.(rows, classes) ?? [rows, classes];

/** Values as a reduction adds them up. */
export const termsOf = ({ values, shares }: Pick<Expected, "values" | "shares">, reduction: string) =>
  shares && reduction === "mean" ? values.map((value, i) => value / (shares[i] ?? Number.NaN)) : values;

export const functionCases = all.filter((one): one is FunctionCase => !("wrt" in one));
