"""All attribution methods over raw inputs, behind one call."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch

from amfn.types import Batch, Explainable, InputError
from explain.baselines import Baseline, zero
from explain.checks import require_frozen, require_one, target_name
from explain.gradients import INTEGRATED_GRADIENTS
from explain.local_gradients import DEEP_LIFT, GRADIENT_SHAP, INPUT_X_GRADIENT, SALIENCY
from explain.method import Method, Shares, present_names, require_something
from explain.perturbation import FEATURE_ABLATION, OCCLUSION
from explain.types import Attribution


def _temporal_attention(model: Explainable, batch: Batch, target: int, baseline: Baseline, seed: int) -> Shares:
    """Over steps, not channels: the model weighs whole steps."""
    with torch.no_grad():
        found = model(batch)
    weights = found.trace.temporal or {}
    names = [name for name in present_names(model, batch) if name in weights]
    if not names:
        raise InputError(
            TEMPORAL_ATTENTION.title, "a model that pools without weights over time", "weights over time in its trace",
            "Take another method.",
        )  # fmt: skip
    values = {name: weights[name][0][:, None].float().cpu().numpy() for name in names}
    return Shares(values, float(found.logits[0, target]), None, {})


TEMPORAL_ATTENTION = Method(
    name="temporal_attention",
    title="Temporal attention",
    says="Shows how the model weighs the steps of each modality: routing, not contribution, and without a sign.",
    source="Bahdanau, Cho, Bengio 2015, https://arxiv.org/abs/1409.0473, eq. 6; Jain, Wallace 2019 on what it is not",
    promises_completeness=False,
    uses_baseline=False,
    function=_temporal_attention,
    in_logits=False,
)

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            INTEGRATED_GRADIENTS,
            GRADIENT_SHAP,
            DEEP_LIFT,
            INPUT_X_GRADIENT,
            SALIENCY,
            FEATURE_ABLATION,
            OCCLUSION,
            TEMPORAL_ATTENTION,
        )
    }
)


def method_named(name: str) -> Method:
    """Raises InputError for a name that no method has."""
    if name not in METHODS:
        raise InputError("method", f"{name!r}", f"one of {', '.join(METHODS)}", "Correct the name.")
    return METHODS[name]


def attribute(
    model: Explainable,
    batch: Batch,
    method: str = INTEGRATED_GRADIENTS.name,
    target: int = 0,
    *,
    baseline: Baseline | None = None,
    seed: int = 0,
    **settings: object,
) -> Attribution:
    """How much each raw input of one record moved one logit, by any of METHODS.

    batch: one record. baseline: zero where None; a method that uses none ignores it. seed: of what is drawn, if
    anything. settings: `METHODS[method].settings` names those that a method takes.
    Raises InputError for more than one record, no present modality, an unknown method, target or setting, a baseline of
    another schema, a model in training mode, or a method that does not fit the model. The model is left as it was: no
    hooks, no gradients, no change of mode or weight; several threads may share it.
    """
    chosen = method_named(method)
    require_frozen(model)
    require_one(batch)
    target_name(model, target)
    require_something(batch)
    unknown = [name for name in settings if name not in chosen.settings]
    if unknown:
        raise InputError(
            chosen.title, f"unknown setting(s) {', '.join(unknown)}", f"some of {', '.join(chosen.settings) or 'none'}",
            "Correct the name.",
        )  # fmt: skip
    start = zero(batch) if baseline is None else baseline
    start.require(model.schema, batch)
    return chosen.conclude(model, batch, target, start, chosen.function(model, batch, target, start, seed, **settings))
