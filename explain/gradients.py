"""Integrated Gradients over raw inputs: the gradient along the straight path from a baseline to a record.

Source: Sundararajan, Taly, Yan 2017, https://arxiv.org/abs/1703.01365, eq. 1, through Captum.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from amfn.types import Batch, Explainable, InputError
from explain.baselines import Baseline, zero
from explain.checks import require_frozen, require_one, target_name
from explain.differentiation import differentiable, logit_of
from explain.method import Method, Shares, present_names, require_something
from explain.types import COMPLETE_WITHIN, Attribution, Setting

QUADRATURE = "gausslegendre"
STEP_CAP = 256
STEPS, INTERNAL_BATCH = 32, 64


def integrated_gradients(
    model: Explainable,
    batch: Batch,
    target: int = 0,
    *,
    baseline: Baseline | None = None,
    steps: int = STEPS,
    refine: bool = False,
    internal_batch: int = INTERNAL_BATCH,
) -> Attribution:
    """Integrated Gradients of one logit over every raw input of one record.

    batch: one record. The path runs from the baseline (zero where None) to the record, once for each row of it; which
    values were measured, and when, stays as it is. steps: points of the Gauss-Legendre quadrature. internal_batch: rows
    per forward pass (memory, not result). refine: double the steps until the gap is within 5 % or 256 steps are
    reached; settings["steps"] is what was used.
    Raises InputError for more than one record, no present modality, an unknown target, a baseline made for something
    else, or a model in training mode. The model is left as it was: no hooks, no gradients, no change of mode.
    """
    require_one(batch)
    return integrated_gradients_rows(
        model,
        batch,
        target,
        baselines=None if baseline is None else [baseline],
        steps=steps,
        refine=refine,
        internal_batch=internal_batch,
    )[0]


def integrated_gradients_rows(
    model: Explainable,
    batch: Batch,
    target: int = 0,
    *,
    baselines: Sequence[Baseline] | None = None,
    steps: int = STEPS,
    refine: bool = False,
    internal_batch: int = INTERNAL_BATCH,
) -> tuple[Attribution, ...]:
    """`integrated_gradients` for several records at once, each with its own baseline: one Attribution a row, each as if
    alone in its batch."""
    require_frozen(model)
    target_name(model, target)
    require_something(batch)
    records = [batch.rows([row]) for row in range(len(batch))]
    starts = [zero(record) for record in records] if baselines is None else list(baselines)
    if len(starts) != len(records):
        raise InputError("baselines", f"{len(starts)}", f"{len(records)}, one a record", "Make one for each.")
    for record, start in zip(records, starts, strict=True):
        start.require(model.schema, record)
    found = _refined(model, batch, target, starts, steps, refine, internal_batch)
    return tuple(
        INTEGRATED_GRADIENTS.conclude(model, record, target, start, shares)
        for record, start, shares in zip(records, starts, found, strict=True)
    )


def _one(
    model: Explainable,
    batch: Batch,
    target: int,
    baseline: Baseline,
    seed: int,
    *,
    steps: int = STEPS,
    refine: bool = False,
    internal_batch: int = INTERNAL_BATCH,
) -> Shares:
    return _refined(model, batch, target, [baseline], steps, refine, internal_batch)[0]


def _refined(
    model: Explainable,
    batch: Batch,
    target: int,
    baselines: Sequence[Baseline],
    steps: int,
    refine: bool,
    internal_batch: int,
) -> list[Shares]:
    if steps < 1 or internal_batch < 1:
        raise InputError(
            INTEGRATED_GRADIENTS.title,
            f"steps={steps}, internal_batch={internal_batch}",
            "positive counts",
            "Pass 1 or more.",
        )
    results: dict[int, Shares] = {}
    unfinished = list(range(len(batch)))
    while unfinished:
        starts = [baselines[row] for row in unfinished]
        latest = _along_paths(model, batch.rows(unfinished), target, starts, steps, internal_batch)
        results.update(zip(unfinished, latest, strict=True))
        if not refine or steps >= STEP_CAP:
            break
        gaps = {row: results[row].gap for row in unfinished}
        unfinished = [row for row, gap in gaps.items() if gap is None or not gap <= COMPLETE_WITHIN]
        steps = min(2 * steps, STEP_CAP)
    settings: dict[str, Setting] = {"quadrature": QUADRATURE, "refine": refine}
    return [
        Shares(found.values, found.f_x, found.f_baseline, {**found.settings, **settings})
        for found in (results[row] for row in range(len(batch)))
    ]


def _along_paths(
    model: Explainable, batch: Batch, target: int, baselines: Sequence[Baseline], steps: int, internal_batch: int
) -> list[Shares]:
    """One path for each row of each record's baseline; a record's shares are the means over its paths."""
    # Captum takes half a second or more to import: only who asks for gradients pays for it.
    from captum.attr import IntegratedGradients

    names = present_names(model, batch)
    owner = torch.tensor([row for row, start in enumerate(baselines) for _ in range(len(start))])
    with differentiable(batch.present.device):
        paths = batch.rows(owner.tolist())
        logit = logit_of(model, paths, target, names)
        inputs = tuple(paths.x[name].detach() for name in names)
        starts = tuple(torch.cat([start.x[name] for start in baselines]).detach() for name in names)
        shares = IntegratedGradients(logit).attribute(
            inputs,
            baselines=starts,
            n_steps=steps,
            method=QUADRATURE,
            internal_batch_size=max(internal_batch, len(paths)),
        )
        with torch.no_grad():
            ends = [logit(*inputs).double().cpu(), logit(*starts).double().cpu()]

    arrays = {name: share.detach().float().cpu() for name, share in zip(names, shares, strict=True)}
    found = []
    for row, here in enumerate(batch.present.tolist()):
        own = owner == row
        kept = [name for name, is_here in zip(model.schema.names, here, strict=True) if is_here]
        f_x, f_baseline = (float(end[own].mean()) for end in ends)
        values = {name: arrays[name][own].mean(0).numpy() for name in kept}
        found.append(Shares(values, f_x, f_baseline, {"steps": steps}))
    return found


INTEGRATED_GRADIENTS = Method(
    name="integrated_gradients",
    title="Integrated Gradients",
    says="Moves every measured value from the baseline to what was measured and adds up the gradient along the way.",
    source="Sundararajan, Taly, Yan 2017, https://arxiv.org/abs/1703.01365, eq. 1",
    promises_completeness=True,
    uses_baseline=True,
    function=_one,
)
