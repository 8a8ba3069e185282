"""What each encoder computes, on inputs small enough to know the answer."""

from __future__ import annotations

import pytest
import torch

from amfn.encoders import (
    EncoderConfig,
    SeriesEncoder,
    SpectralSummary,
    SpikingLayer,
    TemporalAttention,
    build_encoder,
    positions,
)
from amfn.types import Channel, InputError, ModalitySpec

CHANNEL = (Channel("c", "mV", -10, 10),)


def test_temporal_attention_is_a_distribution_over_valid_tokens() -> None:
    pool = TemporalAttention(4)
    valid = torch.tensor([[True, True, False], [False, False, False]])
    pooled, weight = pool(torch.randn(2, 3, 4), valid)
    assert weight[0, :2].sum().item() == pytest.approx(1.0)
    assert weight[0, 2] == 0
    assert (weight[1] == 0).all()
    assert (pooled[1] == 0).all()


def test_series_encoder_carries_the_last_observation_forward() -> None:
    """One measurement of 2 at step 1: after it, the token holds value 2, and the time since grows by a quarter."""
    encoder = SeriesEncoder(ModalitySpec("m", "series", CHANNEL, steps=4), 3, EncoderConfig(width=4, sequence="none"))
    caught: dict[str, torch.Tensor] = {}
    encoder.lift.register_forward_pre_hook(lambda _, args: caught.update(tokens=args[0]))
    observed = torch.tensor([[[False], [True], [False], [False]]])
    encoder.eval()(torch.full((1, 4, 1), 2.0), observed, torch.ones(1, 4, dtype=torch.bool))
    assert caught["tokens"][0].tolist() == [
        [0.0, 0.0, 1.0],
        [2.0, 1.0, 0.0],
        [2.0, 0.0, 0.25],
        [2.0, 0.0, 0.5],
    ]


def test_spectral_summary_finds_the_rate_of_a_sine() -> None:
    """A 2 Hz sine: its band holds most power, and the autocorrelation peaks at a lag of half a second."""
    spectral = SpectralSummary(125.0, 8, 0.0)
    t = torch.arange(spectral.size) / 125.0
    features = spectral.features(torch.sin(2 * torch.pi * 2 * t)[None])[0]
    bands, lags = features[: spectral.BANDS], features[spectral.BANDS : -1]
    edges = torch.logspace(-0.6, torch.tensor(40.0).log10().item(), spectral.BANDS + 1)
    strongest = int(bands.argmax())
    assert edges[strongest] - 0.25 <= 2.0 <= edges[strongest + 1] + 0.25
    peak = int(lags[8:18].argmax()) + 8  # around 0.5 s, behind the main lobe; 50 lags span 2 s
    assert peak * 2.0 / 50 == pytest.approx(0.5, abs=0.05)


def test_spectral_summary_of_a_flat_line_is_zero() -> None:
    spectral = SpectralSummary(125.0, 8, 0.0)
    assert spectral.features(torch.full((1, spectral.size), 3.0)).abs().max() < 1e-4


def test_every_band_of_the_summary_has_a_frequency() -> None:
    for rate in (50.0, 125.0, 500.0):
        torch.testing.assert_close(SpectralSummary(rate, 8, 0.0).bands.sum(0), torch.ones(SpectralSummary.BANDS))


def test_spiking_layer_fires_when_charged_and_passes_a_gradient() -> None:
    """A constant drive of 0.6 with a leak of 0.5 settles at 1.2: it crosses 1 and fires; a drive of 0.4 never does."""
    layer = SpikingLayer(2)
    with torch.no_grad():
        layer.drive.weight.zero_()
        layer.drive.bias.copy_(torch.tensor([0.6, 0.4]))
        layer.decay.zero_()
    z = torch.zeros(1, 12, 2, requires_grad=True)
    out = layer(z, torch.ones(1, 12, dtype=torch.bool))
    assert out[0, :, 0].sum() >= 1
    assert out[0, :, 1].sum() == 0
    assert set(out.detach().unique().round(decimals=5).tolist()) <= {0.0, 1.0}
    out.sum().backward()
    assert layer.decay.grad is not None
    assert layer.decay.grad.abs().sum() > 0


def test_positions_are_distinct() -> None:
    table = positions(100, 16, torch.device("cpu"))
    assert table.shape == (100, 16)
    assert torch.cdist(table, table).fill_diagonal_(1).min() > 0.1


def test_a_kind_without_an_encoder_is_refused() -> None:
    with pytest.raises(InputError, match="waveform, series, static"):
        build_encoder(ModalitySpec("m", "image", CHANNEL), 8, EncoderConfig())  # type: ignore[arg-type]
