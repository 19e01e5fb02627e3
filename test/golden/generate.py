"""PyTorch's values and gradients for the losses of fused-loss: writes one JSON file a loss beside this script.

    pip install torch==2.15.*
    python test/golden/generate.py [loss ...]

Everything is computed in float64 on inputs that float32 holds exactly (options such as 0.1 stay as they are). Draws are seeded by the case's
name, so a second run writes the same bytes and a new case leaves the others alone. -0 is written as 0.

A case has `args` (in order), `options` (the package's names), `value`, and `grads` for every argument that both we and torch differentiate:
that is `wrt`. With reduction 'none' `options.gradOutput` has the value's shape, or is a number. Row and element functions have `gradOutput`
and `vjp` instead. Source "formula" (of the file, or of a case) means: not in PyTorch, torch's autograd of the formula in this file.

Left out, because PyTorch is wrong or loses digits there and the package does not (their test is the oracle of test/cases):
- bceWithLogits: value at target 0 and input < -8, gradient at target 1 and input > 8, and any small loss behind a large input; +-Infinity.
- crossEntropy, logSoftmax: the target alone at the maximum by more than 5 (ties at the maximum stand in for it); the gradient where softmax
  nearly equals a probability target.
- crossEntropy with probability targets: -Infinity where the target is 0 (PyTorch: NaN); an explicit ignoreIndex (PyTorch ignores a negative one).
- crossEntropy with softcap: logits beyond 4 x softcap (torch's tanh' is 1 - y*y).
- sigmoid.vjp above 5 (torch: y*(1-y)); softmax.vjp where one class has nearly all; poissonNll's gradient where the rate nearly equals the target.
- softMargin beyond 709 (PyTorch: Infinity and NaN); hingeEmbedding targets other than +-1; labelSmoothing outside [0, 1]; bce on NaN (raises).
Left out, because semantics.md does not define them: quantile at a tie; zLoss with weighted probability targets, or with weight and smoothing
together; klDiv with an input of -Infinity at a target of 0, or a negative target (PyTorch: NaN).
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
    return array(option) if isinstance(option, torch.Tensor) else option


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
    elif table.fn in (torch.softmax, torch.log_softmax, torch.logsumexp):
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
        "vjp": grads["x"],
    }


def write(loss: str, tables: list[Table]):
    source = tables[0].source
    cases = []
    for table in tables:
        for where, options, *reductions in table.rows:
            for reduction in reductions[0] if reductions else table.reductions:
                c = case(table, loss, where, options, reduction)
                cases.append(json.dumps(c | ({} if table.source == source else {"source": table.source}), separators=(",", ":"), allow_nan=False))
    names = [json.loads(c)["name"] for c in cases]
    header = {"generator": "test/golden/generate.py", "torch": torch.__version__.split("+")[0], "loss": loss, "source": source}
    head = ",\n".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in header.items())
    path = Path(__file__).parent / f"{loss}.json"
    path.write_text("{" + head + ',\n"cases":[\n' + ",\n".join(cases) + "\n]}\n")
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes" + ("" if len(set(names)) == len(names) else ", duplicate names"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="reduction: 'mean' divides")  # klDiv
    for name in sys.argv[1:] or TABLES:
        write(name, TABLES[name])
