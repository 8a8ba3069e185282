"""What stands in the row of each modality on the Patient page: recorded or not, how well, contribution and routing."""

from __future__ import annotations

from dataclasses import dataclass

from amfn.types import ModalitySpec, Record
from amfn.waves import usable_within
from app import services, signals
from app.views import Case


@dataclass(frozen=True, slots=True)
class Recorded:
    """How much of a modality there is. share: 0..1, of hours, of seconds that can be used, or of values; said: that in
    words; kinds: what spoils a signal ("noisy"), strongest first."""

    share: float
    said: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModalityRow:
    """recorded: None for a missing modality, whose other parts are None too. shapley: log-odds; gate, weight: 0..1,
    None where the model has none."""

    name: str
    title: str
    recorded: Recorded | None
    shapley: float | None
    gate: float | None
    weight: float | None


def rows(opened: Case) -> tuple[ModalityRow, ...]:
    """One row a modality, in the order of the model's schema."""
    a, fused = opened.analysis, opened.analysis.full
    found = []
    for k, spec in enumerate(services.schema(opened.listing.task).modalities):
        if not a.present[k]:
            found.append(ModalityRow(spec.name, spec.title, None, None, None, None))
            continue
        gate = None if fused.gates is None else float(fused.gates[k])
        weight = None if fused.weights is None else float(fused.weights[k])
        recorded = _recorded(opened, spec)
        found.append(ModalityRow(spec.name, spec.title, recorded, float(a.shapley[k]), gate, weight))
    return tuple(found)


def _recorded(opened: Case, spec: ModalitySpec) -> Recorded:
    if spec.kind == "waveform":
        return waveform_quality(opened.record, spec.name, *_window(opened))
    seen = opened.prepared.observed[spec.name]
    if spec.kind == "series":
        hours, values = int(seen.any(axis=1).sum()), int(seen.sum())
        return Recorded(
            hours / len(seen), f"{hours} of {len(seen)} hours, {values} hourly value{'s' if values > 1 else ''}"
        )
    if all(channel.flag for channel in spec.channels):
        return Recorded(1.0, "stated")
    known = int(seen.any(axis=0).sum())
    return Recorded(known / seen.shape[1], f"{known} of {seen.shape[1]} values")


def _window(opened: Case) -> tuple[float, float]:
    return signals.window_s(opened.prepared, services.schema(opened.listing.task))


def waveform_quality(record: Record, modality: str, start_s: float, stop_s: float) -> Recorded:
    """Leads of a modality between two moments, and what share of their time can be used: the best lead's, as a model
    that reads two of them can do with one."""
    found = usable_within(record, modality, start_s, stop_s)
    return Recorded(found.share, found.said, found.kinds)
