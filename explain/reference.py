"""What is usual: medians and ranges of every channel over training records, on the model's normalised scale.

Aggregates only, so that they may stand in a checkpoint: no patient can be read from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from amfn.types import Batch, InputError, Schema

LOW, HIGH = 1.0, 99.0
"""Percentiles between which a value counts as plausible."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """median, low, high: f32[C] by modality, over every measured value of `records` records; 0 for a channel that was
    never measured. typical: the median over records of a record's own median, which a much-measured patient does not
    pull. data: digest of the records."""

    median: Mapping[str, Float[np.ndarray, " c"]]
    typical: Mapping[str, Float[np.ndarray, " c"]]
    low: Mapping[str, Float[np.ndarray, " c"]]
    high: Mapping[str, Float[np.ndarray, " c"]]
    records: int
    data: str

    @classmethod
    def of(cls, schema: Schema, batches: Sequence[Batch], data: str) -> Reference:
        """From all training records, in as many batches as fit into memory. Raises InputError for none."""
        if not batches or not any(len(batch) for batch in batches):
            raise InputError("reference", "no record", "training records", "Name a folder with records.")
        parts: dict[str, dict[str, np.ndarray]] = {key: {} for key in ("median", "typical", "low", "high")}
        for spec in schema.modalities:
            columns: list[list[float]] = []
            for c in range(len(spec.channels)):
                seen = [(batch.observed[spec.name][..., c] & batch.valid[spec.name]).cpu().numpy() for batch in batches]
                values = [batch.x[spec.name][..., c].cpu().numpy() for batch in batches]
                flat = np.concatenate([v[s] for v, s in zip(values, seen, strict=True)])
                if not len(flat):
                    columns.append([0.0] * 4)
                    continue
                own = [
                    float(np.median(row[there]))
                    for v, s in zip(values, seen, strict=True)
                    for row, there in zip(v, s, strict=True)
                    if there.any()
                ]
                low, middle, high = np.percentile(flat, [LOW, 50.0, HIGH])
                columns.append([float(middle), float(np.median(own)), float(low), float(high)])
            table = np.asarray(columns, np.float32)
            for k, key in enumerate(("median", "typical", "low", "high")):
                parts[key][spec.name] = table[:, k]
        return cls(**parts, records=sum(len(batch) for batch in batches), data=data)

    def require(self, schema: Schema) -> None:
        """Raises InputError unless there is one number for each channel of this schema."""
        for spec in schema.modalities:
            for part in (self.median, self.typical, self.low, self.high):
                shape = None if spec.name not in part else part[spec.name].shape
                if shape != (len(spec.channels),):
                    raise InputError(
                        "reference", f"{spec.name}: {'nothing' if shape is None else f'{shape} numbers'}",
                        f"{len(spec.channels)} numbers, one a channel of {schema.task}",
                        "Take the reference that belongs to this model.",
                    )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        parts = {key: getattr(self, key) for key in ("median", "typical", "low", "high")}
        rounded = {
            key: {m: [round(float(v), 5) for v in values] for m, values in part.items()} for key, part in parts.items()
        }
        return {**rounded, "records": self.records, "data": self.data}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """Raises InputError for anything but what `to_json` gave."""
        try:
            parts = {
                key: {m: np.array([float(v) for v in values], np.float32) for m, values in data[key].items()}
                for key in ("median", "typical", "low", "high")
            }
            return cls(**parts, records=int(data["records"]), data=str(data["data"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "reference", f"an entry that is no reference ({error!r})", "what the audit wrote", "Run it again."
            ) from error
