// The files of the projects that try the package, and what they must answer.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { corpus } from "../support/corpus.js";
import type { Digests } from "./play.js";
import type { Answer } from "./program.js";
import { root, script } from "./project.js";

export const digests = JSON.parse(readFileSync(join(root, "test/digests.json"), "utf8")) as Digests;
export const EXPECTED: Answer = { builds: { simd128: digests, scalar: digests, threads: digests }, started: Math.min(2, availableParallelism()), drawn: ["a", "b", "c", "d"], checked: true };

/** The corpus, and the program that plays it. */
export const filesToPlay = async () => ({ "corpus.json": JSON.stringify(corpus()), "play.js": await script("play"), "program.js": await script("program") });

/** Runs the program at a command line. */
export const COMMAND = `
import { readFileSync } from "node:fs";
import { answer } from "./program.js";
console.log(JSON.stringify(await answer(JSON.parse(readFileSync("corpus.json", "utf8")))));
process.exit();`;

/** How the compiler checks a program, but for its modules. */
export const CHECK = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"];

/** Names a type of the entries that need nothing beside them. */
export const typesProgram = `
import { type Tensor, crossEntropy, zeros } from "fused-loss";
import { BalancedSampler } from "fused-loss/sampling";
import { mse } from "fused-loss/scalar";
import { gradcheck } from "fused-loss/testing";
import { startThreads, stopThreads } from "fused-loss/threads";
const x: Tensor<"float64"> = zeros([2, 3], { dtype: "float64" });
export const grads: Float64Array<ArrayBuffer> = crossEntropy.valueAndGrad(x, Int32Array.of(0, 1)).grads.input;
export const value: number = mse(Float32Array.of(1), Float32Array.of(1));
export const each: Float32Array<ArrayBuffer> = mse(Float32Array.of(1), Float32Array.of(1), { reduction: "none" });
export const ok: boolean = gradcheck(mse, { input: grads, target: grads }).ok;
export const sampler = new BalancedSampler<string>({ classes: 2, capacity: 4, batchSize: 4 });
export const threads: Promise<number> = startThreads(2).finally(stopThreads);
// @ts-expect-error: labels are integers
crossEntropy(x, x, { ignoreIndex: "0" });
`;
