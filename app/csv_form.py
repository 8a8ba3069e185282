"""The form in which the columns of a CSV file are named, with the first seconds drawn as they would be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from amfn.readers import csv_waves
from amfn.readers.csv_beside import is_companion
from amfn.readers.csv_mapping import (
    NO_SCALE,
    CsvColumn,
    CsvMapping,
    Heading,
    is_time,
    load_mapping,
    mapping_path,
    rule_of,
    save_mapping,
    time_unit,
    units_of,
)
from amfn.readers.csv_table import Opening, open_csv
from amfn.readers.csv_waves import Looked
from amfn.readers.folder import DEPTH
from amfn.types import InputError, Record
from app import data_words as words
from app import figures, state, text, uploads, widgets
from app.figures import Strip
from app.widgets import pressed

MOST_FILES, MOST_COLUMNS = 200, 40
PREVIEW_ROWS, PREVIEW_S = 20_000, 5.0


def unclear(folder: Path) -> list[Path]:
    """CSV files in a folder whose columns are not understood."""
    return [looked.path for looked in _looked(folder) if looked.mapping is None]


def _looked(folder: Path) -> list[Looked]:
    paths = (
        path
        for depth in range(DEPTH + 1)
        for path in sorted(folder.glob("/".join(["*"] * depth + ["*.[cC][sS][vV]"])))
        if path.is_file() and not is_companion(path)
    )
    return [
        _look(path, path.stat().st_mtime_ns, _written(path)) for path, _ in zip(paths, range(MOST_FILES), strict=False)
    ]


@st.cache_data(max_entries=500, show_spinner=False)
def _look(path: Path, modified: int, mapped: int) -> Looked:
    return csv_waves.look(path)


def _written(path: Path) -> int:
    """When the file's mapping was written; 0 where there is none."""
    mapping = mapping_path(path)
    return mapping.stat().st_mtime_ns if mapping.is_file() else 0


def form(folder: Path | None) -> None:
    """Choose a file, name its columns, look at the result, keep it."""
    st.markdown("#### Columns of a CSV file")
    found = _looked(folder) if folder is not None and folder.is_dir() else []
    if not found:
        st.caption(words.CSV_NONE)
        return
    st.caption(words.CSV_ABOUT)
    found.sort(key=lambda looked: looked.mapping is not None)
    with st.expander("Name the columns", expanded=found[0].mapping is None, icon=":material/table_chart:"):
        path = st.selectbox(
            "File", [looked.path for looked in found], format_func=lambda path: _line(found, path), key="w_csv"
        )
        if path is not None:
            _describe(path)


def _line(found: Sequence[Looked], path: Path) -> str:
    looked = next(item for item in found if item.path == path)
    how = "described" if looked.stated else "understood by its names" if looked.mapping else "not understood yet"
    return f"{path.name} ({how})"


def _describe(path: Path) -> None:
    opened = open_csv(path)
    known = _known(path)
    key = "csv:" + hashlib.sha256(f"{path}|{path.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    headings = csv_waves.headings(opened)
    mapping = _timed(_columns(opened, headings, known, key), opened, headings, known, key)
    if not mapping.columns:
        st.info(words.CHOOSE_ONE, icon=":material/touch_app:")
        return
    with widgets.boundary():
        record = csv_waves.read(path, mapping, PREVIEW_ROWS)
        _preview(record, key)
        if pressed("Keep these columns", f"{key}:save", icon=":material/save:", type="primary"):
            csv_waves.read(path, mapping)
            save_mapping(path, mapping)
            found = uploads.received()
            if found is not None and found.intake is not None and path.is_relative_to(found.intake.folder):
                uploads.again(found)
            st.rerun()


def _known(path: Path) -> CsvMapping | None:
    """What is written beside the file; a broken description is as none, and is replaced by this one."""
    try:
        return load_mapping(path)
    except InputError as error:
        st.warning(f"The description beside the file cannot be used: {text.plain(error.came)}.")
        return None


def _columns(opened: Opening, headings: Sequence[Heading], known: CsvMapping | None, key: str) -> tuple[CsvColumn, ...]:
    """One row of fields for each column that may be a signal."""
    before = {column.column: column for column in known.columns} if known else {}
    out = []
    shown = [heading for heading in headings if not is_time(heading)][:MOST_COLUMNS]
    if len(headings) - len(shown) > 1:
        st.caption(f"The first {len(shown)} columns are offered.")
    for heading in shown:
        at = opened.names.index(heading.column)
        values = ", ".join(row[at] for row in opened.rows[:3] if len(row) > at)
        rule = rule_of(heading.name)
        first = before[heading.column].modality if heading.column in before else rule.modality if rule else words.LEAVE
        first = words.LEAVE if known and heading.column not in before else first
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kinds = list(words.KINDS)
            kind = st.selectbox(
                f"Column {text.plain(heading.column)} ({text.plain(values)} …)",
                kinds,
                index=kinds.index(first),
                format_func=words.KINDS.__getitem__,
                key=f"{key}:kind:{at}",
            )
            if kind == words.LEAVE:
                continue
            kept = before.get(heading.column)
            name = st.text_input(
                f"Name of {text.plain(heading.column)}",
                value=kept.channel if kept else heading.name,
                max_chars=40,
                key=f"{key}:name:{at}",
            )
            units = units_of(kind)
            stated = kept.unit if kept else heading.unit
            wanted = next((unit for unit in units if unit.lower() == stated.lower()), None)
            unit = st.selectbox(
                f"Unit of {text.plain(heading.column)}",
                units,
                index=units.index(wanted or (NO_SCALE if NO_SCALE in units else units[0])),
                help=words.HELP_NU,
                key=f"{key}:unit:{at}:{kind}",
            )
            out.append(CsvColumn(heading.column, kind, name.strip(), unit))
    return tuple(out)


def _timed(
    columns: tuple[CsvColumn, ...],
    opened: Opening,
    headings: Sequence[Heading],
    known: CsvMapping | None,
    key: str,
) -> CsvMapping:
    """The mapping with the times that the form says."""
    guessed = next((heading for heading in headings if is_time(heading)), None)
    by_rate = known.rate_hz is not None if known else guessed is None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.radio(
            "Times",
            list(words.TIMES),
            index=int(by_rate),
            format_func=words.TIMES.__getitem__,
            horizontal=True,
            help=words.HELP_TIME,
            key=f"{key}:times",
        )
        if how == "rate":
            rate = st.number_input(
                "Rows a second (Hz)",
                min_value=10.0,
                max_value=10_000.0,
                value=(known.rate_hz if known else None) or 125.0,
                key=f"{key}:rate",
            )
            return CsvMapping(columns, rate_hz=rate)
        taken = {column.column for column in columns}
        free = [name for name in opened.names if name not in taken]
        first = (known.time if known else None) or (guessed.column if guessed else "")
        time = st.selectbox("Column", free, index=free.index(first) if first in free else 0, key=f"{key}:time")
        units = list(words.TIME_UNITS)
        unit = (known.time_unit if known else None) or (time_unit(guessed) if guessed else "") or "s"
        picked = st.selectbox(
            "Its unit", units, index=units.index(unit), format_func=words.TIME_UNITS.__getitem__, key=f"{key}:tunit"
        )
        return CsvMapping(columns, time=time, time_unit=picked)


def _preview(record: Record, key: str) -> None:
    """The first seconds, and how they were read."""
    strips = []
    for modality, channels in record.channels.items():
        hours = record.hours[modality]
        if modality not in words.KINDS or len(hours) < 2:
            continue
        dt = float(hours[-1] - hours[0]) * 3600 / (len(hours) - 1)
        strips += [
            Strip(modality, channel.title, channel.unit, 0.0, dt, record.values[modality][:, c])
            for c, channel in enumerate(channels)
        ]
    if not strips:
        return
    length = min(PREVIEW_S, max(len(strip.values) * strip.dt_s for strip in strips))
    st.caption(f"The first {length:.3g} s as they would be read, at {1 / strips[0].dt_s:.4g} Hz.")
    for finding in record.meta.findings:
        if finding.severity == "warning":
            st.caption(f":material/warning: **{text.plain(finding.channel)}**: {text.plain(finding.what)}")
    widgets.draw(figures.waveforms(strips, 0.0, float(np.ceil(length)), dark=state.dark()), f"preview_{key[4:]}")
