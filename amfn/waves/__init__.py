"""Waveforms of any length for a screen: a window of samples, the whole at a glance, beats, marks and signal quality."""

from __future__ import annotations

from amfn.waves.annotations import Annotations, Mark, annotations_beside
from amfn.waves.beats import Beats, beats, beats_within, next_peak, previous_peak
from amfn.waves.quality import Stretch, clipped, quality, quality_overview, quality_within, usable_share
from amfn.waves.rhythm import Silence
from amfn.waves.source import Lead, Points, Samples, WaveSource, lead_title, open_waves
from amfn.waves.usable import Seen, Usable, seen_s, usable_seen, usable_within

__all__ = [
    "Annotations",
    "Beats",
    "Lead",
    "Mark",
    "Points",
    "Samples",
    "Seen",
    "Silence",
    "Stretch",
    "Usable",
    "WaveSource",
    "annotations_beside",
    "beats",
    "beats_within",
    "clipped",
    "lead_title",
    "next_peak",
    "open_waves",
    "previous_peak",
    "quality",
    "quality_overview",
    "quality_within",
    "seen_s",
    "usable_seen",
    "usable_share",
    "usable_within",
]
