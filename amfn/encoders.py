"""One encoder per modality kind: x f32[B, T, C] with its masks -> h f32[B, D] and attention over time f32[B, T].

Axes: b records, t steps, c channels (leads), l tokens after striding, f features, d embedding width.
Every encoder is blind to padding: steps outside `valid` cannot change its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from amfn.types import InputError, ModalitySpec, require_settings


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes and options shared by all encoders.

    sequence: the layer over time, "attention" (one pre-norm transformer block), "gru" or "none". summary: the path
    beside it (statistics of a series, spectra of a waveform). `frequency_mixer` and `spiking` act on waveforms only.
    """

    width: int = 64
    dropout: float = 0.2
    sequence: Literal["attention", "gru", "none"] = "attention"
    summary: bool = True
    frequency_mixer: bool = False
    spiking: bool = False

    def __post_init__(self) -> None:
        require_settings(
            "EncoderConfig",
            ("width", self.width, 4 <= self.width <= 1024 and self.width % 4 == 0),
            ("dropout", self.dropout, 0 <= self.dropout < 1),
        )


class TemporalAttention(nn.Module):
    """Additive attention pooling over time (Bahdanau et al. 2015): one weight per token, softmax over valid tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # No bias on the score: softmax over time would not notice it.
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1, bias=False))

    def forward(
        self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]
    ) -> tuple[Float[Tensor, "b f"], Float[Tensor, "b l"]]:
        score = self.score(z).squeeze(-1).masked_fill(~valid, -torch.inf)  # b l
        # A record without one valid token has all -inf: weights of zero instead of NaN.
        weight = torch.where(valid.any(1, keepdim=True), score, 0.0).softmax(1) * valid
        return torch.einsum("bl,blf->bf", weight, z), weight


class TokenAttention(nn.Module):
    """One pre-norm transformer block (Vaswani et al. 2017; Xiong et al. 2020) with sinusoidal positions; padding is
    neither looked at nor changed."""

    HEADS = 4

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b l f"]:
        b, length, width = z.shape
        z = z + positions(length, width, z.device)
        query, key, value = self.qkv(self.before(z)).view(b, length, 3, self.HEADS, -1).permute(2, 0, 3, 1, 4)
        # A row without a valid token may look everywhere: softmax over nothing would be NaN, and pooling ignores it.
        keep = (valid | ~valid.any(1, keepdim=True))[:, None, None, :]
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=keep)
        z = z + self.mix(mixed.transpose(1, 2).reshape(b, length, width))
        return z + F.dropout(self.feed(self.between(z)), drop)


class Recurrent(nn.Module):
    """A GRU over tokens; padding stands at the end and cannot reach back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(width, width, batch_first=True)

    def forward(self, z: Float[Tensor, "b l f"], valid: Bool[Tensor, "b l"]) -> Float[Tensor, "b l f"]:
        return self.rnn(z)[0]


def positions(length: int, width: int, device: torch.device) -> Float[Tensor, "l f"]:
    """Sines and cosines of the token number at wavelengths from 2π to 1000 · 2π tokens."""
    at = torch.arange(length, device=device)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(1000.0) / width))
    return torch.stack([torch.sin(at * rate), torch.cos(at * rate)], -1).flatten(1)


def sequence_layer(config: EncoderConfig) -> nn.Module | None:
    """The layer over time that the config asks for; None for "none"."""
    if config.sequence == "attention":
        return TokenAttention(config.width, config.dropout)
    return Recurrent(config.width) if config.sequence == "gru" else None


def masked_statistics(
    x: Float[Tensor, "b t c"], seen: Bool[Tensor, "b t c"], length: Int[Tensor, "b 1"]
) -> list[Float[Tensor, "b c"]]:
    """Mean, deviation, minimum and maximum over the observed steps, and their count as a share of `length`; zero where
    nothing was observed."""
    count = seen.sum(1)
    some = count > 0
    total = count.clamp(min=1)
    mean = (x * seen).sum(1) / total
    var = ((x - mean[:, None]) ** 2 * seen).sum(1) / total
    low = torch.where(some, x.masked_fill(~seen, torch.inf).amin(1), 0.0)
    high = torch.where(some, x.masked_fill(~seen, -torch.inf).amax(1), 0.0)
    # The floor keeps the square root's gradient finite where a channel was charted once or never changed.
    return [mean, (var + 1e-4).sqrt() * some, low, high, count / length.clamp(min=1)]


class SeriesEncoder(nn.Module):
    """Charted values: value carried forward, observed mask and time since the last observation per step (the inputs of
    GRU-D, Che et al. 2018) through a layer over time and temporal attention; beside it a summary-statistics path."""

    def __init__(self, spec: ModalitySpec, dim: int, config: EncoderConfig) -> None:
        super().__init__()
        channels, width = len(spec.channels), config.width
        self.summary = config.summary
        self.lift = nn.Linear(3 * channels, width)
        self.sequence = sequence_layer(config)
        self.pool = TemporalAttention(width)
        parts = width
        if self.summary:
            # Whole stay: 5 statistics, first, last, change. Each third: 5 statistics.
            self.digest = nn.Sequential(
                nn.Linear(23 * channels, width), nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(width, width)
            )
            parts += width
        self.out = nn.Sequential(nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(parts, dim))

    def forward(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b t"]]:
        seen = observed & valid[..., None]
        steps = torch.arange(x.shape[1], device=x.device)[None, :, None]
        last = torch.where(seen, steps, -1).cummax(1).values  # b t c: step of the last observation, -1 before the first
        carried = torch.gather(x * seen, 1, last.clamp(min=0)) * (last >= 0)
        length = valid.sum(1)[:, None, None]
        since = torch.where(last >= 0, steps - last, length) / length.clamp(min=1)
        z = torch.relu(self.lift(torch.cat([carried, seen.to(x.dtype), since.to(x.dtype)], -1)))  # b t f
        if self.sequence is not None:
            z = self.sequence(z, valid)
        pooled, weight = self.pool(z, valid)
        if not self.summary:
            return self.out(pooled), weight
        return self.out(torch.cat([pooled, self.digest(self._summary(x * seen, seen, carried, valid))], -1)), weight

    @staticmethod
    def _summary(
        x: Float[Tensor, "b t c"],
        seen: Bool[Tensor, "b t c"],
        carried: Float[Tensor, "b t c"],
        valid: Bool[Tensor, "b t"],
    ) -> Float[Tensor, "b f"]:
        first_step = seen.to(torch.int8).argmax(1, keepdim=True)  # b 1 c
        first = torch.gather(x, 1, first_step).squeeze(1)
        last_valid = (valid.sum(1) - 1).clamp(min=0)
        last = carried[torch.arange(len(x), device=x.device), last_valid]
        length = valid.sum(1, keepdim=True)
        features = [*masked_statistics(x, seen, length), first, last, last - first]
        position = torch.arange(x.shape[1], device=x.device)[None] * 3 // length.clamp(min=1)
        for third in range(3):
            features += masked_statistics(x, seen & (position == third)[..., None], length)
        return torch.cat(features, -1)


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

    def forward(
        self, x: Float[Tensor, "b t c"], valid: Bool[Tensor, "b t"], share: Float[Tensor, "b c"]
    ) -> Float[Tensor, "b w"]:
        b, t, c = x.shape
        if t < self.size:
            x = F.pad(x, (0, 0, 0, self.size - t))
            valid = F.pad(valid, (0, self.size - t))
        segments = x.unfold(1, self.size, self.hop)  # b n c w
        whole = valid.unfold(1, self.size, self.hop).all(-1)  # b n
        with torch.autocast(x.device.type, enabled=False):
            features = self.features(segments.reshape(-1, self.size))
        z = self.mlp(features).view(b, segments.shape[1], c, -1)
        z = torch.einsum("bncf,bc->bnf", z, share) * whole[..., None]
        count = whole.sum(1, keepdim=True)
        high = torch.where(count > 0, z.masked_fill(~whole[..., None], -torch.inf).amax(1), 0.0)
        steps = torch.arange(whole.shape[1], device=x.device)
        last = torch.where(whole, steps, -1).amax(1).clamp(min=0)
        return torch.cat([z.sum(1) / count.clamp(min=1), high, z[torch.arange(b, device=x.device), last]], 1)


class WaveformEncoder(nn.Module):
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

    def forward(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
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
            pooled = torch.cat([pooled, self.spectral(x, valid, share)], -1)
        per_step = weight.repeat_interleave(self.stride, 1)[:, :t] * valid
        return self.out(pooled), per_step / per_step.sum(1, keepdim=True).clamp(min=1e-12)


class StaticEncoder(nn.Module):
    """Static data: values and their mask through an MLP. A one-hot category times the first layer is its embedding."""

    def __init__(self, spec: ModalitySpec, dim: int, config: EncoderConfig) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * len(spec.channels), config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, dim),
        )

    def forward(
        self, x: Float[Tensor, "b t c"], observed: Bool[Tensor, "b t c"], valid: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b t"]]:
        seen = observed & valid[..., None]
        h = self.mlp(torch.cat([x * seen, seen.to(x.dtype)], -1)[:, 0])
        return h, torch.zeros_like(x[..., 0]).index_fill(1, torch.zeros(1, dtype=torch.long, device=x.device), 1.0)


ENCODERS: dict[str, Callable[[ModalitySpec, int, EncoderConfig], nn.Module]] = {
    "waveform": WaveformEncoder,
    "series": SeriesEncoder,
    "static": StaticEncoder,
}


def build_encoder(spec: ModalitySpec, dim: int, config: EncoderConfig) -> nn.Module:
    """The encoder of this modality's kind. Raises InputError for a kind without one."""
    if spec.kind not in ENCODERS:
        raise InputError(
            spec.name, f"modality kind {spec.kind!r}", f"one of {', '.join(ENCODERS)}", "Register an encoder for it."
        )
    return ENCODERS[spec.kind](spec, dim, config)
