/// <reference types="vite/client" />
// All cases, by file.
import type { FunctionCase, LossCase } from "../cases/case.js";
import { seeded } from "./draw.js";

const found = import.meta.glob<LossCase | FunctionCase>(["../cases/*.ts", "!../cases/case.ts"], { eager: true, import: "default" });

const all = Object.values(found);

export const lossCases = all.filter((one): one is LossCase => "wrt" in one);

/** Whether its targets are class indices, unless options make them something else. */
export const isOfClasses = (loss: LossCase) => loss.sample(seeded(1), [2, 3], {}).args.target?.kind === "index";

export const functionCases = all.filter((one): one is FunctionCase => !("wrt" in one));
