"""Rankings as a table: one row a modality, with what the rater said and what every measure of the model says of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from app.agreement_study import Rated, Study
from app.text import DISCLAIMER
from explain.raters import MEASURES, model_order, order, tau
from explain.reality import RealityCheck

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula at the beginning of a text."""

SHOWN = {"each": "after each record, so that only each rater's first ranking is blind", "all": "when all were ranked"}


def as_csv(
    study: Study,
    rated: Sequence[Rated],
    found: Mapping[str, RealityCheck],
    remarks: Mapping[tuple[str, str], Sequence[str]],
) -> str:
    """Comma-separated, in UTF-8; lines that begin with # say what it is. Tied places are the mean of those they share;
    places and taus that are not defined stay empty."""
    out = io.StringIO()
    out.write(f"# {DISCLAIMER}\n")
    out.write(
        f"# Study {study.code}, task {study.task}, model {study.model}. Place 1 is first; tau: Kendall's tau-b. "
        f"The model's order was shown {SHOWN[study.reveal]}.\n"
    )
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["record", "rater", "modality", "place", *(f"place_{m}" for m in MEASURES), *(f"tau_{m}" for m in MEASURES),
         "estimate_percent", "confidence", "submitted_utc", "comment"]
    )  # fmt: skip
    for each in rated:
        check = found[each.record]
        own = order(each.places, check.players)
        theirs = {m: model_order(check, m) for m in MEASURES}
        taus = [_number(tau(each.ranking, check, m)) for m in MEASURES]
        said = _text(" | ".join(remarks.get((each.participant, each.record), ())))
        for name, place in zip(check.players, own, strict=True):
            places = [_number(None if (row := theirs[m]) is None else row[name]) for m in MEASURES]
            writer.writerow(
                [each.record, each.rater, name, _number(float(place)), *places, *taus, _number(each.estimate),
                 each.confidence or "", each.submitted.strftime("%Y-%m-%dT%H:%M:%SZ"), said]
            )  # fmt: skip
    return out.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _text(said: str) -> str:
    return f"'{said}" if said.startswith(FORMULA) else said
