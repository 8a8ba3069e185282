"""Waveforms of any length for a screen: a window of samples, the whole at a glance, beats, marks and signal quality."""

from __future__ import annotations

from amfn.waves.annotations import Annotations, Mark, annotations_beside
from amfn.waves.beats import Beats, beats, next_peak, previous_peak
from amfn.waves.quality import Stretch, clipped, quality, quality_overview, quality_within, usable_share
from amfn.waves.source import Lead, Points, Samples, WaveSource, open_waves

__all__ = [
    "Annotations",
    "Beats",
    "Lead",
    "Mark",
    "Points",
    "Samples",
    "Stretch",
    "WaveSource",
    "annotations_beside",
    "beats",
    "clipped",
    "next_peak",
    "open_waves",
    "previous_peak",
    "quality",
    "quality_overview",
    "quality_within",
    "usable_share",
]
