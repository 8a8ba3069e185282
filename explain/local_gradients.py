"""Methods that read a model's gradient at the record itself or at random points before it, and DeepLIFT.

All leave the model as it was. Several rows of a baseline are averaged over.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import deepcopy
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from amfn.types import Batch, Explainable, InputError, require_settings
from explain.baselines import Baseline
from explain.differentiation import differentiable, gradients, leaves, logit_of, mean_logit
from explain.method import Method, Shares, present_names


def _arrays(names: Sequence[str], tensors: Sequence[Tensor]) -> dict[str, Float[np.ndarray, "t c"]]:
    """Means over the rows, by modality."""
    return {name: t.detach().mean(0).float().cpu().numpy() for name, t in zip(names, tensors, strict=True)}


def _saliency(model: Explainable, batch: Batch, target: int, baseline: Baseline, seed: int) -> Shares:
    """|gradient|. Its sign would say which way the logit goes when a value rises, which reads as "this value raised the
    risk" and is not: a low value under a positive gradient lowered it. So the sign is left out."""
    names = present_names(model, batch)
    with differentiable(batch.present.device):
        logit = logit_of(model, batch, target, names)
        inputs = [batch.x[name] for name in names]
        slopes = [slope.abs() for slope in gradients(logit, inputs)]
        with torch.no_grad():
            f_x = float(logit(*inputs))
    return Shares(_arrays(names, slopes), f_x, None, {})


def _input_x_gradient(model: Explainable, batch: Batch, target: int, baseline: Baseline, seed: int) -> Shares:
    names = present_names(model, batch)
    with differentiable(batch.present.device):
        logit = logit_of(model, batch, target, names)
        inputs = [batch.x[name].detach() for name in names]
        slopes = gradients(logit, inputs)
        parts = [(x - baseline.x[name]) * slope for name, x, slope in zip(names, inputs, slopes, strict=True)]
        with torch.no_grad():
            f_x = float(logit(*inputs))
        return Shares(_arrays(names, parts), f_x, mean_logit(logit, names, baseline), {})


def _gradient_shap(
    model: Explainable,
    batch: Batch,
    target: int,
    baseline: Baseline,
    seed: int,
    *,
    samples: int = 64,
    internal_batch: int = 64,
) -> Shares:
    """Captum's GradientShap draws from numpy's and torch's global generators, which other threads share; here the
    points come from a generator of their own, one in each of `samples` equal parts of the path: the same expectation
    with less noise. Every row of the baseline is drawn equally often, as far as their number allows."""
    require_settings(
        GRADIENT_SHAP.title, ("samples", samples, samples >= 1), ("internal_batch", internal_batch, internal_batch >= 1)
    )
    draw = np.random.default_rng(seed)
    along = (np.arange(samples) + draw.random(samples)) / samples
    rounds = -(-samples // len(baseline))
    rows = np.concatenate([draw.permutation(len(baseline)) for _ in range(rounds)])[:samples]

    names = present_names(model, batch)
    device = batch.present.device
    with differentiable(device):
        logit = logit_of(model, batch, target, names)
        inputs = [batch.x[name].detach() for name in names]
        parts: list[list[Tensor]] = [[] for _ in names]
        for start in range(0, samples, internal_batch):
            chosen = slice(start, start + internal_batch)
            share = torch.from_numpy(along[chosen]).float().to(device)[:, None, None]
            starts = [baseline.x[name][rows[chosen]] for name in names]
            steps = [x - b for x, b in zip(inputs, starts, strict=True)]
            points = [b + share * step for b, step in zip(starts, steps, strict=True)]
            for part, step, slope in zip(parts, steps, gradients(logit, points), strict=True):
                part.append(step * slope)
        with torch.no_grad():
            f_x = float(logit(*inputs))
        f_baseline = mean_logit(logit, names, baseline)
    return Shares(_arrays(names, [torch.cat(p) for p in parts]), f_x, f_baseline, {"samples": samples, "seed": seed})


class _Whole(nn.Module):
    """A copy of a model as one module over raw tensors, for Captum's hooks."""

    def __init__(self, model: nn.Module, batch: Batch, target: int, names: Sequence[str]) -> None:
        super().__init__()
        self.model = deepcopy(model)
        self.logit = logit_of(cast(Explainable, self.model), batch, target, names)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.logit(*inputs)


def _deep_lift(model: Explainable, batch: Batch, target: int, baseline: Baseline, seed: int) -> Shares:
    """Captum's rescale rule reaches layers that are modules (ReLU, Tanh, Sigmoid, Softmax, pooling). Where a model
    multiplies two paths, normalises a vector, or calls a function instead of a layer, the gradient at the record
    stands in for the rule and the sum misses: the gap tells by how much."""
    from captum.attr import DeepLift

    if not isinstance(model, nn.Module):
        raise InputError(
            DEEP_LIFT.title, f"a {type(model).__name__}, which is no torch module", "a model whose layers are modules",
            "Take Integrated Gradients, which asks for gradients only.",
        )  # fmt: skip
    # catch_warnings would swap the filters of all threads; this one entry does not.
    warnings.filterwarnings("ignore", message=r"\s*Setting forward, backward hooks", category=UserWarning)
    names = present_names(model, batch)
    with differentiable(batch.present.device):
        whole = _Whole(model, batch, target, names)
        inputs = leaves([batch.x[name].expand(len(baseline), -1, -1) for name in names])
        starts = tuple(baseline.x[name].detach() for name in names)
        try:
            parts = DeepLift(whole).attribute(inputs, baselines=starts)
        except (RuntimeError, AssertionError) as error:
            raise InputError(
                DEEP_LIFT.title, f"layers that its rules do not fit ({str(error).strip()})",
                "layers that are used once a pass, with one input and one output",
                "Take Integrated Gradients, which asks for gradients only.",
            ) from error  # fmt: skip
        logit = logit_of(model, batch, target, names)
        with torch.no_grad():
            f_x = float(logit(*(batch.x[name] for name in names)))
        return Shares(_arrays(names, parts), f_x, mean_logit(logit, names, baseline), {})


SALIENCY = Method(
    name="saliency",
    title="Saliency",
    says="Says how steeply the estimate would answer to a small change of each value, whichever way; not what it did.",
    source="Simonyan, Vedaldi, Zisserman 2013, https://arxiv.org/abs/1312.6034, section 3.1",
    promises_completeness=False,
    uses_baseline=False,
    function=_saliency,
    in_logits=False,
)
INPUT_X_GRADIENT = Method(
    name="input_x_gradient",
    title="Input × gradient",
    says="Multiplies each value's distance from the baseline by how steeply the estimate answers to it at this record.",
    source="Shrikumar, Greenside, Shcherbina, Kundaje 2016, https://arxiv.org/abs/1605.01713",
    promises_completeness=False,
    uses_baseline=True,
    function=_input_x_gradient,
)
GRADIENT_SHAP = Method(
    name="gradient_shap",
    title="Gradient SHAP",
    says="Averages the gradient over random points between baseline and record, times each value's distance.",
    source="Lundberg, Lee 2017, https://arxiv.org/abs/1705.07874; Erion et al. 2021, Nat. Mach. Intell. 3",
    promises_completeness=True,
    uses_baseline=True,
    function=_gradient_shap,
)
DEEP_LIFT = Method(
    name="deep_lift",
    title="DeepLIFT",
    says="Passes the difference from the baseline back through the layers, by the change of each instead of its slope.",
    source="Shrikumar, Greenside, Kundaje 2017, https://arxiv.org/abs/1704.02685, rescale rule, section 3.5.2",
    promises_completeness=True,
    uses_baseline=True,
    function=_deep_lift,
)
