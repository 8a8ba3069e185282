"""Attributions over raw inputs from a model's gradients.

Integrated Gradients: Sundararajan, Taly, Yan 2017, https://arxiv.org/abs/1703.01365, eq. 1, through Captum.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from amfn.types import Batch, Explainable, InputError
from explain.checks import require_frozen, require_one, target_name
from explain.types import Attribution, completeness_gap

METHOD = "integrated gradients"
QUADRATURE = "gausslegendre"
STEP_CAP = 256

# What each baseline puts in place of a modality's raw tensor. "neutral" is the zero of the normalised input; what that
# is in physical terms (a training mean, a record's own level, no category) the model's `Normaliser.zero` says.
BASELINES: Mapping[str, Callable[[Tensor], Tensor]] = {"neutral": torch.zeros_like}

# torch.backends.cudnn.flags changes process-wide state: two threads leaving it out of order would switch cuDNN off.
_cudnn_lock = threading.Lock()


@contextmanager
def _differentiable(device: torch.device) -> Iterator[None]:
    """Lets gradients flow in evaluation mode, whatever the caller's autograd mode."""
    with torch.inference_mode(False), torch.enable_grad():
        if device.type != "cuda":
            yield
            return
        # cuDNN RNNs refuse a backward pass in evaluation mode.
        with _cudnn_lock, torch.backends.cudnn.flags(enabled=False):
            yield


def integrated_gradients(
    model: Explainable,
    batch: Batch,
    target: int = 0,
    *,
    steps: int = 32,
    internal_batch: int = 32,
    baseline: str = "neutral",
    refine: bool = False,
) -> Attribution:
    """Integrated Gradients of one logit over every raw input of one record.

    batch: one record. The path runs from the baseline to the record; which values were measured, and when, stays as it
    is. steps: points of the Gauss-Legendre quadrature. internal_batch: rows per forward pass (memory, not result).
    refine: double the steps until the gap is within 5 % or 256 steps are reached; settings["steps"] is what was used.
    Raises InputError for more than one record, no present modality, an unknown target or baseline, or a model in
    training mode. The model is left as it was: no hooks, no gradients, no change of mode.
    """
    require_one(batch)
    return integrated_gradients_rows(
        model, batch, target, steps=steps, internal_batch=internal_batch, baseline=baseline, refine=refine
    )[0]


def integrated_gradients_rows(
    model: Explainable,
    batch: Batch,
    target: int = 0,
    *,
    steps: int = 32,
    internal_batch: int = 32,
    baseline: str = "neutral",
    refine: bool = False,
) -> tuple[Attribution, ...]:
    """`integrated_gradients` for several records at once: one Attribution a row, each as if alone in its batch."""
    require_frozen(model)
    target_name(model, target)
    if steps < 1 or internal_batch < 1:
        raise InputError(
            METHOD, f"steps={steps}, internal_batch={internal_batch}", "positive counts", "Pass 1 or more."
        )
    if baseline not in BASELINES:
        raise InputError(
            METHOD, f"baseline {baseline!r}", f"one of {', '.join(sorted(BASELINES))}", "Correct the name."
        )
    empty = [name for name, here in zip(batch.ids, batch.present.any(dim=1).tolist(), strict=True) if not here]
    if empty:
        raise InputError(
            ", ".join(empty),
            "every modality is absent",
            "at least one to attribute to",
            "Show the prior without an attribution.",
        )

    results: dict[int, Attribution] = {}
    unfinished = list(range(len(batch)))
    while unfinished:
        latest = _attribute(model, batch.rows(unfinished), target, steps, internal_batch, baseline, refine)
        results.update(zip(unfinished, latest, strict=True))
        if not refine or steps >= STEP_CAP:
            break
        unfinished = [row for row in unfinished if not results[row].complete]
        steps = min(2 * steps, STEP_CAP)
    return tuple(results[row] for row in range(len(batch)))


def _attribute(
    model: Explainable, batch: Batch, target: int, steps: int, internal_batch: int, baseline: str, refine: bool
) -> list[Attribution]:
    # Captum takes half a second or more to import: only who asks for gradients pays for it.
    from captum.attr import IntegratedGradients

    names = [name for i, name in enumerate(model.schema.names) if bool(batch.present[:, i].any())]
    records = len(batch)

    def logit(*inputs: Tensor) -> Tensor:
        """inputs[i] f32[copies * B, T, C], one copy of the batch after the other -> f32[copies * B]."""
        rows = batch.rows(list(range(records)) * (len(inputs[0]) // records))
        logits = model(replace(rows, x={**rows.x, **dict(zip(names, inputs, strict=True))})).logits[:, target]
        # A model may ignore an input altogether; autograd then needs it in the graph to say that its gradient is zero.
        return logits + sum(x.flatten(1)[:, :0].sum(dim=1) for x in inputs)

    inputs = tuple(batch.x[name].detach() for name in names)
    baselines = tuple(BASELINES[baseline](x) for x in inputs)
    with _differentiable(batch.present.device):
        shares = IntegratedGradients(logit).attribute(
            inputs,
            baselines=baselines,
            n_steps=steps,
            method=QUADRATURE,
            internal_batch_size=max(internal_batch, records),
        )
        with torch.no_grad():
            f_x, f_baseline = logit(*inputs).tolist(), logit(*baselines).tolist()

    arrays = {name: share.detach().float().cpu().numpy() for name, share in zip(names, shares, strict=True)}
    found = []
    for row, here in enumerate(batch.present.tolist()):
        present = [name for name, is_here in zip(model.schema.names, here, strict=True) if is_here]
        values = {name: arrays[name][row] for name in present}
        found.append(
            Attribution(
                method=METHOD,
                target=target_name(model, target),
                baseline=baseline,
                settings={
                    "steps": steps,
                    "quadrature": QUADRATURE,
                    "refine": refine,
                    "absent": tuple(name for name in model.schema.names if name not in present),
                },
                values=values,
                f_x=f_x[row],
                f_baseline=f_baseline[row],
                gap=completeness_gap(values, f_x[row], f_baseline[row]),
            )
        )
    return found
