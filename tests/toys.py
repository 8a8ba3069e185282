"""Models whose explanations are known by hand, over schemas small enough to write down.

`Toy` adds up each modality (weight times value, where observed) to one number z_m, and a game turns z into the logit.
`Recurrent` is the opposite: nothing is known about it, but it is built like the real thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from amfn.types import Batch, Channel, Encoded, FusionTrace, ModalitySpec, Prediction, Schema

Game = Callable[[Tensor], Tensor]
"""z f32[B, M], zero where absent -> logit f32[B]."""


def schema(modalities: Mapping[str, int] | None = None) -> Schema:
    """Series modalities of these widths; two of one channel each ("a", "b") by default."""
    widths = modalities or {"a": 1, "b": 1}
    return Schema(
        task="toy",
        modalities=tuple(
            ModalitySpec(
                name=name,
                kind="series",
                channels=tuple(Channel(f"{name}{i}", "1", -100.0, 100.0) for i in range(width)),
                label=name.upper(),
            )
            for name, width in widths.items()
        ),
        targets=("outcome",),
    )


def batch(values: Mapping[str, object], present: Sequence[Sequence[bool]] | None = None) -> Batch:
    """A batch from nested lists or tensors [B, T, C] by modality; everything observed, all present by default."""
    x = {name: torch.as_tensor(v, dtype=torch.float32) for name, v in values.items()}
    records = len(next(iter(x.values())))
    return Batch(
        ids=tuple(f"r{i}" for i in range(records)),
        x=x,
        observed={name: torch.ones_like(v, dtype=torch.bool) for name, v in x.items()},
        valid={name: torch.ones(v.shape[:2], dtype=torch.bool) for name, v in x.items()},
        present=torch.ones(records, len(x), dtype=torch.bool) if present is None else torch.tensor(present),
    )


def random_batch(model_schema: Schema, records: int, steps: int = 6, seed: int = 0) -> Batch:
    """Random values with holes, padding and absent modalities; the first record has every modality."""
    g = torch.Generator().manual_seed(seed)
    x, observed, valid = {}, {}, {}
    for spec in model_schema.modalities:
        shape = (records, steps, len(spec.channels))
        length = torch.randint(2, steps + 1, (records, 1), generator=g)
        valid[spec.name] = torch.arange(steps) < length
        observed[spec.name] = (torch.rand(shape, generator=g) < 0.7) & valid[spec.name][..., None]
        x[spec.name] = torch.randn(shape, generator=g) * observed[spec.name]
    present = torch.rand(records, len(model_schema.modalities), generator=g) < 0.7
    present[0] = True
    present[:, 0] |= ~present.any(dim=1)
    return Batch(tuple(f"r{i}" for i in range(records)), x, observed, valid, present)


class Toy(nn.Module):
    """logit = game(z), z_m = scale_m * sum over observed values of modality m, 0 where the modality is absent."""

    def __init__(self, game: Game, model_schema: Schema | None = None, scale: Sequence[float] | None = None) -> None:
        super().__init__()
        self.schema = model_schema or schema()
        self.game = game
        self.scale = nn.Parameter(torch.tensor(scale or [1.0] * len(self.schema.modalities)))
        self.encodes = 0
        self.eval()

    def encode(self, batch: Batch) -> Encoded:
        self.encodes += 1
        sums = [(batch.x[m] * batch.observed[m]).sum(dim=(1, 2)) for m in self.schema.names]
        z = torch.stack(sums, dim=1) * self.scale
        return Encoded(h=z.masked_fill(~batch.present, 0.0)[..., None], present=batch.present)

    def fuse(self, encoded: Encoded) -> Prediction:
        z = encoded.h[..., 0].masked_fill(~encoded.present, 0.0)
        trace = FusionTrace(sources=self.schema.names, present=encoded.present)
        return Prediction(logits=self.game(z)[:, None], embedding=z, trace=trace)

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


class Deaf(Toy):
    """A toy whose last modality never reaches autograd's graph, as a value that is turned into a category does not."""

    def encode(self, batch: Batch) -> Encoded:
        last = self.schema.names[-1]
        return super().encode(replace(batch, x={**batch.x, last: batch.x[last].round().detach()}))


def additive(z: Tensor) -> Tensor:
    """0.5 + the sum: attributions are weight times value, exactly."""
    return 0.5 + z.sum(dim=1)


def synergy(z: Tensor) -> Tensor:
    """2a + 3b + 4ab. With a = b = 1 the Shapley values are 4 and 5, and Integrated Gradients gives the same."""
    a, b = z.unbind(dim=1)
    return 2 * a + 3 * b + 4 * a * b


def product(z: Tensor) -> Tensor:
    """ab: from a zero baseline each of the two gets ab / 2, by Integrated Gradients and by Shapley."""
    return z.prod(dim=1)


def exclusive_or(z: Tensor) -> Tensor:
    """a + b - 2ab: with a = b = 1 neither has a share (each alone brings 1, the second takes it back)."""
    a, b = z.unbind(dim=1)
    return a + b - 2 * a * b


def first_only(z: Tensor) -> Tensor:
    """3a: every other modality is ignored."""
    return 3 * z[:, 0]


def cubic(z: Tensor) -> Tensor:
    """a^3 + b: one quadrature point misses a quarter of a = 1 (3 * 0.5^2 = 0.75), two are exact; b needs one only."""
    return z[:, 0] ** 3 + z[:, 1]


def step(z: Tensor) -> Tensor:
    """1 where the sum is over 0.5: the logit jumps and no gradient says so. No gradient method can be complete."""
    return (z.sum(dim=1) > 0.5).float() + 0.0 * z.sum(dim=1)


class Recurrent(nn.Module):
    """A GRU per modality, then attention over the modalities that are present, then tanh: smooth and far from linear.

    Unobserved and padded values are zeroed first, as real models do; the mask is a second input.
    """

    def __init__(self, model_schema: Schema, width: int = 8, seed: int = 0) -> None:
        super().__init__()
        self.schema = model_schema
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.encoders = nn.ModuleDict(
                {spec.name: nn.GRU(2 * len(spec.channels), width, batch_first=True) for spec in model_schema.modalities}
            )
            self.query = nn.Linear(width, 1)
            self.hidden = nn.Linear(width, width)
            self.head = nn.Linear(width, len(model_schema.targets))
        self.eval()

    def encode(self, batch: Batch) -> Encoded:
        h = []
        for name in self.schema.names:
            seen = batch.observed[name] & batch.valid[name][..., None]
            states, _ = self.encoders[name](torch.cat([batch.x[name] * seen, seen.float()], dim=-1))
            keep = batch.valid[name][..., None].float()
            h.append((states * keep).sum(dim=1) / keep.sum(dim=1).clamp(min=1))
        return Encoded(h=torch.stack(h, dim=1).masked_fill(~batch.present[..., None], 0.0), present=batch.present)

    def fuse(self, encoded: Encoded) -> Prediction:
        score = self.query(encoded.h)[..., 0].masked_fill(~encoded.present, -1e9)
        weights = score.softmax(dim=1) * encoded.present
        fused = (weights[..., None] * encoded.h).sum(dim=1)
        trace = FusionTrace(sources=self.schema.names, present=encoded.present, weights=weights)
        return Prediction(logits=3 * self.head(torch.tanh(4 * self.hidden(fused))), embedding=fused, trace=trace)

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))
