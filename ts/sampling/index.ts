// `fused-loss/sampling`: batches and weights for classes that are not equally frequent. It needs no engine.
export { LossRangeError, LossTypeError } from "../errors.js";
export { BalancedSampler, type BalancedSamplerOptions, type BalancedSamplerState, type Batch } from "./balancedSampler.js";
export { classCounts, type ClassCountsOptions, classWeights, type ClassWeightsOptions, type Integers } from "./classWeights.js";
