// The cases of test/cases, found in the folder. The command line, which has no such folder, carries them: scripts/bundle.mjs.
import { readdirSync } from "node:fs";
import type { FunctionCase, LossCase } from "../test/cases/case.js";

export type Case = LossCase | FunctionCase;

export async function loadCases(): Promise<Case[]> {
  const folder = new URL("../test/cases/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts") && file !== "case.ts");
  const modules = await Promise.all(files.map((file) => import(new URL(file, folder).href) as Promise<{ default?: Case }>));
  return modules.flatMap(({ default: of }) => of ?? []);
}
