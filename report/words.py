"""Wording and number formats that PDF, HTML and FHIR share. Plain English for clinicians."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from amfn.card_words import DISCLAIMER as DISCLAIMER
from amfn.conformal import ConformalSet
from amfn.sentences import networks_sentence, set_heading, set_reason, similar_sentence
from amfn.types import Channel, Finding, InputError
from explain.alterations import unit_text
from explain.narrative import percent, three_digits
from explain.paragraph import Part, written
from explain.reality import RANKED_FROM, RealityCheck
from report.values import Attributed, Content, Influence, Modality, is_alteration

MINUS = "\N{MINUS SIGN}"
# Not by strftime, whose months follow the computer's language.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEADINGS: Mapping[Part, str] = {"drivers": "What moved it", "certainty": "How sure", "doubt": "What to doubt"}
MARKS: Mapping[bool | None, str] = {True: "passed", False: "NOT PASSED", None: "no verdict"}
SIMULATED = "Simulated patient, sample cohort"
JUDGED = {"weight": "fusion weight (β)", "attention": "attention (α)"}
MODALITIES_AID = (
    "γ: how far the model lets a modality through (0 to 1). β: its share in the fused summary. These say how the model "
    "routed the data, not what moved its estimate; that is the Shapley value: log-odds, exact over all combinations."
)
INFLUENCES_AID = (
    "What the values of each variable did to the estimate, in log-odds from the baseline named below: + raised it, "
    f"{MINUS} lowered it. The Shapley values above start from “nothing recorded” instead, so the two need not agree."
)
INFLUENCES_HEAD = ("Variable", "In sum", "Values", "Strongest single value", "When", "Its own")
LEADS_AID = (
    "25 mm/s and 10 mm/mV when printed at 100 %. Small box 0.04 s × 0.1 mV, large box 0.2 s × 0.5 mV; the pulse at the "
    "left is 1 mV, 0.2 s. Other signals keep the time scale; the numbers beside them are the ends of their own scale. "
    "The traces are what the model read ({rate:g} samples a second). Seconds before the alarm. Quality is told from "
    "indices, which are no diagnosis: a rhythm without beats can look like noise or a flat line."
)
LEGEND_UP, LEGEND_DOWN = "raised the estimate (bar up)", "lowered it (bar down)"
LEGEND_SPOILT = "quality in doubt"
TRENDS_AID = (
    "Heart rate and arterial pressure where charted, then the variables with the largest attribution in sum; one value "
    "an hour as the model read them. "
    "▲ raised the estimate, ▼ lowered it, ● did about nothing; the larger, the more. Shaded: reference "
    "interval{source}; where nothing is shaded, none is known or it lies outside the panel."
)


def moment(at: datetime) -> str:
    """21-Nov-2026 18:05 UTC."""
    utc = at.astimezone(UTC)
    return f"{utc.day:02d}-{MONTHS[utc.month - 1]}-{utc.year} {utc.hour:02d}:{utc.minute:02d} UTC"


def signed(value: float, digits: int = 2) -> str:
    """1.234 -> '+1.23', with a true minus sign; what rounds to zero has no sign."""
    size = f"{abs(value):.{digits}f}"
    if float(size) == 0:
        return size
    return f"{MINUS if value < 0 else '+'}{size}"


def unbroken(text: str) -> str:
    """A number keeps its % on the same line."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)


def value(channel: Channel, number: float) -> str:
    """A value with its unit; a flag in words."""
    if channel.flag:
        return "yes" if number >= 0.5 else "no"
    return f"{three_digits(number)} {unit_text(channel)}".strip()


def clock(seconds: float) -> str:
    """Elapsed time as HH:MM:SS."""
    whole = math.floor(seconds + 0.5)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def compared(content: Content) -> str:
    """The base rate, and how the estimate stands to it."""
    rate = percent(content.base_rate)
    times = content.risk / content.base_rate
    if percent(content.risk) == rate:
        how = "about the same as"
    elif times >= 1.5:
        how = f"{times:.1f} times"
    else:
        how = "above" if times > 1 else "below"
    return f"The estimate is {how} the base rate, {rate}: how often it came true in the training data."


def observed(content: Content) -> list[str]:
    """Networks and similar records in all detail; none where there is nothing to say."""
    said = [] if content.spread is None else [networks_sentence(content.spread, content.networks)]
    return said + ([] if content.similar is None else [similar_sentence(content.similar, content.labels)])


def conformal(found: ConformalSet, labels: tuple[str, str]) -> str:
    """The outcomes that are not ruled out, and what that rests on."""
    heading, reason = set_heading(found, labels), set_reason(found, labels)
    return f"At an error rate of {100 * found.error_rate:g} %: {heading}. {reason}"


def narrative(content: Content) -> list[tuple[str, str]]:
    """The paragraph in parts: the estimate's sentence without a heading, then each part with its own, and the outcomes
    that are not ruled out."""
    parts = [("", written([claim for claim in content.claims if claim.part == "estimate"]))]
    for part, heading in HEADINGS.items():
        text = written([claim for claim in content.claims if claim.part == part])
        if text:
            parts.append((heading, text))
    if content.outcomes is not None:
        parts.append(("Conformal set", conformal(content.outcomes, content.labels)))
    return parts


def changed(content: Content) -> list[str]:
    """What distinguishes this document from one of the record as it was measured; empty where nothing does."""
    said = []
    if content.off:
        said.append(
            f"Switched off for this report: {', '.join(content.off)}. The model was shown the record as if this had "
            "not been recorded, and the sentences below speak of it so."
        )
    said += [f"{f.channel}: {f.what}{count(f)}." for f in content.altered]
    return said


def altered(content: Content) -> str:
    """For the head of every page: that the record is not as it was measured, and what of it; empty where it is."""
    changed_by_hand = ", ".join(dict.fromkeys(f.channel for f in content.altered))
    parts = [f"{changed_by_hand} changed by hand"] if changed_by_hand else []
    parts += [f"{', '.join(content.off)} switched off"] if content.off else []
    return f"ALTERED RECORD: {'; '.join(parts)}" if parts else ""


def unaltered(content: Content) -> str:
    """The estimate for the record as it was measured, to go on from "estimated chance of …" of the altered one."""
    if not content.is_altered:
        return ""
    if content.unaltered is None:
        return "of the ALTERED record; for the unaltered one it is not known here"
    return f"of the ALTERED record; unaltered: {percent(content.unaltered)}"


def noticed(content: Content) -> list[tuple[str, str]]:
    """What was found in the data, warnings first: severity and sentence."""
    others = [f for f in content.findings if not is_alteration(f)]
    others.sort(key=lambda f: f.severity != "warning")
    return [("Warning" if f.severity == "warning" else "Note", f"{f.channel}: {f.what}{count(f)}") for f in others]


def count(finding: Finding) -> str:
    return f" ({finding.count:,})" if finding.count else ""


def routing(check: RealityCheck) -> str:
    """Whether what the model passes on is what moved its estimate."""
    shapley = check.measures["shapley"]
    if check.disagrees is None or check.judged is None or check.favourite_share is None or shapley is None:
        why = f"fewer than {RANKED_FROM} modalities" if len(check.players) < RANKED_FROM else "nothing to rank"
        return f"Whether fusion weights and contributions agree cannot be judged here: {why}."
    titles = dict(zip(check.players, check.titles, strict=True))
    moved = dict(zip(check.players, shapley.tolist(), strict=True))
    favourite, top = str(check.favourite), max(moved, key=lambda name: abs(moved[name]))
    first = (
        f"{titles[favourite]} has the largest {JUDGED[check.judged]}; its Shapley value is {signed(moved[favourite])}, "
        f"{percent(check.favourite_share)} of all that moved the estimate."
    )
    if top != favourite:
        first += f" {titles[top]} moved it most ({signed(moved[top])})."
    if check.disagrees:
        return f"{first} Routing and contribution DISAGREE: do not read the fusion weights as reasons here."
    if top != favourite:
        return f"{first} That is not the same modality, though the check raises no flag."
    return f"{first} Routing and contribution agree: nothing moved it more."


def recorded(row: Modality) -> str:
    """What there is of a modality; of a waveform, how much of it can be used."""
    return row.signal or row.state


def numbers(row: Modality) -> tuple[str, str, str, str]:
    """γ, β, Shapley value and the estimate without this modality; empty where the model did not read it."""
    if row.shapley is None or row.without is None:
        return "", "", "", ""
    gate = "" if row.gate is None else f"{row.gate:.2f}"
    weight = "" if row.weight is None else percent(row.weight)
    return gate, weight, signed(row.shapley), percent(row.without)


def trends_aid(content: Content) -> str:
    reference = content.picture.reference
    return TRENDS_AID.format(source=f" ({reference})" if reference else "")


def gap(found: Attributed) -> str:
    """How far the attributions are from adding up."""
    size = f"{100 * found.gap:.2g} %" if found.gap_is_relative else f"{found.gap:.2g} log-odds"
    verdict = "they do NOT add up: rely on no single value" if found.flagged else "they add up"
    change = f"from {signed(found.f_baseline)} at the baseline to {signed(found.f_x)} log-odds"
    return f"Completeness gap {size}: {verdict} ({change})."


def cancelling(found: Attributed) -> list[str]:
    """What has to stand beside single values that are many times as large as all of them together."""
    if not found.cancels:
        return []
    return [
        f"Large parts cancel each other: single values come to {found.size:.2f} log-odds in size and to "
        f"{signed(found.f_x - found.f_baseline)} in sum. Read what each variable adds up to before any single value."
    ]


def doubted(content: Content) -> list[str]:
    """What has to stand beside attributions that do not add up, or of which large parts cancel."""
    found = content.attributed
    if found is None:
        return []
    return [*([gap(found)] if found.flagged else []), *cancelling(found)]


def influence(item: Influence) -> tuple[str, str, str, str, str, str]:
    """A row under `INFLUENCES_HEAD`."""
    if item.strongest is None:
        return item.title, signed(item.effect), "", "its samples in sum", "whole window", ""
    one = item.strongest
    return item.title, signed(item.effect), f"{item.count}", one.value, one.when, signed(one.effect)


def method(found: Attributed) -> list[str]:
    """The method, its baseline and its errors, a sentence each."""
    said = [
        f"{found.title}, {found.steps} steps. {found.says} ({found.source})",
        f"Baseline: {found.baseline}. Which values were measured, and when, stays as it is.",
        gap(found),
    ]
    if found.checks is None:
        return [*said, "This model has no stored report on its explanations: read single values with care."]
    return said + [f"{check.title}: {MARKS[check.passed]}. {check.said}" for check in found.checks]


def provenance(content: Content) -> list[tuple[str, str]]:
    """Everything that it takes to make this document again: name and value."""
    flags = ", ".join(f"{m.name} {int(on)}" for m, on in zip(content.modalities, content.mask, strict=True))
    training = "not stored" if content.training_seed is None else str(content.training_seed)
    baseline = "none" if content.attributed is None else content.attributed.baseline
    return [
        ("Record", f"{content.record_id} ({content.format})"),
        ("Record hash", content.record_digest),
        ("Model", f"{content.model}, {content.networks} network{'s' if content.networks != 1 else ''}"),
        ("Checkpoint hash", content.model_digest),
        ("Schema hash", content.schema_digest),
        ("Mask (1: read by the model)", flags),
        ("Baseline", baseline),
        ("Seed", f"of training {training}; nothing in this report is drawn at random"),
        ("Shapley sum misses", f"{content.shapley_gap:.1e} log-odds"),
        ("Made", moment(content.made)),
        ("Program", f"Fusionscope {content.version}"),
    ]


def forecast_refused(source: object, outputs: int) -> InputError:
    return InputError(
        source, f"a model with {outputs} outputs", "a model that answers one yes-or-no question",
        "Use `predict` for it.",
    )  # fmt: skip
