"""The stored report on a checkpoint's explanations (`explain.audit`), read back and put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amfn.types import InputError
from explain.reference import Reference

FORMAT = 1
FILE = "explanations.json"
MISSED_IN_TWENTY = 0.05
"""A method adds up where at most this share of records misses the change by more than 5 %."""

JUDGED = ("deletion", "insertion")


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one method. passed: None where it could not be asked. said: the finding with its numbers."""

    name: str
    title: str
    passed: bool | None
    said: str


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """model: digest of the weights that were audited. units: the audit's parts by name, plain JSON.

    data, records: digest and number of the training records behind `reference`. sampled: how many of them each method
    was tried on. shuffled: how well the network of the label check ranks its shuffled labels, None without one.
    """

    task: str
    model: str
    data: str
    records: int
    sampled: int
    methods: tuple[str, ...]
    reference: Reference
    units: Mapping[str, Mapping[str, Any]]
    shuffled: Mapping[str, float] | None
    seconds: float
    commit: str

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "task": self.task, "model": self.model, "data": self.data, "records": self.records,
            "sampled": self.sampled, "methods": list(self.methods), "shuffled": self.shuffled,
            "seconds": round(self.seconds), "commit": self.commit, "reference": self.reference.to_json(),
            "units": dict(self.units),
        }  # fmt: skip

    @classmethod
    def from_json(cls, source: object, data: object) -> Report:
        """source: the file, for the message. Raises InputError for anything but what `to_json` gave."""
        try:
            if not isinstance(data, Mapping) or data["format"] != FORMAT:
                raise ValueError(f"no report of format {FORMAT}")
            units = {str(name): dict(unit) for name, unit in data["units"].items()}
            report = cls(
                str(data["task"]), str(data["model"]), str(data["data"]), int(data["records"]), int(data["sampled"]),
                tuple(str(name) for name in data["methods"]), Reference.from_json(data["reference"]), units,
                data["shuffled"], float(data["seconds"]), str(data["commit"]),
            )  # fmt: skip
            # A damaged unit is refused here, with the file's name, and not later on a page.
            for method in report.methods:
                report.checks(method)
            report.planted()
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                source, f"no report of explanations ({error!r})", "what `audit-explanations` wrote",
                "Run it again for this checkpoint, or delete the file.",
            ) from error  # fmt: skip
        return report

    def checks(self, method: str) -> tuple[Check, ...]:
        """What was found for one method, in the order in which a reader should ask. Raises InputError for a method
        that was not audited."""
        if method not in self.methods:
            raise InputError("method", f"{method!r}", f"one of {', '.join(self.methods)}", "Audit it first.")
        asked = (
            ("adds_up", "Adds up", _adds_up),
            ("faithful", "Matches what the model does", _faithful),
            ("weights", "Depends on the learned weights", _judged),
            ("labels", "Depends on the true labels", _judged),
            ("planted", "Names the planted modality", _planted),
            ("stretch", "Names the planted stretch", _stretch),
        )
        found = []
        for part, title, words in asked:
            unit = self.units.get(f"{'planted' if part == 'stretch' else part}-{method}")
            if unit is None:
                found.append(Check(part, title, None, "Not measured."))
            elif "refused" in unit:
                found.append(Check(part, title, None, f"Not possible: {unit['refused']}"))
            else:
                passed, said = words(unit)
                found.append(Check(part, title, passed, said))
        return tuple(found)

    def sane(self, method: str) -> bool | None:
        """False where a check on random weights or labels failed, True where both were passed, None otherwise."""
        if method not in self.methods:
            return None
        results = [check.passed for check in self.checks(method) if check.name in ("weights", "labels")]
        return False if False in results else True if all(results) else None

    def planted(self, roles: str = "cause") -> tuple[Mapping[str, Any], ...]:
        """Rows of the planted-truth table (`explain.planted.Row.to_json`), modality-level methods first."""
        named = [self.units.get("planted-modalities"), *(self.units.get(f"planted-{name}") for name in self.methods)]
        return tuple(row for unit in named if unit is not None and "refused" not in unit for row in unit[roles])

    @property
    def routing(self) -> Mapping[str, Any] | None:
        """`explain.routing.RoutingReport.to_json`, None where the model does not route."""
        unit = self.units.get("routing-modalities")
        return None if unit is None or "refused" in unit else unit


def _adds_up(unit: Mapping[str, Any]) -> tuple[bool | None, str]:
    start = unit.get("zero") or unit["none"]
    if start["over"] is None:
        return None, "Its values are magnitudes, not parts of a sum."
    gap = f"; median gap {_percent(start['quantiles'][0])}" if start["quantiles"] else ""
    said = f"{start['over']} of {start['records']} records miss the change by more than 5 %{gap}"
    other = unit.get("median")
    if other is not None and other["over"] is not None:
        said += f" (from training medians: {other['over']})"
    if not unit["promised"]:
        return None, f"Does not promise to. {said[0].upper()}{said[1:]}."
    return start["over"] <= MISSED_IN_TWENTY * start["records"], f"{said[0].upper()}{said[1:]}."


def _faithful(unit: Mapping[str, Any]) -> tuple[bool | None, str]:
    scores = [s for s in unit["scores"] if s["name"] in JUDGED and s["scale"] == "logit"]
    if not scores:
        return None, "No record could be tested."
    what = {"deletion": "taking away first", "insertion": "giving back first"}
    parts = [f"{what[s['name']]} ({s['replacement']}) {s['gain'][0]:+.2f}" for s in scores]
    better = unit["verdicts"].get("better than random", 0)
    said = (
        f"Better than every random order in {better} of {unit['records']} records. Mean gain in log-odds: "
        f"{', '.join(parts)}."
    )
    return all(s["gain"][1] > 0 for s in scores), said


def _judged(unit: Mapping[str, Any]) -> tuple[bool | None, str]:
    # The finding opens with its verdict, which stands beside it wherever a check is shown.
    _, _, said = str(unit["said"]).partition(": ")
    return unit["passed"], said[:1].upper() + said[1:]


def _planted(unit: Mapping[str, Any]) -> tuple[bool | None, str]:
    found = unit["cause"][0]["modality"]
    said = f"The strongest modality holds the cause in {found['hits']} of {found['records']} simulated records"
    return found["low"] > found["chance"], f"{said} (by chance {_percent(found['chance'])} of them)."


def _stretch(unit: Mapping[str, Any]) -> tuple[bool | None, str]:
    row = unit["cause"][0]
    piece = row["segment"]
    if piece is None:
        return None, "It does not speak of stretches."
    said = f"The strongest stretch lies in the cause in {piece['hits']} of {piece['records']} simulated records"
    said += f" (by chance {_percent(piece['chance'])} of them); {_percent(row['mass'])} of all it hands out does "
    return piece["low"] > piece["chance"], f"{said}(by chance {_percent(row['chance_mass'])})."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
