"""The samples of one WFDB header's signal files, whole or a span of frames: f32 in the unit that the header states.

What a header promises is held against its files before the wfdb library opens any of them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np
import wfdb

from amfn.readers.channels import WaveformRule
from amfn.readers.findings import Findings
from amfn.readers.wfdb_header import DEFAULT_GAIN, FLAC_FORMATS, SAMPLE_BYTES, Header, SignalLine
from amfn.types import InputError

LIBRARY_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_WIDE_FORMATS = frozenset({"24", "32", "524"})


def numbered(header: Header) -> Iterator[tuple[str, SignalLine]]:
    """The header's signals in order, each under a name of its own: a second II is "II#2"."""
    seen: dict[str, int] = {}
    for signal in header.signals:
        seen[signal.name] = seen.get(signal.name, 0) + 1
        yield signal.name if seen[signal.name] == 1 else f"{signal.name}#{seen[signal.name]}", signal


def unit_factor(header: Header, signal: SignalLine, rule: WaveformRule, findings: Findings) -> float:
    """What brings the signal's unit to the rule's. Raises InputError for a unit that its kind cannot have."""
    if signal.gain is None and not signal.is_null:
        findings.warn(signal.name, f"uncalibrated: no gain stated, {DEFAULT_GAIN:g} a unit assumed", 0)
    unit = signal.unit
    if unit is None:
        if rule.bare_unit is None:
            raise InputError(
                header.path,
                f"channel {signal.name} states no unit",
                f"one of {', '.join(rule.factors)}",
                f"Write it after the gain, as in 100/{rule.unit}.",
            )
        findings.warn(signal.name, f"no unit stated: taken as {rule.unit}", header.length or 0)
        unit = rule.bare_unit
    factor = rule.factors.get(unit.lower())
    if factor is None:
        raise InputError(
            header.path,
            f"channel {signal.name} is in {unit[:20]!r}",
            f"{rule.modality.upper()} in one of {', '.join(rule.factors)}",
            "Correct the unit in the header, or the channel's name.",
        )
    return factor


def check_files(header: Header, most: float) -> None:
    """Every signal file is there and long enough, its signals stand together, and no more than `most` values are
    promised, before a library opens anything."""
    if header.length == 0:
        raise InputError(
            header.path,
            "a length of zero samples",
            "a record with samples",
            "Name the master header, or another record.",
        )
    order = [signal.file for signal in header.signals if not signal.is_null]
    frames = header.length or 0
    if frames * max(len(header.signals), 1) > most:
        raise InputError(
            header.path,
            f"{frames:,} samples of {len(header.signals)} signals",
            f"at most {most:,} values in one record",
            "Cut it into shorter records.",
        )
    for file in dict.fromkeys(order):
        group = [signal for signal in header.signals if signal.file == file and not signal.is_null]
        first = order.index(file)
        if order[first : first + len(group)] != [file] * len(group) or len({(s.fmt, s.offset) for s in group}) > 1:
            raise InputError(
                header.path,
                f"the signals of {file} are scattered or differ in format",
                "consecutive lines of one format for each signal file",
                "Write the record again with one format a file.",
            )
        path, width = header.path.with_name(file), sum(signal.frame for signal in group)
        if frames * width > most:
            raise InputError(
                header.path,
                f"{frames * width:,} samples",
                f"at most {most:,} in one record",
                "Cut it into shorter records.",
            )
        try:
            size = path.stat().st_size - group[0].offset if path.is_file() else None
        except OSError:
            size = None
        if size is None:
            raise InputError(
                header.path,
                f"its signal file {file} is missing",
                "the file beside the header",
                "Fetch the record again, both files.",
            )
        if not os.access(path, os.R_OK):
            raise InputError(path, "no permission to read it", "a readable signal file", "Change its permissions.")
        if group[0].fmt in FLAC_FORMATS:
            if header.length is None:
                raise InputError(
                    header.path,
                    "no number of samples",
                    "one on the first line (FLAC needs it)",
                    "Write it after the sampling rate.",
                )
            continue
        needed = math.floor(max(frames, 1) * width * SAMPLE_BYTES[group[0].fmt])
        if size < needed:
            raise InputError(
                path,
                f"truncated: {max(size, 0):,} bytes of samples",
                f"at least {needed:,} for {frames:,} frames of {width} values in format {group[0].fmt}",
                "Fetch the signal file again.",
            )


def samples(header: Header, wanted: list[int]) -> dict[int, np.ndarray]:
    """Physical values f32[T] of the wanted signals on the record's clock."""
    return {index: _shifted(x, header.signals[index].skew) for index, x in decoded(header, wanted).items()}


def decoded(header: Header, wanted: list[int], span: tuple[int, int] | None = None) -> dict[int, np.ndarray]:
    """Physical values f32[T] of the wanted signals through the wfdb library, in the frames as stored: all of them, or
    those from span[0] up to, not including, span[1]. Any failure in the library is an InputError."""
    if not wanted:
        return {}
    wide = any(header.signals[index].fmt in _WIDE_FORMATS for index in wanted)
    try:
        record = wfdb.rdrecord(
            str(header.path.absolute().with_suffix("")),
            sampfrom=0 if span is None else span[0],
            sampto=None if span is None else span[1],
            channels=wanted,
            smooth_frames=False,
            ignore_skew=True,
            return_res=64 if wide else 32,
        )
        same = record.fs == header.fs and record.sig_name is not None and len(record.e_p_signal) == len(wanted)
        frames = [header.signals[index].frame for index in wanted]
        out = [_frame_means(x, frame) for x, frame in zip(record.e_p_signal, frames, strict=True)]
    except LIBRARY_ERRORS as error:
        raise undecodable(header, wanted) from error
    length = header.length if span is None else span[1] - span[0]
    length = len(out[0]) if length is None else length
    if not same or not length or any(len(x) != length for x in out):
        raise InputError(
            header.path,
            "its samples do not fit the header",
            f"{length} frames at {header.fs:g} Hz",
            "Fetch the record again.",
        )
    return dict(zip(wanted, out, strict=True))


def undecodable(header: Header, wanted: list[int]) -> InputError:
    """What to say of signal files that are there, and long enough, and still cannot be read."""
    files = ", ".join(dict.fromkeys(header.signals[index].file for index in wanted))
    return InputError(
        header.path.with_name(files),
        "truncated or damaged: its samples cannot be decoded",
        f"{header.length or 'the'} samples a signal, as {header.path.name} states",
        "Fetch the signal file again, together with its header.",
    )


def _frame_means(x: np.ndarray, frame: int) -> np.ndarray:
    """f32[T] from f[T * frame]: the mean of the valid samples of each frame, NaN where none is valid."""
    if frame == 1:
        return x.astype(np.float32, copy=False)
    frames = x.reshape(-1, frame)
    valid = np.isfinite(frames)
    count = valid.sum(axis=1)
    total = np.where(valid, frames, 0).sum(axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _shifted(x: np.ndarray, skew: int) -> np.ndarray:
    """The signal moved to the common clock: its first `skew` frames belong before the record's start."""
    if skew == 0:
        return x
    out = np.full_like(x, np.nan)
    out[: max(x.size - skew, 0)] = x[skew:]
    return out
