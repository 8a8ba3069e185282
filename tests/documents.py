"""Documents of simulated records, made once, and a PDF read back: what tests of the report look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

from amfn.checkpoint import Checkpoint, load_checkpoint
from amfn.cli_explain import stored_report
from amfn.readers import read_record
from amfn.types import Record
from report.content import content_of
from report.pdf import pdf
from report.values import Content

ROOT = Path(__file__).resolve().parents[1]
STAY = ROOT / "sample_data" / "icu_mortality" / "900003.txt"
ALARM = ROOT / "sample_data" / "icu_alarm" / "sim_a001.hea"
# The ECG of the one is half noise; of the other, large attributions cancel.
SPOILT = ROOT / "sample_data" / "icu_alarm" / "sim_v005.hea"
CANCELS = ROOT / "sample_data" / "icu_mortality" / "900005.txt"
MADE = datetime(2026, 3, 9, 7, 5, tzinfo=UTC)
POINTS_PER_MM = 72 / 25.4


@lru_cache
def model(task: str) -> Checkpoint:
    return load_checkpoint(ROOT / "checkpoints" / task)


@lru_cache
def record(path: Path) -> Record:
    return read_record(path)


@lru_cache
def content(path: Path, off: tuple[str, ...] = (), simulated: bool = True, audited: bool = True) -> Content:
    """The document of a sample record. audited: with the stored report on the model's explanations."""
    checkpoint = model(path.parent.name)
    return content_of(
        checkpoint,
        record(path),
        off=off,
        simulated=simulated,
        audited=stored_report(checkpoint) if audited else None,
        made=MADE,
    )


@lru_cache
def pages(path: Path, off: tuple[str, ...] = ()) -> tuple[PageObject, ...]:
    return tuple(PdfReader(BytesIO(pdf(content(path, off)))).pages)


def texts(path: Path, off: tuple[str, ...] = ()) -> list[str]:
    """The text of each page, with single blanks."""
    return [" ".join(page.extract_text().split()) for page in pages(path, off)]


def lines(page: PageObject) -> Iterator[list[tuple[float, float]]]:
    """Every stroked line of a page as its points in millimetres on paper; raises where anything is turned or scaled."""
    reader = page.pdf
    assert reader is not None
    stream = ContentStream(page["/Contents"].get_object(), reader)
    shifts, shift = [], (0.0, 0.0)
    line: list[tuple[float, float]] = []
    for operands, operator in stream.operations:
        numbers = [float(v) for v in operands] if operator in (b"cm", b"m", b"l") else []
        match operator:
            case b"q":
                shifts.append(shift)
            case b"Q":
                shift = shifts.pop()
            case b"cm":
                if numbers[:4] != [1, 0, 0, 1]:
                    raise ValueError(f"a drawing is scaled or turned: {numbers}")
                shift = shift[0] + numbers[4], shift[1] + numbers[5]
            case b"m" | b"l":
                if operator == b"m":
                    line = []
                line.append(
                    ((numbers[0] + shift[0]) / POINTS_PER_MM, (numbers[1] + shift[1]) / POINTS_PER_MM)
                )  # fmt: skip
            case b"S":
                yield line
