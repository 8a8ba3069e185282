"""The fusion contract: a system is one file, a config dataclass and a registered module Batch -> Prediction.

One conformance suite (tests/contract) runs over the whole registry. `forward` is always `fuse(encode(batch))`, so that
an explainer may run the encoders once and fuse many subsets of modalities.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn

from amfn.encoders import EncoderConfig, build_encoder
from amfn.types import Batch, Encoded, InputError, Prediction, Schema, require_settings


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """What every system has. dim: width of a modality's embedding."""

    dim: int = 128
    encoder: EncoderConfig = EncoderConfig()

    def __post_init__(self) -> None:
        require_settings(type(self).__name__, ("dim", self.dim, 2 <= self.dim <= 4096))


class FusionModel(nn.Module, ABC):
    """Base of all systems: one encoder per modality and the prior for a record with nothing in it.

    prior: prevalence of each target in training; with all modalities absent the logit is that of the prior.
    """

    name: ClassVar[str]
    config_type: ClassVar[type[FusionConfig]] = FusionConfig
    prior_logit: Tensor

    def __init__(self, schema: Schema, config: FusionConfig, prior: tuple[float, ...]) -> None:
        super().__init__()
        if len(prior) != len(schema.targets) or not all(0 < p < 1 for p in prior):
            raise InputError(
                schema.task, f"prior {prior}", f"{len(schema.targets)} prevalence(s) in (0, 1)", "Give one per target."
            )
        self.schema, self.config, self.prior = schema, config, prior
        self.encoders = nn.ModuleDict(
            {spec.name: build_encoder(spec, config.dim, config.encoder) for spec in schema.modalities}
        )
        logits = torch.tensor([math.log(p / (1 - p)) for p in prior])
        self.register_buffer("prior_logit", logits, persistent=False)

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
                out, attention = self.encoders[spec.name](
                    x[rows], batch.observed[spec.name][rows], batch.valid[spec.name][rows]
                )
                h = h.index_put((rows, torch.tensor(k, device=rows.device)), out.to(h.dtype))
                weight = weight.index_put((rows,), attention.to(weight.dtype))
            temporal[spec.name] = weight
        return Encoded(h, batch.present, temporal)

    def settle(self, encoded: Encoded) -> None:
        """Take statistics that the fusion keeps of embeddings from these: all training records, in eval mode. Nothing
        to do for a system that keeps none."""

    @abstractmethod
    def fuse(self, encoded: Encoded) -> Prediction:
        """h[b, m, d] and what is present -> Prediction with its trace."""

    def forward(self, batch: Batch) -> Prediction:
        return self.fuse(self.encode(batch))


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


def config_to_dict(config: FusionConfig) -> dict[str, Any]:
    """Plain settings that `build_fusion` takes."""
    return asdict(config)
