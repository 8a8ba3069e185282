"""Where attributions start: what stands in place of the measured values of one record.

Which values were measured, and when, stays as it is: a baseline is 0 where the record has no measurement.
Axes: n rows (an expectation is taken over several), T steps, C channels. Normalised values, as a Batch holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from amfn.types import Batch, InputError, Schema
from explain.checks import require_one
from explain.reference import Reference

ZERO = "every input at zero on the model's own scale"


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Values to start from, made for one record. title: what they are, in plain words. x[m]: f32[n, T, C], n >= 1."""

    name: str
    title: str
    x: Mapping[str, Float[Tensor, "n t c"]]

    def __len__(self) -> int:
        return len(next(iter(self.x.values())))

    def require(self, schema: Schema, batch: Batch) -> None:
        """Raises InputError unless it has finite values of this record's shape for every modality of the schema."""
        rows = len(self) if self.x else 0
        wrong = [name for name in self.x if name not in schema.names]
        for name in schema.names:
            expected = (rows, *batch.x[name].shape[1:])
            if name not in self.x or tuple(self.x[name].shape) != expected or not self.x[name].isfinite().all():
                wrong.append(name)
        if wrong or not rows:
            shapes = ", ".join(f"{name} {tuple(self.x[name].shape) if name in self.x else 'missing'}" for name in wrong)
            raise InputError(
                f"baseline {self.name!r}",
                shapes or "no row",
                f"one or more rows of finite values shaped like this record of {schema.task}",
                "Make the baseline for this record, from data of the same schema.",
            )


def zero(batch: Batch, words: str = ZERO) -> Baseline:
    """Zero on the model's scale. words: what that is in physical terms, as the model's `Normaliser.zero` says it."""
    require_one(batch)
    return Baseline("zero", words, {name: torch.zeros_like(x) for name, x in batch.x.items()})


def median(schema: Schema, batch: Batch, reference: Reference) -> Baseline:
    """Every measured value at its channel's median over the training records' measurements.

    Raises InputError where the reference belongs to another schema.
    """
    require_one(batch)
    reference.require(schema)
    x = {
        name: torch.from_numpy(reference.median[name]).to(batch.x[name]) * _measured(batch, name)
        for name in schema.names
    }
    return Baseline("median", f"every measured value at its median over {reference.records:,} training records", x)


def sample(schema: Schema, batch: Batch, others: Batch, rows: int = 8, seed: int = 0) -> Baseline:
    """Other records in place of this one, step by step; attributions are then averages over them.

    others: records of the same schema and length; the explained one is left out by its id. rows: how many of them are
    drawn, without repetition, by `seed`; all where there are fewer. What a drawn record lacks at a step is its last
    value before, zero before its first. Raises InputError for another schema or length, or where nobody else is left.
    """
    require_one(batch)
    for name in schema.names:
        came = None if name not in others.x else tuple(others.x[name].shape[1:])
        if came != tuple(batch.x[name].shape[1:]):
            raise InputError(
                "baseline 'sample'",
                f"{name} of the other records is {'missing' if came is None else f'{came[0]} steps of {came[1]}'}",
                f"{batch.x[name].shape[1]} steps of {batch.x[name].shape[2]} channels, as in this record",
                f"Take records prepared for {schema.task}.",
            )
    apart = [row for row, name in enumerate(others.ids) if name not in batch.ids]
    if not apart or rows < 1:
        raise InputError(
            "baseline 'sample'",
            f"{len(apart)} other records, of which {rows} are to be drawn",
            "one or more",
            "Pass more records of the same kind.",
        )
    order = torch.randperm(len(apart), generator=torch.Generator().manual_seed(seed))[:rows]
    drawn = others.rows([apart[k] for k in sorted(order.tolist())]).to(batch.present.device)
    x = {name: _carried(drawn, name) * _measured(batch, name) for name in schema.names}
    count = "one other record" if len(drawn) == 1 else f"{len(drawn)} other records, on average"
    return Baseline("sample", f"what was measured in {count}", x)


def _measured(batch: Batch, name: str) -> Tensor:
    """bool[1, T, C], True where a value of this record was measured."""
    return batch.observed[name] & batch.valid[name][..., None]


def _carried(batch: Batch, name: str) -> Tensor:
    """f32[n, T, C], the last measured value carried forward, zero before the first."""
    seen = _measured(batch, name)
    steps = torch.arange(seen.shape[1], device=seen.device)[None, :, None]
    last = torch.where(seen, steps, -1).cummax(1).values
    return torch.gather(batch.x[name], 1, last.clamp(min=0)) * (last >= 0)
