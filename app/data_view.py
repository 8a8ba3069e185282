"""The Data page: a folder to open, files to drag in, what was recognised in them, and what the open folder holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from amfn.examining import Examined, Part
from amfn.types import Finding, InputError
from app import coverage_view, csv_form, services, state, surveying, text, uploads, widgets
from app import data_words as words
from app.theme import OKABE_ITO
from app.uploads import Received
from app.views import Listing
from app.widgets import boundary, pressed

SHOWN = 10
FILES_NAMED = 8
VARIABLES_NAMED = 6


def page() -> None:
    state.framed()
    if state.source() == "sample":
        st.info(words.FIRST, icon=":material/waving_hand:")
    with st.expander("Formats that can be read, each with a small example"):
        st.markdown(words.EXAMPLES)
    left, right = widgets.pair("bring")
    with left, boundary():
        _folder()
    with right, boundary():
        _upload()
    with boundary():
        _outcome()
    st.divider()
    with boundary():
        csv_form.form(_place())
    st.divider()
    with boundary():
        _contents()


def _place() -> Path | None:
    """The folder whose CSV files can be described: what was dragged in last, else the user's own folder."""
    found = uploads.received()
    if found is not None and found.intake is not None:
        return found.intake.folder
    return Path(state.folder().strip()).expanduser() if state.source() == "folder" and state.folder().strip() else None


def _folder() -> None:
    st.markdown("#### Open a folder")
    st.caption(words.OPEN)
    path = st.text_input(
        "Path of the folder",
        value=state.folder() if state.source() == "folder" else "",
        placeholder="/path/to/records",
        help="The same as the field on the left: both name the folder that all pages use.",
        key="w_open_folder",
    )
    if pressed("Open this folder", "open_folder", icon=":material/folder_open:"):
        _check(path)
        _open(path)


def _check(path: str) -> None:
    """A folder that cannot be used is said here, and does not take the place of the open one. One whose CSV files are
    still to be described can be: it is opened for that."""
    try:
        services.tasks_in(path)
    except InputError:
        folder = Path(path.strip()).expanduser()
        if not path.strip() or not folder.is_dir() or not csv_form.unclear(folder):
            raise


def _open(path: str) -> None:
    state.set_folder(path)
    state.set_source("folder")
    st.rerun()


def _upload() -> None:
    st.markdown("#### Drag in files")
    st.caption(words.DRAG)
    most = uploads.limit_mb()
    files = st.file_uploader(
        f"Records, up to {most:,} MB together",
        accept_multiple_files=True,
        key="w_upload",
        max_upload_size=most,
        help="A setting of the program: AMFN_MAX_UPLOAD_MB.",
    )
    if files:
        with st.spinner("Checking the files …"):
            uploads.take(files)
    st.caption(words.NOTHING_UPLOADED)


def _outcome() -> None:
    """What came of the last upload."""
    found = uploads.received()
    if found is None:
        return
    if found.intake is None:
        if found.problem is not None:
            widgets.input_error(found.problem)
        st.caption(words.REFUSED_WHOLE)
        return
    _received(found)
    st.button("Remove the uploaded files", icon=":material/delete:", key="forget", on_click=_forget)


def _forget() -> None:
    """The files are gone, and with them the folder that may be open."""
    if state.folder() == str(uploads.shelf().folder):
        state.set_folder("")
        state.set_source("sample")
    uploads.forget()
    st.session_state.pop("w_upload", None)


def _received(found: Received) -> None:
    """What was recognised, converted and dropped, and the way on."""
    intake = found.intake
    if intake is None:
        return
    widgets.findings(intake.findings, "the upload")
    if found.folder is None:
        lone = any(name.endswith(".dat") for name in intake.files)
        described = csv_form.unclear(intake.folder)
        if described:
            names = ", ".join(path.name for path in described[:FILES_NAMED])
            st.warning(f"**{text.plain(names)}**: {words.CSV_UNCLEAR}", icon=":material/table_chart:")
        elif found.problem is not None:
            st.error(f"**No record in these files.** {words.HEADER_MISSING if lone else words.NO_RECORD}")
        return
    read = uploads.known(found)
    if read is None:
        bar = st.progress(0.0, "Reading the records …")
        read = uploads.examined(found, services.FORMATS, lambda share: bar.progress(share, "Reading the records …"))
        bar.empty()
    _summary(read, len(found.folder.refs))
    if pressed("Open these records", "open_upload", icon=":material/monitor_heart:", type="primary"):
        state.set_folder(str(intake.folder))
        state.set_source("folder")
        usable = any(item.usable for item in read) or len(read) < len(found.folder.refs)
        st.switch_page("pages/patient.py" if usable else "pages/signals.py")
    for item in read[:SHOWN]:
        _record(item)
    if len(read) > SHOWN:
        with st.expander(f"{len(read) - SHOWN} more records"):
            for item in read[SHOWN:]:
                _record(item)
    widgets.findings(found.folder.findings, "these files")
    unread = uploads.unread(found.folder, intake.files)
    if unread:
        more = f" and {len(unread) - FILES_NAMED:,} more" if len(unread) > FILES_NAMED else ""
        st.caption(f"Not used, being no part of a record: {text.plain(', '.join(unread[:FILES_NAMED]))}{more}.")


def _summary(read: Sequence[Examined], total: int) -> None:
    """One line that says whether all is well."""
    usable = sum(item.usable for item in read)
    viewable = sum(item.has_signals and not item.usable for item in read)
    refused = sum(item.problem is not None for item in read)
    parts = [f"**{total:,} record{'' if total == 1 else 's'} recognised.**"]
    if len(read) < total:
        parts.append(f"The first {len(read)} were read:")
    for count, what in (
        (usable, "ready for the model"),
        (viewable, "ready to be viewed; to ask the model, choose a moment on the Signals page"),
        (refused, "not readable"),
    ):
        if count:
            parts.append(f"{what[0].upper()}{what[1:]}." if count == total == 1 else f"{count:,} {what}.")
    show = st.success if usable == len(read) else st.warning if refused else st.info
    show(" ".join(parts), icon=":material/check_circle:" if usable == len(read) else ":material/info:")


def _record(item: Examined) -> None:
    """One record: what it is, what is in it, what it can answer, what was done to it."""
    with st.container(border=True):
        kind = words.FORMATS.get(item.format, item.format)
        if item.problem is not None:
            st.markdown(f"**{text.plain(item.record_id)}** · {kind} · cannot be read")
            came, expected, mend = (
                text.plain(part) for part in (item.problem.came, item.problem.expected, item.problem.mend)
            )
            st.markdown(f":material/error: {came}. Expected {expected}. {mend}")
            return
        st.markdown(f"**{text.plain(item.record_id)}** · {kind} · {_length(item.seconds)}{_alarm(item)}")
        chips = "".join(f'<li class="here">{_colour(part.name)} {text.escape(_part(part))}</li>' for part in item.parts)
        st.html(f'<ul class="fs-strip" aria-label="What is in record {text.escape(item.record_id)}">{chips}</ul>')
        for line in _answers(item):
            st.markdown(line)
        noticed = _noticed(item.findings)
        if noticed:
            st.caption("  \n".join(noticed))


def _colour(name: str) -> str:
    """The modality's own colour; what has none of its own is not given another's."""
    return f'<i style="background:{OKABE_ITO[name]}"></i>' if name in OKABE_ITO else ""


def _length(seconds: float) -> str:
    """A duration as a clinician says it."""
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} h"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _alarm(item: Examined) -> str:
    if item.alarm is None:
        return " · no alarm" if item.has_signals else ""
    return f" · {text.plain(item.alarm.kind.replace('_', ' '))} alarm at {text.clock(item.alarm.hours * 3600)}"


def _part(part: Part) -> str:
    title = words.PARTS.get(part.name, part.name)
    if len(part.channels) > VARIABLES_NAMED:
        return f"{title}: {len(part.channels)} variables, {part.values:,} values"
    rate = "" if part.rate_hz is None else f" · {part.rate_hz:.4g} Hz"
    names = ", ".join(part.channels)
    units = f" · {', '.join(part.units)}" if part.rate_hz is not None else ""
    return f"{names}{units}{rate}" if names == title else f"{title}: {names}{units}{rate}"


def _answers(item: Examined) -> list[str]:
    titles, lines = services.task_titles(), []
    for answer in item.answers:
        title = titles.get(answer.task, answer.task)
        if answer.problem is None:
            lines.append(f":material/check_circle: Can answer: **{title}**")
        elif item.alarm is None and item.has_signals:
            lines.append(f":material/notifications_off: {words.VIEW_ONLY}")
        else:
            lines.append(
                f":material/block: Cannot answer {title}: {text.plain(answer.problem.came)}. "
                f"{text.plain(answer.problem.mend)}"
            )
    return lines or [f":material/block: {words.NO_QUESTION}"]


def _noticed(findings: Sequence[Finding]) -> list[str]:
    """Findings with the same words on one line: what was dropped or assumed first, then what was converted or seen."""
    channels: dict[tuple[str, str], list[str]] = {}
    for item in sorted(findings, key=lambda item: item.severity != "warning"):
        channels.setdefault((item.severity, item.what), []).append(item.channel)
    return [
        f":material/{'warning' if severity == 'warning' else 'info'}: **{text.plain(', '.join(names))}**: "
        f"{text.plain(what)}"
        for (severity, what), names in channels.items()
    ]


def _contents() -> None:
    """The folder that all pages use now."""
    st.markdown("#### What is in the open folder")
    listed = state.listing()
    folder = services.opened_folder(listed)
    name = "the sample cohort (simulated)" if services.is_sample(listed) else Path(listed.folder).name
    counts = Counter(ref.format for ref in folder.refs)
    kinds = ", ".join(f"{n:,} {words.FORMATS.get(kind, kind)}{'s' if n > 1 else ''}" for kind, n in counts.items())
    st.markdown(f"**{text.plain(name)}**: {text.plain(kinds.replace('waveformss', 'waveforms'))}")
    _missing(listed)
    if counts["meds"]:
        coverage_view.table(listed)
    widgets.folder_report()


def _missing(listed: Listing) -> None:
    """How often each modality is missing, once all records have been read."""
    try:
        found = surveying.survey(listed)
    except InputError:
        return
    if not found.done:
        st.caption(words.NOT_SURVEYED)
        return
    if not found.entries:
        st.caption(words.NONE_ASKED)
        return
    counts = Counter(name for entry in found.entries.values() for name in entry.missing)
    total = len(found.entries)
    rows = [
        f"<tr><th scope='row'>{text.escape(spec.title)}</th><td>{total - counts[spec.name]:,}</td>"
        f"<td>{counts[spec.name]:,}</td></tr>"
        for spec in services.schema(listed.task).modalities
    ]
    title = text.escape(services.task_titles()[listed.task])
    heads = "".join(f"<th scope='col'>{head}</th>" for head in ("Modality", "Recorded", "Missing"))
    st.html(
        f"<div class='fs-table'><table><caption>{title}: {total:,} records read</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
