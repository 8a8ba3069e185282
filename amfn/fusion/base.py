"""The fusion contract: a system is one file, a config dataclass and a registered module Batch -> Prediction.

One conformance suite (tests/contract) runs over the whole registry. `forward` is always `fuse(encode(batch))`, so that
an explainer may run the encoders once and fuse many subsets of modalities.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

import torch
from jaxtyping import Float
from torch import Tensor, nn

from amfn.encoders import Encoder, EncoderConfig, build_encoder
from amfn.types import (
    Batch,
    Encoded,
    FusionTrace,
    InputError,
    ModalitySpec,
    Prediction,
    Schema,
    require_settings,
)


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """What every system has. dim: width of a modality's embedding, or of a token where a system reads tokens."""

    dim: int = 128

    def __post_init__(self) -> None:
        require_settings(type(self).__name__, ("dim", self.dim, 2 <= self.dim <= 4096))


@dataclass(frozen=True, slots=True)
class FusionConfig(SystemConfig):
    """What a system has that embeds each modality with an encoder of its own."""

    encoder: EncoderConfig = EncoderConfig()


class FusionModel(nn.Module, ABC):
    """Base of all systems: one encoder per modality and the prior for a record with nothing in it.

    prior: prevalence of each target in training; with all modalities absent the logit is that of the prior. In a
    regression it is one half, whose logit of zero is no change from the anchor.
    embeds: `encode` gives one embedding of width config.dim per modality, on which losses of its own may stand; False
    where it gives tokens over time (amfn/fusion/tokens.py).
    """

    name: ClassVar[str]
    config_type: ClassVar[type[SystemConfig]] = FusionConfig
    embeds: ClassVar[bool] = True
    config: SystemConfig
    prior_logit: Tensor

    def __init__(self, schema: Schema, config: SystemConfig, prior: tuple[float, ...]) -> None:
        super().__init__()
        if len(prior) != len(schema.targets) or not all(0 < p < 1 for p in prior):
            raise InputError(
                schema.task, f"prior {prior}", f"{len(schema.targets)} prevalence(s) in (0, 1)", "Give one per target."
            )
        self.schema, self.config, self.prior = schema, config, prior
        self.encoders = nn.ModuleDict({spec.name: self.encoder(spec) for spec in schema.modalities})
        logits = torch.tensor([math.log(p / (1 - p)) for p in prior])
        self.register_buffer("prior_logit", logits, persistent=False)

    def encoder(self, spec: ModalitySpec) -> nn.Module:
        """The encoder of one modality, as the config asks."""
        if not isinstance(self.config, FusionConfig):
            raise TypeError(f"{type(self.config).__name__} says nothing of encoders: {self.name} has to build its own")
        return build_encoder(spec, self.config.dim, self.config.encoder)

    def encode(self, batch: Batch) -> Encoded:
        """Each encoder sees only the rows that have its modality: absent rows cost nothing, reach no statistics and
        stay exactly zero."""
        reference = next(self.parameters())
        h = torch.zeros(len(batch), len(self.schema.modalities), self.config.dim, device=reference.device)
        temporal: dict[str, Tensor] = {}
        for k, spec in enumerate(self.schema.modalities):
            x = batch.x[spec.name]
            rows = batch.present[:, k].nonzero().squeeze(1)
            weight = torch.zeros(x.shape[:2], device=x.device)
            if len(rows):
                seen, valid = batch.observed[spec.name][rows], batch.valid[spec.name][rows]
                if batch.derived is None:
                    out, attention = self.encoders[spec.name](x[rows], seen, valid)
                else:
                    known = tuple(part[rows] for part in batch.derived[spec.name])
                    out, attention = self.encoders[spec.name](x[rows], seen, valid, known)
                h = h.index_put((rows, torch.tensor(k, device=rows.device)), out.to(h.dtype))
                weight = weight.index_put((rows,), attention.to(weight.dtype))
            temporal[spec.name] = weight
        return Encoded(h, batch.present, temporal)

    def adapt(self, batch: Batch) -> None:
        """Let encoders take what depends on data alone, such as quantiles of statistics, from all training records:
        once, before training, into buffers."""
        for k, spec in enumerate(self.schema.modalities):
            encoder, rows = self.encoders[spec.name], batch.present[:, k].nonzero().squeeze(1)
            if isinstance(encoder, Encoder) and len(rows):
                encoder.adapt(batch.x[spec.name][rows], batch.observed[spec.name][rows], batch.valid[spec.name][rows])

    @torch.no_grad()
    def derive(self, batch: Batch, size: int = 512) -> Batch:
        """The same batch with all that its encoders compute without weights, `size` records at a time; the batch as it
        is for a system whose encoders are of another kind. Only after `adapt`."""
        encoders = [self.encoders[spec.name] for spec in self.schema.modalities]
        derived: dict[str, tuple[Tensor, ...]] = {}
        for spec, encoder in zip(self.schema.modalities, encoders, strict=True):
            if not isinstance(encoder, Encoder):
                return batch
            x, seen, valid = batch.x[spec.name], batch.observed[spec.name], batch.valid[spec.name]
            parts = [
                encoder.derive(x[k : k + size], seen[k : k + size], valid[k : k + size])
                for k in range(0, len(batch), size)
            ]
            derived[spec.name] = tuple(torch.cat(columns) for columns in zip(*parts, strict=True))
        return replace(batch, derived=derived)

    def settle(self, encoded: Encoded) -> None:
        """Take statistics that the fusion keeps of embeddings from these: all training records, in eval mode. Nothing
        to do for a system that keeps none."""

    @abstractmethod
    def fuse(self, encoded: Encoded) -> Prediction:
        """h[b, m, d] and what is present -> Prediction with its trace."""

    def conclude(
        self,
        logits: Float[Tensor, "b k"],
        embedding: Float[Tensor, "b d"],
        encoded: Encoded,
        weights: Float[Tensor, "b m"] | None = None,
        node_logits: Float[Tensor, "b m k"] | None = None,
        bias: Float[Tensor, "b k"] | None = None,
    ) -> Prediction:
        """The prediction of a system without routing between modalities: where nothing is present its logit is the
        prior's, and the trace holds what is given here."""
        logits = torch.where(encoded.present.any(1, keepdim=True), logits, self.prior_logit)
        trace = FusionTrace(
            self.schema.names, encoded.present, weights=weights, node_logits=node_logits, bias=bias,
            temporal=encoded.temporal,
        )  # fmt: skip
        return Prediction(logits, embedding, trace)

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


def prior_head(width: int, prior_logit: Tensor) -> nn.Linear:
    """A linear head whose bias starts at the prior: training begins with the right mean."""
    head = nn.Linear(width, len(prior_logit))
    with torch.no_grad():
        head.bias.copy_(prior_logit)
    return head


FUSIONS: dict[str, type[FusionModel]] = {}
Model = TypeVar("Model", bound=type[FusionModel])


def register(name: str) -> Callable[[Model], Model]:
    """Class decorator: make a system known by name."""

    def add(cls: Model) -> Model:
        cls.name = name
        FUSIONS[name] = cls
        return cls

    return add


def build_fusion(name: str, schema: Schema, config: Mapping[str, Any], prior: tuple[float, ...]) -> FusionModel:
    """A registered system from plain settings. Raises InputError for an unknown name or setting."""
    if name not in FUSIONS:
        raise InputError("fusion", f"{name!r} is not registered", f"one of {', '.join(FUSIONS)}", "Correct the name.")
    cls = FUSIONS[name]
    return cls(schema, config_from_dict(cls.config_type, config), prior)


Config = TypeVar("Config")


def config_from_dict(kind: type[Config], settings: Mapping[str, Any]) -> Config:
    """A (nested) config dataclass from plain settings: fields not named keep their defaults, unknown ones raise
    InputError, and so do values of another type."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(settings) - known)
    if unknown:
        raise InputError(
            kind.__name__, f"unknown setting(s) {', '.join(unknown)}", f"some of {', '.join(sorted(known))}",
            "Correct the name.",
        )  # fmt: skip
    made = {}
    for key, value in settings.items():
        nested = hints[key]
        if get_origin(nested) is Literal:
            if value not in get_args(nested):
                raise InputError(
                    kind.__name__, f"{key} = {value!r}", f"one of {', '.join(get_args(nested))}", "Correct the setting."
                )
            made[key] = value
            continue
        if is_dataclass(nested) and isinstance(value, Mapping):
            made[key] = config_from_dict(nested, value)  # type: ignore[arg-type]
        elif type(value) is not (get_origin(nested) or nested) and not (nested is float and type(value) is int):
            raise InputError(
                kind.__name__, f"{key} = {value!r}", f"a value of type {nested.__name__}", "Correct the setting."
            )
        else:
            made[key] = value
    return kind(**made)


def config_to_dict(config: SystemConfig) -> dict[str, Any]:
    """Plain settings that `build_fusion` takes."""
    return asdict(config)
