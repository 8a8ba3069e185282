"""How much of the window that a model reads can be used, and what spoils the rest: for screen, paragraph and report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from amfn.types import Record, Schema
from amfn.waves.quality import Kind, Stretch, quality_within, usable_share
from amfn.waves.source import WaveSource

KIND_WORDS: Mapping[Kind, str] = {"absent": "no signal", "flat": "flat", "saturated": "clipped", "noisy": "noisy"}


@dataclass(frozen=True, slots=True)
class Usable:
    """One modality between two moments. share: 0 to 1 of the time, the best lead's, as a model that reads two of them
    can do with one; kinds: what spoils any lead, the longest first; stretches: by the title of each lead, in seconds
    from the record's start."""

    share: float
    kinds: tuple[Kind, ...]
    stretches: Mapping[str, tuple[Stretch, ...]]

    @property
    def spoilt_by(self) -> tuple[str, ...]:
        """The kinds in words."""
        return tuple(KIND_WORDS[kind] for kind in self.kinds)

    @property
    def said(self) -> str:
        """2 leads, 56 % usable (noisy, clipped)."""
        leads = f"{len(self.stretches)} lead{'s' if len(self.stretches) > 1 else ''}"
        return f"{leads}, {100 * self.share:.0f} % usable" + (f" ({', '.join(self.spoilt_by)})" if self.kinds else "")


@dataclass(frozen=True, slots=True)
class Seen:
    """The window that the model reads, in seconds of the record, and its waveforms by modality."""

    start_s: float
    stop_s: float
    usable: Mapping[str, Usable]

    def told(self, names: Collection[str] | None = None) -> dict[str, Any]:
        """As a paragraph takes it; names: only these modalities."""
        kept = {m: found for m, found in self.usable.items() if names is None or m in names}
        if not kept:
            return {}
        return {
            "seen_s": self.stop_s - self.start_s,
            "usable": {m: (found.share, found.spoilt_by) for m, found in kept.items()},
        }


def seen_s(prepared: Record, schema: Schema) -> tuple[float, float]:
    """First and last second of the waveforms that the model reads; schema: of a task that has some."""
    grids = [prepared.hours[m.name] * 3600 for m in schema.modalities if m.kind == "waveform"]
    return float(grids[0][0]), float(2 * grids[0][-1] - grids[0][-2])


def usable_within(record: Record, modality: str, start_s: float, stop_s: float) -> Usable:
    """A modality of a record as its reader gave it. Raises InputError where the record has no waveform."""
    return _usable(WaveSource.of(record), modality, start_s, stop_s)


def usable_seen(record: Record, prepared: Record, schema: Schema) -> Seen:
    """Every waveform that the record has, in the window that the model reads; nothing for a task without any. record:
    as its reader gave it; prepared: as the model reads it."""
    names = [m.name for m in schema.modalities if m.kind == "waveform" and prepared.present(m.name)]
    if not names:
        return Seen(0.0, 0.0, {})
    source, window = WaveSource.of(record), seen_s(prepared, schema)
    known = {lead.modality for lead in source.leads}
    return Seen(*window, {name: _usable(source, name, *window) for name in names if name in known})


def _usable(source: WaveSource, modality: str, start_s: float, stop_s: float) -> Usable:
    own = [k for k, lead in enumerate(source.leads) if lead.modality == modality]
    found = {source.leads[k].title: quality_within(source, k, start_s, stop_s) for k in own}
    lengths: dict[Kind, float] = {}
    for stretch in (each for stretches in found.values() for each in stretches):
        lengths[stretch.kind] = lengths.get(stretch.kind, 0.0) + stretch.stop_s - stretch.start_s
    shares = [usable_share(stretches, start_s, stop_s) for stretches in found.values()]
    kinds = sorted(lengths, key=lambda kind: -lengths[kind])
    return Usable(float(np.max(shares, initial=0.0)), tuple(kinds), found)
