"""PyTorch's values and gradients for the losses of fused-loss: writes one JSON file a loss beside this script.

    pip install torch==2.15.*
    python test/golden/generate.py [loss ...]

Everything is computed in float64 on inputs that float32 holds exactly (options such as 0.1 stay as they are). Draws are seeded by the case's
name, so a second run writes the same bytes and a new case leaves the others alone. -0 is written as 0.

A case has `args` (in order), `options` (the package's names), `value`, and `grads` for every argument that both we and torch differentiate:
that is `wrt`. With reduction 'none' `options.gradOutput` has the value's shape, or is a number. Row and element functions have `gradOutput`
and `vjp` instead: one gradient, or with two arguments an object of them by name. An infinite option is the string "Infinity". Source "formula" (of
the file, or of a case) means: not in PyTorch, torch's autograd of the formula in this file.

adaptiveLogSoftmax is a class and has a form of its own. A case has its constructor's `inFeatures`, `classes`, `cutoffs`, `divValue` and `headBias`;
`parameters` as { head: { weight, bias? }, tail: [{ projection, weight }] }; `input`, `target` and the number `gradOutput`; the mean `loss`, a value
per row in `output`, and `grads` as { input, head, tail }; and for a batch `logProb` and `predict`. A tail's projection and weight are the two layers
of PyTorch's tail.

Left out, because PyTorch is wrong or loses digits there and the package does not (their test is the oracle of test/cases):
- bceWithLogits: value at target 0 and input < -8, gradient at target 1 and input > 8, and any small loss behind a large input; +-Infinity.
- crossEntropy, logSoftmax: the target alone at the maximum by more than 5 (ties at the maximum stand in for it); the gradient where softmax
  nearly equals a probability target.
- crossEntropy with probability targets: -Infinity where the target is 0 (PyTorch: NaN); an explicit ignoreIndex (PyTorch ignores a negative one).
- crossEntropy with softcap: logits beyond 4 x softcap (torch's tanh' is 1 - y*y).
- sigmoid.vjp above 5 (torch: y*(1-y)); softmax.vjp where one class has nearly all; poissonNll's gradient where the rate nearly equals the target.
- ctc: labels out of range and blanks among the labels (PyTorch reads on); log-probabilities of -Infinity (PyTorch's gradient there: NaN).
- softMargin beyond 709 (PyTorch: Infinity and NaN); hingeEmbedding and cosineEmbedding targets other than +-1; labelSmoothing outside [0, 1]; bce on
  NaN (raises).
- an empty multiMargin or multiLabelMargin with 'mean' (uninitialised memory); multiLabelMargin targets out of range past the row's first -1
  (raises).
Left out, because semantics.md does not define them: quantile at a tie; zLoss with weighted probability targets, or with weight and smoothing
together; klDiv with an input of -Infinity at a target of 0, or a negative target (PyTorch: NaN); ciou of a box of height 0 (torchvision: NaN).

In ciou eps is everywhere, as in diou; torchvision's own uses 1e-7 in the part that is diou's, whatever its eps.
"""

import json
import math
import os
import re
import sys
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

os.environ.update(ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE")  # before torch: the same kernels whatever the CPU
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

REDUCTIONS = ("mean", "sum", "none")
SMALL = (2, 5)  # the shape on which options are tried
Shape = tuple[int, ...]


# ---- inputs -----------------------------------------------------------------------------------------------------------------------------


class Draw:
    """Seeded values that float32 holds exactly."""

    def __init__(self, name: str):
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def uniform(self, shape: Shape, low=0.0, high=1.0):
        return exact(low + (high - low) * torch.rand(shape, generator=self.generator, dtype=torch.float64))

    def normal(self, shape: Shape, scale=1.0):
        return exact(scale * torch.randn(shape, generator=self.generator, dtype=torch.float64))

    def index(self, shape: Shape, count: int):
        return torch.randint(count, shape, generator=self.generator)

    def sign(self, shape: Shape):
        return 2.0 * self.index(shape, 2).double() - 1

    def counts(self, shape: Shape):
        return self.index(shape, 6).double()


def exact(x):
    return x.float().double()


def tensor(x):
    """Lists of hand-written inputs: floats unless already a tensor."""
    return x if isinstance(x, torch.Tensor) else exact(torch.tensor(x, dtype=torch.float64))


def index(*x):
    return torch.tensor(x)


class Given(dict):
    """Hand-written inputs with a label."""

    def __init__(self, label: str, **inputs):
        super().__init__({name: tensor(x) for name, x in inputs.items()})
        self.label = label


def classes(shape: Shape) -> int:
    return shape[min(1, len(shape) - 1)]


def rows(shape: Shape) -> Shape:
    """The shape of index targets: without the class dimension."""
    return shape[:-1] if len(shape) < 3 else shape[:1] + shape[2:]


def softmax_of(d: Draw, shape: Shape):
    return d.normal(shape).softmax(min(1, len(shape) - 1))


def pair(d, shape):
    return dict(input=d.normal(shape), target=d.normal(shape))


def signed(d, shape):
    return dict(input=d.normal(shape, 2), target=d.sign(shape))


def real_sign(d, shape):
    return dict(input=d.normal(shape, 2), target=d.normal(shape))


def probabilities(d, shape):
    return dict(input=d.uniform(shape, 0.01, 0.99), target=d.uniform(shape))


def logits(d, shape):
    return dict(input=d.normal(shape, 2), target=d.uniform(shape))


def ranked(d, shape):
    return dict(input1=d.normal(shape), input2=d.normal(shape), target=d.sign(shape))


def log_rates(d, shape):
    return dict(input=d.normal(shape), target=d.counts(shape))


def rates(d, shape):
    return dict(input=d.uniform(shape, 0.05, 6), target=d.counts(shape))


def divergence(d, shape):
    return dict(input=exact(softmax_of(d, shape).log()), target=exact(softmax_of(d, shape)))


def log_divergence(d, shape):
    return dict(input=exact(softmax_of(d, shape).log()), target=exact(softmax_of(d, shape).log()))


def gaussian(d, shape):
    return pair(d, shape) | dict(variance=d.uniform(shape, 0.1, 3))


def gaussian_column(d, shape):
    return pair(d, shape) | dict(variance=d.uniform((*shape[:-1], 1), 0.1, 3))


def gaussian_row(d, shape):
    return pair(d, shape) | dict(variance=d.uniform(shape[:-1], 0.1, 3))


def log_classes(d, shape):
    return dict(input=exact(softmax_of(d, shape).log()), target=d.index(rows(shape), classes(shape)))


def class_logits(d, shape):
    return dict(input=d.normal(shape), target=d.index(rows(shape), classes(shape)))


def class_logits_with_ignored(d, shape):
    """About a third of the targets is -100."""
    inputs = class_logits(d, shape)
    inputs["target"][d.index(rows(shape), 3) == 0] = -100
    return inputs


def soft_class_logits(d, shape):
    return dict(input=d.normal(shape), target=exact(softmax_of(d, shape)))


def values(d, shape):
    return dict(x=d.normal(shape, 2))


def vectors(d, shape):
    return dict(x1=d.normal(shape), x2=d.normal(shape))


def labelled_rows(d, shape):
    return dict(input=d.normal(shape), target=d.index(shape[:-1], shape[-1]))


def multi_label(d, shape):
    """Each row: labels that differ, then -1, then labels that do not count."""
    keys = d.uniform(shape)
    target, count = keys.argsort(-1), 1 + d.index((*shape[:-1], 1), shape[-1] - 1)
    return dict(input=d.normal(shape), target=target.masked_fill(torch.arange(shape[-1]) == count, -1))


def multi_hot(d, shape):
    return dict(input=d.normal(shape, 2), target=d.index(shape, 2).double())


def signed_pairs(d, shape):
    return dict(input1=d.normal(shape), input2=d.normal(shape), target=d.sign(shape[:-1]))


def triplets(d, shape):
    return dict(anchor=d.normal(shape), positive=d.normal(shape), negative=d.normal(shape))


def binary_logits(d, shape):
    return dict(input=d.normal(shape, 2), target=d.index(shape, 2).double())


def masks(d, shape):
    return dict(input=d.uniform(shape), target=d.index(shape, 2).double())


def soft_masks(d, shape):
    return dict(input=d.uniform(shape), target=d.uniform(shape))


def log_ratios(d, shape):
    names = ("policyChosen", "policyRejected", "referenceChosen", "referenceRejected")
    return {name: d.uniform(shape, -20, -1) for name in names}


def distilled(d, shape):
    return dict(student=d.normal(shape, 2), teacher=d.normal(shape, 2))


def two_logits(d, shape):
    return dict(logits1=d.normal(shape, 2), logits2=d.normal(shape, 2))


def relevances(d, shape):
    return dict(scores=d.normal(shape), labels=d.uniform(shape, 0, 3))


def relevance_flags(d, shape):
    return dict(scores=d.normal(shape), labels=d.index(shape, 2).double())


def queries(d, shape):
    return dict(query=d.normal(shape, 0.25), key=d.normal(shape, 0.25))


def captions(d, shape):
    return dict(image=d.normal(shape, 0.25), text=d.normal(shape, 0.25))


def siblings(d, shape):
    return dict(input1=d.normal(shape, 0.5), input2=d.normal(shape, 0.5))


def groups(d, shape):
    """The first two are alike, the third may be alone."""
    labels = d.index(shape[:1], 3)
    labels[:3] = index(4, 4, -1)[: shape[0]]
    return dict(embeddings=d.normal(shape, 0.25), labels=labels)


def speech(d, shape, blank=0):
    """Lengths that differ, labels that are not the blank, -1 after the last."""
    steps, batch, count = shape
    shorter = torch.arange(batch) % 3
    lengths = steps // 2 - shorter
    targets = d.index((batch, steps // 2), count - 1)
    targets += targets >= blank
    targets = targets.where(torch.arange(steps // 2) < lengths[:, None], -1)
    return dict(logProbs=exact(d.normal(shape).log_softmax(-1)), targets=targets, inputLengths=steps - shorter, targetLengths=lengths)


def speech_with_blank_2(d, shape):
    return speech(d, shape, blank=2)


def concatenated_speech(d, shape):
    inputs = speech(d, shape)
    return inputs | dict(targets=inputs["targets"][inputs["targets"] >= 0])


def utterance(d, shape):
    """(T, C)."""
    inputs = speech(d, (shape[0], 1, shape[1]))
    return {name: x.squeeze(1 if name == "logProbs" else 0) for name, x in inputs.items()}


HEAD = 5  # the classes of the projected inputs that have options


def projected(d, shape):
    """The shape ends with the number of classes."""
    return dict(input=d.normal(shape[:-1]), linearWeight=d.normal((shape[-1], shape[-2])), target=d.index(shape[:-2], shape[-1]))


def projected_with_ignored(d, shape):
    inputs = projected(d, shape)
    inputs["target"][::2] = -100
    return inputs


def soft_projected(d, shape):
    return projected(d, shape) | dict(target=exact(d.normal((*shape[:-2], shape[-1])).softmax(-1)))


def of_head(d, shape):
    return d.uniform((HEAD,), 0.25, 3)


def boxes(d, shape):
    """Pairs, most of which overlap."""

    def one():
        corner = d.uniform((*shape[:-1], 2), 0, 2)
        return torch.cat([corner, exact(corner + d.uniform((*shape[:-1], 2), 0.5, 3))], -1)

    return dict(boxes1=one(), boxes2=one())


# Options that are arrays: drawn for the shape of the input.
def full(d, shape):
    return d.uniform(shape, 0.25, 3)


def last(d, shape):
    return d.uniform(shape[-1:], 0.25, 3)


def column(d, shape):
    return d.uniform((*shape[:-1], 1), 0.25, 3)


def per_class(d, shape):
    return d.uniform((classes(shape),), 0.25, 3)


# ---- formulas that PyTorch has not ------------------------------------------------------------------------------------------------------


def reduced(loss, reduction):
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def log_cosh(input, target, reduction):
    return reduced(torch.log1p(2 * torch.sinh((input - target) / 2) ** 2), reduction)  # cosh d = 1 + 2 sinh(d/2)^2 keeps the digits


def quantile(input, target, reduction, q=0.5):
    d = target - input
    return reduced(torch.maximum(q * d, (q - 1) * d), reduction)


def hinge(input, target, reduction):
    return reduced(torch.relu(1 - target * input), reduction)


def squared_hinge(input, target, reduction):
    return reduced(torch.relu(1 - target * input) ** 2, reduction)


def cross_entropy(input, target, reduction, z_loss=0.0, softcap=0.0, weight=None, ignore_index=-100, **options):
    """PyTorch's, on softcap * tanh(input / softcap), plus z_loss * lse^2 with the row's weight."""
    x = softcap * torch.tanh(input / softcap) if softcap else input
    indices = not target.is_floating_point()
    row = torch.ones(target.shape if indices else rows(tuple(input.shape)), dtype=torch.float64)
    if indices:
        kept = target != ignore_index
        row = (row if weight is None else weight[target.where(kept, 0)]) * kept
        options["ignore_index"] = ignore_index
    z = z_loss * row * torch.logsumexp(x, min(1, x.ndim - 1)) ** 2
    loss = F.cross_entropy(x, target, weight=weight, reduction=reduction, **options)
    return loss + (z if reduction == "none" else z.sum() if reduction == "sum" else z.sum() / (row.sum() or 1))


def sigmoid_focal(input, target, reduction, alpha=0.25, gamma=2.0):
    """torchvision's sigmoid_focal_loss, with 1 - p as sigmoid(-x)."""
    cross_entropy = -target * F.logsigmoid(input) - (1 - target) * F.logsigmoid(-input)
    away = target * torch.sigmoid(-input) + (1 - target) * torch.sigmoid(input)  # 1 - p_t
    loss = cross_entropy * away**gamma
    return reduced(loss if alpha < 0 else (alpha * target + (1 - alpha) * (1 - target)) * loss, reduction)


NOWHERE = -1e300  # -Infinity, but with a gradient of 0


def softmax_focal(input, target, reduction, gamma=2.0, weight=None, ignore_index=-100):
    """Lin 2017 on softmax: with m = ln(sum of the others) - x_y, 1 - p is sigmoid(m) and -ln p is softplus(m)."""
    x, kept = input.movedim(min(1, input.ndim - 1), -1), target != ignore_index
    y = target.where(kept, 0).unsqueeze(-1)
    m = x.scatter(-1, y, NOWHERE).logsumexp(-1) - x.gather(-1, y).squeeze(-1)
    loss = -(torch.sigmoid(m) ** gamma) * F.logsigmoid(-m)
    return reduced((loss if weight is None else weight[y.squeeze(-1)] * loss).where(kept, 0), reduction)


def poly(input, target, reduction, epsilon=2.0):
    """optax's poly_loss_cross_entropy: epsilon times the sum of t * (1 - p), whatever the sum of t."""
    lp = input.log_softmax(min(1, input.ndim - 1))
    if not target.is_floating_point():
        target = F.one_hot(target, classes(tuple(input.shape))).double().movedim(-1, min(1, input.ndim - 1))
    return reduced((-target * lp - epsilon * target * torch.expm1(lp)).sum(min(1, input.ndim - 1)), reduction)


def sparsemax(input, target, reduction):
    """Martins 2016, optax's multiclass_sparsemax_loss: the projection on the simplex by sorting."""
    x = input.movedim(min(1, input.ndim - 1), -1)
    x = x - x.detach().amax(-1, keepdim=True)
    falling = x.sort(-1, descending=True).values
    counted = 1 + torch.arange(1, x.shape[-1] + 1) * falling > falling.cumsum(-1)
    tau = (falling.where(counted, 0).sum(-1, keepdim=True) - 1) / counted.sum(-1, keepdim=True)
    chosen = x.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return reduced(0.5 + 0.5 * (x**2 - tau**2).where(x > tau, 0).sum(-1) - chosen, reduction)


def dpo(policy_chosen, policy_rejected, reference_chosen, reference_rejected, reduction, beta=0.1, label_smoothing=0.0):
    """Rafailov 2023, with the conservative smoothing of its authors' code."""
    z = beta * ((policy_chosen - policy_rejected) - (reference_chosen - reference_rejected))
    return reduced(-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z), reduction)


def distillation_kl(student, teacher, reduction, temperature=1.0):
    """Hinton 2015: F.kl_div of the tempered softmaxes, times the temperature squared."""
    lp, lq = (student / temperature).log_softmax(-1), (teacher / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(lp, lq, log_target=True, reduction=reduction)


def jensen_shannon(logits1, logits2, reduction, beta=0.5):
    """Agarwal 2024 (GKD): beta KL(P || M) + (1 - beta) KL(Q || M), M = beta P + (1 - beta) Q."""
    lp, lq, share = logits1.log_softmax(-1), logits2.log_softmax(-1), torch.tensor(beta, dtype=torch.float64)
    lm = torch.logaddexp(lp + share.log(), lq + (1 - share).log())
    return reduced((beta * lp.exp() * (lp - lm) + (1 - beta) * lq.exp() * (lq - lm)).sum(-1), reduction)


def ranking_softmax(scores, labels, reduction):
    """optax's ranking_softmax_loss: the labels are not normalised."""
    return reduced(-(labels * scores.log_softmax(-1)).sum(-1), reduction)


def similarities(x, y, normalize=False):
    return F.normalize(x, dim=-1) @ F.normalize(y, dim=-1).T if normalize else x @ y.T


def share_loss(own, all_, rivals):
    """-ln of the own term's share among itself and its rivals, with the digits of a small one."""
    return -F.logsigmoid(own - all_.where(rivals, NOWHERE).logsumexp(-1))


def apart(n):
    """Where row and column differ."""
    return ~torch.eye(n, dtype=torch.bool)


def info_nce(query, key, reduction, temperature=0.07, normalize=False):
    """van den Oord 2018, the other keys of the batch as negatives."""
    s = similarities(query, key, normalize) / temperature
    return reduced(share_loss(s.diagonal(), s, apart(len(s))), reduction)


def clip(image, text, reduction, logit_scale=1 / 0.07, normalize=False):
    """Radford 2021: the mean of both directions."""
    s = logit_scale * similarities(image, text, normalize)
    return reduced((share_loss(s.diagonal(), s, apart(len(s))) + share_loss(s.diagonal(), s.T, apart(len(s)))) / 2, reduction)


def sig_lip(input1, input2, reduction, logit_scale=10.0, logit_bias=-10.0, normalize=False):
    """Zhai 2023: every pair a binary decision."""
    s = logit_scale * similarities(input1, input2, normalize) + logit_bias
    return reduced(-F.logsigmoid(s.where(~apart(len(s)), -s)).sum(-1), reduction)


def nt_xent(embeddings, labels, reduction, temperature=0.07):
    """optax's ntxent: of each positive pair against the anchor's negatives, without its other positives."""
    s = similarities(embeddings, embeddings, normalize=True) / temperature
    same = labels[:, None] == labels
    pairs = same & apart(len(s))
    loss = share_loss(s, s[:, None, :], ~same[:, None, :]).where(pairs, 0).sum(-1)
    return loss.sum() / pairs.sum() if reduction == "mean" else reduced(loss, reduction)


def sup_con(embeddings, labels, reduction, temperature=0.07, normalize=False):
    """Khosla 2020's L_out: of each positive pair against all other samples."""
    s, others = similarities(embeddings, embeddings, normalize) / temperature, apart(len(labels))
    pairs = (labels[:, None] == labels) & others
    loss = share_loss(s, s[:, None, :], others[:, None, :] & others)
    return reduced(loss.where(pairs, 0).sum(-1) / pairs.sum(-1).clamp(min=1), reduction)


DISTANCES = {
    "euclidean": F.pairwise_distance,
    "squaredEuclidean": lambda x1, x2: ((x1 - x2) ** 2).sum(-1),
    "cosine": lambda x1, x2: 1 - F.cosine_similarity(x1, x2, dim=-1),
}


def triplet_margin_with_distance(anchor, positive, negative, reduction, distance="euclidean", **options):
    distance = DISTANCES[distance]
    return F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=distance, reduction=reduction, **options)


def ctc(log_probs, targets, input_lengths, target_lengths, reduction, gradient="logits", **options):
    """PyTorch's gradient is that by the logits, exp(logProbs) less the posterior; the true one is autograd's of the recursion below."""
    if gradient == "logits":
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, reduction=reduction, **options)
    if log_probs.ndim == 2:
        lengths = input_lengths.view(1), target_lengths.view(1)
        loss = ctc(log_probs.unsqueeze(1), targets.unsqueeze(0), *lengths, reduction, gradient, **options)
        return loss.squeeze(0) if reduction == "none" else loss
    labels = targets if targets.ndim == 2 else targets.split(target_lengths.tolist())
    samples = zip(log_probs.unbind(1), labels, input_lengths, target_lengths, strict=True)
    loss = torch.stack([alignments(lp[:steps], y[:length].tolist(), **options) for lp, y, steps, length in samples])
    return reduced(loss / target_lengths.clamp(min=1) if reduction == "mean" else loss, reduction)


def alignments(log_probs, labels, blank=0, zero_infinity=False):
    """Graves 2006's forward recursion over the states that can be reached: a blank before, between and after the labels."""
    states = [blank] + [state for label in labels for state in (label, blank)]
    alpha = {s: log_probs[0, c] for s, c in enumerate(states[:2])}
    for row in log_probs[1:]:
        before, alpha = alpha, {}
        for s, c in enumerate(states):
            skips = s >= 2 and c not in (blank, states[s - 2])
            ways = [before[r] for r in (s, s - 1, *([s - 2] if skips else [])) if r in before]
            if ways:
                alpha[s] = torch.stack(ways).logsumexp(0) + row[c]
    ends = [alpha[s] for s in range(max(len(states) - 2, 0), len(states)) if s in alpha]
    if not ends:
        assert zero_infinity, "the fixtures of an infinite loss are PyTorch's"
        return log_probs.sum() * 0
    return -torch.stack(ends).logsumexp(0)


def linear_cross_entropy(input, linear_weight, target, reduction, bias=None, **options):
    return F.linear_cross_entropy(input, linear_weight, target, linear_bias=bias, reduction=reduction, **options)


def tversky(input, target, reduction, alpha=0.5, beta=0.5, smooth=1.0):
    """Salehi 2017, over all of a sample."""
    x, y = input.flatten(1), target.flatten(1)
    hits = (x * y).sum(1) + smooth
    return reduced(1 - hits / (hits + alpha * (x * (1 - y)).sum(1) + beta * ((1 - x) * y).sum(1)), reduction)


def dice(input, target, reduction, smooth=1.0):
    """Milletari 2016 without the squares."""
    x, y = input.flatten(1), target.flatten(1)
    return reduced(1 - (2 * (x * y).sum(1) + smooth) / (x.sum(1) + y.sum(1) + smooth), reduction)


def intersection_and_hull(boxes1, boxes2):
    """Of each pair: the areas of what they share and of both, and the width and height of the box around both."""
    low1, high1, low2, high2 = boxes1[..., :2], boxes1[..., 2:], boxes2[..., :2], boxes2[..., 2:]
    sides = torch.minimum(high1, high2) - torch.maximum(low1, low2)
    shared = sides.prod(-1).where((sides > 0).all(-1), 0)
    union = (high1 - low1).prod(-1) + (high2 - low2).prod(-1) - shared
    return shared, union, torch.maximum(high1, high2) - torch.minimum(low1, low2)


def giou(boxes1, boxes2, reduction, eps=1e-7):
    """torchvision's generalized_box_iou_loss."""
    shared, union, hull = intersection_and_hull(boxes1, boxes2)
    area = hull.prod(-1)
    return reduced(1 - shared / (union + eps) + (area - union) / (area + eps), reduction)


def diou(boxes1, boxes2, reduction, eps=1e-7):
    """torchvision's distance_box_iou_loss."""
    shared, union, hull = intersection_and_hull(boxes1, boxes2)
    offset = (boxes1[..., :2] + boxes1[..., 2:] - boxes2[..., :2] - boxes2[..., 2:]) / 2  # of the centres
    return reduced(1 - shared / (union + eps) + (offset**2).sum(-1) / ((hull**2).sum(-1) + eps), reduction)


def ciou(boxes1, boxes2, reduction, eps=1e-7):
    """torchvision's complete_box_iou_loss: the factor alpha is a constant to the gradient."""
    shared, union, _ = intersection_and_hull(boxes1, boxes2)
    angle1, angle2 = [torch.atan((b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1])) for b in (boxes1, boxes2)]
    v = 4 / math.pi**2 * (angle2 - angle1) ** 2
    alpha = (v / (1 - shared / (union + eps) + v + eps)).detach()
    return reduced(diou(boxes1, boxes2, "none", eps) + alpha * v, reduction)


# ---- the tables -------------------------------------------------------------------------------------------------------------------------


@dataclass
class Table:
    """Each row is (shape or Given, options), computed with every reduction, or (shape or Given, options, reductions)."""

    fn: Callable
    sample: Callable
    wrt: tuple[str, ...]
    rows: list
    source: str = "formula"
    reductions: tuple = REDUCTIONS


def torch_table(name, *args, **more):
    """A function of torch.nn.functional; those of torch itself are written "torch.softmax"."""
    source = name if name.startswith("torch.") else f"torch.nn.functional.{name}"
    return Table(attrgetter(source.removeprefix("torch."))(torch), *args, source=source, **more)


def over(shapes, *options):
    return [(shape, o) for shape in shapes for o in options or ({},)]


def few(shapes):
    """The larger shapes, whose three reductions would fill the files."""
    return [(shape, {}, ("mean", "none") if i % 2 else ("sum", "none")) for i, shape in enumerate(shapes)]


BASIC = [*over([(1,), (7,), (0,)]), *few([(33,), (7, 10)]), (SMALL, {"gradOutput": -2.5})]
BOTH, INPUT = ("input", "target"), ("input",)


def elementwise(name, sample, wrt, *more):
    return torch_table(name, sample, wrt, [*BASIC, *more])


def formula(fn, sample, wrt, *more):
    return Table(fn, sample, wrt, [*BASIC, *more])


def function(name, *more):
    return [torch_table(name, values, ("x",), [*over([(1,), (7,), (33,), (7, 10)]), *more], reductions=(None,))]


def vector_function(name, *more):
    return [torch_table(name, vectors, ("x1", "x2"), [*over([(5,), (1, 5), (3, 5), (2, 3, 4)]), *more], reductions=(None,))]


def around(bound):
    """Differences on, inside and outside +-bound, and a tie."""
    d = [0, bound, -bound, bound / 2, -bound / 2, 2 * bound, -2 * bound]
    return Given(f"kinks at {bound}", input=[x + 0.25 for x in d], target=[0.25] * len(d))


TIES = Given("ties", input=[1, -2.5, 0, 3], target=[1, -2.5, 0, 2])
FAR = Given("far", input=[15, -15, 40, -40, 100, -100, 100], target=[0, 0, 0.5, 0, 1, 0, -100])
BOUNDS_OF_BCE = Given("bounds", input=[0, 1, 0, 1, 0, 1, 2.0**-46, 2.0**-46, 0.25], target=[0, 1, 1, 0, 0.5, 0.5, 0.5, 1, 1])
LOUD_LOGITS = Given("extreme", input=[15, -15, 40, -40, 100, -100, 15, -40, 100, -100, 0, 0], target=[0, 1, 0, 1, 0, 1, 0.5, 0.5, 0.25, 0.75, 0, 1])
SOFT_MARGINS = Given("extreme", input=[15, 15, -15, -40, 40, 40, 100, 100, 0, 3], target=[1, -1, 1, 1, 1, -1, -1, 1, 1, 0])
HINGES = Given("bound", input=[1, -1, 1, 0.5, 2, -2], target=[1, -1, -1, 1, 1, 1])

LAYOUTS = [*over([(5,), (1, 5), (7, 2), (7, 5), (2, 5, 3)]), *few([(7, 10), (3, 17), (2, 100), (33, 2), (2, 5, 2, 3), (1, 17, 2, 2)])]
OPTION_LAYOUTS = [(5,), (5, 3), (2, 2, 3), (2, 5, 2)]
IGNORED_ROWS = Given("all rows ignored", input=[[1, 2, 3], [0, 1, 0]], target=index(-100, -100))
ABSENT = Given("present classes of weight 0", input=[[-1, -2, -0.5], [-1, -1, -3]], target=index(2, 2))
OFF = -math.inf
MASKED = Given("-Infinity off the target", input=[[1, OFF, 3, 0], [OFF, 1, OFF, 2], [0, 1, OFF, OFF], [OFF, OFF, 2, 2]], target=index(0, 1, 1, 3))
MASKED_TARGET = Given("-Infinity on the target", input=[[1, OFF, 3], [0, 1, OFF]], target=index(1, 2))
LOUD_ROWS = Given(
    "extreme rows",
    input=[
        [15, -15, 0, 15],
        [-15, 15, 0, 1],
        [40, 40, -40, 0],
        [40, -40, 0, 1],
        [100, 100, 100, -100],
        [-100, 100, 0, 1],
        [-100, -100, -100, -100],
        [100, 0, 40, 15],
    ],
    target=index(0, 3, 1, 1, 2, 0, 3, 2),
)
LOUD_SOFT_ROWS = Given(
    "extreme probability rows",
    input=[[15, 15, -15], [-40, 40, 40], [100, -100, 100], [100, 100, 100]],
    target=[[0.25, 0.625, 0.125], [0.5, 0.125, 0.375], [0.75, 0.25, 0], [0.125, 0.75, 0.125]],
)
ONE_HOT = Given("one-hot", input=[[1, 2, 3], [0.5, -1, 0]], target=[[0, 1, 0], [1, 0, 0]])
UNNORMALISED = Given("rows that do not sum to 1", input=[[1, 2, 3], [0.5, -1, 0]], target=[[1, 1, 0], [0, 0.25, 0.25]])
LOUD_VALUES = Given("extreme", x=[-100, -40, -15, 0, 15, 40, 100])
TIED_VALUES = Given("extreme ties", x=[[40, 40, -40, 15], [100, -100, 100, 0], [-15, -15, -15, -40], [0, 0, 0, 0]])

INDEX_OPTIONS = (
    {"weight": per_class},
    {"ignoreIndex": 1},
    {"ignoreIndex": 0, "weight": per_class},
)
SMOOTHING_OPTIONS = (
    {"labelSmoothing": 0.1},
    {"labelSmoothing": 0.5},
    {"labelSmoothing": 1},
    {"labelSmoothing": 0.1, "weight": per_class},
    {"labelSmoothing": 0.25, "weight": per_class, "ignoreIndex": 1},
)
CAP_OPTIONS = (
    {"zLoss": 1e-4},
    {"zLoss": 0.1},
    {"softcap": 2},
    {"softcap": 30},
    {"zLoss": 0.01, "softcap": 5},
    {"zLoss": 0.01, "labelSmoothing": 0.1},
)
VECTORS = [*over([(5,), (1, 3), (3, 4)]), ((2, 2, 3), {}, ("none",)), ((0, 3), {}), (SMALL, {"gradOutput": -2.5})]
VECTOR_OPTIONS = [(4,), (2, 3)]
NO_VECTORS = Given("norms of 0", x1=[[0, 0], [0, 0], [3, -4]], x2=[[1, 2], [0, 0], [0, 0]])
NEAR_0 = Given(
    "small norms",
    x1=[[0.25, 0.25], [0.25, -0.5], [3, 4], [2.0**-40, 0]],
    x2=[[3, 4], [0.125, 0.25], [-0.25, 0.125], [2.0**-40, 2.0**-41]],
)
DIFFERENCES = Given("ties and zeros", x1=[[1, 2, 3], [1, 0, 2], [2, -2, 2], [1, -3, 0.5]], x2=[[1, 2, 3], [1, 1, 1], [0, 0, 0], [-1, -1, 0.5]])
TRIPLET_KINKS = Given(  # at eps=0 and margin=2: the bound; a tie of the swap; a tie of a whole row; the swap's side; anchor and negative alike
    "kinks",
    anchor=[[0, 0], [0, 0], [1, 1], [4, 0], [2, 1]],
    positive=[[0, 0], [0, 2], [1, 1], [1, 0], [1, -1]],
    negative=[[2, 0], [2, 1], [1, 1], [0, 0], [2, 1]],
)
TRIPLET_OPTIONS = (
    *({"p": 1}, {"p": 3}, {"p": 1.5}, {"p": math.inf}, {"margin": 0.25}, {"eps": 0.125}, {"swap": True}),
    {"swap": True, "p": math.inf, "margin": 3},
)
BOX_EDGES = Given(  # alike, inside, apart, touching at an edge and at a corner, one side shared, crossing
    "edges",
    boxes1=[[0, 0, 2, 1], [0, 0, 4, 4], [0, 0, 1, 1], [0, 0, 1, 2], [0, 0, 1, 1], [0, 0, 2, 2], [0, 1, 3, 2]],
    boxes2=[[0, 0, 2, 1], [1, 1, 2, 3], [2, 3, 4, 4], [1, 0, 3, 2], [1, 1, 2, 3], [0, 1, 2, 4], [1, 0, 2, 3]],
)
POINTS = Given("boxes of area 0", boxes1=[[1, 1, 1, 1], [0, 0, 2, 0]], boxes2=[[1, 1, 1, 1], [1, -1, 1, 1]])
BOXES = [
    *over([(4,), (1, 4), (5, 4), (0, 4)]),
    ((2, 2, 4), {}, ("none",)),
    ((2, 4), {"gradOutput": -2.5}),
    (BOX_EDGES, {}),
    ((3, 4), {"eps": 0.5}),
]
BOXES_WRT = ("boxes1", "boxes2")
LOUD_FOCAL = Given("extreme", input=[15, -15, 40, -40, 100, -100, 15, -15, 0, 0, 8, -8], target=[0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0.5, 0.25])
LOUD_MULTI_HOT = Given("extreme", input=[[15, -15, 40, -40], [-100, 100, 100, -100]], target=[[0, 1, 1, 0], [1, 1, 0, 0.5]])
LOUD_FOCAL_ROWS = Given("extreme rows", input=[[15, -15, 0], [-40, 40, 0], [0, 40, 0], [100, 100, -100]], target=index(0, 0, 1, 1))
SUPPORTS = Given(  # of one class, of all, at its very border, and far away
    "supports",
    input=[[5, 0, 0], [5, 0, 0], [0.25, 0, 0.125], [1, 0, 0], [1, 0, -3], [0, 0, 0], [100, 99.5, -100]],
    target=index(0, 1, 2, 0, 1, 1, 2),
)
MASKS = [*over([(1, 7), (3, 5), (2, 3, 4)]), ((0, 3), {}), (SMALL, {"gradOutput": -2.5})]
EMPTY_MASKS = Given("nothing there", input=[[0, 0, 0], [0.5, 0.25, 0], [0, 0, 0]], target=[[0, 0, 0], [0, 0, 0], [1, 0, 1]])
LOUD_PREFERENCES = Given(
    "extreme",
    policyChosen=[-1, -200, -1000, -5, -100],
    policyRejected=[-200, -1, -5, -1000, -100],
    referenceChosen=[-3, -1, -10, -20, -50],
    referenceRejected=[-1, -3, -20, -10, -50],
)
LOUD_DISTILLED = Given("extreme rows", student=[[15, -15, 0], [40, 0, 40]], teacher=[[-15, 15, 0], [40, 40, -40]])
LOUD_TWO = Given("extreme rows", logits1=[[15, -15, 0], [40, 0, 40], [1, 2, 3]], logits2=[[-15, 15, 0], [40, 40, -40], [1, 2, 3]])
BATCHES = [*over([(1, 4), (2, 3), (5, 4), (0, 3)]), (SMALL, {"gradOutput": -2.5})]
LABELLED = [*BATCHES, *few([(9, 3)])]
ALONE = Given("all alone", embeddings=[[1, 0], [0.5, 0.5], [0, -1]], labels=index(0, 1, 2))
TOGETHER = Given("all together", embeddings=[[0.5, 0], [0.25, 0.25], [0, -0.5]], labels=index(7, 7, 7))
PARALLEL = Given("alike and opposite", embeddings=[[1, 0], [1, 0], [-1, 0], [0, 2]], labels=index(0, 0, 0, 1))


def spoken(label, steps, targets, input_lengths, target_lengths):
    """Hand-written labels of 3 classes."""
    log_probs = exact(Draw(label).normal((steps, len(input_lengths), 3)).log_softmax(-1))
    return Given(label, logProbs=log_probs, targets=targets, inputLengths=index(*input_lengths), targetLengths=index(*target_lengths))


TOO_SHORT = spoken("too short", 4, index([1, 1, 1], [1, 2, 1], [1, 2, -1], [2, 2, -1]), (4, 3, 3, 2), (3, 3, 2, 2))
ONE_WAY = spoken("a single alignment", 5, index([1, 1, 2], [2, 1, 2]), (4, 3), (3, 3))
NO_LABELS = [spoken(f"no labels {t.ndim}-D", 3, t, (3, 2), (0, 0)) for t in (torch.zeros(2, 0, dtype=torch.long), torch.zeros(0, dtype=torch.long))]
SOME_LABELS = spoken("one without labels", 3, index([1], [-1]), (3, 2), (1, 0))
UNNORMALISED_SPEECH = Given(
    "not normalised",
    logProbs=[[[0.5, -1, -2]], [[-1, 0.25, -0.5]], [[-3, -2, 1]], [[0, 0, 0]]],
    targets=index([2, 1]),
    inputLengths=index(4),
    targetLengths=index(2),
)
IGNORED_PROJECTIONS = Given("all rows ignored", input=[[1, 2], [0.5, 1]], linearWeight=[[1, 0], [0, 1], [-1, 1]], target=index(-100, -100))

LOUD_RANKED = Given("extreme rows", scores=[[15, -15, 0], [100, 100, -100]], labels=[[0, 1, 2], [0.5, 3, 1]])

AXES = [*over([(3, 5), (2, 3, 4)], {"axis": -1}, {"axis": 0}, {"axis": 1}, {"axis": -2}), (TIED_VALUES, {}), ((2, 100), {})]

TABLES = {
    "mse": [
        elementwise(
            "mse_loss",
            pair,
            (*BOTH, "weight"),
            *over([(33,), SMALL], {"weight": full}),
            (TIES, {}),
            (TIES, {"weight": tensor([0, 1, 2, 0.5])}),
            (FAR, {}),
        )
    ],
    "l1": [
        elementwise(
            "l1_loss",
            pair,
            (*BOTH, "weight"),
            *over([(33,), SMALL], {"weight": full}),
            (TIES, {}),
            (TIES, {"weight": tensor([0, 1, 2, 0.5])}),
            (FAR, {}),
        )
    ],
    "smoothL1": [
        elementwise(
            "smooth_l1_loss",
            pair,
            BOTH,
            *over([SMALL], {"beta": 0.1}, {"beta": 0.5}, {"beta": 2}, {"beta": 0}),
            (TIES, {"beta": 0}),
            (around(1), {}),
            (around(0.5), {"beta": 0.5}),
            (around(2), {"beta": 2}),
            (FAR, {}),
        )
    ],
    "huber": [
        elementwise(
            "huber_loss",
            pair,
            (*BOTH, "weight"),
            *over([SMALL], {"delta": 0.1}, {"delta": 0.5}, {"delta": 2}, {"weight": full}, {"weight": full, "delta": 0.5}),
            (around(1), {}),
            (around(0.5), {"delta": 0.5}),
            (around(2), {"delta": 2}),
            (FAR, {}),
        )
    ],
    "logCosh": [formula(log_cosh, pair, BOTH, (TIES, {}), (FAR, {}), (Given("near", input=[2.0**-10, 2.0**-20, -(2.0**-40)], target=[0, 0, 0]), {}))],
    "quantile": [formula(quantile, pair, BOTH, *over([SMALL], {"q": 0.1}, {"q": 0.25}, {"q": 0.9}), (FAR, {"q": 0.75}))],
    "hinge": [formula(hinge, signed, INPUT, (HINGES, {}))],
    "squaredHinge": [formula(squared_hinge, signed, INPUT, (HINGES, {}))],
    "bce": [
        elementwise(
            "binary_cross_entropy",
            probabilities,
            BOTH,
            *over([SMALL], {"weight": full}, {"weight": last}, {"weight": column}),
            ((2, 3, 4), {"weight": last}),
            (BOUNDS_OF_BCE, {}),
            (BOUNDS_OF_BCE, {"weight": full}),
        )
    ],
    "bceWithLogits": [
        elementwise(
            "binary_cross_entropy_with_logits",
            logits,
            BOTH,
            *over(
                [SMALL],
                {"weight": full},
                {"weight": last},
                {"weight": column},
                {"posWeight": full},
                {"posWeight": last},
                {"weight": last, "posWeight": column},
            ),
            ((2, 3, 4), {"posWeight": last}),
            (LOUD_LOGITS, {}),
        )
    ],
    "klDiv": [
        elementwise("kl_div", divergence, BOTH, (Given("targets of 0", input=[-1, -2, -0.5, -1], target=[0, 0.5, 0, 1]), {})),
        torch_table("kl_div", log_divergence, BOTH, over([(7,), SMALL, (7, 10)], {"logTarget": True})),
        torch_table("kl_div", divergence, BOTH, over([SMALL, (7, 10), (2, 3, 4)]), reductions=("batchmean",)),
        torch_table("kl_div", log_divergence, BOTH, over([SMALL, (2, 3, 4)], {"logTarget": True}), reductions=("batchmean",)),
    ],
    "softMargin": [
        elementwise("soft_margin_loss", signed, INPUT, (SOFT_MARGINS, {})),
        torch_table("soft_margin_loss", real_sign, INPUT, [((2, 7), {})]),
    ],
    "hingeEmbedding": [
        elementwise(
            "hinge_embedding_loss",
            signed,
            INPUT,
            *over([SMALL], {"margin": 0.1}, {"margin": 0.5}, {"margin": 2}),
            (Given("at the margin", input=[1, 0.5, 2, 1, 0, -1], target=[-1, -1, -1, 1, 1, 1]), {}),
            (Given("at the margin", input=[2, 0.5, 3, 2, 0, -1], target=[-1, -1, -1, 1, 1, 1]), {"margin": 2}),
        )
    ],
    "marginRanking": [
        elementwise(
            "margin_ranking_loss",
            ranked,
            ("input1", "input2"),
            *over([SMALL], {"margin": 0.1}, {"margin": 0.5}, {"margin": 2}),
            *[
                (
                    Given("at the bound", input1=[1, 1, 2, 0, 1.5, 0, 1], input2=[1, 2, 1, 0, 1, 0.5, 0.5], target=[1, 1, 1, -1, -1, -1, 1]),
                    {"margin": m},
                )
                for m in (0, 0.5, 1)
            ],
            (Given("real targets", input1=[1, 1, 2, 0, 1.5], input2=[0, 2, 1, 0, 1], target=[0.5, 0, -2, -0.25, -0.75]), {"margin": 0.25}),
        )
    ],
    "poissonNll": [
        elementwise(
            "poisson_nll_loss",
            log_rates,
            INPUT,
            (SMALL, {"full": True}),
            (Given("around 1", input=[0, 0.5, 1, -2], target=[1, 1.5, 0, 0.5]), {"full": True}),
        ),
        torch_table(
            "poisson_nll_loss",
            rates,
            INPUT,
            [
                *over([(7,), SMALL], {"logInput": False}, {"logInput": False, "full": True}, {"logInput": False, "eps": 1e-3}),
                *over(
                    [Given("rate 0", input=[0, 0, 1, 0.5, 2], target=[0, 1, 2, 1.5, 0])],
                    {"logInput": False},
                    {"logInput": False, "eps": 0.5, "full": True},
                ),
            ],
        ),
    ],
    "gaussianNll": [
        elementwise(
            "gaussian_nll_loss",
            gaussian,
            (*BOTH, "variance"),
            *over([SMALL], {"full": True}, {"eps": 0.5}, {"eps": 1, "full": True}),
            *over(
                [Given("clamped variance", input=[0, 1, 2, 3], target=[0, 2, 1, 1], variance=[2.0**-24, 0, 0.25, 2])],
                {},
                {"eps": 0.25},
                {"full": True, "eps": 1e-3},
            ),
        ),
        *[
            torch_table("gaussian_nll_loss", sample, (*BOTH, "variance"), over([SMALL, (2, 3, 4)], {}, {"full": True, "eps": 0.5}))
            for sample in (gaussian_column, gaussian_row)
        ],
    ],
    "nll": [
        torch_table(
            "nll_loss",
            log_classes,
            INPUT,
            [
                *LAYOUTS,
                *over(OPTION_LAYOUTS, *INDEX_OPTIONS),
                (SMALL, {"gradOutput": -2.5}),
                ((0, 3), {}),
                (IGNORED_ROWS, {}),
                (ABSENT, {"weight": tensor([1, 2, 0])}),
            ],
        ),
    ],
    "crossEntropy": [
        torch_table(
            "cross_entropy",
            class_logits,
            INPUT,
            [
                *LAYOUTS,
                *over(OPTION_LAYOUTS, *INDEX_OPTIONS, *SMOOTHING_OPTIONS),
                (SMALL, {"gradOutput": -2.5}),
                ((0, 3), {}),
                *over([IGNORED_ROWS], {}, {"labelSmoothing": 0.1}),
                *over([ABSENT], {"weight": tensor([1, 2, 0])}),
                (MASKED, {}),
                (MASKED, {"labelSmoothing": 0.1}),
                (MASKED, {"weight": tensor([1, 2, 0.5, 3])}),
                (MASKED_TARGET, {}),
                (LOUD_ROWS, {}),
                (LOUD_ROWS, {"labelSmoothing": 0.1}),
                (LOUD_ROWS, {"weight": tensor([1, 2, 0.5, 3])}),
            ],
        ),
        torch_table(
            "cross_entropy",
            class_logits_with_ignored,
            INPUT,
            over([(7, 3), (2, 5, 4)], {}, {"weight": per_class}, {"weight": per_class, "labelSmoothing": 0.1}),
        ),
        torch_table(
            "cross_entropy",
            soft_class_logits,
            (*BOTH, "weight"),
            [
                *over([(5,), (1, 5), (7, 2), (2, 5, 3)]),
                *few([(2, 17), (7, 10), (1, 100), (33, 2), (2, 5, 2, 3)]),
                *over(
                    [(5,), (3, 5), (2, 2, 3)],
                    {"weight": per_class},
                    {"labelSmoothing": 0.1},
                    {"labelSmoothing": 1},
                    {"labelSmoothing": 0.25, "weight": per_class},
                ),
                (SMALL, {"gradOutput": -2.5}),
                (ONE_HOT, {}),
                (ONE_HOT, {"labelSmoothing": 0.1}),
                (UNNORMALISED, {}),
                (LOUD_SOFT_ROWS, {}),
            ],
        ),
        Table(
            cross_entropy,
            class_logits,
            INPUT,
            [
                *over([(5,), (3, 5), (2, 3, 2)], *CAP_OPTIONS),
                *over([(5, 3)], {"zLoss": 0.01, "weight": per_class}, {"zLoss": 0.01, "weight": per_class, "ignoreIndex": 1}),
                (LOUD_ROWS, {"softcap": 30}),
                (LOUD_ROWS, {"zLoss": 1e-4}),
                (MASKED, {"zLoss": 0.01}),
                (IGNORED_ROWS, {"zLoss": 0.01}),
            ],
        ),
        Table(cross_entropy, class_logits_with_ignored, INPUT, over([(7, 3)], {"zLoss": 0.01}, {"zLoss": 0.01, "softcap": 5, "weight": per_class})),
        Table(
            cross_entropy,
            soft_class_logits,
            BOTH,
            over([(3, 5), (2, 3, 2)], {"zLoss": 0.01}, {"softcap": 5}, {"zLoss": 0.01, "softcap": 5, "labelSmoothing": 0.1}),
        ),
    ],
    "softmax": function("torch.softmax", *AXES),
    "logSoftmax": function("torch.log_softmax", *AXES),
    "logSumExp": function("torch.logsumexp", *AXES),
    "sigmoid": function("torch.sigmoid", (Given("extreme", x=[-100, -40, -15, 0, 4]), {})),
    "logSigmoid": function("logsigmoid", (LOUD_VALUES, {})),
    "softplus": function(
        "softplus",
        (LOUD_VALUES, {}),
        *over([SMALL], {"beta": 0.5}, {"beta": 2}, {"threshold": 1}, {"beta": 2, "threshold": 3}),
        (Given("at the threshold", x=[20, 20.5, 19.5, 1, 2]), {}),
        (Given("at the threshold", x=[0.5, 1, 1.5, 2, -1]), {"beta": 2, "threshold": 2}),
    ),
    "multiMargin": [
        torch_table(
            "multi_margin_loss",
            labelled_rows,
            INPUT,
            [
                *over([(5,), (1, 5), (7, 3), (4, 17), (3, 1)]),
                (SMALL, {"gradOutput": -2.5}),
                *over([(5,), (4, 5)], {"p": 2}, {"margin": 0.25}, {"weight": last}, {"p": 2, "margin": 2, "weight": last}, {"margin": -0.5}),
                *over([Given("at the bound", input=[[1, 0, 0.5], [0, 0, 0], [2, 3, 1]], target=index(0, 1, 2))], {}, {"p": 2}, {"margin": 0.5}),
            ],
        )
    ],
    "multiLabelMargin": [
        torch_table(
            "multilabel_margin_loss",
            multi_label,
            INPUT,
            [
                *over([(5,), (1, 5), (7, 3), (3, 17)]),
                (SMALL, {"gradOutput": -2.5}),
                (
                    Given(
                        "rows of labels",
                        input=[[0.1, 0.2, 0.4, 0.8], [0.1, 0.2, 0.4, 0.8], [0.1, 0.2, 0.4, 0.8], [0.1, 0.2, 0.4, 0.8], [1, 0, 0, 2]],
                        target=index([3, 0, -1, 1], [-1, 0, 1, 1], [3, 3, -1, 1], [3, 0, 1, 2], [0, -1, -1, -1]),
                    ),
                    {},
                ),
                (Given("one class", input=[[1], [1]], target=index([0], [-1])), {}),
            ],
        )
    ],
    "multiLabelSoftMargin": [
        torch_table(
            "multilabel_soft_margin_loss",
            multi_hot,
            INPUT,
            [*VECTORS, *over(VECTOR_OPTIONS, {"weight": last}), (LOUD_MULTI_HOT, {}), (LOUD_MULTI_HOT, {"weight": tensor([1, 2, 0, 0.5])})],
        ),
        torch_table("multilabel_soft_margin_loss", logits, INPUT, over([(3, 4), (2, 2, 3)], {}, {"weight": last})),
    ],
    "cosineEmbedding": [
        torch_table(
            "cosine_embedding_loss",
            signed_pairs,
            ("input1", "input2"),
            [
                *over([(5,), (1, 5), (7, 3), (0, 3)]),
                (SMALL, {"gradOutput": -2.5}),
                *over(VECTOR_OPTIONS, {"margin": 0.25}, {"margin": -0.5}, {"margin": 2}),
                (
                    Given(
                        "bounds and norms of 0",
                        input1=[[1, 0], [0, 0], [0, 0], [1, 1], [2, 0], [0, 0]],
                        input2=[[0, 1], [0, 0], [0, 0], [1, 1], [1, 0], [1, 2]],
                        target=[-1, -1, 1, -1, 1, 1],
                    ),
                    {},
                ),
            ],
        )
    ],
    "tripletMargin": [
        torch_table(
            "triplet_margin_loss",
            triplets,
            ("anchor", "positive", "negative"),
            [
                *VECTORS,
                *[((2, 3), o, ("mean", "none")) for o in TRIPLET_OPTIONS],
                *[(TRIPLET_KINKS, {"eps": 0, "margin": 2, "p": p, "swap": s}, ("sum",)) for p in (1, 2, 3, 1.5, math.inf) for s in (False, True)],
                (TRIPLET_KINKS, {"swap": True}, ("none",)),
            ],
        )
    ],
    "cosineSimilarity": vector_function("torch.cosine_similarity", *over([(3, 4), NEAR_0], {"eps": 0.5}), *over([NO_VECTORS, NEAR_0])),
    "pairwiseDistance": vector_function(
        "pairwise_distance",
        *over([(3, 4)], {"p": 1}, {"p": 3}, {"p": 1.5}, {"p": math.inf}, {"eps": 0.125}),
        *over([DIFFERENCES], *({"p": p, "eps": 0} for p in (1, 2, 3, 1.5, math.inf))),
        *over([DIFFERENCES], {}, {"p": 1.5}),
    ),
    "sigmoidFocal": [
        formula(
            sigmoid_focal,
            binary_logits,
            INPUT,
            *over([SMALL], {"alpha": -1}, {"alpha": 0.75}, {"gamma": 0}, {"gamma": 1}, {"gamma": 0.5, "alpha": 0}, {"gamma": 3.5, "alpha": 1}),
            (LOUD_FOCAL, {}),
            (LOUD_FOCAL, {"alpha": -1, "gamma": 1}),
        ),
        Table(sigmoid_focal, logits, INPUT, over([(7,), SMALL], {}, {"gamma": 1.5, "alpha": -1})),
    ],
    "softmaxFocal": [
        Table(
            softmax_focal,
            class_logits,
            INPUT,
            [
                *over([(5,), (1, 5), (5, 2), (2, 3, 2), (0, 3)]),
                *few([(3, 17), (2, 3, 2, 2)]),
                (SMALL, {"gradOutput": -2.5}),
                *over(
                    [(3, 4), (2, 3, 2)],
                    *({"gamma": 0}, {"gamma": 1}, {"gamma": 0.5}, {"weight": per_class}, {"ignoreIndex": 1}),
                    {"gamma": 3.5, "ignoreIndex": 0, "weight": per_class},
                ),
                (IGNORED_ROWS, {}),
                *over([LOUD_FOCAL_ROWS], {}, {"gamma": 1}),
            ],
        ),
        Table(softmax_focal, class_logits_with_ignored, INPUT, over([(7, 3)], {}, {"weight": per_class})),
    ],
    "poly": [
        Table(
            poly,
            class_logits,
            INPUT,
            [
                *over([(5,), (1, 5), (5, 2), (2, 3, 2), (0, 3)]),
                *few([(3, 17), (2, 3, 2, 2)]),
                (SMALL, {"gradOutput": -2.5}),
                *over([(3, 4), (2, 3, 2)], {"epsilon": 0}, {"epsilon": -1}, {"epsilon": 0.5}),
                (LOUD_ROWS, {}),
            ],
        ),
        Table(
            poly,
            soft_class_logits,
            INPUT,
            [*over([(5,), (3, 5), (2, 3, 2)], {}, {"epsilon": -1}), *over([ONE_HOT, UNNORMALISED, LOUD_SOFT_ROWS])],
        ),
    ],
    "sparsemax": [
        Table(
            sparsemax,
            class_logits,
            INPUT,
            [
                *over([(5,), (1, 5), (5, 2), (2, 3, 2), (0, 3), (3, 1)]),
                *few([(3, 17), (2, 5, 2, 3), (2, 100)]),
                (SMALL, {"gradOutput": -2.5}),
                (SUPPORTS, {}),
            ],
        )
    ],
    "dpo": [
        Table(
            dpo,
            log_ratios,
            ("policyChosen", "policyRejected"),
            [
                *BASIC[:3],
                *few([(33,), (3, 5)]),
                ((3,), {"gradOutput": -2.5}),
                *over([(7,)], {"beta": 0.5}, {"labelSmoothing": 0.1}, {"beta": 1, "labelSmoothing": 1}),
                *over([LOUD_PREFERENCES], {}, {"beta": 1, "labelSmoothing": 0.25}),
            ],
        )
    ],
    "distillationKl": [
        Table(
            distillation_kl,
            distilled,
            ("student", "teacher"),
            [*VECTORS, *over([(4,), (2, 3)], {"temperature": 2}, {"temperature": 0.5}), (LOUD_DISTILLED, {})],
        ),
        Table(distillation_kl, distilled, ("student", "teacher"), over([(3, 5), (2, 3, 4)], {}, {"temperature": 4}), reductions=("batchmean",)),
    ],
    "jensenShannon": [
        Table(
            jensen_shannon,
            two_logits,
            ("logits1", "logits2"),
            [*VECTORS, *over([(4,), (2, 3)], {"beta": 0.1}, {"beta": 0.75}, {"beta": 0}, {"beta": 1}), *over([LOUD_TWO], {}, {"beta": 0.25})],
        )
    ],
    "rankingSoftmax": [
        Table(ranking_softmax, relevances, ("scores",), [*VECTORS, (LOUD_RANKED, {})]),
        Table(ranking_softmax, relevance_flags, ("scores",), over([(3, 5)])),
    ],
    "dice": [
        Table(dice, masks, INPUT, [*MASKS, *over([(3, 5)], {"smooth": 0.25}, {"smooth": 0}), (EMPTY_MASKS, {})]),
        Table(dice, soft_masks, INPUT, over([(2, 3, 4)])),
    ],
    "tversky": [
        Table(
            tversky,
            masks,
            INPUT,
            [
                *MASKS,
                *over([(3, 5)], {"smooth": 0.25}, {"smooth": 0}, {"alpha": 0.25}, {"beta": 2}, {"alpha": 0.75, "beta": 0.25}),
                (EMPTY_MASKS, {}),
            ],
        ),
        Table(tversky, soft_masks, INPUT, over([(2, 3, 4)], {}, {"alpha": 0.25, "beta": 0.75})),
    ],
    "infoNce": [
        Table(
            info_nce,
            queries,
            ("query", "key"),
            [*BATCHES, *over([(3, 4)], {"temperature": 1}, {"normalize": True}, {"temperature": 0.5, "normalize": True}), *few([(9, 3)])],
        )
    ],
    "clip": [
        Table(
            clip,
            captions,
            ("image", "text"),
            [*BATCHES, *over([(3, 4)], {"logitScale": 1}, {"normalize": True}, {"logitScale": 2, "normalize": True}), *few([(9, 3)])],
        )
    ],
    "sigLip": [
        Table(
            sig_lip,
            siblings,
            ("input1", "input2"),
            [
                *BATCHES,
                *over([(3, 4)], {"logitScale": 1}, {"logitBias": 0}, {"normalize": True}, {"logitScale": 2, "logitBias": 0.5, "normalize": True}),
                *few([(9, 3)]),
            ],
        )
    ],
    "ntXent": [
        Table(
            nt_xent,
            groups,
            ("embeddings",),
            [
                *[row for row in LABELLED if row[0] not in ((1, 4), (0, 3))],  # without a pair
                *over([(5, 3)], {"temperature": 0.5}, {"temperature": 1}),
                *over([TOGETHER, PARALLEL], {}, {"temperature": 0.5}),
                (ALONE, {}, ("sum", "none")),
            ],
        )
    ],
    "supCon": [
        Table(
            sup_con,
            groups,
            ("embeddings",),
            [
                *LABELLED,
                *over([(5, 3)], {"temperature": 1}, {"normalize": True}, {"temperature": 0.5, "normalize": True}),
                *over([TOGETHER, PARALLEL, ALONE]),
            ],
        )
    ],
    "tripletMarginWithDistance": [
        Table(
            triplet_margin_with_distance,
            triplets,
            ("anchor", "positive", "negative"),
            [
                *VECTORS,
                *[((2, 3), {"distance": d, **o}, ("mean", "none")) for d in DISTANCES for o in ({}, {"margin": 0.25, "swap": True})],
                *[(TRIPLET_KINKS, {"distance": "squaredEuclidean", "margin": 4, "swap": s}, ("sum",)) for s in (False, True)],
            ],
            source="torch.nn.functional.triplet_margin_with_distance_loss",
        )
    ],
    "ctc": [
        Table(
            ctc,
            speech,
            ("logProbs",),
            [
                *over([(7, 3, 4), (2, 1, 2)]),
                ((25, 1, 3), {}, ("sum",)),
                ((4, 2, 3), {"gradOutput": -2.5}),
                *over([TOO_SHORT], {}, {"zeroInfinity": True}),
                *over([ONE_WAY, *NO_LABELS, SOME_LABELS]),
                (UNNORMALISED_SPEECH, {}, ("none",)),
            ],
            source="torch.nn.functional.ctc_loss",
        ),
        *[
            Table(ctc, sample, ("logProbs",), over([shape], options), source="torch.nn.functional.ctc_loss")
            for sample, shape, options in (
                (concatenated_speech, (5, 2, 3), {}),
                (speech_with_blank_2, (5, 2, 4), {"blank": 2}),
                (utterance, (6, 3), {}),
            )
        ],
        Table(
            ctc,
            speech,
            ("logProbs",),
            [
                *over([(5, 2, 3), ONE_WAY, SOME_LABELS, UNNORMALISED_SPEECH], {"gradient": "logProbs"}),
                (TOO_SHORT, {"gradient": "logProbs", "zeroInfinity": True}),
            ],
            reductions=("mean", "none"),
        ),
        *[
            Table(ctc, sample, ("logProbs",), over([shape], {"gradient": "logProbs"} | options), reductions=("mean", "none"))
            for sample, shape, options in (
                (concatenated_speech, (5, 2, 3), {}),
                (speech_with_blank_2, (5, 2, 4), {"blank": 2}),
                (utterance, (6, 3), {}),
            )
        ],
    ],
    "linearCrossEntropy": [
        Table(
            linear_cross_entropy,
            sample,
            ("input", "linearWeight", "bias"),
            rows,
            source="torch.nn.functional.linear_cross_entropy",
        )
        for sample, rows in (
            (
                projected,
                [
                    *over([(3, 4), (1, 4, 3), (4, 2, 4), (0, 2, 3)]),
                    *few([(3, 2, 17), (2, 7, 2)]),
                    ((2, 3, 4), {"gradOutput": -2.5}),
                    *over(
                        [(3, 2, HEAD)],
                        *({"bias": of_head}, {"weight": of_head}, {"ignoreIndex": 1}, {"labelSmoothing": 0.1}),
                        {"bias": of_head, "weight": of_head, "ignoreIndex": 0, "labelSmoothing": 0.25},
                    ),
                    ((2, HEAD), {"bias": of_head, "labelSmoothing": 0.1}),
                    (IGNORED_PROJECTIONS, {}),
                ],
            ),
            (projected_with_ignored, over([(3, 2, HEAD)], {}, {"bias": of_head, "weight": of_head})),
            (
                soft_projected,
                [
                    *over([(3, 5), (3, 2, 4)]),
                    *over([(3, 2, HEAD)], {"bias": of_head}, {"weight": of_head}, {"bias": of_head, "weight": of_head, "labelSmoothing": 0.25}),
                ],
            ),
        )
    ],
    "giou": [Table(giou, boxes, BOXES_WRT, [*BOXES, (POINTS, {})])],
    "diou": [Table(diou, boxes, BOXES_WRT, [*BOXES, (POINTS, {})])],
    "ciou": [Table(ciou, boxes, BOXES_WRT, BOXES)],
}


# ---- running and writing ----------------------------------------------------------------------------------------------------------------


def number(x):
    x = float(x)
    if math.isnan(x) or math.isinf(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return int(x) if x.is_integer() and abs(x) < 1e15 else x  # int also turns -0 into 0


def array(t):
    return {"shape": list(t.shape), "data": [number(x) for x in t.detach().flatten().tolist()]}


def written(option):
    if isinstance(option, torch.Tensor):
        return array(option)
    return number(option) if option == math.inf else option


def torch_name(option):
    return "dim" if option == "axis" else re.sub("[A-Z]", lambda m: "_" + m[0].lower(), option)


def described(option):
    return option.__name__ if callable(option) else json.dumps(array(option)["data"] if isinstance(option, torch.Tensor) else option)


def case(table: Table, loss: str, where, options: dict, reduction: str | None):
    label = where.label if isinstance(where, Given) else f"{table.sample.__name__} {'x'.join(map(str, where))}"
    name = " ".join([label, *(f"{k}={described(v)}" for k, v in options.items())])
    draw = Draw(f"{loss} {name}")
    args = {k: v.clone() for k, v in (where if isinstance(where, Given) else table.sample(draw, where)).items()}
    shape = tuple(next(iter(args.values())).shape)
    options = {k: v(draw, shape) if callable(v) else v for k, v in options.items()}

    leaves = {k: v.requires_grad_() for k, v in (args | options).items() if k in table.wrt and isinstance(v, torch.Tensor)}
    keywords = {torch_name(k): v for k, v in options.items() if k != "gradOutput"}
    if reduction:
        keywords["reduction"] = options["reduction"] = reduction
    elif table.fn in (torch.softmax, torch.log_softmax, torch.logsumexp, torch.cosine_similarity):
        keywords.setdefault("dim", -1)
    value = table.fn(*args.values(), **keywords)
    scale = options.get("gradOutput", None if value.ndim or reduction in ("none", None) else 1.0)
    if scale is None:
        scale = options["gradOutput"] = draw.normal(tuple(value.shape))
    upstream = scale if isinstance(scale, torch.Tensor) else torch.full_like(value, scale)
    gradients = torch.autograd.grad(value, list(leaves.values()), upstream)
    grads = {k: array(g) for k, g in zip(leaves, gradients, strict=True)}

    result = {
        "name": name + (f" {reduction}" if reduction else ""),
        "args": [{"name": k, **array(v), "kind": "float" if v.is_floating_point() else "index"} for k, v in args.items()],
    }
    if reduction:
        return result | {
            "options": {k: written(v) for k, v in options.items()},
            "value": array(value) if reduction == "none" else number(value.item()),
            "grads": grads,
        }
    return result | {
        "options": {k: written(v) for k, v in options.items() if k != "gradOutput"},
        "gradOutput": written(scale),
        "value": array(value),
        "vjp": grads if len(args) > 1 else grads["x"],
    }


def write(loss: str, tables: list[Table]):
    source = tables[0].source
    cases = []
    for table in tables:
        for where, options, *reductions in table.rows:
            for reduction in reductions[0] if reductions else table.reductions:
                c = case(table, loss, where, options, reduction)
                cases.append(json.dumps(c | ({} if table.source == source else {"source": table.source}), separators=(",", ":"), allow_nan=False))
    save(loss, source, cases)


def save(loss: str, source: str, cases: list[str]):
    names = [json.loads(c)["name"] for c in cases]
    header = {"generator": "test/golden/generate.py", "torch": torch.__version__.split("+")[0], "loss": loss, "source": source}
    head = ",\n".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in header.items())
    path = Path(__file__).parent / f"{loss}.json"
    path.write_text("{" + head + ',\n"cases":[\n' + ",\n".join(cases) + "\n]}\n")
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes" + ("" if len(set(names)) == len(names) else ", duplicate names"))


def adaptive_case(name, in_features, classes, cutoffs, shape=(), div_value=4.0, head_bias=False, grad_output=1.0, target=None, seed=None):
    draw = Draw(f"adaptiveLogSoftmax {name}")
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(in_features, classes, cutoffs, div_value, head_bias, dtype=torch.float64)
    for parameter in module.parameters():
        parameter.data = draw.normal(tuple(parameter.shape), 0.5)
    input = draw.normal((*shape, in_features)).requires_grad_()
    target = draw.index(shape, classes) if target is None else target
    output, loss = module(input, target)
    leaves = [input, *module.parameters()]
    upstream = torch.tensor(grad_output, dtype=torch.float64)
    grads = torch.autograd.grad(loss, leaves, upstream, materialize_grads=True)  # 0 for a tail without a target

    def structured(of):
        head = {"weight": array(of[module.head.weight])} | ({"bias": array(of[module.head.bias])} if head_bias else {})
        return {"head": head, "tail": [{"projection": array(of[a.weight]), "weight": array(of[b.weight])} for a, b in module.tail]}

    def initial(dtype):
        torch.manual_seed(seed)
        made = torch.nn.AdaptiveLogSoftmaxWithLoss(in_features, classes, cutoffs, div_value, head_bias, dtype=dtype)
        return structured(dict(zip(module.parameters(), made.parameters(), strict=True)))

    sizes = {"inFeatures": in_features, "classes": classes, "cutoffs": cutoffs, "divValue": div_value, "headBias": head_bias}
    by_leaf = dict(zip(leaves, grads, strict=True))
    return {
        "name": name,
        **sizes,
        "parameters": structured({leaf: leaf for leaf in leaves}),
        "input": array(input),
        "target": array(target),
        "gradOutput": grad_output,
        "loss": number(loss.detach()),
        "output": array(output),
        "grads": {"input": array(by_leaf[input]), **structured(by_leaf)},
        **({} if seed is None else {"seed": seed, "initial": {"float32": initial(torch.float32), "float64": initial(torch.float64)}}),
        **({"logProb": array(module.log_prob(input)), "predict": array(module.predict(input))} if shape else {}),
    }


def write_adaptive():
    cases = [
        adaptive_case("two tails", 16, 12, [4, 8], (6,)),
        adaptive_case("bias", 6, 10, [3], (5,), div_value=2.0, head_bias=True, grad_output=-2.5, seed=4000000007),
        adaptive_case("three tails", 16, 14, [2, 5, 9], (7,), div_value=2.0),
        adaptive_case("one row", 5, 7, [2, 4], div_value=1.5, head_bias=True),
        adaptive_case("a batch of one", 5, 7, [2, 4], (1,), div_value=1.5),
        adaptive_case("targets in the shortlist", 8, 9, [4, 6], (3,), div_value=2.0, target=index(0, 3, 3)),
        adaptive_case("targets in the last tail", 8, 9, [4, 6], (3,), div_value=2.0, target=index(8, 6, 8)),
    ]
    save("adaptiveLogSoftmax", "torch.nn.AdaptiveLogSoftmaxWithLoss", [json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases])


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="reduction: 'mean' divides")  # klDiv
    for name in sys.argv[1:] or [*TABLES, "adaptiveLogSoftmax"]:
        write_adaptive() if name == "adaptiveLogSoftmax" else write(name, TABLES[name])
