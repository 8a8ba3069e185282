"""The stored report on a model's explanations -> what the Model page draws. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import figures
from app.figures import Drawing
from explain.methods import METHODS
from explain.report import Report

MARKS: Mapping[bool | None, str] = {True: "✓ passed", False: "✗ not passed", None: "– no verdict"}
STAGES: Mapping[str, str] = {
    "head": "head", "hidden": "hidden layer", "own tensors": "gates, query", "graph": "graph", "attention": "attention",
    "norm": "normalisation", "encoders": "encoders",
}  # fmt: skip
LEVELS: Mapping[str, str] = {"shapley": "Shapley values (modalities)", "leave_one_out": "Leave-one-out (modalities)"}
GAMES: Mapping[str, str] = {
    "cause": "Cause alone",
    "cause_or_evidence": "Cause or evidence",
    "signals": "Cause or evidence, signals only",
}
EXCHANGED: Mapping[str, str] = {"attention": "attention (α)", "weights": "fusion weights (β)"}


@dataclass(frozen=True, slots=True)
class Findings:
    """One method: its title, what it does, and each check's title, mark and finding."""

    title: str
    says: str
    checks: tuple[tuple[str, str, str], ...]


def title_of(method: str) -> str:
    """How a screen calls a method, at the level of inputs or of modalities."""
    return METHODS[method].title if method in METHODS else LEVELS.get(method, method)


def findings(report: Report) -> tuple[Findings, ...]:
    return tuple(
        Findings(
            title_of(method),
            METHODS[method].says if method in METHODS else "",
            tuple((check.title, MARKS[check.passed], check.said) for check in report.checks(method)),
        )
        for method in report.methods
    )


def overview(found: Sequence[Findings]) -> list[dict[str, str]]:
    """One row a method, one column a check."""
    return [{"Method": item.title, **{title: mark for title, mark, _ in item.checks}} for item in found]


def cascade(report: Report, dark: bool) -> Drawing | None:
    """None where no method's weights were made random."""
    units = [(m, report.units.get(f"weights-{m}", {"refused": ""})) for m in report.methods]
    told = [(method, unit) for method, unit in units if "refused" not in unit]
    if not told:
        return None
    stages = [STAGES.get(stage, stage) for stage in told[0][1]["stages"]]
    means, low, high = (np.array([[stage[k] for stage in unit["by_stage"]] for _, unit in told]).T for k in range(3))
    levels = [unit["reference"] for _, unit in told]
    reference = None if None in levels else np.array([level[0] for level in levels])
    return figures.cascade(stages, means, low, high, reference, [title_of(m) for m, _ in told], dark)


def planted(report: Report, game: str, dark: bool) -> Drawing | None:
    """How often the strongest modality of each method holds what was planted; None where nothing was."""
    rows = report.planted(game)
    if not rows:
        return None
    part = [row["modality"] for row in rows]
    share, low, high = (np.array([one[key] for one in part]) for key in ("share", "low", "high"))
    titles = [title_of(row["method"]) for row in rows]
    return figures.planted_truth(titles, share, low, high, part[0]["chance"], dark)


def planted_rows(report: Report, game: str) -> list[dict[str, str]]:
    """Modality, segment and mass of each method as a table."""
    rows = []
    for row in report.planted(game):
        modality, segment = row["modality"], row["segment"]
        rows.append(
            {
                "Method": title_of(row["method"]),
                "Strongest modality": f"{modality['hits']} of {modality['records']}",
                "Strongest segment": "–" if segment is None else f"{segment['hits']} of {segment['records']}",
                "Mass": "–" if row["mass"] is None else f"{100 * row['mass']:.0f} %",
                "By chance": f"{100 * modality['chance']:.0f} %"
                + ("" if segment is None else f" · {100 * segment['chance']:.0f} %")
                + ("" if row["chance_mass"] is None else f" · {100 * row['chance_mass']:.0f} %"),
            }
        )
    return rows


def routing_effect(routing: Mapping[str, Any], dark: bool) -> Drawing:
    """Change of the probability under every exchange of α and β."""
    ways = {"uniform_change": "even", "permuted_change": "dealt out anew", "drawn_change": "at random"}
    titles, quantiles = [], []
    for name, test in routing["tests"].items():
        for key, words in ways.items():
            titles.append(f"{EXCHANGED[name]}: {words}")
            quantiles.append(test[key])
    return figures.routing_effect(titles, *_quartiles(quantiles), dark)


def routing_spread(routing: Mapping[str, Any], dark: bool) -> Drawing:
    """How far apart routings lie that say the same."""
    titles, quantiles = [], []
    for name, test in routing["tests"].items():
        titles.append(f"{EXCHANGED[name]}: farthest with the same answer")
        quantiles.append(test["farthest_same"])
        networks = routing["networks"]
        if networks is not None and networks[name] is not None:
            titles.append(f"{EXCHANGED[name]}: between networks")
            quantiles.append(networks[name])
    return figures.seed_variance(titles, *_quartiles(quantiles), dark)


def routing_sentence(routing: Mapping[str, Any]) -> str:
    """What the exchanges mean, with their numbers."""
    parts = []
    for name, test in routing["tests"].items():
        parts.append(
            f"with even {EXCHANGED[name]} the estimate stays within one percentage point in "
            f"{100 * test['uniform_same']:.0f} % of {routing['records']:,} records"
        )
    return f"{' and '.join(parts)[0].upper()}{' and '.join(parts)[1:]}."


def _quartiles(quantiles: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Medians, lower and upper quartiles, p95, from 5, 25, 50, 75 and 95 %."""
    table = np.array(quantiles)
    return table[:, 2], table[:, 1], table[:, 3], table[:, 4]
