"""A stored report on a model's explanations with made-up findings, to see how pages speak of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app import services
from explain.methods import METHODS
from explain.reference import Reference
from explain.report import FILE, Report

REFERENCE_RECORDS = 6
OVER = {"deep_lift": 180, "integrated_gradients": 0, "gradient_shap": 2}
WEIGHTS_SAID = "After randomising every layer the rank correlation is 0.11."


def report(task: str) -> Report:
    """DeepLIFT misses the change in 180 of 200 records; temporal attention fails on random weights and against random
    orders; nobody asked saliency about labels; the rest passed."""
    model = services.checkpoint(task)
    listed = services.listing(services.sample_folder(task), task)
    records = [services.prepared(listed, record_id) for record_id in listed.ids[:REFERENCE_RECORDS]]
    units: dict[str, Any] = {}
    for name, method in METHODS.items():
        over = OVER.get(name)
        start = {"records": 200, "quantiles": None if over is None else [0.01] * 5, "over": over}
        starts = {"zero": start, "median": start} if method.uses_baseline else {"none": start}
        units[f"adds_up-{name}"] = {"promised": method.promises_completeness, **starts}
        gain = -0.1 if name == "temporal_attention" else 0.4
        units[f"faithful-{name}"] = {
            "records": 200,
            "verdicts": {"better than random": 120},
            "scores": [
                {"name": part, "replacement": "not measured", "scale": "logit", "gain": [gain] * 3}
                for part in ("deletion", "insertion")
            ],
        }
        passed = name != "temporal_attention"
        said = f"{'Passed' if passed else 'Not passed'}: {WEIGHTS_SAID}"
        units[f"weights-{name}"] = {"passed": passed, "said": said}
        if name != "saliency":
            units[f"labels-{name}"] = {"passed": True, "said": "Passed: a network of shuffled labels agrees at 0.08."}
        modality = {"hits": 170, "records": 200, "low": 0.8, "chance": 0.2}
        units[f"planted-{name}"] = {"cause": [{"modality": modality, "segment": None}]}
    reference = Reference.of(model.task.schema, [model.batch(records)], "made up")
    return Report(task, model.digest, "made up", 6, 200, tuple(METHODS), reference, units, None, 1.0, "0000000")


def checkpoints(folder: Path, reported: bool) -> Path:
    """The shipped checkpoints in a folder of their own, each with such a report beside it, or with none."""
    for task in services.FORMATS:
        place = folder / task
        place.mkdir(parents=True)
        for file in (services.ROOT / "checkpoints" / task).iterdir():
            if file.name != FILE:
                (place / file.name).symlink_to(file)
        if reported:
            (place / FILE).write_text(json.dumps(report(task).to_json()), encoding="utf-8")
    return folder
