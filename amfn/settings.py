"""Training settings: each task's own, a JSON file over them, the seed from the command line last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from amfn.fusion import config_from_dict
from amfn.training_module import TrainConfig
from amfn.types import InputError

# Chosen out of fold on the charted stays. Distillation from trees is worth 0.006 AUROC there
# (benchmarks/results/icu_mortality-ablation); reconstruction and alignment (Eq. 5) gained nothing in trials on single
# folds, and modality dropout cost less where most records stay intact.
CHARTED: Mapping[str, Any] = {
    "batch_size": 128,
    "warmup_share": 0.2,
    "modality_dropout": 0.3,
    "intact_share": 0.7,
    "model": {
        "dim": 64,
        "dropout": 0.0,
        "encoder": {"sequence": "none", "width": 32, "dropout": 0.1, "summary_bins": 4},
    },
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "icu_mortality": {
        **CHARTED,
        "epochs": 20,
        "loss": {"reconstruction": 0.0, "alignment": 0.0, "distillation": 0.8},
    },
    "icu_alarm": {"batch_size": 32, "epochs": 50, "model": {"dim": 64, "encoder": {"sequence": "gru", "width": 32}}},
    "vitals_forecast": {**CHARTED, "epochs": 12, "loss": {"reconstruction": 0.0, "alignment": 0.0}},
}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, nested objects merged: what a file does not name stays as the task has it."""
    out = dict(base)
    for key, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if nested else value
    return out


def load_settings(task: str, file: Path | None = None, seed: int = 0) -> TrainConfig:
    """The settings of a training. `file` holds any of TrainConfig's fields but the seed; unknown ones are refused."""
    settings = dict(DEFAULTS.get(task, {}))
    if file is not None:
        mend = 'Write an object such as {"epochs": 20, "loss": {"task": "focal"}}.'
        try:
            given = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(file, f"not readable as JSON ({error})", "a JSON object of settings", mend) from error
        if not isinstance(given, dict):
            raise InputError(file, f"a JSON {type(given).__name__}", "a JSON object of settings", mend)
        settings = merged(settings, given)
    return replace(config_from_dict(TrainConfig, settings), seed=seed)
