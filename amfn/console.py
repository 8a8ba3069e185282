"""What the command line prints: plain dictionaries for --json, aligned lines for people. No model runs here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from amfn.card import DISCLAIMER, FIGURES
from amfn.inference import Answer


def as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as plain values: the same numbers that the screens show. Absent modalities are null, never zero."""
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
        "findings": [
            {"channel": f.channel, "what": f.what, "count": f.count, "severity": f.severity}
            for f in answer.record.meta.findings
        ],
        "disclaimer": DISCLAIMER,
    }


def _value(row: Any, k: int) -> float | None:
    return None if row is None else float(row[0, k])


def answer_lines(answer: Answer) -> list[str]:
    data = as_dict(answer)
    lines = [
        f"Record {data['record']} · {answer.checkpoint.task.wording.title} · model {data['checkpoint_digest']}",
        f"Estimated chance of {data['event']}: {100 * data['risk']:.0f} % "
        f"(average in training {100 * data['base_rate']:.0f} %)",
        "",
    ]
    titles = {spec.name: spec.title for spec in answer.checkpoint.task.schema.modalities}
    rows = [
        (
            titles[m["name"]],
            *((_number(m["gate"]), _percent(m["weight"]), _signed(m["logit_part"])) if m["present"]
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


def explanation_lines(data: Mapping[str, Any]) -> list[str]:
    """data: what `explain --json` prints."""
    lines = [data["sentence"], "", "Exact Shapley values over modalities (log-odds):"]
    shapley = data["shapley"]
    lines += table(
        ("Modality", "Contribution"),
        [(m["title"], _signed(m["value"]) if m["present"] else "not recorded") for m in shapley["modalities"]],
    )
    lines.append(
        f"With nothing: {shapley['empty']:+.2f}. With everything: {shapley['full']:+.2f}. "
        f"What the sum misses: {shapley['gap']:.1e}."
    )
    attribution = data["integrated_gradients"]
    lines += ["", f"Integrated gradients, {attribution['steps']} steps:"]
    lines.append(f"(from the baseline: {attribution['baseline_means']})")
    lines += table(
        ("Input", "Attribution"), [(row["input"], _signed(row["value"])) for row in attribution["strongest"]]
    )
    verdict = "adds up" if attribution["complete"] else "does NOT add up: do not rely on it"
    kind = "%" if attribution["gap_is_relative"] else "log-odds"
    shown = 100 * attribution["gap"] if attribution["gap_is_relative"] else attribution["gap"]
    lines.append(f"Completeness gap {shown:.2g} {kind}: {verdict}.")
    return [*lines, "", DISCLAIMER]


def report_lines(title: str, measured: Mapping[str, Any]) -> list[str]:
    """measured: `evaluation.as_json`."""
    lines = [title, f"{measured['records']} records, {measured['positives']} positive", ""]
    lines += table(
        ("Measure", "Value", "95 % interval"),
        [(FIGURES[k][0], f"{v:.3f}", f"{lo:.3f} to {hi:.3f}") for k, (v, lo, hi) in measured["figures"].items()],
    )
    lines.append("")
    lines += table(
        ("Group", "Records", "Positive", "AUROC"),
        [(k, str(n), str(p), "-" if a is None else f"{a:.3f}") for k, (n, p, a) in measured["groups"].items()],
    )
    return [*lines, "", DISCLAIMER]


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


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"
