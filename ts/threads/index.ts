export * from "../index.js";
export { type StartThreadsOptions, startThreads, stopThreads } from "./pool.js";
