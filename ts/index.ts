// The surface of every entry; `#engine` says which build runs it.
export { type ErrorCode, LossRangeError, LossTypeError } from "./errors.js";
export { bce, type BceOptions } from "./losses/bce.js";
export { bceWithLogits, type BceWithLogitsOptions } from "./losses/bceWithLogits.js";
export { cosineEmbedding, type CosineEmbeddingOptions } from "./losses/cosineEmbedding.js";
export { cosineSimilarity, type CosineSimilarityOptions } from "./losses/cosineSimilarity.js";
export { crossEntropy, type CrossEntropy, type CrossEntropyOptions } from "./losses/crossEntropy.js";
export { dice, type DiceOptions } from "./losses/dice.js";
export { dpo, type Dpo, type DpoOptions } from "./losses/dpo.js";
export { gaussianNll, type GaussianNllOptions } from "./losses/gaussianNll.js";
export { hinge } from "./losses/hinge.js";
export { hingeEmbedding, type HingeEmbeddingOptions } from "./losses/hingeEmbedding.js";
export { huber, type HuberOptions } from "./losses/huber.js";
export { klDiv, type KlDivOptions } from "./losses/klDiv.js";
export { l1, type L1Options } from "./losses/l1.js";
export { linearCrossEntropy, type LinearCrossEntropy, type LinearCrossEntropyOptions } from "./losses/linearCrossEntropy.js";
export { logCosh } from "./losses/logCosh.js";
export { logSigmoid } from "./losses/logSigmoid.js";
export { logSoftmax, type LogSoftmaxOptions } from "./losses/logSoftmax.js";
export { logSumExp, type LogSumExpOptions } from "./losses/logSumExp.js";
export { marginRanking, type MarginRankingOptions } from "./losses/marginRanking.js";
export { mse, type MseOptions } from "./losses/mse.js";
export { multiLabelMargin } from "./losses/multiLabelMargin.js";
export { multiLabelSoftMargin, type MultiLabelSoftMarginOptions } from "./losses/multiLabelSoftMargin.js";
export { multiMargin, type MultiMarginOptions } from "./losses/multiMargin.js";
export { nll, type NllOptions } from "./losses/nll.js";
export { pairwiseDistance, type PairwiseDistanceOptions } from "./losses/pairwiseDistance.js";
export { poissonNll, type PoissonNllOptions } from "./losses/poissonNll.js";
export { quantile, type QuantileOptions } from "./losses/quantile.js";
export { rankingSoftmax, type RankingSoftmax } from "./losses/rankingSoftmax.js";
export { sigmoid } from "./losses/sigmoid.js";
export { smoothL1, type SmoothL1Options } from "./losses/smoothL1.js";
export { softMargin } from "./losses/softMargin.js";
export { softmax, type SoftmaxOptions } from "./losses/softmax.js";
export { softplus, type SoftplusOptions } from "./losses/softplus.js";
export { sparsemax } from "./losses/sparsemax.js";
export { squaredHinge } from "./losses/squaredHinge.js";
export { tripletMargin, type TripletMarginOptions } from "./losses/tripletMargin.js";
export {
  type DistanceCallback,
  type DistanceResult,
  type DistanceRows,
  tripletMarginWithDistance,
  type TripletMarginWithDistanceOptions,
} from "./losses/tripletMarginWithDistance.js";
export { tversky, type TverskyOptions } from "./losses/tversky.js";
export { engineName, reset } from "./runtime.js";
export { type DType, Tensor, type TensorArrays, tensor, type TypedArray, zeros } from "./tensor.js";
export type * from "./types.js";
