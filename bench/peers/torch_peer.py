"""PyTorch as a contestant of `npm run bench:peers`: eager or compiled, one thread or more, value with gradient.

Reads commands as lines of JSON and answers each with one:
  {"prepare": {loss, options, dtype, inputs: [{name, kind, shape, file, wanted}]}} -> {"value", "norms"}, or {"missing": why}
  {"sample": milliseconds} -> {"ns": nanoseconds of one call}
"""

import json
import sys
import time
import traceback
import warnings

import numpy
import torch
from torch.nn import functional as F

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def ctc(log_probs, targets, input_lengths, target_lengths, **options):
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, **options)


LOSSES = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "smoothL1": F.smooth_l1_loss,
    "huber": F.huber_loss,
    "bce": F.binary_cross_entropy,
    "bceWithLogits": F.binary_cross_entropy_with_logits,
    "klDiv": F.kl_div,
    "softMargin": F.soft_margin_loss,
    "hingeEmbedding": F.hinge_embedding_loss,
    "marginRanking": F.margin_ranking_loss,
    "poissonNll": F.poisson_nll_loss,
    "gaussianNll": F.gaussian_nll_loss,
    "crossEntropy": lambda x, y, labelSmoothing=0.0: F.cross_entropy(x, y, label_smoothing=labelSmoothing),
    "nll": F.nll_loss,
    "multiMargin": F.multi_margin_loss,
    "multiLabelMargin": F.multilabel_margin_loss,
    "multiLabelSoftMargin": F.multilabel_soft_margin_loss,
    "cosineEmbedding": F.cosine_embedding_loss,
    "tripletMargin": F.triplet_margin_loss,
    "ctc": ctc,
    "linearCrossEntropy": lambda x, w, y: F.cross_entropy(F.linear(x, w), y),
}


def adaptive(spec, inputs):
    """The loss as a function of its input and of the parameters, whose gradients are wanted as well."""
    options = spec["options"]
    torch.manual_seed(options["seed"])
    x, y = inputs
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(x.shape[1], options["classes"], options["cutoffs"])
    names, values = zip(*((name, value.detach()) for name, value in layer.named_parameters()), strict=True)

    def loss(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (x, y)).loss

    return loss, [x, *values]


def read(spec, dtype):
    kind = "int32" if spec["kind"] == "index" else dtype
    array = numpy.fromfile(spec["file"], dtype=kind).reshape(spec["shape"])
    tensor = torch.from_numpy(array)
    return tensor.long() if spec["kind"] == "index" else tensor.to(DTYPES[dtype])


def prepare(mode, spec):
    """One call, as a function without arguments that gives the value and the gradients."""
    inputs = [read(one, spec["dtype"]) for one in spec["inputs"]]
    if spec["loss"] == "adaptiveLogSoftmax":
        loss, inputs = adaptive(spec, inputs)
        wanted, options = range(len(inputs)), {}
    else:
        loss, options = LOSSES[spec["loss"]], spec["options"]
        wanted = [k for k, one in enumerate(spec["inputs"]) if one["wanted"]]

    if mode == "compiled":
        torch._dynamo.reset()

        def of_wanted(*leaves):
            args = list(inputs)
            for k, leaf in zip(wanted, leaves, strict=True):
                args[k] = leaf
            return loss(*args, **options)

        call = torch.compile(torch.func.grad_and_value(of_wanted, argnums=tuple(range(len(wanted)))))
        leaves = [inputs[k] for k in wanted]

        def run():
            gradients, value = call(*leaves)
            return value, gradients

        return run

    leaves = [inputs[k].requires_grad_() for k in wanted]

    def run():
        value = loss(*inputs, **options)
        return value, torch.autograd.grad(value, leaves)

    return run


def measure(run, count):
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(count):
        run()
    return min(time.perf_counter_ns() - wall, time.process_time_ns() - cpu)


def sample(run, ms):
    count = 1
    while (ns := measure(run, count)) < ms * 5e5:
        count *= 2
    count = max(1, round(count * ms * 1e6 / ns))
    return measure(run, count) / count


def main(mode, threads):
    torch.set_num_threads(threads)
    warnings.filterwarnings("ignore")
    run = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if "prepare" in command:
                run = prepare(mode, command["prepare"])
                value, gradients = run()
                answer = {"value": float(value), "norms": [float(g.double().norm()) for g in gradients]}
            else:
                answer = {"ns": sample(run, command["sample"])}
        except Exception:  # what PyTorch cannot do is told, not hidden
            answer = {"missing": traceback.format_exc().strip().splitlines()[-1][:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
