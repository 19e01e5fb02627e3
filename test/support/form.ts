// What a case is of.
import type { FunctionCase, LossCase } from "../cases/case.js";
import { seeded } from "./draw.js";

/** Whether its targets are class indices, unless options make them something else. */
const hasClassTargets = (loss: LossCase) => loss.sample(seeded(1), [2, 3], {}).args.target?.kind === "index";

export const formOf = (loss: LossCase) => loss.form ?? (hasClassTargets(loss) ? "classes" : "elements");

/** Whether a function is one of rows, and not of elements: it has rows among its shapes. */
export const isOfRows = ({ shapes }: FunctionCase) => shapes.every(({ length }) => length > 1);
