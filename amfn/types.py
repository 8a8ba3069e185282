"""The values that travel through the product: a file becomes a `Record`, records a `Batch`, a batch a `Prediction`.

Axes: B records, M modalities, T steps, C channels, K targets, H heads, S fusion sources, D embedding width.
Three masks stay apart everywhere: `observed` (this value was measured), `valid` (this step is not padding) and
`present` (this modality exists for this record). Absent is never zero: physical values are NaN where unobserved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

ModalityKind = Literal["waveform", "series", "static"]
TaskKind = Literal["binary", "regression"]
Severity = Literal["info", "warning"]


class InputError(ValueError):
    """Bad input, said once: what came, what was expected, how to mend it.

    `source` names the file or the argument, so that a page can show the message as it is and go on with the rest.
    """

    def __init__(self, source: object, came: str, expected: str, mend: str) -> None:
        self.source = str(source)
        self.came, self.expected, self.mend = came, expected, mend
        super().__init__(f"{self.source}: {came}. Expected {expected}. {mend}")


def require_settings(owner: str, *rules: tuple[str, object, bool]) -> None:
    """Raise one InputError naming every setting (name, value, whether it fits) that does not fit."""
    wrong = [f"{name} = {value}" for name, value, fits in rules if not fits]
    if wrong:
        raise InputError(
            owner, ", ".join(wrong), "sizes, rates and shares within what can be built and trained", "Correct them."
        )


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured quantity. `low` and `high` are physiological limits in `unit`: outside them a value is an artefact.

    `normal` is the adult reference interval drawn behind a trend (its source: `Schema.reference_source`). A `flag`
    channel is one level of a category, 0 or 1 (alarm type, ICU type); it is neither scaled nor plotted as a number.
    """

    name: str
    unit: str
    low: float
    high: float
    label: str = ""
    normal: tuple[float, float] | None = None
    flag: bool = False

    @property
    def title(self) -> str:
        """The name for a screen: `label`, or the name where there is none."""
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class ModalitySpec:
    """A group of channels that is present or missing together. `rate_hz` is set for waveforms only."""

    name: str
    kind: ModalityKind
    channels: tuple[Channel, ...]
    rate_hz: float | None = None
    label: str = ""
    steps: int = 1

    @property
    def title(self) -> str:
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model reads and predicts. Two checkpoints may share data only where the digests agree."""

    task: str
    modalities: tuple[ModalitySpec, ...]
    targets: tuple[str, ...]
    reference_source: str = ""

    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of the schema's canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.modalities)

    def modality(self, name: str) -> ModalitySpec:
        for spec in self.modalities:
            if spec.name == name:
                return spec
        raise InputError(
            self.task, f"unknown modality {name!r}", f"one of {', '.join(self.names)}", "Correct the name."
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a reader or a task did to the data, or noticed in it, that its user should know.

    `count` is the number of samples or rows concerned.
    """

    channel: str
    what: str
    count: int = 0
    severity: Severity = "info"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A bedside alarm: its type as written in the record, and when it sounded (hours from the record's start)."""

    kind: str
    hours: float


@dataclass(frozen=True, slots=True)
class RecordMeta:
    """Provenance of a record. `context` holds per modality the record's own centre and spread, f32[2, C], taken over
    all that was known before the window's end; tasks set it, normalisation may use it."""

    format: str
    start: str | None = None
    alarm: Alarm | None = None
    findings: tuple[Finding, ...] = ()
    context: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One patient's data in physical units.

    channels[m]: what each column of values[m] is. values[m]: f32[T, C], NaN where unobserved.
    observed[m]: bool[T, C]. hours[m]: f64[T], hours since the record's start, ascending.
    labels: known outcomes by target name (never an input). A modality without a column is left out, not filled.
    """

    record_id: str
    source: str
    channels: Mapping[str, tuple[Channel, ...]]
    values: Mapping[str, Float[np.ndarray, "t c"]]
    observed: Mapping[str, Bool[np.ndarray, "t c"]]
    hours: Mapping[str, Float[np.ndarray, " t"]]
    labels: Mapping[str, float]
    meta: RecordMeta

    def __post_init__(self) -> None:
        for name, values in self.values.items():
            steps, width = values.shape
            if self.observed[name].shape != (steps, width) or self.hours[name].shape != (steps,):
                raise InputError(
                    self.source,
                    f"modality {name!r} has values {values.shape}, observed {self.observed[name].shape}, "
                    f"hours {self.hours[name].shape}",
                    "[T, C], [T, C] and [T]",
                    "Mend the reader: the three belong together.",
                )
            if len(self.channels[name]) != width:
                raise InputError(
                    self.source,
                    f"modality {name!r} has {width} columns and {len(self.channels[name])} channels",
                    "one channel a column",
                    "Mend the reader.",
                )

    def present(self, name: str) -> bool:
        """True where at least one value of the modality was measured."""
        return name in self.values and bool(self.observed[name].any())

    def digest(self) -> str:
        """First 16 hex digits of a SHA-256 over id, values, masks, times and alarm: the cache key of the record."""
        sha = hashlib.sha256(f"{self.record_id}|{self.meta.alarm}".encode())
        for name in sorted(self.values):
            sha.update(name.encode())
            sha.update(np.ascontiguousarray(self.values[name]).tobytes())
            sha.update(np.ascontiguousarray(self.observed[name]).tobytes())
            sha.update(np.ascontiguousarray(self.hours[name]).tobytes())
        return sha.hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records as tensors, normalised. x[m] is 0 where `observed` is False; `observed` tells that from a measured 0.

    derived[m]: what the encoder of m computes from these without a weight, worked out once for many passes; else None.
    """

    ids: tuple[str, ...]
    x: Mapping[str, Float[Tensor, "b t c"]]
    observed: Mapping[str, Bool[Tensor, "b t c"]]
    valid: Mapping[str, Bool[Tensor, "b t"]]
    present: Bool[Tensor, "b m"]
    derived: Mapping[str, tuple[Tensor, ...]] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, index: Sequence[int]) -> Batch:
        """The records at these positions, in this order."""
        at = torch.as_tensor(list(index), device=self.present.device)
        return Batch(
            ids=tuple(self.ids[i] for i in index),
            x={m: v[at] for m, v in self.x.items()},
            observed={m: v[at] for m, v in self.observed.items()},
            valid={m: v[at] for m, v in self.valid.items()},
            present=self.present[at],
            derived=None if self.derived is None else {m: tuple(v[at] for v in d) for m, d in self.derived.items()},
        )

    def to(self, device: torch.device | str) -> Batch:
        return Batch(
            ids=self.ids,
            x={m: v.to(device) for m, v in self.x.items()},
            observed={m: v.to(device) for m, v in self.observed.items()},
            valid={m: v.to(device) for m, v in self.valid.items()},
            present=self.present.to(device),
            derived=None
            if self.derived is None
            else {m: tuple(v.to(device) for v in d) for m, d in self.derived.items()},
        )

    def masked(self, keep: Bool[Tensor, "b m"] | Bool[Tensor, " m"]) -> Batch:
        """The same records with only these modalities kept, where they exist at all."""
        return replace(self, present=self.present & keep.to(self.present.device))


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What encoders leave: h f32[B, M, D], zero rows where absent; temporal[m] f32[B, T], attention over time.

    A system that fuses over time leaves the L tokens of a modality side by side, D = L · W, and says with `valid` which
    of them stand for steps of the record.
    """

    h: Float[Tensor, "b m d"]
    present: Bool[Tensor, "b m"]
    temporal: Mapping[str, Float[Tensor, "b t"]] | None = None
    valid: Bool[Tensor, "b m l"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FusionTrace:
    """Everything a fusion system decided on its way. A field that a system does not have is None, never invented.

    attention[b, h, i, j]: α, how much node i takes from node j (Eq. 8); rows of absent nodes are zero.
    adjacency[b, i, j]: row-normalised similarity graph (Eq. 10). gates[b, s]: γ (Eq. 13), 0 where absent.
    weights[b, s]: β (Eq. 15), sums to one over what is present. node_logits[b, s, k]: the exact part of each logit that
    stands on fused node s, and bias[b, k] the rest: logits = bias + sum over s (Eq. 16 with a linear head).
    """

    sources: tuple[str, ...]
    present: Bool[Tensor, "b s"]
    attention: Float[Tensor, "b h s s"] | None = None
    adjacency: Float[Tensor, "b s s"] | None = None
    gates: Float[Tensor, "b s"] | None = None
    weights: Float[Tensor, "b s"] | None = None
    node_logits: Float[Tensor, "b s k"] | None = None
    bias: Float[Tensor, "b k"] | None = None
    temporal: Mapping[str, Float[Tensor, "b t"]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """logits[b, k]; embedding[b, d], the fused representation; the trace of how they came about; members[e, b, k], the
    logits of each network of an ensemble, whose mean `logits` is, None for a single network."""

    logits: Float[Tensor, "b k"]
    embedding: Float[Tensor, "b d"]
    trace: FusionTrace
    members: Float[Tensor, "e b k"] | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """What takes the place of a network's own routing, None where that stays as it is.

    attention: (α f32[B, H, M, M], present bool[B, M]) -> the α to use; weights: (β f32[B, M], present) -> the β to use.
    Of an ensemble each network is asked with its own.
    """

    attention: Callable[[Tensor, Tensor], Tensor] | None = None
    weights: Callable[[Tensor, Tensor], Tensor] | None = None


class Explainable(Protocol):
    """What an explainer needs of a model: the two halves of the forward pass, so that encoders run once per record."""

    schema: Schema

    def __call__(self, batch: Batch) -> Prediction: ...

    def encode(self, batch: Batch) -> Encoded: ...

    def fuse(self, encoded: Encoded) -> Prediction: ...


@runtime_checkable
class Routed(Explainable, Protocol):
    """A model whose routing can be exchanged. `fuse_routed` raises InputError for a routing that it does not have."""

    def fuse_routed(self, encoded: Encoded, routing: Routing) -> Prediction: ...
