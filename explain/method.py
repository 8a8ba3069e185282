"""What every attribution method is: facts about it that a screen shows, and one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from amfn.types import Batch, Explainable, InputError
from explain.baselines import Baseline
from explain.checks import target_name
from explain.types import Attribution, Setting, completeness_gap


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """What a method finds for one record; the fields are those of `Attribution`."""

    values: Mapping[str, Float[np.ndarray, "t c"]]
    f_x: float
    f_baseline: float | None
    settings: Mapping[str, Setting]
    missing: Mapping[str, Bool[np.ndarray, "t c"]] | None = None

    @property
    def gap(self) -> float | None:
        return None if self.f_baseline is None else completeness_gap(self.values, self.f_x, self.f_baseline)


@dataclass(frozen=True, slots=True)
class Method:
    """One attribution method.

    says: one plain sentence on what it does. source: paper and place in it. promises_completeness: its values add up to
    f(x) - f(baseline), by its theory. in_logits: its values are signed parts of a logit.
    function(model, batch of one, target, baseline, seed, *, settings) -> Shares: it may rely on the checks of
    `explain.methods.attribute`, and leaves the model as it was.
    """

    name: str
    title: str
    says: str
    source: str
    promises_completeness: bool
    uses_baseline: bool
    function: Callable[..., Shares]
    in_logits: bool = True

    @property
    def settings(self) -> tuple[str, ...]:
        """The names that the function takes beyond what every method is given."""
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)

    def conclude(
        self, model: Explainable, batch: Batch, target: int, baseline: Baseline, shares: Shares
    ) -> Attribution:
        """The method's shares of one record as an Attribution.

        Raises InputError where a value is not a finite number: no screen could show it.
        """
        numbers = [shares.f_x, *([] if shares.f_baseline is None else [shares.f_baseline])]
        broken = [name for name, values in shares.values.items() if not np.isfinite(values).all()]
        if broken or not np.isfinite(numbers).all():
            raise InputError(
                self.title,
                f"a value that is no number ({', '.join(broken) or 'the logit itself'})",
                "a model with finite logits and gradients at this record",
                "Check the record's values, or take a method that needs no gradient (feature ablation).",
            )
        here = batch.present[0].tolist()
        absent = tuple(name for name, is_here in zip(model.schema.names, here, strict=True) if not is_here)
        return Attribution(
            method=self.name,
            target=target_name(model, target),
            baseline=baseline.name if self.uses_baseline else "none",
            settings={**shares.settings, "absent": absent},
            values=shares.values,
            f_x=shares.f_x,
            f_baseline=shares.f_baseline,
            gap=shares.gap if self.promises_completeness else None,
            in_logits=self.in_logits,
            missing=shares.missing,
        )


def present_names(model: Explainable, batch: Batch) -> list[str]:
    """The modalities that at least one record of the batch has, in the schema's order."""
    return [name for name, here in zip(model.schema.names, batch.present.any(0).tolist(), strict=True) if here]


def require_something(batch: Batch) -> None:
    """Raises InputError naming the records in which every modality is absent."""
    empty = [name for name, here in zip(batch.ids, batch.present.any(dim=1).tolist(), strict=True) if not here]
    if empty:
        raise InputError(
            ", ".join(empty),
            "every modality is absent",
            "at least one to attribute to",
            "Show the prior without an attribution.",
        )
