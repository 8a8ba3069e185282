"""Fusion systems by name. Importing this package registers all of them."""

from __future__ import annotations

from amfn.fusion.amfn import AMFN, AMFNConfig
from amfn.fusion.base import FUSIONS, FusionConfig, FusionModel, build_fusion, config_from_dict, config_to_dict

__all__ = [
    "AMFN",
    "FUSIONS",
    "AMFNConfig",
    "FusionConfig",
    "FusionModel",
    "build_fusion",
    "config_from_dict",
    "config_to_dict",
]
