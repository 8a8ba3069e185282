"""Records -> rows of an audit: one pass through the model for all subsets of what each of them has.

Axes: N records, M modalities. Everything is on the logit scale unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from scipy.special import expit

from amfn.batch import to_batch
from amfn.checkpoint import Checkpoint, Member, fingerprint, load_checkpoint, load_folds
from amfn.fusion.ensemble import Ensemble
from amfn.types import Batch, FusionTrace, InputError, Prediction, Schema
from audit.columns import MATRICES, MEASURES, TAUS, schema, stratum_column
from audit.plan import UNSEEN, Settings, Table
from audit.source import Loaded, dead_letter, strata_of
from explain.coalitions import Coalitions
from explain.methods import attribute
from explain.reality import reality_in
from explain.shapley import games
from explain.types import Attribution

ERROR_RATE = 0.1
ENCODED_AT_ONCE = 64
"""Records: their waveforms are what takes memory."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """The networks of one checkpoint as an audit asks them. members[who]: "shipped", "fold-0" and so on, or one network
    alone."""

    checkpoint: Checkpoint
    settings: Settings
    members: Mapping[str, Member]

    @classmethod
    def load(cls, path: Path, settings: Settings, device: str = "cpu") -> Answering:
        """Raises InputError for a checkpoint that cannot be loaded, a forecast, or a network that it does not have."""
        checkpoint = load_checkpoint(path)
        if checkpoint.task.kind != "binary":
            raise InputError(path, f"a model of {checkpoint.task.name}", "one with a yes-or-no answer", "Name another.")
        whole, number = Member(checkpoint.model, checkpoint.normaliser), settings.network
        if number is not None:
            if number >= len(checkpoint.model):
                raise InputError(
                    path, f"no network {number}", f"0 to {len(checkpoint.model) - 1}", "Name another --answered."
                )
            alone = [checkpoint.model.networks[number]]
            one = Ensemble(alone, checkpoint.model.temperature, checkpoint.model.shift).eval()
            members = {settings.answered: Member(one, checkpoint.normaliser)}
        elif settings.answered == UNSEEN:
            members = {"shipped": whole, **{f"fold-{k}": fold for k, fold in enumerate(load_folds(path))}}
        else:
            members = {settings.answered: whole}
        for member in members.values():
            member.model.to(device)
        return cls(checkpoint, settings, members)

    @property
    def schema(self) -> Schema:
        return self.checkpoint.task.schema

    def who(self, record_id: str) -> str:
        """Which networks answer for this record. Raises InputError where those of its fold are missing."""
        if self.settings.answered != UNSEEN:
            return self.settings.answered
        fold = self.checkpoint.fold_of.get(fingerprint(record_id))
        name = "shipped" if fold is None else f"fold-{fold}"
        if name not in self.members:
            raise InputError(
                self.checkpoint.path,
                f"no networks of {name}",
                "all folds",
                "Restore folds/, or audit with --answered shipped.",
            )
        return name


def answer(answering: Answering, loaded: Loaded) -> dict[Table, pa.Table]:
    """The tables of one part. A record on which the model fails is a dead letter, and the others go on."""
    names = answering.schema.names
    rows: dict[int, Row] = {}
    subsets: dict[int, Row] = {}
    shares: list[Row] = []
    dead = list(loaded.dead)
    for who, indices in _by_member(answering, loaded).items():
        for at in range(0, len(indices), ENCODED_AT_ONCE):
            some = indices[at : at + ENCODED_AT_ONCE]
            try:
                done = _answered(answering, loaded, who, some)
            except (InputError, RuntimeError):
                # One of them is at fault: each for itself, so that it alone is left out.
                done = {}
                for index in some:
                    try:
                        done |= _answered(answering, loaded, who, [index])
                    except (InputError, RuntimeError) as error:
                        dead.append(dead_letter(loaded.ids[index], loaded.sources[index], "predict", error))
            for index, (row, logits) in done.items():
                rows[index] = row
                subsets[index] = {"record_id": loaded.ids[index], "logits": logits}
                for method in answering.settings.methods:
                    try:
                        shares += _attributed(answering, loaded, who, index, method)
                    except (InputError, RuntimeError) as error:
                        dead.append(dead_letter(loaded.ids[index], loaded.sources[index], method, error))
    strata = strata_of(answering.checkpoint.task, loaded.values)
    for title, levels in strata.items():
        for index, row in rows.items():
            row[stratum_column(title)] = levels[index]
    found: dict[Table, Iterable[Row]] = {
        "records": (rows[index] for index in sorted(rows)),
        "subsets": (subsets[index] for index in sorted(subsets)),
        "attributions": shares,
        "dead-letters": map(asdict, dead),
    }
    columns = [stratum_column(title) for title in strata]
    return {name: pa.Table.from_pylist(list(each), schema=schema(name, names, columns)) for name, each in found.items()}


def _by_member(answering: Answering, loaded: Loaded) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, record_id in enumerate(loaded.ids):
        found.setdefault(answering.who(record_id), []).append(index)
    return found


def _batch(answering: Answering, loaded: Loaded, who: str, indices: list[int]) -> tuple[Member, Batch]:
    member = answering.members[who]
    values, context = ({m: v[indices] for m, v in each.items()} for each in (loaded.values, loaded.context))
    batch = to_batch(answering.schema, member.normaliser, [loaded.ids[k] for k in indices], values, context)
    return member, batch.to(next(member.model.parameters()).device)


def _answered(answering: Answering, loaded: Loaded, who: str, indices: list[int]) -> dict[int, tuple[Row, np.ndarray]]:
    member, batch = _batch(answering, loaded, who, indices)
    with torch.inference_mode():
        encoded = member.model.encode(batch)
        whole = member.model.fuse(encoded)
        played = games(member.model, encoded)
    present = batch.present.cpu().numpy()
    logits = np.array([game.full for game in played])
    certain = _certainty(answering, who, logits, present)
    return {
        index: (
            {
                **_described(answering, loaded, who, index, present[row]),
                **_explained(answering.schema, whole, played[row], row),
                **{name: values[row] for name, values in certain.items()},
            },
            played[row].values.astype(np.float32),
        )
        for row, index in enumerate(indices)
    }


def _described(answering: Answering, loaded: Loaded, who: str, index: int, present: np.ndarray) -> Row:
    """What the record is, before any model."""
    names = answering.schema.names
    label = loaded.labels[index]
    row: Row = {
        "record_id": loaded.ids[index],
        "record_digest": loaded.digest(index),
        "source": loaded.sources[index],
        "folder": None if loaded.folders is None else loaded.folders[index],
        "simulated": None if loaded.simulated is None else loaded.simulated[index],
        "group": loaded.groups[index],
        "label": None if np.isnan(label) else int(label),
        "answered_by": who,
        "findings": None if loaded.findings is None else loaded.findings[index],
        "warnings": None if loaded.warnings is None else loaded.warnings[index],
        "pattern": sum(1 << k for k, here in enumerate(present.tolist()) if here),
    }
    for name, here in zip(names, present.tolist(), strict=True):
        row[f"present_{name}"] = here
        row[f"observed_{name}"] = float((~np.isnan(loaded.values[name][index])).mean())
    return row


def _explained(schema: Schema, whole: Prediction, game: Coalitions, at: int) -> Row:
    """What moved the answer, and how it was routed."""
    trace, names = whole.trace, schema.names
    check = reality_in(schema, trace, game, row=at)
    row: Row = {
        "logit": game.full,
        "risk": float(expit(game.full)),
        "empty_logit": game.empty,
        "efficiency_gap": game.efficiency_gap(),
        "favourite": check.favourite,
        "disagrees": check.disagrees,
        **dict.fromkeys(f"{lead}_{name}" for lead in MEASURES.values() for name in names),
    }
    for measure, lead in MEASURES.items():
        values = check.measures[measure]
        if values is not None:
            row |= {f"{lead}_{name}": float(v) for name, v in zip(check.players, values, strict=True)}
    row |= {column: check.taus[pair] for pair, column in TAUS.items()}
    row |= dict(zip(MATRICES, (game.interactions().ravel(), *_matrices(trace, at)), strict=True))
    each = [] if whole.members is None else whole.members[:, at, 0].double().cpu().tolist()
    row |= {"network_logits": each, "spread": float(np.std(each, ddof=1)) if len(each) > 1 else None}
    return row


def _matrices(trace: FusionTrace, at: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    attention = None if trace.attention is None else trace.attention[at].mean(0).cpu().numpy().ravel()
    adjacency = None if trace.adjacency is None else trace.adjacency[at].cpu().numpy().ravel()
    return attention, adjacency


def _certainty(answering: Answering, who: str, logits: np.ndarray, present: np.ndarray) -> dict[str, list[Any]]:
    """The conformal set at 10 % and what became of similar records; a record of the training is compared with the
    other folds only. Of one network alone there is none: what is stored was fitted to all of them."""
    empty: list[Any] = [None] * len(logits)
    calibration = answering.checkpoint.calibration
    if calibration is None or answering.settings.network is not None:
        return dict.fromkeys(("set_10", "similar_share", "similar_low", "similar_high"), empty)
    fold = int(who.removeprefix("fold-")) if who.startswith("fold-") else None
    chances = calibration.p_values_of(logits, present, ERROR_RATE, fold)
    alike = [calibration.similar(float(expit(logit)), fold) for logit in logits]
    return {
        "set_10": [None if np.isnan(p[0]) else int(p[0] > ERROR_RATE) + 2 * int(p[1] > ERROR_RATE) for p in chances],
        "similar_share": [one.share for one in alike],
        "similar_low": [one.low for one in alike],
        "similar_high": [one.high for one in alike],
    }


def _attributed(answering: Answering, loaded: Loaded, who: str, index: int, method: str) -> list[Row]:
    member, batch = _batch(answering, loaded, who, [index])
    found = attribute(member.model, batch, method)
    return summarised(answering.schema, found, loaded.ids[index], answering.settings.bins)


def summarised(schema: Schema, found: Attribution, record_id: str, bins: int) -> list[Row]:
    """One row a channel and stretch of time. value: the signed sum; size: the sum of sizes, which does not cancel.

    A method that does not tell channels apart has "all" for a channel. What is stated once has one stretch without
    hours; hours count from the start of the modality's window, of which every step counts an hour in a series.
    """
    rows: list[Row] = []
    for spec in schema.modalities:
        values = found.values.get(spec.name)
        if values is None:
            continue
        named = [channel.name for channel in spec.channels] if values.shape[1] == len(spec.channels) else ["all"]
        length = len(values) / spec.rate_hz / 3600 if spec.rate_hz else float(len(values))
        edges = np.linspace(0, len(values), 1 + min(bins, len(values))).round().astype(int)
        for k, (start, stop) in enumerate(pairwise(edges)):
            stretch = values[start:stop].astype(np.float64)
            hours = None if spec.kind == "static" else (start / len(values) * length, stop / len(values) * length)
            for channel, value, size in zip(named, stretch.sum(0), np.abs(stretch).sum(0), strict=True):
                rows.append(
                    {
                        "record_id": record_id, "method": found.method, "modality": spec.name, "channel": channel,
                        "bin": k, "from_hour": hours and hours[0], "to_hour": hours and hours[1], "value": value,
                        "size": size, "gap": found.gap,
                    }
                )  # fmt: skip
    return rows
