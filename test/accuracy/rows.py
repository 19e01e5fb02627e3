"""Adversarial rows for every loss and function: exact results, and PyTorch's in float32. Writes one JSON file a loss to test/accuracy/rows.

    pip install mpmath==1.3.0 torch==2.15.* numpy
    python test/accuracy/rows.py [loss ...]

Inputs and options are numbers that float32 holds. Exact results are computed with 120 digits, by formulas of this file and reverse differentiation
of them, and rounded once to float64: to 2^-30 of a float32 unit. PyTorch's are those of float32 tensors on its own kernels for the CPU at hand
(`capability`); it is left out where it has no such loss.

A case has `title`, `args`, `options`, `values` (the terms, reduction "none"), `mean` and `grads` (of the mean; of a function: the sum of its
values times `gradOutput`), and the same of `torch`. In the case "many" the arguments are repeated `repeats` times, whole ("rows") or row by row
("columns"; those of one dimension are not); it has no terms, and PyTorch's gradient is, of the copies of an element, the one furthest off.

The titles: all equal; huge, one element far from the rest, or the ends of the domain; ±1e4; small, a loss about 1e-8; subnormal, inputs or results;
masks, -Infinity; many, 10^7 elements; drawn, nothing in particular.
"""

import json
import math
import struct
import sys
from pathlib import Path
from random import Random
from types import SimpleNamespace
from zlib import crc32

import torch
from mpmath import mp, mpf

torch.ones(8).exp()  # settles PyTorch's kernels before the fixtures' script asks for the most portable ones
sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
import generate as golden  # noqa: E402

mp.dps = 120
MANY = 10**7
OFF = -math.inf

# ---- numbers that know their derivatives -------------------------------------------------------------------------------------------------


class Var:
    """A number, and what it was computed from with the derivatives by that."""

    __slots__ = ("x", "parents")

    def __init__(self, x, *parents):
        self.x, self.parents = mpf(x), parents

    def __add__(a, b):
        b = var(b)
        return Var(a.x + b.x, (a, 1), (b, 1))

    def __mul__(a, b):
        b = var(b)
        return Var(a.x * b.x, (a, b.x), (b, a.x))

    def __neg__(a):
        return Var(-a.x, (a, -1))

    def __sub__(a, b):
        return a + -var(b)

    def __rsub__(a, b):
        return var(b) - a

    def __truediv__(a, b):
        b = var(b)
        return Var(a.x / b.x, (a, 1 / b.x), (b, -a.x / b.x**2))

    def __rtruediv__(a, b):
        return var(b) / a

    def __pow__(a, n):
        return Var(a.x**n, (a, n * a.x ** (n - 1)))

    __radd__, __rmul__ = __add__, __mul__


def var(x):
    return x if isinstance(x, Var) else Var(x)


def gradient(of, leaves):
    """The derivatives of a number by others."""
    order, seen, stack = [], set(), [(of, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    total = {id(of): mpf(1)}
    for node in reversed(order):
        for parent, slope in node.parents:
            total[id(parent)] = total.get(id(parent), mpf(0)) + slope * total[id(node)]
    return [total.get(id(leaf), mpf(0)) for leaf in leaves]


def exp(a):
    y = mp.exp(var(a).x)
    return Var(y, (a, y))


def log(a):
    a = var(a)
    return Var(mp.log(a.x), (a, 1 / a.x))


def sqrt(a):
    y = mp.sqrt(a.x)
    return Var(y, (a, 1 / (2 * y))) if y else Var(0)


def atan(a):
    return Var(mp.atan(a.x), (a, 1 / (1 + a.x**2)))


def absolute(a):
    return a if a.x > 0 else -a


def most(*of):
    """The largest; the first of equal ones, which the rows keep away from."""
    return max(map(var, of), key=lambda a: a.x)


def least(*of):
    return min(map(var, of), key=lambda a: a.x)


def relu(a):
    return a if a.x > 0 else Var(0)


REPEATS = [1]
"""How many times a column stands in a row."""


def total(of):
    return sum(of, Var(0)) * REPEATS[0]


def plain(of):
    return sum(of, Var(0))


def mean(of):
    return plain(of) / len(of)


def dot(a, b):
    return total(x * y for x, y in zip(a, b, strict=True))


def lse(row):
    """ln of the sum of exponentials; masked elements take no part."""
    row = [x for x in row if x.x > -mp.inf]
    top = max(x.x for x in row)
    return log(plain(exp(x - top) for x in row)) + top


def log_softmax(row):
    norm = lse(row)
    return [x - norm for x in row]


def softplus(z):
    return log(1 + exp(-absolute(z))) + relu(z)


def sigmoid(z):
    return 1 / (1 + exp(-z))


def tempered(row, t):
    return [x / t for x in row]


# ---- the formulas ------------------------------------------------------------------------------------------------------------------------
# Each gives the terms, and perhaps the mean where that is not theirs.


def by_element(f):
    """Or by row."""
    return lambda a, o: [f(o, *each) for each in zip(*vars(a).values(), strict=True)]


def bce_with_logits(o, x, y):
    return (1 - y) * softplus(x) + y * softplus(-x)


def smooth_l1(o, x, y):
    d = absolute(x - y)
    return d * d / 2 if d.x < 1 else d - mpf(1) / 2


def log_cosh(o, x, y):
    d = absolute(x - y)
    return d + log((1 + exp(-2 * d)) / 2)


def bce(o, x, y):
    """Logarithms end at -100, and the gradient's denominator at 1e-12, both as PyTorch has them."""

    def bounded(a):
        return mpf(-100) if a == 0 else max(mp.log(a), mpf(-100))

    near, far = bounded(x.x), bounded(1 - x.x)
    slope = (x.x - y.x) / max(x.x * (1 - x.x), mpf(single(1e-12)))
    return Var(-y.x * near - (1 - y.x) * far, (x, slope), (y, far - near))


def kl_div(o, x, y):
    return Var(0) if y.x == 0 else y * (log(y) - x)


def sigmoid_focal(o, x, y):
    missed = y * sigmoid(-x) + (1 - y) * sigmoid(x)
    alpha = mpf("0.25")
    return (alpha * y + (1 - alpha) * (1 - y)) * missed**2 * bce_with_logits(o, x, y)


def poisson_nll(o, x, y):
    return exp(x) - y * x


def gaussian_nll(o, x, y, v):
    v = most(v, o["eps"])
    return (log(v) + (x - y) ** 2 / v) / 2


def quantile(o, x, y):
    d = y - x
    return d * o["q"] if d.x > 0 else d * (o["q"] - 1)


def dpo(o, pc, pr, rc, rr):
    return softplus(-(o["beta"] * ((pc - pr) - (rc - rr))))


def nll(o, row, y):
    return -row[y]


def cross_entropy(o, row, y):
    return lse(row) - row[y]


def missed_margin(row, y):
    """ln(sum of the others) - x_y: 1 - p is sigmoid of it, -ln p softplus."""
    return lse(row[:y] + row[y + 1 :]) - row[y]


def softmax_focal(o, row, y):
    m = missed_margin(row, y)
    return sigmoid(m) ** 2 * softplus(m)


def poly(o, row, y):
    m = missed_margin(row, y)
    return softplus(m) + 2 * sigmoid(m)


def sparsemax(o, row, y):
    falling = sorted(row, key=lambda x: -x.x)
    count = max(k + 1 for k in range(len(row)) if 1 + (k + 1) * falling[k].x > sum(x.x for x in falling[: k + 1]))
    tau = (plain(falling[:count]) - 1) / count
    return (1 + plain(x * x - tau * tau for x in falling[:count])) / 2 - row[y]


def multi_margin(o, row, y):
    return plain(relu(1 - row[y] + x) for k, x in enumerate(row) if k != y) / len(row)


def multi_label_margin(o, row, labels):
    there = labels[: labels.index(-1)]
    return plain(relu(1 - row[y] + x) for y in there for k, x in enumerate(row) if k not in there) / len(row)


def multi_label_soft_margin(o, row, y):
    return mean([bce_with_logits(o, *each) for each in zip(row, y, strict=True)])


def masked(x):
    return x.x == -mp.inf


def ranking_softmax(o, row, labels):
    return -plain(y * x for x, y in zip(log_softmax(row), labels, strict=True) if not masked(x))


def kl(lp, lq):
    """KL(Q || P)"""
    return plain(exp(q) * (q - p) for p, q in zip(lp, lq, strict=True))


def distillation_kl(o, student, teacher):
    t = o["temperature"]
    lp, lq = log_softmax(tempered(student, t)), log_softmax(tempered(teacher, t))
    return [Var(0) if masked(q) else exp(q) * (q - p) * t**2 for p, q in zip(lp, lq, strict=True)]


def jensen_shannon(o, x, y):
    lp, lq = ([a for a in log_softmax(row) if not masked(a)] for row in (x, y))
    half = mpf(1) / 2
    lm = [log((exp(p) + exp(q)) / 2) for p, q in zip(lp, lq, strict=True)]
    return half * kl(lm, lp) + half * kl(lm, lq)


def cosine_embedding(o, x1, x2, y):
    eps = mpf(1e-12)
    cos = dot(x1, x2) / sqrt((dot(x1, x1) + eps) * (dot(x2, x2) + eps))
    return 1 - cos if y.x > 0 else relu(cos)


def cosine(x1, x2, eps):
    return dot(x1, x2) / (most(norm(x1), eps) * most(norm(x2), eps))


def norm(x):
    return sqrt(dot(x, x))


def distance(x1, x2, eps):
    return norm([a - b + eps for a, b in zip(x1, x2, strict=True)])


def triplet_margin(o, a, p, n):
    return relu(distance(a, p, o["eps"]) - distance(a, n, o["eps"]) + 1)


def squared(a, b):
    return plain((x - y) ** 2 for x, y in zip(a, b, strict=True))


def triplet_with_distance(o, a, p, n):
    return relu(squared(a, p) - squared(a, n) + 1)


def boxes_of(b1, b2):
    sides = [least(b1[k + 2], b2[k + 2]) - most(b1[k], b2[k]) for k in (0, 1)]
    shared = sides[0] * sides[1] if sides[0].x > 0 and sides[1].x > 0 else Var(0)
    area = [(b[2] - b[0]) * (b[3] - b[1]) for b in (b1, b2)]
    hull = [most(b1[k + 2], b2[k + 2]) - least(b1[k], b2[k]) for k in (0, 1)]
    return shared, area[0] + area[1] - shared, hull


def giou(o, b1, b2):
    shared, union, (width, height) = boxes_of(b1, b2)
    return 1 - shared / (union + o["eps"]) + (width * height - union) / (width * height + o["eps"])


def diou(o, b1, b2):
    shared, union, (width, height) = boxes_of(b1, b2)
    apart = plain(((b1[k] + b1[k + 2] - b2[k] - b2[k + 2]) / 2) ** 2 for k in (0, 1))
    return 1 - shared / (union + o["eps"]) + apart / (width**2 + height**2 + o["eps"])


def ciou(o, b1, b2):
    shared, union, _ = boxes_of(b1, b2)
    angles = [atan((b[2] - b[0]) / (b[3] - b[1])) for b in (b1, b2)]
    v = 4 / mp.pi**2 * (angles[1] - angles[0]) ** 2
    alpha = (v / (1 - shared / (union + o["eps"]) + v + o["eps"])).x
    return diou(o, b1, b2) + alpha * v


def dice(o, x, y):
    return 1 - (2 * dot(x, y) + 1) / (total(x) + total(y) + 1)


def tversky(o, x, y):
    hits = dot(x, y) + 1
    return 1 - hits / (hits + dot(x, [1 - b for b in y]) / 2 + dot([1 - a for a in x], y) / 2)


def similarities(x, y, normalize):
    if normalize:
        x, y = ([[a / most(norm(row), 1e-12) for a in row] for row in rows] for rows in (x, y))
    return [[dot(a, b) for b in y] for a in x]


def info_nce(a, o):
    s = [tempered(row, o["temperature"]) for row in similarities(a.query, a.key, False)]
    return [softplus(missed_margin(row, k)) for k, row in enumerate(s)]


def clip(a, o):
    s = [[x * o["logitScale"] for x in row] for row in similarities(a.image, a.text, False)]
    turned = list(map(list, zip(*s, strict=True)))
    return [(softplus(missed_margin(s[k], k)) + softplus(missed_margin(turned[k], k))) / 2 for k in range(len(s))]


def sig_lip(a, o):
    s = [[x * o["logitScale"] + o["logitBias"] for x in row] for row in similarities(a.input1, a.input2, False)]
    return [plain(softplus(-x if i == j else x) for j, x in enumerate(row)) for i, row in enumerate(s)]


def nt_xent(a, o):
    s = [tempered(row, o["temperature"]) for row in similarities(a.embeddings, a.embeddings, True)]
    n, labels, pairs, terms = len(s), a.labels, 0, []
    for i in range(n):
        away = [s[i][j] for j in range(n) if labels[j] != labels[i]]
        mates = [j for j in range(n) if labels[j] == labels[i] and j != i]
        pairs += len(mates)
        terms.append(plain(softplus(lse(away) - s[i][j]) for j in mates))
    return terms, plain(terms) / pairs


def sup_con(a, o):
    s = [tempered(row, o["temperature"]) for row in similarities(a.embeddings, a.embeddings, False)]
    n, labels, terms = len(s), a.labels, []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        mates = [j for j in others if labels[j] == labels[i]]
        terms.append(mean([lse([s[i][j] for j in others]) - s[i][j] for j in mates]))
    return terms


def linear_cross_entropy(a, o):
    return [lse(logits) - logits[y] for logits, y in ((([dot(row, w) for w in a.linearWeight]), y) for row, y in zip(a.input, a.target, strict=True))]


def adaptive(a, o):
    """A head of 3 classes and a cluster, whose 3 classes have a layer of half the width."""
    terms = []
    for row, y in zip(a.input, a.target, strict=True):
        head = [dot(row, w) for w in a.headWeight]
        term = lse(head) - head[min(y, 3)]
        if y >= 3:
            narrow = [dot(row, p) for p in a.projection]
            tail = [dot(narrow, w) for w in a.tailWeight]
            term = term + lse(tail) - tail[y - 3]
        terms.append(term)
    return terms


def adaptive_torch(input, head, projection, tail, target, reduction):
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(input.shape[1], 6, [3], div_value=2)
    weights = {"head.weight": head, "tail.0.0.weight": projection, "tail.0.1.weight": tail}
    output, loss = torch.func.functional_call(layer, weights, (input, target))
    return loss if reduction == "mean" else -output


def ctc_of(steps, labels):
    """steps: a row of log-probabilities for each frame."""
    states = [0]
    for label in labels:
        states += [label, 0]
    p = [[Var(0) if x.x == -mp.inf else exp(x) for x in row] for row in steps]
    alpha = [p[0][c] if s < 2 else Var(0) for s, c in enumerate(states)]
    for row in p[1:]:
        alpha = [
            (alpha[s] + (alpha[s - 1] if s else 0) + (alpha[s - 2] if s > 1 and c not in (0, states[s - 2]) else 0)) * row[c]
            for s, c in enumerate(states)
        ]
    return -log(alpha[-1] + alpha[-2])


def ctc(a, o):
    terms = [ctc_of([step[n] for step in a.logProbs], labels) for n, labels in enumerate(a.targets)]
    return terms, mean([term / len(labels) for term, labels in zip(terms, a.targets, strict=True)])


def softmax_vector(o, row):
    return [exp(x) for x in log_softmax(row)]


FORMULAS = {
    "mse": by_element(lambda o, x, y: (x - y) ** 2),
    "l1": by_element(lambda o, x, y: absolute(x - y)),
    "smoothL1": by_element(smooth_l1),
    "huber": by_element(smooth_l1),  # delta 1
    "logCosh": by_element(log_cosh),
    "quantile": by_element(quantile),
    "bce": by_element(bce),
    "bceWithLogits": by_element(bce_with_logits),
    "klDiv": by_element(kl_div),
    "sigmoidFocal": by_element(sigmoid_focal),
    "poissonNll": by_element(poisson_nll),
    "gaussianNll": by_element(gaussian_nll),
    "hinge": by_element(lambda o, x, y: relu(1 - x * y)),
    "squaredHinge": by_element(lambda o, x, y: relu(1 - x * y) ** 2),
    "softMargin": by_element(lambda o, x, y: softplus(-(x * y))),
    "hingeEmbedding": by_element(lambda o, x, y: x if y.x > 0 else relu(1 - x)),
    "marginRanking": by_element(lambda o, x1, x2, y: relu(o["margin"] - y * (x1 - x2))),
    "dpo": by_element(dpo),
    "nll": by_element(nll),
    "crossEntropy": by_element(cross_entropy),
    "softmaxFocal": by_element(softmax_focal),
    "poly": by_element(poly),
    "sparsemax": by_element(sparsemax),
    "multiMargin": by_element(multi_margin),
    "multiLabelMargin": by_element(multi_label_margin),
    "multiLabelSoftMargin": by_element(multi_label_soft_margin),
    "rankingSoftmax": by_element(ranking_softmax),
    "distillationKl": lambda a, o: [x for each in zip(a.student, a.teacher, strict=True) for x in distillation_kl(o, *each)],
    "jensenShannon": by_element(jensen_shannon),
    "cosineEmbedding": by_element(cosine_embedding),
    "tripletMargin": by_element(triplet_margin),
    "tripletMarginWithDistance": by_element(triplet_with_distance),
    "giou": by_element(giou),
    "diou": by_element(diou),
    "ciou": by_element(ciou),
    "dice": by_element(dice),
    "tversky": by_element(tversky),
    "infoNce": info_nce,
    "clip": clip,
    "sigLip": sig_lip,
    "ntXent": nt_xent,
    "supCon": sup_con,
    "linearCrossEntropy": linear_cross_entropy,
    "AdaptiveLogSoftmax": adaptive,
    "ctc": ctc,
    "softmax": lambda a, o: [y for row in a.x for y in softmax_vector(o, row)],
    "logSoftmax": lambda a, o: [y for row in a.x for y in log_softmax(row)],
    "logSumExp": lambda a, o: [lse(row) for row in a.x],
    "sigmoid": lambda a, o: [sigmoid(x) for x in a.x],
    "logSigmoid": lambda a, o: [-softplus(-x) for x in a.x],
    "softplus": lambda a, o: [x if x.x > 20 else softplus(x) for x in a.x],
    "cosineSimilarity": lambda a, o: [cosine(*each, o["eps"]) for each in zip(a.x1, a.x2, strict=True)],
    "pairwiseDistance": lambda a, o: [distance(*each, o["eps"]) for each in zip(a.x1, a.x2, strict=True)],
}

OPTIONS = {
    "quantile": {"q": 0.25},
    "gaussianNll": {"eps": 2.0**-20},
    "marginRanking": {"margin": 0.5},
    "dpo": {"beta": 0.125},
    "distillationKl": {"temperature": 2},
    "tripletMargin": {"eps": 2.0**-20},
    "tripletMarginWithDistance": {"distance": "squaredEuclidean"},
    **{name: {"eps": 2.0**-23} for name in ("giou", "diou", "ciou")},
    "infoNce": {"temperature": 0.0625},
    "clip": {"logitScale": 16},
    "sigLip": {"logitScale": 8, "logitBias": -8},
    "ntXent": {"temperature": 0.0625},
    "supCon": {"temperature": 0.0625},
    "cosineSimilarity": {"eps": 2.0**-27},
    "pairwiseDistance": {"eps": 2.0**-20},
}

# ---- the rows ----------------------------------------------------------------------------------------------------------------------------


def single(x):
    """The float32 number."""
    return struct.unpack("f", struct.pack("f", x))[0]


class Draw:
    def __init__(self, name):
        self.random = Random(crc32(name.encode()))

    def normal(self, n, scale=1.0, around=0.0):
        return [single(around + scale * self.random.gauss(0, 1)) for _ in range(n)]

    def uniform(self, n, low, high):
        return [single(self.random.uniform(low, high)) for _ in range(n)]

    def grid(self, rows, columns, scale=1.0, around=0.0):
        return [self.normal(columns, scale, around) for _ in range(rows)]

    def signs(self, n):
        return [self.random.choice((-1, 1)) for _ in range(n)]

    def index(self, n, count):
        return [self.random.randrange(count) for _ in range(n)]


def near(values, relative):
    """Others that differ by so much of themselves."""
    return [single(x * (1 + relative * (1 + k % 3))) for k, x in enumerate(values)]


N = 12  # elements of a case
ROWS, CLASSES = 4, 6
PATTERN = 50  # the elements that 10^7 are made of; no multiple of the blocks and lanes of sums
TINY = 1e-40


def differences(d):
    """input and target."""
    t = d.normal(N)
    return {
        "equal": ([0.7] * N, [0.3] * N),
        "huge": ([1e15, *d.normal(N - 1)], t),
        "±1e4": ([1e4, -1e4] * (N // 2), t),
        "small": (near(t, 1e-4), t),
        "subnormal": (d.normal(N, TINY), d.normal(N, TINY)),
        "drawn": (d.normal(N), t),
        "many": (d.normal(PATTERN), d.normal(PATTERN)),
    }


def logits(d, off, on):
    """Logits and targets of two values."""
    y = [off, on] * (N // 2)
    right = [-1, 1] * (N // 2)
    pick = d.index(PATTERN, 2)
    return {
        "equal": ([2.5] * N, y),
        "huge": ([1e30, *d.normal(N - 1)], y),
        "±1e4": ([1e4, 1e4, -1e4, -1e4] * (N // 4), y),
        "small": ([single(r * (18.4 + k / 8)) for k, r in enumerate(right)], y),
        "subnormal": ([single(r * (88 + k)) for k, r in enumerate(right[: N // 2])] + d.normal(N // 2, TINY), y),
        "drawn": (d.normal(N, 3), y),
        "many": (d.normal(PATTERN, 3), [(off, on)[k] for k in pick]),
    }


def probabilities(d):
    y = d.uniform(N, 0, 1)
    return {
        "equal": ([0.7] * N, [0.3] * N),
        "huge": ([1e-30, 1 - 2.0**-24, 1e-20, 1 - 2.0**-20] * (N // 4), y),
        "small": ([2.0**-k for k in range(20, 20 + N // 2)] + [1 - 2.0**-k for k in range(19, 19 + N // 2)], [0] * (N // 2) + [1] * (N // 2)),
        "subnormal": ([2.0**-140, 2.0**-130] * (N // 2), [0, 0, 1, 0.5] * (N // 4)),
        "drawn": (d.uniform(N, 0, 1), y),
        "many": (d.uniform(PATTERN, 0.01, 0.99), d.uniform(PATTERN, 0, 1)),
    }


def log_probabilities(d):
    y = d.uniform(N, 0, 1)
    return {
        "equal": ([-1.5] * N, [0.25] * N),
        "huge": ([-1e30, *d.normal(N - 1, 1, -2)], y),
        "±1e4": ([-1e4, -1] * (N // 2), y),
        "small": ([single(math.log(p) + 1e-6) for p in y], y),
        "subnormal": (d.normal(N, 1, -2), [single(TINY * (1 + k)) for k in range(N)]),
        "masks": ([OFF, -1] * (N // 2), [0, 0.5] * (N // 2)),
        "drawn": (d.normal(N, 1, -2), y),
        "many": (d.normal(PATTERN, 1, -2), d.uniform(PATTERN, 0, 1)),
    }


def log_rates(d):
    y = [float(k % 5) for k in range(N)]
    return {
        "equal": ([0.7] * N, [3] * N),
        "huge": ([80, *d.normal(N - 1)], y),
        "±1e4": ([-1e4, -10] * (N // 2), [1e4, 2] * (N // 2)),
        "small": ([single(-18.4 - k / 8) for k in range(N)], [0] * N),
        "subnormal": ([single(-88 - k) for k in range(N)], [0] * N),
        "drawn": (d.normal(N), y),
        "many": (d.normal(PATTERN), [float(k) for k in d.index(PATTERN, 6)]),
    }


def gaussians(d):
    t = d.normal(N)
    v = d.uniform(N, 0.1, 3)
    return {
        "equal": ([0.7] * N, [0.3] * N, [1.5] * N),
        "huge": ([1e15, *d.normal(N - 1)], t, v),
        "±1e4": ([1e4, -1e4] * (N // 2), t, [1e4, 0.5, 2] * (N // 3)),
        "small": (near(t, 1e-4), t, [1] * N),
        "subnormal": (d.normal(N, TINY), d.normal(N, TINY), v),
        "drawn": (d.normal(N), t, v),
        "many": (d.normal(PATTERN), d.normal(PATTERN), d.uniform(PATTERN, 0.1, 3)),
    }


def ranked(d):
    y = [1, -1, -1] * (N // 3)
    t = d.normal(N)
    return {
        "equal": ([0.7] * N, [0.3] * N, y),
        "huge": ([1e15, *d.normal(N - 1)], t, y),
        "±1e4": ([1e4, -1e4] * (N // 2), t, y),
        "small": ([single(x + (0.5 - 1e-8 * (k + 1)) * s) for k, (x, s) in enumerate(zip(t, y, strict=True))], t, y),
        "subnormal": (d.normal(N, TINY), d.normal(N, TINY), y),
        "drawn": (d.normal(N), t, y),
        "many": (d.normal(PATTERN), d.normal(PATTERN), d.signs(PATTERN)),
    }


def preferences(d):
    rest = [d.normal(N, 3, -8) for _ in range(3)]
    return {
        "equal": ([-4.7] * N, [-4.3] * N, [-4.1] * N, [-4.2] * N),
        "huge": ([-1e30, *d.normal(N - 1, 3, -8)], *rest),
        "±1e4": ([-1e4, -1] * (N // 2), [-1, -1e4] * (N // 2), *rest[1:]),
        "small": ([single(-1 + k / 8) for k in range(N)], [single(-149 - k) for k in range(N)], [-3] * N, [-3] * N),
        "subnormal": ([single(-1 + k) for k in range(N)], [-710] * N, [-3] * N, [-3] * N),
        "drawn": (d.normal(N, 3, -8), *rest),
        "many": tuple(d.normal(PATTERN, 3, -8) for _ in range(4)),
    }


def leading(d, by, columns=CLASSES):
    """Rows whose first logit leads by so much."""
    return [[single(by + r / 8), *d.normal(columns - 1, 0.5)] for r in range(ROWS)]


def class_rows(d, target=None, masks=True):
    """Logits, and what `target(classes to be aimed at)` makes of each row."""
    target = target or (lambda y, columns: y)
    wide = PATTERN // 2

    def aimed(rows, ys):
        return rows, [target(y, len(rows[0])) for y in ys]

    made = {
        "equal": aimed([[3.25] * CLASSES] * ROWS, [0, 1, 2, 3]),
        "huge": aimed([[1e30, *d.normal(CLASSES - 1)] for _ in range(ROWS)], [0, 1, 2, 3]),
        "±1e4": aimed([d.random.sample([1e4, -1e4, 1e4, -1e4, 3, 2], 6) for _ in range(ROWS)], [0, 1, 2, 3]),
        "small": aimed(leading(d, 20), [0] * ROWS),
        "subnormal": aimed(leading(d, 100) [:2] + d.grid(2, CLASSES, TINY), [0, 0, 1, 2]),
        "drawn": aimed(d.grid(ROWS, CLASSES, 3), [0, 1, 2, 3]),
        "many": aimed(d.grid(2, wide, 3), [3, 11]),
    }
    if masks:
        made["masks"] = aimed(impossible(d.grid(ROWS, CLASSES, 3)), [0, 1, 2, 3])
    return made


def impossible(rows):
    """With some masked, but the target of each."""
    return [[OFF if (k + r) % 3 == 2 and k != r else x for k, x in enumerate(row)] for r, row in enumerate(rows)]


def labels_of(y, columns):
    return [y, (y + 2) % columns, *[-1] * (columns - 2)]


def hot(y, columns):
    return [float(k == y) for k in range(columns)]


def relevances(y, columns):
    return [1.5 if k == y else 0.25 * (k % 2) for k in range(columns)]


def two_logits(d):
    rows = d.grid(ROWS, CLASSES, 2)
    wide = PATTERN // 2
    return {
        "equal": ([[3.25] * CLASSES] * ROWS, d.grid(ROWS, CLASSES, 2)),
        "huge": ([[1e30, *d.normal(CLASSES - 1)] for _ in range(ROWS)], [[1e30, *d.normal(CLASSES - 1)] for _ in range(ROWS)]),
        "±1e4": ([[1e4, -1e4, 3, 2, 1e4, 0]] * ROWS, [[1e4, -1e4, 2, 9, 1e4, 1]] * ROWS),
        "small": ([near(row, 1e-4) for row in rows], rows),
        "subnormal": (d.grid(ROWS, CLASSES, TINY), leading(d, 100)),
        "drawn": (d.grid(ROWS, CLASSES, 2), rows),
        "masks": (impossible(d.grid(ROWS, CLASSES, 2)), impossible(rows)),
        "many": (d.grid(2, wide, 2), d.grid(2, wide, 2)),
    }


def vectors(d, count, targets=False):
    """Rows side by side; those of a small loss are nearly parallel, or nearly as far apart."""
    columns, wide = 6, PATTERN // 2

    def grids(rows, columns, scale=1.0):
        return [d.grid(rows, columns, scale) for _ in range(count)]

    base = d.grid(ROWS, columns)
    made = {
        "equal": [[[0.7 - 0.2 * k] * columns] * ROWS for k in range(count)],
        "huge": [[[1e15, *row[1:]] for row in g] for g in grids(ROWS, columns)],
        "±1e4": [[[1e4, -1e4, *row[2:]] for row in g] for g in grids(ROWS, columns)],
        "small": [base, *[[near(row, (2 * k - 1) * 1e-4) for row in base] for k in range(1, count)]],
        "subnormal": grids(ROWS, columns, TINY),
        "drawn": grids(ROWS, columns),
        "many": grids(2, wide),
    }
    return {title: (*map(singles, g), *([[1, 1, -1, 1][: len(g[0])]] if targets else [])) for title, g in made.items()}


def singles(rows):
    return [[single(x) for x in row] for row in rows]


def triplets(d):
    """Where the loss is small, the negative is further by nearly the margin, which is 1."""
    made = vectors(d, 3)
    anchor = d.grid(ROWS, 6)
    direction = [1, 0, 0, 0, 0, 0]
    further = [[single(x + s * (1 - 1e-7 * (r + 1))) for x, s in zip(row, direction, strict=True)] for r, row in enumerate(anchor)]
    return made | {"small": (anchor, anchor, further)}


def boxes(d):
    def some(rows, scale=1.0, offset=0.0):
        low = [d.uniform(2, offset, offset + 2 * scale) for _ in range(rows)]
        return [[*xy, *(single(c + w) for c, w in zip(xy, d.uniform(2, 0.5 * scale, 3 * scale), strict=True))] for xy in low]

    base = some(ROWS)
    return {
        "equal": ([[0, 0, 2, 1]] * ROWS, [[0.5, 0.25, 2.25, 1.5]] * ROWS),
        "huge": ([[0, 0, 1e15, 1]] * ROWS, some(ROWS)),
        "±1e4": (some(ROWS, 1, 1e4), some(ROWS, 1, 1e4)),
        "small": (base, [[single(x * (1 + 2e-7 * (k + 1))) for k, x in enumerate(box)] for box in base]),
        "subnormal": (some(ROWS, TINY), some(ROWS, TINY)),
        "drawn": (some(ROWS), some(ROWS)),
        "many": (some(12), some(12)),
    }


def masks_of(d):
    y = [[float(k % 3 == r) for k in range(CLASSES)] for r in range(3)]
    wide = PATTERN // 2
    return {
        "equal": ([[0.7] * CLASSES] * 3, y),
        "huge": ([[1e-30, 1 - 2.0**-24, 1, 0, 1, 1e-20]] * 3, y),
        "small": ([[single(v * (1 - 1e-7 * (k + 1))) for k, v in enumerate(row)] for row in y], y),
        "subnormal": ([[TINY] * CLASSES] * 3, y),
        "drawn": ([d.uniform(CLASSES, 0, 1) for _ in range(3)], y),
        "many": ([d.uniform(wide, 0, 1) for _ in range(2)], [[float(k % 4 == r) for k in range(wide)] for r in range(2)]),
    }


def batches(d, labelled=False):
    """Rows of one or two batches. `strong` makes the logits ±1e4, and `matched` a small loss."""
    n, columns, wide = 4, 5, PATTERN // 2
    sides = 1 if labelled else 2

    def grids(columns, scale):
        return [d.grid(n, columns, scale) for _ in range(sides)]

    # Labels are in pairs, and pairs point one way.
    eye = [[float(k == (r // 2 if labelled else r)) for k in range(columns)] for r in range(n)]
    made = {
        "equal": [[[0.25] * columns] * n] * sides,
        "huge": [[[1e15 if r == 0 and k == 0 else x for k, x in enumerate(row)] for r, row in enumerate(g)] for g in grids(columns, 0.25)],
        "±1e4": grids(columns, 25),
        "small": [[[single(1.1 * x + 1e-3 * y) for x, y in zip(a, b, strict=True)] for a, b in zip(eye, g, strict=True)] for g in grids(columns, 1)],
        "subnormal": grids(columns, TINY),
        "drawn": grids(columns, 0.5),
        "many": grids(wide, 1e-3),
    }
    return {title: (*map(singles, g), *([[0, 0, 1, 1]] if labelled else [])) for title, g in made.items()}


def projections(d):
    columns, classes, wide = 5, 6, PATTERN // 2
    y = [0, 1, 2, 3]
    eye = [[float(k == r) for k in range(columns)] for r in range(classes)]
    return {
        "equal": ([[0.7] * columns] * ROWS, [[0.3] * columns] * classes, y),
        "huge": ([[1e15, *d.normal(columns - 1)] for _ in range(ROWS)], d.grid(classes, columns), y),
        "±1e4": (d.grid(ROWS, columns, 100), d.grid(classes, columns, 100), y),
        "small": (eye[:ROWS], [[single(20 * x + 0.1 * z) for x, z in zip(a, d.normal(columns), strict=True)] for a in eye], y),
        "subnormal": (d.grid(ROWS, columns, TINY), d.grid(classes, columns), y),
        "drawn": (d.grid(ROWS, columns), d.grid(classes, columns), y),
        "many": (d.grid(2, wide, 1e-3), d.grid(4, wide, 1e-2), [1, 2]),
    }


def clusters(d):
    columns, narrow, y = 6, 3, [0, 2, 3, 5]
    weights = lambda: (d.grid(4, columns), d.grid(narrow, columns), d.grid(3, narrow), y)  # noqa: E731
    eye = [[float(k == r) for k in range(columns)] for r in range(columns)]
    # Each row is sure of its class: in the head by its own column, in the cluster by the fourth and its own.
    sure = [[single(20 * eye[r][k] + (20 if r > 3 and k == 3 else 0) + 0.1 * z) for k, z in enumerate(d.normal(columns))] for r in (0, 2, 3, 5)]
    return {
        "equal": ([[0.7] * columns] * ROWS, [[0.3] * columns] * 4, [[0.5] * columns] * narrow, [[0.25] * narrow] * 3, y),
        "huge": ([[1e15, *d.normal(columns - 1)] for _ in range(ROWS)], *weights()),
        "±1e4": (d.grid(ROWS, columns, 100), d.grid(4, columns, 100), d.grid(narrow, columns, 10), d.grid(3, narrow, 10), y),
        "small": (sure, eye[:4], eye[3:], [row[:narrow] for row in eye[:3]], y),
        "subnormal": (d.grid(ROWS, columns, TINY), *weights()),
        "drawn": (d.grid(ROWS, columns), *weights()),
    }


def speech(d):
    """Logarithms of probabilities of 5 classes in 7 steps, 2 sequences."""
    steps, count, columns = 7, 2, 5
    labels = [[1, 2, 2], [3, 1, 4]]
    lengths = ([steps] * count, [3] * count)
    # The best path of each: labels with the blanks they need.
    paths = [[1, 0, 2, 0, 2, 2, 0], [3, 3, 0, 1, 0, 4, 4]]

    def normalised(grid):
        out = []
        for row in grid:
            top = max(row)
            norm = top + math.log(sum(math.exp(x - top) for x in row))
            out.append([single(x - norm) for x in row])
        return out

    def led(by):
        return [normalised([[by if c == paths[n][t] else x for c, x in enumerate(d.normal(columns, 0.5))] for n in range(count)]) for t in range(steps)]

    drawn = [normalised(d.grid(count, columns, 2)) for _ in range(steps)]
    return {
        "equal": ([[[-1.609438] * columns] * count] * steps, labels, *lengths),
        "huge": ([[[-1e30 if c == 4 and n == 0 else x for c, x in enumerate(row)] for n, row in enumerate(step)] for step in drawn], labels, *lengths),
        "±1e4": ([[[-1e4 if c != paths[n][t] and c else x for c, x in enumerate(row)] for n, row in enumerate(step)] for t, step in enumerate(drawn)], labels, *lengths),
        "small": (led(22), labels, *lengths),
        "subnormal": (led(100), labels, *lengths),
        "masks": ([[[OFF if c == 4 and n == 0 else x for c, x in enumerate(row)] for n, row in enumerate(step)] for step in drawn], labels, *lengths),
        "drawn": (drawn, labels, *lengths),
    }


def values(d):
    return {
        "equal": ([2.5] * N,),
        "huge": ([1e30, -1e30, *d.normal(N - 2)],),
        "±1e4": ([1e4, -1e4] * (N // 2),),
        "small": ([single(-18.4 - k) for k in range(N // 2)] + [single(18.4 + k) for k in range(N // 2)],),
        "subnormal": ([single(-88 - k) for k in range(N // 2)] + d.normal(N // 2, TINY),),
        "drawn": (d.normal(N, 3),),
        "many": (d.normal(PATTERN, 3),),
    }


def ranked_lists(d):
    """What is masked has no relevance."""
    return {
        title: (rows, [[0 if x == OFF else y for x, y in zip(*each, strict=True)] for each in zip(rows, labels, strict=True)])
        for title, (rows, labels) in class_rows(d, relevances).items()
    }


def value_rows(d):
    return {title: (rows,) for title, (rows, _) in class_rows(d).items()}


def separate(d):
    """Vectors that are near, but not alike."""
    return vectors(d, 2)


WITH = {
    **{name: (differences, ("input", "target")) for name in ("mse", "l1", "smoothL1", "huber", "logCosh", "quantile")},
    "bce": (probabilities, ("input", "target")),
    **{name: (lambda d: logits(d, 0, 1), ("input", "target")) for name in ("bceWithLogits", "sigmoidFocal")},
    **{name: (lambda d: logits(d, -1, 1), ("input", "target")) for name in ("hinge", "squaredHinge", "softMargin", "hingeEmbedding")},
    "klDiv": (log_probabilities, ("input", "target")),
    "poissonNll": (log_rates, ("input", "target")),
    "gaussianNll": (gaussians, ("input", "target", "variance")),
    "marginRanking": (ranked, ("input1", "input2", "target")),
    "dpo": (preferences, ("policyChosen", "policyRejected", "referenceChosen", "referenceRejected")),
    "nll": (lambda d: class_rows(d, masks=False), ("input", "target")),
    **{name: (class_rows, ("input", "target")) for name in ("crossEntropy", "softmaxFocal", "poly")},
    **{name: (class_rows, ("input", "target")) for name in ("sparsemax", "multiMargin")},
    "multiLabelMargin": (lambda d: class_rows(d, labels_of, masks=False), ("input", "target")),
    "multiLabelSoftMargin": (lambda d: class_rows(d, hot, masks=False), ("input", "target")),
    "rankingSoftmax": (ranked_lists, ("scores", "labels")),
    "distillationKl": (two_logits, ("student", "teacher")),
    "jensenShannon": (two_logits, ("logits1", "logits2")),
    "cosineEmbedding": (lambda d: vectors(d, 2, targets=True), ("input1", "input2", "target")),
    "tripletMargin": (triplets, ("anchor", "positive", "negative")),
    "tripletMarginWithDistance": (triplets, ("anchor", "positive", "negative")),
    **{name: (boxes, ("boxes1", "boxes2")) for name in ("giou", "diou", "ciou")},
    **{name: (masks_of, ("input", "target")) for name in ("dice", "tversky")},
    "infoNce": (batches, ("query", "key")),
    "clip": (batches, ("image", "text")),
    "sigLip": (batches, ("input1", "input2")),
    **{name: (lambda d: batches(d, labelled=True), ("embeddings", "labels")) for name in ("ntXent", "supCon")},
    "linearCrossEntropy": (projections, ("input", "linearWeight", "target")),
    "AdaptiveLogSoftmax": (clusters, ("input", "headWeight", "projection", "tailWeight", "target")),
    "ctc": (speech, ("logProbs", "targets", "inputLengths", "targetLengths")),
    **{name: (values, ("x",)) for name in ("sigmoid", "logSigmoid", "softplus")},
    **{name: (value_rows, ("x",)) for name in ("softmax", "logSoftmax", "logSumExp")},
    **{name: (separate, ("x1", "x2")) for name in ("cosineSimilarity", "pairwiseDistance")},
}
INDICES = {"targets", "inputLengths", "targetLengths"}
CLASS_TARGETS = {"nll", "crossEntropy", "softmaxFocal", "poly", "sparsemax", "multiMargin", "multiLabelMargin", "linearCrossEntropy", "AdaptiveLogSoftmax"}
FUNCTIONS = {"softmax", "logSoftmax", "logSumExp", "sigmoid", "logSigmoid", "softplus", "cosineSimilarity", "pairwiseDistance"}
COLUMNS = {"dice", "tversky", "infoNce", "clip", "sigLip", "ntXent", "supCon", "linearCrossEntropy"}
"""Losses of a whole batch, whose 10^7 elements are long rows."""

# A layer, which the fixtures' script does not know as it knows losses.
golden.TABLES["AdaptiveLogSoftmax"] = [
    SimpleNamespace(fn=adaptive_torch, wrt=("input", "headWeight", "projection", "tailWeight"), source="torch.nn.AdaptiveLogSoftmaxWithLoss")
]

# ---- running and writing -----------------------------------------------------------------------------------------------------------------


def shape_of(x):
    return [len(x), *shape_of(x[0])] if isinstance(x, list) else []


def flat(x):
    return [v for each in x for v in flat(each)] if isinstance(x, list) else [x]


def lifted(x):
    return [lifted(v) for v in x] if isinstance(x, list) else Var(x)


def number(x):
    x = float(x)
    if math.isnan(x) or math.isinf(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return int(x) if x.is_integer() and abs(x) < 1e15 else x


def written(xs):
    return [number(x) for x in xs]


def is_index(loss, name):
    return name in INDICES or name == "labels" and loss in ("ntXent", "supCon") or name == "target" and loss in CLASS_TARGETS


def exact(loss, args, options, repeats, columns, upstream):
    REPEATS[0] = repeats if columns else 1
    leaves = {name: x if is_index(loss, name) else lifted(x) for name, x in args.items()}
    result = FORMULAS[loss](SimpleNamespace(**leaves), options)
    terms, whole = result if isinstance(result, tuple) else (result, None)
    if upstream:
        whole = plain(term * g for term, g in zip(terms, upstream, strict=True) if term.x > -mp.inf)
    elif whole is None:
        whole = mean(terms)
    differentiable = set(golden.TABLES[loss][0].wrt)
    if loss == "klDiv" and OFF in args["input"]:
        differentiable = {"input"}  # ln 0 + Infinity has no value
    grads = {name: [g / (1 if upstream else repeats) for g in gradient(whole, flat(x))] for name, x in leaves.items() if name in differentiable}
    if loss == "ctc":
        # Of the logits that the log-probabilities are a log-softmax of.
        count = len(terms)
        grads["logProbs"] = [
            g + mp.exp(x.x) / (count * len(args["targets"][k // shape_of(args["logProbs"])[2] % count]))
            for k, (g, x) in enumerate(zip(grads["logProbs"], flat(leaves["logProbs"]), strict=True))
        ]
    return [term.x for term in terms], whole.x, grads


def by_torch(loss, args, options, repeats, columns, upstream, exact_terms, want):
    """PyTorch's terms, mean and gradients; those of repeated elements are the worst of each."""
    table = golden.TABLES[loss][0]
    tensors = {}
    for name, x in args.items():
        t = torch.tensor(x, dtype=torch.int64 if is_index(loss, name) else torch.float32)
        if repeats > 1 and not (columns and t.ndim == 1):
            t = t.repeat(*[1] * (t.ndim - 1), repeats) if columns else t.repeat(repeats, *[1] * (t.ndim - 1))
        tensors[name] = t.requires_grad_() if name in want else t
    keywords = {golden.torch_name(k): v for k, v in options.items()}
    if table.fn in (torch.softmax, torch.log_softmax, torch.logsumexp, torch.cosine_similarity):
        keywords["dim"] = -1
    if upstream:
        terms = table.fn(*tensors.values(), **keywords)
        g = torch.tensor(upstream, dtype=torch.float32).reshape(-1).repeat(repeats).reshape(terms.shape)
        grads = torch.autograd.grad(terms, [tensors[name] for name in want], g)
        whole = None
    else:
        terms = table.fn(*tensors.values(), reduction="none", **keywords) if repeats == 1 else None
        whole = table.fn(*tensors.values(), reduction="mean", **keywords)
        grads = torch.autograd.grad(whole, [tensors[name] for name in want])
    return {
        **({} if terms is None else {"values": written(furthest(terms, 1, exact_terms))}),
        **({} if whole is None else {"mean": number(whole.item())}),
        "grads": {name: written(furthest(g, shape_of(args[name])[0] if columns else 1, want[name])) for name, g in zip(want, grads, strict=True)},
    }


def furthest(got, rows, want):
    """Of the copies of each element, in so many rows, the one furthest from what is wanted."""
    width = len(want) // rows
    got = got.detach().reshape(rows, -1, width)
    exact = torch.tensor([float(x) for x in want], dtype=torch.float64).reshape(rows, 1, width)
    k = (got.double() - exact).abs().argmax(1, keepdim=True)
    return got.gather(1, k).flatten().tolist()


def case(loss, title, args, names):
    args = dict(zip(names, args, strict=True))
    args = {name: x if is_index(loss, name) else deep_single(x) for name, x in args.items()}
    options = OPTIONS.get(loss, {})
    columns = loss in COLUMNS
    first = next(iter(args.values()))
    repeats = MANY // len(flat(first)) if title == "many" else 1
    upstream = None
    if loss in FUNCTIONS:
        size = len(FORMULAS[loss](SimpleNamespace(**{name: lifted(x) for name, x in args.items()}), options))
        # Nothing comes back through what is masked.
        hidden = [x == OFF for x in flat(first)] if loss == "logSoftmax" else [False] * size
        upstream = [0 if off else single(1 + (k * 5 % 7) / 8) * (-1) ** k for k, off in enumerate(hidden)]
    terms, whole, grads = exact(loss, args, options, repeats, columns, upstream)
    result = {
        "title": title,
        "args": [{"name": name, "shape": shape_of(x), "data": written(flat(x)), "kind": "index" if is_index(loss, name) else "float"} for name, x in args.items()],
        "options": options,
        **({"repeats": repeats, "along": "columns" if columns else "rows"} if repeats > 1 else {}),
        **({"gradOutput": upstream} if upstream else {}),
        **({"values": written(terms)} if repeats == 1 or upstream else {}),
        **({} if upstream else {"mean": number(whole)}),
        "grads": {name: written(g) for name, g in grads.items()},
    }
    if golden.TABLES[loss][0].source != "formula":
        result["torch"] = by_torch(loss, args, options, repeats, columns, upstream, terms, grads)
    return result


def deep_single(x):
    return [deep_single(v) for v in x] if isinstance(x, list) else single(x)


def write(loss):
    make, names = WITH[loss]
    cases = [case(loss, title, args, names) for title, args in make(Draw(loss)).items()]
    head = {"generator": "test/accuracy/rows.py", "loss": loss, "source": golden.TABLES[loss][0].source, "torch": torch.__version__.split("+")[0]}
    head["capability"] = torch.backends.cpu.get_cpu_capability()
    text = ",\n".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in head.items())
    path = Path(__file__).parent / "rows" / f"{loss}.json"
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False, ensure_ascii=False) for c in cases)
    path.write_text("{" + text + ',\n"cases":[\n' + lines + "\n]}\n")
    print(f"{path.name}: {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or FORMULAS:
        write(name)
