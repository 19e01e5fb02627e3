// `fused-loss/testing`: for users' own losses too. It needs no engine.
export { LossRangeError, LossTypeError } from "../errors.js";
export { gradcheck, type Gradcheck, type GradcheckOptions, type Gradients, type Differentiable, type Worst } from "./gradcheck.js";
