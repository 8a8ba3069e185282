"""The summary-statistics path of a charted series: what trees on tables read, as a differentiable path of the network.

Each statistic may be laid over quantile bins of the training records (piecewise-linear encoding; Gorishniy, Rubachev,
Babenko 2022, "On embeddings for numerical features in tabular deep learning"): an outlier then weighs no more than the
outermost bin, and a threshold is one bin away. Axes: b records, t steps, c channels, f statistics, q bins.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

STATISTICS = 24
"""Whole stay: mean, deviation, minimum, maximum, count, first, last, change. Each third: the first five. Time since."""
COUNTS = (4, 12, 17, 22)
"""Which of them are counts: known of every record. The others are of no use where their count is zero."""
COUNT_OF = (*[0] * 8, *[1] * 5, *[2] * 5, *[3] * 5, 0)
"""Which count each statistic rests on."""
FEWEST = 20
NARROWEST = 0.02


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


def summary_statistics(
    x: Float[Tensor, "b t c"],
    seen: Bool[Tensor, "b t c"],
    carried: Float[Tensor, "b t c"],
    since: Float[Tensor, "b t c"],
    valid: Bool[Tensor, "b t"],
) -> Float[Tensor, "b s c"]:
    """All STATISTICS of each channel, zero where nothing was observed. carried: x with the last observation held;
    since: steps since then as a share of the length."""
    first_step = seen.to(torch.int8).argmax(1, keepdim=True)  # b 1 c
    first = torch.gather(x, 1, first_step).squeeze(1)
    rows, last_valid = torch.arange(len(x), device=x.device), (valid.sum(1) - 1).clamp(min=0)
    last = carried[rows, last_valid]
    length = valid.sum(1, keepdim=True)
    found = [*masked_statistics(x, seen, length), first, last, last - first]
    position = torch.arange(x.shape[1], device=x.device)[None] * 3 // length.clamp(min=1)
    for third in range(3):
        found += masked_statistics(x, seen & (position == third)[..., None], length)
    return torch.stack([*found, since[rows, last_valid]], 1)


class SummaryPath(nn.Module):
    """Statistics of a series, laid out -> f32[B, width]. bins: quantile bins a statistic, 0 leaves it a plain number.

    With bins, a statistic of nothing observed is all zero and a known one reaches from -1/2 to 1/2 in each bin.
    """

    edges: Tensor

    def __init__(self, channels: int, width: int, dropout: float, bins: int) -> None:
        super().__init__()
        self.bins = bins
        if bins:
            even = torch.linspace(-1, 1, bins + 1).repeat(STATISTICS * channels, 1)
            self.register_buffer("edges", even)
        self.mlp = nn.Sequential(
            nn.Linear(STATISTICS * channels * max(bins, 1), width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
        )

    def adapt(self, statistics: Float[Tensor, "n s c"]) -> None:
        """Set the bins to quantiles of these records' statistics, where enough of them are known."""
        if not self.bins:
            return
        known = self.known(statistics).flatten(1)
        flat = statistics.flatten(1)
        levels = torch.linspace(0, 1, self.bins + 1, device=flat.device)
        for f in range(flat.shape[1]):
            seen = flat[known[:, f], f]
            if len(seen) >= FEWEST:
                self.edges[f] = torch.quantile(seen, levels)

    @staticmethod
    def known(statistics: Float[Tensor, "b s c"]) -> Bool[Tensor, "b s c"]:
        """Where a statistic rests on at least one observation."""
        counted = statistics[:, COUNTS] > 0
        known = counted[:, COUNT_OF]
        known[:, COUNTS] = True
        return known

    def lay_out(self, statistics: Float[Tensor, "b s c"]) -> Float[Tensor, "b f"]:
        """Statistics as the network reads them: over their bins, side by side."""
        if not self.bins:
            return statistics.flatten(1)
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        # Values that many records share make bins of no width: a floor keeps their slope, and gradients, finite.
        share = ((statistics.flatten(1)[..., None] - low) / (high - low).clamp(min=NARROWEST)).clamp(0, 1)
        return ((share - 0.5) * self.known(statistics).flatten(1)[..., None]).flatten(1)

    def forward(self, laid_out: Float[Tensor, "b f"]) -> Float[Tensor, "b w"]:
        return self.mlp(laid_out)
