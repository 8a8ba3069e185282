"""What stands in the row of each modality on the Patient page: recorded or not, how well, contribution and routing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amfn.types import ModalitySpec, Record
from amfn.waves import WaveSource, quality_within, usable_share
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
        return Recorded(hours / len(seen), f"{hours} of {len(seen)} hours, {values} value{'s' if values > 1 else ''}")
    if all(channel.flag for channel in spec.channels):
        return Recorded(1.0, "stated")
    known = int(seen.any(axis=0).sum())
    return Recorded(known / seen.shape[1], f"{known} of {seen.shape[1]} values")


def _window(opened: Case) -> tuple[float, float]:
    return signals.window_s(opened.prepared, services.schema(opened.listing.task))


def waveform_quality(record: Record, modality: str, start_s: float, stop_s: float) -> Recorded:
    """Leads of a modality between two moments, and what share of their time can be used: the best lead's, as a model
    that reads two of them can do with one."""
    source = WaveSource.of(record)
    own = [k for k, lead in enumerate(source.leads) if lead.modality == modality]
    shares, kinds = [], []
    for k in own:
        found = quality_within(source, k, start_s, stop_s)
        shares.append(usable_share(found, start_s, stop_s))
        kinds += [(stretch.kind, min(stretch.stop_s, stop_s) - max(stretch.start_s, start_s)) for stretch in found]
    lengths = {kind: sum(length for each, length in kinds if each == kind) for kind, _ in kinds}
    best = float(np.max(shares, initial=0.0))
    leads = f"{len(own)} lead{'s' if len(own) > 1 else ''}"
    spoilt = sorted((kind for kind, length in lengths.items() if length > 0), key=lambda kind: -lengths[kind])
    said = f"{leads}, {100 * best:.0f} % usable" + (f" ({', '.join(spoilt)})" if spoilt else "")
    return Recorded(best, said, tuple(spoilt))
