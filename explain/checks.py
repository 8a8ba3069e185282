"""What every explainer asks of its arguments before it starts."""

from __future__ import annotations

from torch import nn

from amfn.types import Batch, Explainable, InputError


def require_frozen(model: Explainable) -> None:
    """Raises InputError for a module in training mode: dropout would make the answer a matter of chance, and batch
    statistics would change the model. Setting the mode here instead would race with other threads on a shared model.
    """
    if isinstance(model, nn.Module) and model.training:
        raise InputError("model", "it is in training mode", "evaluation mode", "Call model.eval() after loading.")


def require_one(batch: Batch) -> None:
    """Raises InputError unless the batch holds exactly one record."""
    if len(batch) != 1:
        raise InputError("batch", f"{len(batch)} records", "one record", "Take one with batch.rows([i]).")


def target_name(model: Explainable, target: int) -> str:
    """The name of the target at this position; InputError where there is none."""
    names = model.schema.targets
    if not 0 <= target < len(names):
        raise InputError(
            "target", f"position {target}", f"0 to {len(names) - 1}", f"The targets are {', '.join(names)}."
        )
    return names[target]
