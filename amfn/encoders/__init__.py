"""One encoder per modality kind: x f32[B, T, C] with its masks -> h f32[B, D] and attention over time f32[B, T].

Axes: b records, t steps, c channels (leads), l tokens after striding, f features, d embedding width.
Every encoder is blind to padding: steps outside `valid` cannot change its output.
"""

from __future__ import annotations

from collections.abc import Callable

from amfn.encoders.layers import Encoder, EncoderConfig, TemporalAttention, positions
from amfn.encoders.series import SeriesEncoder, StaticEncoder
from amfn.encoders.waveform import SpectralSummary, SpikingLayer, WaveformEncoder
from amfn.types import InputError, ModalitySpec

ENCODERS: dict[str, Callable[[ModalitySpec, int, EncoderConfig], Encoder]] = {
    "waveform": WaveformEncoder,
    "series": SeriesEncoder,
    "static": StaticEncoder,
}


def build_encoder(spec: ModalitySpec, dim: int, config: EncoderConfig) -> Encoder:
    """The encoder of this modality's kind. Raises InputError for a kind without one."""
    if spec.kind not in ENCODERS:
        raise InputError(
            spec.name, f"modality kind {spec.kind!r}", f"one of {', '.join(ENCODERS)}", "Register an encoder for it."
        )
    return ENCODERS[spec.kind](spec, dim, config)


__all__ = [
    "ENCODERS",
    "Encoder",
    "EncoderConfig",
    "SeriesEncoder",
    "SpectralSummary",
    "SpikingLayer",
    "StaticEncoder",
    "TemporalAttention",
    "WaveformEncoder",
    "build_encoder",
    "positions",
]
