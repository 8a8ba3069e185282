"""Fusion systems by name. Importing this package registers all of them."""

from __future__ import annotations

from amfn.fusion.amfn import AMFN, AMFNConfig
from amfn.fusion.base import (
    FUSIONS,
    FusionConfig,
    FusionModel,
    SystemConfig,
    build_fusion,
    config_from_dict,
    config_to_dict,
)
from amfn.fusion.early import EarlyFusion
from amfn.fusion.late import LateFusion
from amfn.fusion.mlp import MLPFusion
from amfn.fusion.nbeats import NBeats
from amfn.fusion.recurrent import GRUFusion, LSTMFusion
from amfn.fusion.tcn import TCNFusion
from amfn.fusion.tft import TFT
from amfn.fusion.transformer import TransformerFusion

__all__ = [
    "AMFN",
    "FUSIONS",
    "TFT",
    "AMFNConfig",
    "EarlyFusion",
    "FusionConfig",
    "FusionModel",
    "GRUFusion",
    "LSTMFusion",
    "LateFusion",
    "MLPFusion",
    "NBeats",
    "SystemConfig",
    "TCNFusion",
    "TransformerFusion",
    "build_fusion",
    "config_from_dict",
    "config_to_dict",
]
