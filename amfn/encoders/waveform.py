"""Waveforms: strided convolutions over samples, and a spectral summary beside them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.encoders.layers import Encoder, EncoderConfig, TemporalAttention, sequence_layer
from amfn.types import ModalitySpec


class FrequencyMixer(nn.Module):
    """Frequency-aware token mixing: FFT over tokens, a learned complex filter, inverse FFT (Rao et al. 2021, GFNet).

    The filter has 33 frequencies, a response of 64 tokens, and is applied as a linear, not a cyclic, convolution: the
    end of a record does not wrap around to its start, and padding cannot be heard.
    """

    TAPS = 64

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.filter = nn.Parameter(torch.randn(2, self.TAPS // 2 + 1, width) * 0.02)

    def forward(self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b l f"]:
        length, size = z.shape[1], z.shape[1] + self.TAPS
        with torch.autocast(z.device.type, enabled=False):
            response = torch.fft.irfft(
                torch.complex(self.filter[0].float(), self.filter[1].float()), n=self.TAPS, dim=0
            )
            spectrum = torch.fft.rfft(self.norm(z.float()) * valid[..., None], n=size, dim=1)
            mixed = torch.fft.irfft(spectrum * torch.fft.rfft(response, n=size, dim=0), n=size, dim=1)
        middle = self.TAPS // 2
        return z + mixed[:, middle : middle + length] * valid[..., None]


class SpikingLayer(nn.Module):
    """Leaky integrate-and-fire neurons with a fast-sigmoid surrogate gradient (Zenke & Ganguli 2018), added to z.

    u[t] = decay u[t-1] + w z[t] - spike[t-1]; spike = 1 where u > 1; the step's derivative: 1 / (1 + 25 |u - 1|)^2.
    Own code because snnTorch's neuron keeps its potential as module state, which a model shared by sessions must not.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.drive = nn.Linear(width, width)
        self.decay = nn.Parameter(torch.full((width,), 2.0))

    def forward(self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b l f"]:
        current, decay = self.drive(z) * valid[..., None], torch.sigmoid(self.decay)
        potential = torch.zeros_like(z[:, 0])
        spike, train = torch.zeros_like(potential), []
        for t in range(z.shape[1]):
            potential = decay * potential + current[:, t] - spike
            soft = (potential - 1) / (1 + 25 * (potential - 1).abs())
            # Forward value: the spike. Gradient: that of the soft step.
            spike = (potential > 1).to(z.dtype) + soft - soft.detach()
            train.append(spike)
        return z + torch.stack(train, 1) * valid[..., None]


class SpectralSummary(nn.Module):
    """Per 4 s segment (hop 2 s) and lead: log band powers of the Hann-windowed signal and its normalised
    autocorrelation at lags up to 2 s, through a small MLP; mean, maximum and last over segments, mean over leads.

    log(1 + P / 0.01) and r / (r0 + 0.05) instead of bare logarithms and quotients: a flat line is a regular input, and
    the path from a baseline of zero stays smooth enough for path-integral attributions.
    """

    bands: Tensor
    window: Tensor
    SECONDS, HOP, BANDS, LAG_SECONDS, LAGS = 4.0, 2.0, 24, 2.0, 50

    def __init__(self, rate_hz: float, width: int, dropout: float) -> None:
        super().__init__()
        self.size, self.hop = int(self.SECONDS * rate_hz), int(self.HOP * rate_hz)
        self.lag = int(self.LAG_SECONDS * rate_hz)
        self.width = 3 * (width // 2)
        edges = torch.logspace(-0.6, torch.tensor(min(40.0, rate_hz / 2)).log10().item(), self.BANDS + 1)
        freq = torch.fft.rfftfreq(self.size, 1 / rate_hz)
        band = (freq[:, None] >= edges[:-1]) & (freq[:, None] < edges[1:])
        # Low bands narrower than one bin take the bin nearest to them.
        nearest = (freq[:, None] - (edges[:-1] + edges[1:]) / 2).abs().argmin(0)
        band[nearest, torch.arange(self.BANDS)] = True
        self.register_buffer("bands", band.float() / band.sum(0), persistent=False)
        self.register_buffer("window", torch.hann_window(self.size), persistent=False)
        self.mlp = nn.Sequential(
            nn.Linear(self.BANDS + self.LAGS + 1, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width // 2)
        )

    def features(self, segment: Float[Tensor, "n w"]) -> Float[Tensor, "n f"]:
        """One row per segment of `size` samples; in single precision, which FFTs need also under autocast."""
        segment = segment.float()
        flat = segment - segment.mean(1, keepdim=True)
        power = torch.fft.rfft(flat * self.window).abs() ** 2 / self.size
        bands = torch.log1p(power @ self.bands / 0.01)
        auto = torch.fft.irfft(torch.fft.rfft(flat, n=2 * self.size).abs() ** 2)[:, : self.lag] / self.size
        auto = auto / (auto[:, :1] + 0.05)
        lags = F.adaptive_avg_pool1d(auto[:, None], self.LAGS).squeeze(1)
        return torch.cat([bands, lags, torch.log1p((flat**2).mean(1, keepdim=True) / 0.01)], 1)

    def segments(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b n c f"]:
        """The features of every segment of every lead; a record shorter than one is padded to it."""
        if x.shape[1] < self.size:
            x = F.pad(x, (0, 0, 0, self.size - x.shape[1]))
        parts = x.unfold(1, self.size, self.hop)  # b n c w
        with torch.autocast(x.device.type, enabled=False):
            return self.features(parts.reshape(-1, self.size)).view(*parts.shape[:3], -1)

    def forward(
        self, features: Float[Tensor, "b n c f"], valid: Bool[Tensor, "b t"], share: Float[Tensor, "b c"]
    ) -> Float[Tensor, "b w"]:
        valid = F.pad(valid, (0, max(self.size - valid.shape[1], 0)))
        whole = valid.unfold(1, self.size, self.hop).all(-1)  # b n
        z = torch.einsum("bncf,bc->bnf", self.mlp(features), share) * whole[..., None]
        count = whole.sum(1, keepdim=True)
        high = torch.where(count > 0, z.masked_fill(~whole[..., None], -torch.inf).amax(1), 0.0)
        steps = torch.arange(whole.shape[1], device=z.device)
        last = torch.where(whole, steps, -1).amax(1).clamp(min=0)
        return torch.cat([z.sum(1) / count.clamp(min=1), high, z[torch.arange(len(z), device=z.device), last]], 1)


class WaveformEncoder(Encoder):
    """Strided convolutions shared by all leads of the modality, the mean over observed leads, a layer over time and
    temporal attention; beside it a spectral summary path."""

    LAYERS = ((11, 5), (7, 2), (5, 2), (3, 1))  # kernel, stride

    def __init__(self, spec: ModalitySpec, dim: int, config: EncoderConfig) -> None:
        super().__init__()
        width = config.width
        sizes = (2, width // 2, width, width, width)
        self.convs = nn.ModuleList(
            nn.Conv1d(sizes[k], sizes[k + 1], kernel, stride, padding=kernel // 2, bias=False)
            for k, (kernel, stride) in enumerate(self.LAYERS)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in sizes[1:])
        self.stride = math.prod(stride for _, stride in self.LAYERS)
        self.drop = nn.Dropout(config.dropout)
        self.mixer = FrequencyMixer(width) if config.frequency_mixer else None
        self.spiking = SpikingLayer(width) if config.spiking else None
        self.sequence = sequence_layer(config)
        self.pool = TemporalAttention(width)
        self.spectral = SpectralSummary(spec.rate_hz or 1.0, width, config.dropout) if config.summary else None
        parts = width + (self.spectral.width if self.spectral is not None else 0)
        self.out = nn.Sequential(nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(parts, dim))

    def derive(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Tensor, ...]:
        """The spectral features of every segment, where there is a path for them."""
        return () if self.spectral is None else (self.spectral.segments(x * (observed & valid[..., None])),)

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        observed: Bool[Tensor, "b t c"],
        valid: Bool[Tensor, "b t"],
        derived: tuple[Tensor, ...] | None = None,
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b t"]]:
        b, t, c = x.shape
        seen = observed & valid[..., None]
        x = x * seen
        leads = seen.any(1)  # b c
        share = leads.to(x.dtype) / leads.sum(1, keepdim=True).clamp(min=1)  # b c: the mean over observed leads
        signal = torch.stack([x, seen.to(x.dtype)], 1).permute(0, 3, 1, 2).reshape(b * c, 2, t)
        mask = valid.repeat_interleave(c, 0)[:, None].to(x.dtype)  # (b c) 1 t
        for conv, norm, (_, stride) in zip(self.convs, self.norms, self.LAYERS, strict=True):
            mask = mask[..., ::stride]
            # Padding is set back to zero after every layer: it must look like the zeros beyond a shorter record.
            signal = self.drop(torch.relu(norm(conv(signal)))) * mask
        z = torch.einsum("bcfl,bc->blf", signal.reshape(b, c, *signal.shape[1:]), share)
        inside = valid[:, :: self.stride]  # b l
        if self.mixer is not None:
            z = self.mixer(z, inside)
        if self.spiking is not None:
            z = self.spiking(z, inside)
        if self.sequence is not None:
            z = self.sequence(z, inside)
        pooled, weight = self.pool(z, inside)
        if self.spectral is not None:
            features = self.spectral.segments(x) if derived is None else derived[0]
            pooled = torch.cat([pooled, self.spectral(features, valid, share)], -1)
        per_step = weight.repeat_interleave(self.stride, 1)[:, :t] * valid
        return self.out(pooled), per_step / per_step.sum(1, keepdim=True).clamp(min=1e-12)
