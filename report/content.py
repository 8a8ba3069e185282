"""From a record and a model to everything a document says of them: one pass, then plain values."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from amfn import __version__
from amfn.calibration import Similar, Spread, disagreement
from amfn.checkpoint import Checkpoint, fingerprint
from amfn.conformal import ERROR_RATE, ConformalSet
from amfn.types import Batch, InputError, Record
from amfn.waves import Seen, usable_seen
from explain.methods import METHODS, attribute
from explain.paragraph import InputSplit, facts_of, paragraph, split_of
from explain.reality import RealityCheck, reality_of
from explain.shapley import coalitions, fuse_subsets
from report import words
from report.signal import influences, picture
from report.values import Attributed, Content, Modality, is_alteration

if TYPE_CHECKING:
    from explain.coalitions import Coalitions
    from explain.report import Report
    from explain.types import Attribution

METHOD, STEPS = "integrated_gradients", 64
"""What the screens use beside an estimate: with 32 steps every fourth stay does not add up."""


def content_of(
    checkpoint: Checkpoint,
    record: Record,
    *,
    off: Collection[str] = (),
    simulated: bool = False,
    audited: Report | None = None,
    unaltered: float | None = None,
    made: datetime | None = None,
) -> Content:
    """What the model says of one record, as its reader gave it, and why.

    off: names of modalities that the model is not to see. simulated: a patient of the sample cohort. audited: the
    stored report on this model's explanations, where there is one. unaltered: what the model says of the record as it
    was measured, where this one was altered by hand. made: the time on the document; now, if None.
    Raises InputError where the task refuses the record, for a model that forecasts, or an unknown modality.
    """
    task = checkpoint.task
    if checkpoint.targets is not None:
        raise words.forecast_refused(checkpoint.path, len(task.schema.targets))
    unknown = sorted(set(off) - set(task.schema.names))
    if unknown:
        raise InputError(
            "modalities to leave out",
            ", ".join(unknown),
            f"some of {', '.join(task.schema.names)}",
            "Correct the name.",
        )
    prepared = task.prepare(record)
    seen = usable_seen(record, prepared, task.schema)
    whole = checkpoint.batch([prepared])
    batch = whole.masked(torch.tensor([name not in off for name in task.schema.names]))
    with torch.no_grad():
        encoded = checkpoint.model.encode(batch)
    subsets = fuse_subsets(checkpoint.model, encoded)[1]
    game = coalitions(checkpoint.model, encoded, subsets)
    check = reality_of(checkpoint.model, encoded, subsets)
    attribution = attribute(checkpoint.model, batch, METHOD, steps=STEPS) if game.present.any() else None
    members = [] if subsets.members is None else subsets.members[:, -1, 0].tolist()
    spread = disagreement(members) if len(members) > 1 else None
    similar, outcomes = _calibrated(checkpoint, game)
    read = [name for name, here in zip(task.schema.names, game.present.tolist(), strict=True) if here]
    return Content(
        made=made or datetime.now(UTC),
        version=__version__,
        task=task.name,
        title=task.wording.title,
        event=task.wording.event,
        labels=(task.wording.negative, task.wording.positive),
        record_id=record.record_id,
        record_digest=record.digest(),
        subject=record.record_id if simulated else record.digest(),
        format=record.meta.format,
        simulated=simulated,
        trained_on=fingerprint(record.record_id) in checkpoint.fold_of,
        facts=_facts(checkpoint, prepared),
        model=checkpoint.path.name,
        model_digest=checkpoint.digest,
        schema_digest=task.schema.digest(),
        training_seed=checkpoint.provenance.get("config", {}).get("seed"),
        networks=max(len(members), 1),
        risk=_chance(game.full),
        base_rate=checkpoint.base_rate,
        spread=spread,
        similar=similar,
        outcomes=outcomes,
        claims=paragraph(
            facts_of(
                game,
                check,
                {spec.name: spec.title for spec in task.schema.modalities},
                checkpoint.base_rate,
                f"chance of {task.wording.event}",
                split=_split(checkpoint, prepared, attribution, audited),
                warnings=sum(f.severity == "warning" and not is_alteration(f) for f in prepared.meta.findings),
                trained_on=fingerprint(record.record_id) in checkpoint.fold_of,
                **_certainty(spread, len(members), similar, outcomes),
                **seen.told(read),
            )
        ),
        modalities=_modalities(checkpoint, whole, game, check, seen),
        mask=tuple(game.present.tolist()),
        empty_risk=_chance(game.empty),
        shapley_gap=game.efficiency_gap(),
        routing=words.routing(check),
        disagrees=bool(check.disagrees),
        influences=influences(task.schema, prepared, attribution),
        attributed=_attributed(checkpoint, attribution, game, audited),
        picture=picture(task.schema, prepared, attribution, seen),
        findings=prepared.meta.findings,
        unaltered=_unaltered(checkpoint, prepared, whole, off, unaltered),
    )


def _chance(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def _unaltered(
    checkpoint: Checkpoint, prepared: Record, whole: Batch, off: Collection[str], told: float | None
) -> float | None:
    """The estimate for the record as it was measured. told: see `content_of`; whole: with nothing switched off."""
    if told is not None or not off or any(is_alteration(f) for f in prepared.meta.findings):
        return told
    with torch.no_grad():
        return _chance(float(checkpoint.model(whole).logits[0, 0]))


def _calibrated(checkpoint: Checkpoint, game: Coalitions) -> tuple[Similar | None, ConformalSet | None]:
    if checkpoint.calibration is None:
        return None, None
    calibration = checkpoint.calibration
    return (
        calibration.similar(_chance(game.full)),
        calibration.conformal_set(game.full, game.present.tolist(), ERROR_RATE),
    )


def _certainty(
    spread: Spread | None, networks: int, similar: Similar | None, outcomes: ConformalSet | None
) -> dict[str, Any]:
    """As the paragraph takes it."""
    told: dict[str, Any] = {}
    if spread is not None:
        told["networks"] = (spread.low, spread.high, networks)
    if similar is not None:
        told["similar"] = (similar.count, similar.events, similar.low, similar.high)
    if outcomes is not None and outcomes.refused is not None:
        told["refused"] = outcomes.error_rate
    elif outcomes is not None and len(outcomes.labels) == 2:
        told["undecided"] = outcomes.error_rate
    return told


def _split(
    checkpoint: Checkpoint, prepared: Record, attribution: Attribution | None, audited: Report | None
) -> InputSplit | None:
    """Nothing is said of single inputs by a method that nobody has tried on this model, nor of a waveform's samples."""
    schema = checkpoint.task.schema
    if attribution is None or audited is None or any(spec.kind == "waveform" for spec in schema.modalities):
        return None
    return split_of(attribution, schema, METHODS[METHOD].title, audited.sane(METHOD), prepared)


def _modalities(
    checkpoint: Checkpoint, whole: Batch, game: Coalitions, check: RealityCheck, seen: Seen
) -> tuple[Modality, ...]:
    """whole: the record with nothing switched off."""
    lost, shapley = game.leave_one_out(), game.shapley()
    gates, weights = check.measures["gate"], check.measures["weight"]
    rows = []
    for k, spec in enumerate(checkpoint.task.schema.modalities):
        if not game.present[k]:
            was_there = bool(whole.present[0, k])
            rows.append(Modality(spec.name, spec.title, "switched off" if was_there else "not recorded"))
            continue
        at = check.players.index(spec.name)
        rows.append(
            Modality(
                spec.name,
                spec.title,
                "recorded",
                signal=seen.usable[spec.name].said if spec.name in seen.usable else "",
                gate=None if gates is None else float(gates[at]),
                weight=None if weights is None else float(weights[at]),
                shapley=float(shapley[k]),
                without=_chance(game.full - float(lost[k])),
            )
        )
    return tuple(rows)


def _attributed(
    checkpoint: Checkpoint, attribution: Attribution | None, game: Coalitions, audited: Report | None
) -> Attributed | None:
    if attribution is None or attribution.f_baseline is None or attribution.gap is None:
        return None
    chosen, schema = METHODS[METHOD], checkpoint.task.schema
    here = [name for name, present in zip(schema.names, game.present.tolist(), strict=True) if present]
    return Attributed(
        title=chosen.title,
        says=chosen.says,
        source=chosen.source,
        steps=STEPS,
        baseline=checkpoint.normaliser.zero(schema, here),
        f_x=attribution.f_x,
        f_baseline=attribution.f_baseline,
        gap=attribution.gap,
        gap_is_relative=attribution.gap_is_relative,
        flagged=attribution.flagged,
        size=attribution.size,
        cancels=attribution.cancels,
        checks=None if audited is None or METHOD not in audited.methods else audited.checks(METHOD),
    )


def _facts(checkpoint: Checkpoint, prepared: Record) -> tuple[str, ...]:
    """Age, sex and ICU type, or the alarm and when it sounded: what a banner says of the patient."""
    alarm, group = prepared.meta.alarm, checkpoint.task.group(prepared)
    if alarm is not None:
        return (f"{group} alarm at {words.clock(alarm.hours * 3600)} of the record",)
    facts = []
    if "demographics" in prepared.values:
        stated = dict(
            zip((c.name for c in prepared.channels["demographics"]), prepared.values["demographics"][0], strict=True)
        )
        age, male = float(stated["Age"]), float(stated["male"])
        facts.append("Age not recorded" if np.isnan(age) else f"{age:.0f} years")
        facts.append("Sex not recorded" if np.isnan(male) else "Male" if male else "Female")
    return (*facts, "ICU type not recorded" if group == "unknown" else f"{group} ICU")
