"""How far a MEDS file reaches: which variables its ICU stays have, from which codes, and what was dropped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from amfn.readers import meds, meds_file
from amfn.readers.channels import ADMISSION, CHALLENGE2012
from amfn.readers.labels import DEATH_LABEL
from amfn.readers.meds_codes import ADMITTED, CONVERSIONS, ITEMS, LEFT_OUT, item_of
from amfn.readers.meds_file import HOUR, SUFFIX, Stay
from amfn.types import Channel, InputError, Record

MODALITIES = (("chart", CHALLENGE2012), ("admission", ADMISSION))
UNKNOWN_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Source:
    """A code that fed a variable. values: so many of its events were taken."""

    code: str
    label: str
    conversion: str
    reference: str
    values: int


@dataclass(frozen=True, slots=True)
class ChannelCoverage:
    """One variable. stays: so many have a value; values: in all of them; per_stay: the median over those that have one;
    typical: the median over stays of a stay's own median, in the channel's unit, by which a wrong unit shows; both
    None where no stay has it. dropped: (why, how many events)."""

    modality: str
    channel: Channel
    stays: int
    values: int
    per_stay: float | None
    typical: float | None
    dropped: tuple[tuple[str, int], ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The table. short: stays that ended before 48 h; labelled, died: with a stated outcome, and of them died in
    hospital. left_out: (item, label, why, events) that are not read on purpose. unknown: the most frequent codes that
    no variable takes, as (code, its description where the data set's codes.parquet has one, events within the stays);
    unknown_kinds and unknown_events count all of them."""

    path: Path
    stays: int
    subjects: int
    short: int
    labelled: int
    died: int
    channels: tuple[ChannelCoverage, ...]
    left_out: tuple[tuple[int, str, str, int], ...]
    unknown: tuple[tuple[str, str, int], ...]
    unknown_kinds: int
    unknown_events: int


@dataclass(slots=True)
class _Tally:
    """counts and medians: of each stay that has the variable, by modality and channel."""

    stays: int = 0
    short: int = 0
    subjects: set[int] = field(default_factory=set)
    outcomes: list[float] = field(default_factory=list)
    counts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    medians: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    used: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    left_out: Counter[int] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, stay: Stay, built: meds.Built) -> None:
        self.stays += 1
        self.subjects.add(stay.subject)
        self.short += stay.end is not None and stay.end < stay.start + meds.WINDOW_H * HOUR
        if DEATH_LABEL in built.record.labels:
            self.outcomes.append(built.record.labels[DEATH_LABEL])
        self._measure(built.record)
        self.used += built.used
        self.dropped += built.dropped
        self.left_out += built.left_out
        self.unknown += built.unknown

    def _measure(self, record: Record) -> None:
        for modality, channels in record.channels.items():
            for c, channel in enumerate(channels):
                seen = record.values[modality][record.observed[modality][:, c], c]
                if len(seen):
                    self.counts.setdefault((modality, channel.name), []).append(len(seen))
                    self.medians.setdefault((modality, channel.name), []).append(float(np.median(seen)))


def coverage(path: str | Path, progress: Callable[[float], object] | None = None) -> Coverage:
    """The coverage of a MEDS file, or of all MEDS files in a folder and below it. progress: told the share done.

    Every stay is read as `read_record` reads it, one subject after the other. Raises InputError where nothing is MEDS
    or no file holds an ICU stay.
    """
    root = Path(path)
    indexes = _indexes(root)
    total = sum(len(found.stays) for found in indexes)
    tally = _Tally()
    for found in indexes:
        stays: dict[int, list[Stay]] = {}
        for stay in found.stays:
            stays.setdefault(stay.subject, []).append(stay)
        for events in meds_file.subjects_of(found):
            for stay in stays[events.subject]:
                tally.add(stay, meds.build(found.path, stay, events))
            if progress is not None:
                progress(tally.stays / total)
    most = tally.unknown.most_common(UNKNOWN_SHOWN)
    described = meds_file.descriptions(root, [code for code, _ in most])
    return Coverage(
        path=root,
        stays=tally.stays,
        subjects=len(tally.subjects),
        short=tally.short,
        labelled=len(tally.outcomes),
        died=int(sum(tally.outcomes)),
        channels=tuple(
            _channel(tally, modality, channel) for modality, table in MODALITIES for channel in table.values()
        ),
        left_out=tuple(
            (item, LEFT_OUT[item].label, LEFT_OUT[item].reason, count) for item, count in tally.left_out.most_common()
        ),
        unknown=tuple((code, described.get(code, ""), count) for code, count in most),
        unknown_kinds=len(tally.unknown),
        unknown_events=tally.unknown.total(),
    )


def _indexes(root: Path) -> list[meds_file.Index]:
    """One for each file with stays. Of one file every problem is raised, of a folder only that nothing is left."""
    if not root.is_dir():
        return [meds_file.index(root)]
    found, problems = [], []
    for path in sorted(root.rglob(f"*{SUFFIX}")):
        try:
            if not meds_file.lacking(path):
                found.append(meds_file.index(path))
        except InputError as error:
            problems.append(str(error))
    if not found:
        raise InputError(
            root, problems[0] if problems else "no MEDS file in it", "a MEDS data set with ICU stays",
            "Name its folder or one of its Parquet files.",
        )  # fmt: skip
    return found


def _channel(tally: _Tally, modality: str, channel: Channel) -> ChannelCoverage:
    counts = tally.counts.get((modality, channel.name), [])
    here = (modality, channel.name)
    sources = [_source(code, count) for (*place, code), count in tally.used.most_common() if tuple(place) == here]
    dropped = [(why, count) for (*place, why), count in tally.dropped.most_common() if tuple(place) == here]
    return ChannelCoverage(
        modality,
        channel,
        stays=len(counts),
        values=sum(counts),
        per_stay=float(np.median(counts)) if counts else None,
        typical=float(np.median(tally.medians[modality, channel.name])) if counts else None,
        dropped=tuple(dropped),
        sources=tuple(sources),
    )


def _source(code: str, values: int) -> Source:
    named = item_of(code)
    if named is None:
        raise InputError(code, "a code without an item", "a code that fed a variable", "Mend the reader.")
    item = ITEMS.get(named[0]) or ADMITTED[named[0]]
    return Source(code, item.label, CONVERSIONS[item.convert], item.source, values)
