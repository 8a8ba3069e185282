"""What `python -m amfn explain` prints for people, from what `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amfn.card_words import DISCLAIMER
from amfn.console import signed, table
from explain.reality import TITLES

MARKS: Mapping[bool | None, str] = {True: "passed", False: "NOT PASSED", None: "no verdict"}


def explanation_lines(data: Mapping[str, Any]) -> list[str]:
    """Every part that is in `data`."""
    lines = [f"Record {data['record']} · {data['task']}", "", data["paragraph"]]
    lines += [f"Noticed ({f['severity']}): {f['channel']}: {f['what']}" for f in data["findings"]]
    lines += [
        "",
        *_shapley(data["shapley"]),
        "",
        *_reality(data["reality_check"]),
        "",
        *_attribution(data["attribution"]),
    ]
    parts = (
        ("faithfulness", _faithfulness),
        ("over_time", _over_time),
        ("changes", _changes),
        ("similar_records", _similar),
    )
    for key, words in parts:
        if key in data:
            lines += ["", *words(data[key])]
    return [*lines, "", DISCLAIMER]


def _shapley(shapley: Mapping[str, Any]) -> list[str]:
    rows = [
        (m["title"], signed(m["value"]), signed(m["leave_one_out"]))
        if m["present"]
        else (m["title"], "not recorded", "")
        for m in shapley["modalities"]
    ]
    lines = ["Exact Shapley values over modalities (log-odds):", *table(("Modality", "Shapley", "Leave-one-out"), rows)]
    lines.append(
        f"With nothing: {shapley['empty']:+.2f}. With everything: {shapley['full']:+.2f}. "
        f"What the sum misses: {shapley['gap']:.1e}."
    )
    strongest = sorted(shapley["interactions"], key=lambda pair: -abs(pair["value"]))[:3]
    if strongest:
        titles = {m["name"]: m["title"] for m in shapley["modalities"]}
        said = "; ".join(f"{titles[pair['a']]} and {titles[pair['b']]} {pair['value']:+.2f}" for pair in strongest)
        lines.append(f"Strongest interactions, each one's half: {said}.")
    return lines


def _reality(check: Mapping[str, Any]) -> list[str]:
    shown = [key for key in TITLES if any(row[key] is not None for row in check["rows"])]
    rows = [(row["title"], *(f"{row[key]:.2f}" for key in shown)) for row in check["rows"]]
    titles = {row["name"]: row["title"] for row in check["rows"]}
    if check["disagrees"] is None:
        verdict = "Routing and contribution cannot be compared here: too few modalities, or nothing to rank."
    else:
        values = {row["name"]: row["shapley"] for row in check["rows"]}
        strengths = {name: abs(value) for name, value in values.items()}
        top = max(strengths, key=lambda name: strengths[name])
        verdict = (
            f"{titles[check['favourite']]} is routed to most and makes up {100 * check['favourite_share']:.0f} % of "
            f"what moved the estimate ({signed(values[check['favourite']])})."
        )
        if top != check["favourite"]:
            share = 100 * strengths[top] / sum(strengths.values())
            verdict += f" Most came from {titles[top]} ({share:.0f} %, {signed(values[top])})."
        if check["disagrees"]:
            verdict += " They DISAGREE: do not read the fusion weights as reasons here."
        elif top != check["favourite"]:
            verdict += " That is not the same modality, though the check raises no flag."
        else:
            verdict += " They agree: nothing moved it more."
    return ["Routing beside contribution:", *table(("Modality", *(TITLES[key] for key in shown)), rows), verdict]


def _attribution(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{found['title']}: {found['says']}"]
    if found["baseline_means"]:
        lines.append(f"(from the baseline: {found['baseline_means']})")
    unit = "Attribution" if found["in_logits"] else "Magnitude"
    write = signed if found["in_logits"] else "{:.3f}".format
    if found["strongest"]:
        lines += table(("Input", unit), [(row["input"], write(row["value"])) for row in found["strongest"]])
    else:
        lines += table(("Modality", unit), [(name, write(value)) for name, value in found["by_modality"].items()])
    lines.append(_gap(found))
    if found["not_measured"]:
        strongest_last = sorted(found["not_measured"], key=lambda row: abs(row["value"]))
        each = {row["input"]: row for row in strongest_last}.values()
        rows = sorted(each, key=lambda row: -abs(row["value"]))[:10]
        lines += ["What was not measured, had it had its usual value; each input where that weighs most:"]
        lines += table(
            ("Input", "Around hour", "Attribution"),
            [(r["input"], "" if r["hour"] is None else f"{r['hour']:.0f}", signed(r["value"])) for r in rows],
        )
    lines += [f"  {check['title']}: {MARKS[check['passed']]}. {check['said']}" for check in found["checks"]]
    return lines


def _gap(found: Mapping[str, Any]) -> str:
    if found["gap"] is None:
        return "Its values are magnitudes, not parts of the log-odds."
    kind = "%" if found["gap_is_relative"] else "log-odds"
    gap = f"Completeness gap {100 * found['gap'] if found['gap_is_relative'] else found['gap']:.2g} {kind}"
    if not found["promises_completeness"]:
        return f"{gap}; the method does not promise to add up."
    return f"{gap}: {'does NOT add up: do not rely on it' if found['flagged'] else 'adds up'}."


def _faithfulness(report: Mapping[str, Any]) -> list[str]:
    rows = [
        (s["name"], s["replacement"], s["scale"], f"{s['value']:.3f}", f"{s['random_mean']:.3f}",
         f"{s['beaten']} of {s['orders']}")
        for s in report["scores"]
    ]  # fmt: skip
    head = ("Measure", "Replacement", "Scale", "This order", "Random orders", "Better than")
    return [report["said"], *(table(head, rows) if rows else [])]


def _over_time(course: Mapping[str, Any]) -> list[str]:
    rows = []
    for moment in course["moments"]:
        known = {name: value for name, value in moment["shapley"].items() if value is not None}
        most = max(known, key=lambda name: abs(known[name]), default="")
        said = f"{most} {known[most]:+.2f}" if most else "nothing known yet"
        before = moment["seconds_before_alarm"]
        when = f"{moment['hours']:.4g}" if before is None else f"{before:.0f}"
        rows.append((when, f"{100 * moment['risk']:.1f} %", said))
    told = [course["bear_in_mind"]]
    alarm = course["moments"][-1]["seconds_before_alarm"] is not None
    if alarm:
        told.append("Before the alarm sounds its type is not known: the last step is partly this news.")
    head = ("Seconds before the alarm" if alarm else "Hours", "Estimate", "Strongest contribution")
    return ["As the record unfolds:", *table(head, rows), *told]


def _changes(changes: Mapping[str, Any]) -> list[str]:
    lines = [
        f"What would bring the estimate across {100 * changes['threshold']:g} % (now {100 * changes['risk']:.1f} %):"
    ]
    for item in changes["without_modalities"]:
        lines.append(f"  without {', '.join(item['modalities'])}: {100 * item['risk']:.1f} %")
    if not changes["without_modalities"]:
        lines.append(f"  no set of modalities whose absence does ({changes['sets_searched']} searched)")
    charted = changes["charted"]
    if charted is None:
        return [*lines, "  charted values were not searched: there are none, or the model has no stored report"]
    for answer in charted["found"]:
        moved = "; ".join(
            f"{c['input']} {c['before']:.3g} to {c['after']:.3g} {c['unit']} (median of {c['values']} values)"
            for c in answer["changes"]
        )
        lines.append(f"  {moved}: {100 * answer['risk']:.1f} %" + ("" if answer["plausible"] else " (not plausible)"))
    if not charted["found"]:
        lines.append(f"  no change of {len(charted['channels_searched'])} charted channels within their usual range")
    return [*lines, "  This is what the model would say of such a record, not what a treatment would do."]


def _similar(near: Mapping[str, Any]) -> list[str]:
    if not near["records"]:
        return ["No record of the cohort has the same modalities."]
    known = {1: "yes", 0: "no", None: "not known"}
    rows = [
        (r["record"], f"{r['distance']:.2f}", f"{100 * r['risk']:.1f} %", known[r["outcome"]]) for r in near["records"]
    ]
    lines = [f"Nearest of {near['candidates']} records with the same modalities:"]
    lines += table(("Record", "Distance", "Estimate", "Outcome"), rows)
    if near["typical_distance"] is not None:
        lines.append(f"A usual distance to such neighbours is {near['typical_distance']:.2f}.")
    if near["vote_auroc"] is not None:
        lines.append(
            f"How well neighbours tell the outcome here: AUROC {near['vote_auroc']:.2f} "
            f"(the model itself {near['model_auroc']:.2f})."
        )
    return lines
