"""What an explainer might leave behind on a model that it was lent."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn


def state(model: nn.Module) -> list[object]:
    """Hooks, gradients, weights, buffers and modes of a module and of all its parts, to be compared with ==."""
    hooks = [
        len(getattr(part, name))
        for part in model.modules()
        for name in vars(part)
        if name.endswith("_hooks") and getattr(part, name) is not None
    ]
    parameters = [(p.requires_grad, p.grad, p.detach().clone().tolist()) for p in model.parameters()]
    buffers = [b.detach().clone().tolist() for b in model.buffers()]
    return [hooks, parameters, buffers, [part.training for part in model.modules()]]


def global_draws() -> list[object]:
    """Where the generators stand that all threads share, to be compared with ==."""
    state = np.random.get_state(legacy=False)
    return [torch.get_rng_state().tolist(), str(state), random.getstate()]
