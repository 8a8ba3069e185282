"""`python -m amfn explain`: everything that is known of why a model says what it says of one record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import typer

from amfn.cli_answer import AlarmAt, AlarmType, CheckpointOption, Json, RecordArgument, answered
from amfn.types import InputError

if TYPE_CHECKING:
    from amfn.checkpoint import Checkpoint
    from amfn.inference import Answer
    from amfn.types import Record
    from explain.baselines import Baseline
    from explain.coalitions import Coalitions
    from explain.paragraph import InputSplit
    from explain.reference import Reference
    from explain.report import Report
    from explain.types import Attribution


def explain(
    record: RecordArgument,
    checkpoint: CheckpointOption = None,
    alarm_type: AlarmType = None,
    alarm_at: AlarmAt = None,
    method: Annotated[str, typer.Option(help="Attribution over raw input; `--method list` names them.")] = (
        "integrated_gradients"
    ),
    baseline: Annotated[
        str, typer.Option(help="zero, median (needs the stored report) or sample (needs --cohort).")
    ] = ("zero"),
    steps: Annotated[int, typer.Option(min=1, max=1024, help="Steps of integrated gradients.")] = 64,
    missing: Annotated[bool, typer.Option(help="Feature ablation: also what was not measured.")] = False,
    top: Annotated[int, typer.Option(min=1, help="How many of the strongest inputs to list.")] = 10,
    faithfulness: Annotated[bool, typer.Option(help="Test the attribution against random orders (seconds).")] = False,
    over_time: Annotated[bool, typer.Option(help="The estimate as the record unfolds.")] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Chance to cross: the smallest changes that bring the estimate over it.")
    ] = None,
    cohort: Annotated[Path | None, typer.Option(help="Folder of records among which to look for similar ones.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Explain one record: a paragraph, Shapley values over modalities, routing beside contribution, an attribution over
    raw input with its own error; on demand faithfulness, the course over time, smallest changes, similar records."""
    from amfn.cli_explain_words import explanation_lines
    from amfn.console import as_dict
    from explain.methods import METHODS

    if method == "list":
        typer.echo("\n".join(f"{m.name}: {m.title}. {m.says} [{m.source}]" for m in METHODS.values()))
        return
    whole, found = answered(record, checkpoint, alarm_type, alarm_at)
    if found.forecast is not None:
        raise InputError(
            found.checkpoint.path, f"a model of {found.checkpoint.task.name}, which has "
            f"{len(found.forecast)} outputs", "a model that answers one yes-or-no question", "Use `predict` for it.",
        )  # fmt: skip
    others = None if cohort is None else _others(found, cohort)
    report = stored_report(found.checkpoint)
    attribution, start = _attribution(found, report, others, method, baseline, steps, missing, seed)
    data = {**as_dict(found), **_modalities(found, whole, attribution, report)}
    data["attribution"] = _attributed(found, attribution, start, report, top)
    if faithfulness:
        data["faithfulness"] = _faithful(found, attribution, start, as_json)
    if over_time:
        data["over_time"] = _over_time(found, whole)
    if threshold is not None:
        data["changes"] = _changes(found, report, threshold)
    if others is not None:
        data["similar_records"] = _similar(found, others)
    typer.echo(json.dumps(data, indent=1) if as_json else "\n".join(explanation_lines(data)))


def stored_report(checkpoint: Checkpoint) -> Report | None:
    """The checkpoint's stored report, where it is of these weights."""
    from explain.report import FILE, Report

    path = checkpoint.path / FILE
    if not path.exists():
        return None
    try:
        report = Report.from_json(path, json.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(path, f"no JSON ({error})", "what `audit-explanations` wrote", "Write it again.") from error
    return report if report.model == checkpoint.digest else None


def _others(found: Answer, folder: Path) -> list[Record]:
    """Every record of a folder that the model can read; those it cannot are named."""
    from amfn.readers import open_folder, read_ref

    records = []
    for ref in open_folder(folder).refs:
        try:
            records.append(found.checkpoint.task.prepare(read_ref(ref)))
        except InputError as error:
            typer.echo(f"Left out: {error}", err=True)
    if not records:
        raise InputError(folder, "no record that this model reads", "records like this one", "Name another --cohort.")
    return records


def _attribution(
    found: Answer, report: Report | None, others: list[Record] | None, method: str, baseline: str, steps: int,
    missing: bool, seed: int,
) -> tuple[Attribution, Baseline]:  # fmt: skip
    from explain.baselines import median, sample, zero
    from explain.methods import attribute

    checkpoint = found.checkpoint
    present = [s.name for s, here in zip(checkpoint.task.schema.modalities, _here(found), strict=True) if here]
    if baseline == "zero":
        start = zero(found.batch, checkpoint.normaliser.zero(checkpoint.task.schema, present))
    elif baseline == "median":
        start = median(checkpoint.task.schema, found.batch, _reference(report))
    elif baseline == "sample" and others is not None:
        start = sample(checkpoint.task.schema, found.batch, checkpoint.batch(others), seed=seed)
    else:
        raise InputError(
            "--baseline", f"{baseline!r}" + (" without --cohort" if baseline == "sample" else ""),
            "zero, median, or sample with --cohort FOLDER", "Choose one.",
        )  # fmt: skip
    settings: dict[str, Any] = {"steps": steps} if method == "integrated_gradients" else {}
    if missing:
        settings |= {"missing": True, "reference": _reference(report)}
    return attribute(checkpoint.model, found.batch, method, baseline=start, seed=seed, **settings), start


def _reference(report: Report | None) -> Reference:
    if report is None:
        raise InputError(
            "checkpoint", "no stored report on its explanations", "what is usual in training, which it holds",
            "Run `audit-explanations` for it, or use the baseline zero.",
        )  # fmt: skip
    return report.reference


def _here(found: Answer) -> list[bool]:
    return [bool(here) for here in found.batch.present[0].tolist()]


def _modalities(found: Answer, whole: Record, attribution: Attribution, report: Report | None) -> dict[str, Any]:
    """The paragraph, Shapley values with interactions, and routing beside contribution."""
    from amfn.checkpoint import fingerprint
    from amfn.waves import usable_seen
    from explain.paragraph import facts_of, paragraph, written
    from explain.reality import reality_of
    from explain.shapley import coalitions, fuse_subsets

    checkpoint, specs = found.checkpoint, found.checkpoint.task.schema.modalities
    with torch.no_grad():
        encoded = checkpoint.model.encode(found.batch)
    subsets = fuse_subsets(checkpoint.model, encoded)[1]
    game = coalitions(checkpoint.model, encoded, subsets)
    check = reality_of(checkpoint.model, encoded, subsets)
    facts = facts_of(
        game, check, {s.name: s.title for s in specs}, checkpoint.base_rate,
        f"chance of {checkpoint.task.wording.event}", **_certainty(found),
        **usable_seen(whole, found.record, checkpoint.task.schema).told(), split=_split(found, attribution, report),
        warnings=sum(f.severity == "warning" for f in found.record.meta.findings),
        trained_on=fingerprint(found.record.record_id) in checkpoint.fold_of,
    )  # fmt: skip
    claims = paragraph(facts)
    return {
        "sentence": claims[0].text,
        "paragraph": written(claims),
        "claims": [{"part": c.part, "text": c.text, "numbers": dict(c.numbers)} for c in claims],
        "shapley": _shapley(found, game),
        "reality_check": {
            "disagrees": check.disagrees,
            "judged": check.judged,
            "favourite": check.favourite,
            "favourite_share": check.favourite_share,
            "rows": list(check.rows()),
            "kendall_tau": [{"routing": r, "contribution": c, "tau": tau} for (r, c), tau in check.taus.items()],
        },
    }


def _shapley(found: Answer, game: Coalitions) -> dict[str, Any]:
    values, without, here = game.shapley().tolist(), game.leave_one_out().tolist(), _here(found)
    specs = found.checkpoint.task.schema.modalities
    pairs = game.interactions()
    return {
        "empty": game.empty,
        "full": game.full,
        "gap": game.efficiency_gap(),
        "modalities": [
            {
                "name": s.name, "title": s.title, "present": is_here, "value": values[k] if is_here else None,
                "leave_one_out": without[k] if is_here else None,
            }
            for k, (s, is_here) in enumerate(zip(specs, here, strict=True))
        ],
        "interactions": [
            {"a": specs[i].name, "b": specs[k].name, "value": float(pairs[i, k])}
            for i in range(len(specs))
            for k in range(i)
            if here[i] and here[k]
        ],
    }  # fmt: skip


def _certainty(found: Answer) -> dict[str, Any]:
    from amfn.calibration import disagreement

    members, calibration = found.prediction.members, found.checkpoint.calibration
    told: dict[str, Any] = {}
    if members is not None and len(members) > 1:
        spread = disagreement(members[:, 0, 0].tolist())
        told["networks"] = (spread.low, spread.high, len(members))
    if calibration is not None:
        similar = calibration.similar(found.risk)
        told["similar"] = (similar.count, similar.events, similar.low, similar.high)
        outcomes = calibration.conformal_set(float(found.prediction.logits[0, 0]), _here(found))
        told["undecided"] = outcomes.error_rate if len(outcomes.labels) == 2 else None
        told["refused"] = outcomes.error_rate if outcomes.refused is not None else None
    return told


def _inputs(found: Answer, attribution: Attribution) -> list[tuple[str, float]]:
    """Every channel with the sum over what was measured of it, largest first."""
    rows = [
        (f"{spec.title}: {channel.title}", value)
        for spec, channel, value in attribution.by_channel(found.checkpoint.task.schema)
    ]
    return sorted(rows, key=lambda row: -abs(row[1]))


def _split(found: Answer, attribution: Attribution, report: Report | None) -> InputSplit | None:
    from explain.methods import METHODS
    from explain.paragraph import split_of

    # Nothing is said of single inputs by a method that nobody has tried on this model.
    if report is None or not attribution.in_logits or attribution.mismatch is None:
        return None
    title = METHODS[attribution.method].title
    return split_of(attribution, found.checkpoint.task.schema, title, report.sane(attribution.method), found.record)


def _attributed(
    found: Answer, attribution: Attribution, start: Baseline, report: Report | None, top: int
) -> dict[str, Any]:
    from explain.methods import METHODS

    specs = {spec.name: spec for spec in found.checkpoint.task.schema.modalities}
    chosen = METHODS[attribution.method]
    audited = () if report is None or attribution.method not in report.methods else report.checks(attribution.method)
    return {
        "method": attribution.method,
        "title": chosen.title,
        "says": chosen.says,
        "settings": {key: list(v) if isinstance(v, tuple) else v for key, v in attribution.settings.items()},
        "baseline": attribution.baseline,
        "baseline_means": start.title if chosen.uses_baseline else None,
        "in_logits": attribution.in_logits,
        "f_x": attribution.f_x,
        "f_baseline": attribution.f_baseline,
        "promises_completeness": attribution.promises_completeness,
        "gap": attribution.mismatch,
        "gap_is_relative": attribution.gap_is_relative,
        "flagged": attribution.flagged,
        "by_modality": attribution.by_modality(),
        "strongest": [{"input": name, "value": value} for name, value in _inputs(found, attribution)[:top]],
        "not_measured": [
            {
                "input": f"{specs[name].title}: {specs[name].channels[c].title}",
                "value": float(attribution.values[name][t, c]),
                "hour": float(found.record.hours[name][t]) if t < len(found.record.hours[name]) else None,
            }
            for name, made in (attribution.missing or {}).items()
            for t, c in np.argwhere(made).tolist()
        ],
        "checks": [{"name": c.name, "title": c.title, "passed": c.passed, "said": c.said} for c in audited],
    }


def _faithful(found: Answer, attribution: Attribution, start: Baseline, quiet: bool) -> dict[str, Any]:
    from tqdm import tqdm

    from explain.faithfulness import faithfulness

    with tqdm(total=100, desc="Taking segments out", leave=False, disable=quiet) as bar:

        def show(share: float) -> None:
            bar.update(round(100 * share) - bar.n)

        report = faithfulness(found.checkpoint.model, found.batch, attribution, start, progress=show)
    return report.to_json()


def _over_time(found: Answer, whole: Record) -> dict[str, Any]:
    from explain.trajectory import trajectory

    task = found.checkpoint.task
    alarm = whole.meta.alarm
    hours, known = task.unfold(whole)
    course = trajectory(found.checkpoint.model, found.checkpoint.batch(list(known)), shapley=True, times=hours)
    shares = np.zeros((len(hours), len(course.modalities))) if course.shapley is None else course.shapley
    return {
        "bear_in_mind": course.trained_on,
        "moments": [
            {
                "hours": float(hours[k]),
                "seconds_before_alarm": None if alarm is None else round(3600 * (alarm.hours - float(hours[k])), 3),
                "risk": float(course.risks[k]),
                "shapley": {
                    m: float(shares[k, i]) if course.present[k, i] else None for i, m in enumerate(course.modalities)
                },
                "weights": None if course.weights is None else {
                    m: float(course.weights[k, i]) if course.present[k, i] else None
                    for i, m in enumerate(course.modalities)
                },
            }
            for k in range(len(hours))
        ],
    }  # fmt: skip


def _changes(found: Answer, report: Report | None, threshold: float) -> dict[str, Any]:
    """The smallest sets of modalities, and of charted values, that bring the estimate across the threshold."""
    from explain.charted import changes_across
    from explain.counterfactual import removals_across
    from explain.shapley import coalition_values

    checkpoint = found.checkpoint
    removals = removals_across(coalition_values(checkpoint.model, found.batch), threshold)
    told: dict[str, Any] = {
        "threshold": threshold,
        "risk": removals.risk,
        "without_modalities": [{"modalities": list(r.modalities), "risk": r.risk} for r in removals.found],
        "sets_searched": removals.searched,
        "charted": None,
    }
    if report is None or not any(spec.kind == "series" for spec in checkpoint.task.schema.modalities):
        return told
    search = changes_across(
        checkpoint.model, found.batch, threshold, report.reference, checkpoint.normaliser.physical
    )  # fmt: skip
    told["charted"] = {
        "channels_searched": list(search.channels),
        "records_asked": search.asked,
        "found": [
            {
                "risk": answer.risk, "cost": answer.cost, "plausible": answer.plausible,
                "changes": [
                    {"input": c.title, "unit": c.unit, "before": c.before, "after": c.after, "values": c.values}
                    for c in answer.changes
                ],
            }
            for answer in search.found
        ],
    }  # fmt: skip
    return told


def _similar(found: Answer, others: list[Record]) -> dict[str, Any]:
    from explain.similar import CohortIndex

    checkpoint = found.checkpoint
    index = CohortIndex.of(
        checkpoint.model, [checkpoint.batch(others)], [checkpoint.task.label_of(record) for record in others]
    )  # fmt: skip
    near = index.nearest(found.batch, found.prediction, index.usual_k)
    quality = index.vote_quality(index.usual_k)
    return {
        "candidates": near.candidates,
        "records": [
            {"record": name, "distance": float(d), "risk": float(r), "outcome": outcome}
            for name, d, r, outcome in zip(near.ids, near.distances, near.risks, near.outcomes, strict=True)
        ],
        "typical_distance": None if near.typical is None else near.typical.neighbour,
        "with_outcome": None if near.observed is None else near.observed.events,
        "with_known_outcome": None if near.observed is None else near.observed.known,
        "vote_auroc": quality.auroc,
        "model_auroc": quality.model_auroc,
        "named_by_each_network": None if near.stable is None else list(near.stable),
    }
