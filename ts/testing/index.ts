// `fused-loss/testing`: for users' own losses too. It needs no engine.
export { LossRangeError, LossTypeError } from "../errors.js";
export { type Differentiable, gradcheck, type Gradcheck, type GradcheckOptions, type Gradients, type Numbers, type WithGradients, type Worst } from "./gradcheck.js";
