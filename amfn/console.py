"""What the command line prints: plain dictionaries for --json, aligned lines for people. No model runs here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from amfn.calibration import disagreement
from amfn.card_words import DISCLAIMER, FIGURES
from amfn.conformal import ERROR_RATE
from amfn.inference import Answer
from amfn.regression import vitals_of
from amfn.sentences import networks_sentence, set_heading, set_reason, similar_sentence


def as_dict(answer: Answer, error_rate: float = ERROR_RATE) -> dict[str, Any]:
    """The answer as plain values: the same numbers that the screens show. Absent modalities are null, never zero; so is
    what the checkpoint has no calibration for, and the spread of a single network."""
    checkpoint, trace = answer.checkpoint, answer.prediction.trace
    present = trace.present[0].tolist()
    modalities = []
    for k, spec in enumerate(checkpoint.task.schema.modalities):
        here = present[k]
        modalities.append(
            {
                "name": spec.name,
                "present": here,
                "gate": _value(trace.gates, k) if here else None,
                "weight": _value(trace.weights, k) if here else None,
                "logit_part": float(trace.node_logits[0, k, 0]) if here and trace.node_logits is not None else None,
            }
        )
    return {
        "record": answer.record.record_id,
        "record_digest": answer.record.digest(),
        "task": checkpoint.task.name,
        "event": checkpoint.task.wording.event,
        "checkpoint_digest": checkpoint.digest,
        "risk": answer.risk,
        "base_rate": checkpoint.base_rate,
        "logit": float(answer.prediction.logits[0, 0]),
        "bias": float(trace.bias[0, 0]) if trace.bias is not None else None,
        "modalities": modalities,
        **_uncertainty(answer, error_rate)[0],
        "findings": [
            {"channel": f.channel, "what": f.what, "count": f.count, "severity": f.severity}
            for f in answer.record.meta.findings
        ],
        "disclaimer": DISCLAIMER,
    }


def forecast_dict(answer: Answer) -> dict[str, Any]:
    """A forecast as plain values: each target in physical units beside the last value known, null where none is."""
    checkpoint, anchor = answer.checkpoint, answer.checkpoint.task.anchor_of(answer.record)
    last = [None] * len(checkpoint.task.schema.targets) if anchor is None else anchor.tolist()
    return {
        "record": answer.record.record_id,
        "record_digest": answer.record.digest(),
        "task": checkpoint.task.name,
        "checkpoint_digest": checkpoint.digest,
        "forecast": {
            name: {"value": float(value), "last": None if before is None or math.isnan(before) else before}
            for name, value, before in zip(
                checkpoint.task.schema.targets, [] if answer.forecast is None else answer.forecast, last, strict=True
            )
        },
        "disclaimer": DISCLAIMER,
    }


def forecast_lines(answer: Answer) -> list[str]:
    """A forecast for people: one row a vital sign, one column an hour ahead."""
    task = answer.checkpoint.task
    lines = [f"Record {answer.record.record_id} · {task.wording.title} · model {answer.checkpoint.digest}", ""]
    found = forecast_dict(answer)["forecast"]
    for vital, columns in vitals_of(task.schema.targets).items():
        names = [task.schema.targets[k] for k in columns]
        last = found[names[0]]["last"]
        known = "not measured" if last is None else f"{last:.1f}"
        values = "  ".join(f"{name.rpartition('_')[2]} {found[name]['value']:.1f}" for name in names)
        lines.append(f"{vital:<10} last {known:<13} {values}")
    return [*lines, "", DISCLAIMER]


def _uncertainty(answer: Answer, error_rate: float) -> tuple[dict[str, Any], list[str]]:
    """How far the networks differ, what became of similar records and the conformal set: as plain values, and in
    words."""
    checkpoint, prediction = answer.checkpoint, answer.prediction
    outcomes = (checkpoint.task.wording.negative, checkpoint.task.wording.positive)
    values: dict[str, Any] = {"networks": None, "similar": None, "conformal_set": None}
    lines = []
    if prediction.members is not None and len(prediction.members) > 1:
        spread = disagreement(prediction.members[:, 0, 0].tolist())
        values["networks"] = {"count": len(prediction.members), **asdict(spread)}
        lines.append(networks_sentence(spread, len(prediction.members)))
    if checkpoint.calibration is not None:
        similar = checkpoint.calibration.similar(answer.risk)
        found = checkpoint.calibration.conformal_set(
            float(prediction.logits[0, 0]), answer.batch.present[0].tolist(), error_rate
        )
        values["similar"] = asdict(similar)
        names = None if found.refused else [outcomes[label] for label in found.labels]
        values["conformal_set"] = {**asdict(found), "outcomes": names}
        lines.append(similar_sentence(similar, outcomes))
        heading, reason = set_heading(found, outcomes), set_reason(found, outcomes)
        lines.append(f"At an error rate of {100 * error_rate:g} %: {heading}. {reason}")
    return values, lines


def _value(row: Any, k: int) -> float | None:
    return None if row is None else float(row[0, k])


def answer_lines(answer: Answer, error_rate: float = ERROR_RATE) -> list[str]:
    data = as_dict(answer, error_rate)
    lines = [
        f"Record {data['record']} · {answer.checkpoint.task.wording.title} · model {data['checkpoint_digest']}",
        f"Estimated chance of {data['event']}: {100 * data['risk']:.0f} % "
        f"(average in training {100 * data['base_rate']:.0f} %)",
        *_uncertainty(answer, error_rate)[1],
        "",
    ]
    titles = {spec.name: spec.title for spec in answer.checkpoint.task.schema.modalities}
    rows = [
        (
            titles[m["name"]],
            *((_number(m["gate"]), _percent(m["weight"]), signed(m["logit_part"])) if m["present"]
              else ("not recorded", "", "")),
        )
        for m in data["modalities"]
    ]  # fmt: skip
    lines += table(("Modality", "Gate γ", "Weight β", "Part of logit"), rows)
    if data["bias"] is not None:
        lines.append(f"Bias {data['bias']:+.2f} and the parts add up to the logit {data['logit']:+.2f}.")
    if data["findings"]:
        lines += ["", "Found in the data:"]
        lines += [
            f"  {f['channel']}: {f['what']}" + (f" ({f['count']})" if f["count"] else "") for f in data["findings"]
        ]
    return [*lines, "", DISCLAIMER]


def report_lines(title: str, measured: Mapping[str, Any]) -> list[str]:
    """measured: `pipeline.figures_of`."""
    lines = [title, *(_forecast_lines(measured) if "vitals" in measured else _ranking_lines(measured))]
    return [*lines, "", DISCLAIMER]


def _forecast_lines(measured: Mapping[str, Any]) -> list[str]:
    measures = ("rmse", "mae", "r2", "mape")
    rows = [
        (f"{name}, {measured['units'][name]}", str(row["measured"]), *(_defined(row[m]) for m in measures))
        for name, row in measured["vitals"].items()
    ]
    return [f"{measured['records']} records", "", *table(("Vital", "Values", "RMSE", "MAE", "R²", "MAPE %"), rows)]


def _ranking_lines(measured: Mapping[str, Any]) -> list[str]:
    lines = [f"{measured['records']} records, {measured['positives']} positive", ""]
    lines += table(
        ("Measure", "Value", "95 % interval"),
        [(FIGURES[k][0], f"{v:.3f}", f"{lo:.3f} to {hi:.3f}") for k, (v, lo, hi) in measured["figures"].items()],
    )
    lines.append("")
    lines += table(
        ("Subgroup", "Records", "Positive", "AUROC", "Predicted", "Observed"),
        [
            (
                f"{stratum}: {name}", str(records), str(positives), "-" if auroc is None else f"{auroc[0]:.3f}",
                f"{100 * predicted:.1f} %", f"{100 * observed[0]:.1f} %",
            )
            for stratum, levels in measured["subgroups"].items()
            for name, (records, positives, auroc, _, predicted, observed) in levels.items()
        ],
    )  # fmt: skip
    return lines


def _defined(figure: Sequence[float | None]) -> str:
    return "-" if figure[0] is None else f"{figure[0]:.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """First column left, the others right, two blanks between."""
    whole = [header, *rows]
    width = [max(len(row[k]) for row in whole) for k in range(len(header))]
    return [
        "  ".join(
            cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in whole
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"
