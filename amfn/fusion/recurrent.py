"""LSTM and GRU over the joined sequence: the state at the record's last step, linear head."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from amfn.fusion.base import register
from amfn.fusion.tokens import StepModel, TokenConfig, last_step
from amfn.types import Schema, require_settings


@dataclass(frozen=True, slots=True)
class RecurrentConfig(TokenConfig):
    """layers: recurrent layers, each as wide as a token."""

    layers: int = 1

    def __post_init__(self) -> None:
        TokenConfig.__post_init__(self)
        require_settings(type(self).__name__, ("layers", self.layers, 1 <= self.layers <= 8))


class RecurrentModel(StepModel):
    """`torch.nn`'s recurrent layers. Time runs forward and padding stands at the end: it cannot reach back."""

    config_type = RecurrentConfig
    config: RecurrentConfig
    kind: type[nn.LSTM] | type[nn.GRU]

    def __init__(self, schema: Schema, config: RecurrentConfig, prior: tuple[float, ...]) -> None:
        super().__init__(schema, config, prior)
        between = config.dropout if config.layers > 1 else 0.0
        self.rnn = self.kind(config.dim, config.dim, config.layers, batch_first=True, dropout=between)

    def read(self, z: Float[Tensor, "b l w"], steps: Bool[Tensor, "b l"]) -> Float[Tensor, "b w"]:
        return last_step(self.rnn(z)[0], steps)


@register("lstm")
class LSTMFusion(RecurrentModel):
    """Long short-term memory (Hochreiter & Schmidhuber 1997)."""

    kind = nn.LSTM


@register("gru")
class GRUFusion(RecurrentModel):
    """Gated recurrent unit (Cho et al. 2014)."""

    kind = nn.GRU
