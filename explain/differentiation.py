"""One logit as a function of raw tensors, and its gradient, with the model left as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from amfn.types import Batch, Explainable
from explain.baselines import Baseline

Logit = Callable[..., Tensor]
"""inputs[i] f32[n, T, C], one tensor a modality -> f32[n]."""

# torch.backends.cudnn.flags changes process-wide state: two threads leaving it out of order would switch cuDNN off.
_cudnn_lock = threading.Lock()


@contextmanager
def differentiable(device: torch.device) -> Iterator[None]:
    """Lets gradients flow in evaluation mode, whatever the caller's autograd mode."""
    with torch.inference_mode(False), torch.enable_grad():
        if device.type != "cuda":
            yield
            return
        # cuDNN RNNs refuse a backward pass in evaluation mode.
        with _cudnn_lock, torch.backends.cudnn.flags(enabled=False):
            yield


def logit_of(model: Explainable, batch: Batch, target: int, names: Sequence[str]) -> Logit:
    """The logit of these records as a function of the raw tensors of these modalities; all else stays as it is.

    Inputs are f32[copies * B, T, C], one copy of the batch after the other.
    """
    records = len(batch)

    def logit(*inputs: Tensor) -> Tensor:
        rows = batch.rows(list(range(records)) * (len(inputs[0]) // records))
        # What encoders derived from the record's own values would hide that the inputs have changed.
        altered = replace(rows, x={**rows.x, **dict(zip(names, inputs, strict=True))}, derived=None)
        logits = model(altered).logits[:, target]
        # A model may ignore an input altogether; autograd then needs it in the graph to say that its gradient is zero.
        return logits + sum(x.flatten(1)[:, :0].sum(dim=1) for x in inputs)

    return logit


def leaves(inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Copies from which autograd can start, apart from the caller's tensors and from other threads."""
    return tuple(x.detach().clone().requires_grad_() for x in inputs)


def gradients(logit: Logit, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The gradient of each row's logit at each input, f32[n, T, C]."""
    from captum.attr import Saliency

    return Saliency(logit).attribute(leaves(inputs), abs=False)


def mean_logit(logit: Logit, names: Sequence[str], baseline: Baseline) -> float:
    """The mean over a baseline's rows of one record's logit."""
    with torch.no_grad():
        return float(logit(*(baseline.x[name] for name in names)).double().mean())
