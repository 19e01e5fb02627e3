// The surface of every entry; `#engine` says which build runs it.
export { type ErrorCode, LossRangeError, LossTypeError } from "./errors.js";
export { hardestWrong, type HardestWrong } from "./hardestWrong.js";
export {
  type AdaptiveGradOptions,
  type AdaptiveGradsOut,
  AdaptiveLogSoftmax,
  type AdaptiveLogSoftmaxOptions,
  type AdaptiveParts,
  type AdaptiveResult,
} from "./losses/adaptiveLogSoftmax.js";
export { bce, type BceOptions } from "./losses/bce.js";
export { bceWithLogits, type BceWithLogitsOptions } from "./losses/bceWithLogits.js";
export { ciou, type CiouOptions } from "./losses/ciou.js";
export { clip, type ClipOptions } from "./losses/clip.js";
export { cosineEmbedding, type CosineEmbeddingOptions } from "./losses/cosineEmbedding.js";
export { cosineSimilarity, type CosineSimilarityOptions } from "./losses/cosineSimilarity.js";
export { crossEntropy, type CrossEntropy, type CrossEntropyOptions } from "./losses/crossEntropy.js";
export { ctc, type Ctc, type CtcOptions } from "./losses/ctc.js";
export { dice, type DiceOptions } from "./losses/dice.js";
export { diou, type DiouOptions } from "./losses/diou.js";
export { distillationKl, type DistillationKlOptions } from "./losses/distillationKl.js";
export { dpo, type Dpo, type DpoOptions } from "./losses/dpo.js";
export { gaussianNll, type GaussianNllOptions } from "./losses/gaussianNll.js";
export { giou, type GiouOptions } from "./losses/giou.js";
export { hinge } from "./losses/hinge.js";
export { hingeEmbedding, type HingeEmbeddingOptions } from "./losses/hingeEmbedding.js";
export { huber, type HuberOptions } from "./losses/huber.js";
export { infoNce, type InfoNceOptions } from "./losses/infoNce.js";
export { jensenShannon, type JensenShannonOptions } from "./losses/jensenShannon.js";
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
export { ntXent, type NtXentOptions } from "./losses/ntXent.js";
export { pairwiseDistance, type PairwiseDistanceOptions } from "./losses/pairwiseDistance.js";
export { type AnyLoss, type Merged, merge, partial, type PartialOptions, type PartialState } from "./partial.js";
export { poissonNll, type PoissonNllOptions } from "./losses/poissonNll.js";
export { poly, type PolyOptions } from "./losses/poly.js";
export { quantile, type QuantileOptions } from "./losses/quantile.js";
export { rankingSoftmax, type RankingSoftmax } from "./losses/rankingSoftmax.js";
export { sigLip, type SigLipOptions } from "./losses/sigLip.js";
export { sigmoid } from "./losses/sigmoid.js";
export { sigmoidFocal, type SigmoidFocalOptions } from "./losses/sigmoidFocal.js";
export { smoothL1, type SmoothL1Options } from "./losses/smoothL1.js";
export { softMargin } from "./losses/softMargin.js";
export { softmax, type SoftmaxOptions } from "./losses/softmax.js";
export { softmaxFocal, type SoftmaxFocalOptions } from "./losses/softmaxFocal.js";
export { softplus, type SoftplusOptions } from "./losses/softplus.js";
export { sparsemax } from "./losses/sparsemax.js";
export { squaredHinge } from "./losses/squaredHinge.js";
export { supCon, type SupConOptions } from "./losses/supCon.js";
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
export { type VocabMerged, type VocabMergeOptions, vocabParallelCrossEntropy, type VocabParallelCrossEntropy, type VocabState } from "./vocabParallel.js";
