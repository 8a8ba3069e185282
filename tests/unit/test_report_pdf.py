"""The PDF: what it says can be read back, fonts are embedded, millimetres are true."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pypdf import PageObject, PdfReader
from reportlab.pdfbase import pdfmetrics

from explain.narrative import percent
from report import ecg, words
from report.pdf import BOLD, WIDTH, _cut, _fonts, pdf
from tests.documents import ALARM, MADE, SPOILT, STAY, content, lines, model, pages, texts

BOTH = pytest.mark.parametrize("path", [STAY, ALARM], ids=["stay", "alarm"])
SIZE_MM = (210, 297)


def squeezed(text: str) -> str:
    """Without blanks, which a PDF does not keep where a line breaks."""
    return "".join(text.split())


@BOTH
def test_it_says_the_numbers_and_where_they_come_from(path: Path) -> None:
    said, text = content(path), squeezed(" ".join(texts(path)))
    expected = [percent(said.risk), percent(said.base_rate), said.event, said.model_digest, said.record_digest]
    expected += [said.record_id, said.schema_digest, said.routing, words.SIMULATED, f"Fusionscope {said.version}"]
    expected += [words.moment(MADE), *(value for _, value in words.provenance(said))]
    expected += [cell for row in said.modalities for cell in (row.title, words.recorded(row), *words.numbers(row))]
    expected += [cell for item in said.influences for cell in words.influence(item)]
    expected += [sentence for _, sentence in words.narrative(said)]
    assert said.attributed is not None
    expected += words.method(said.attributed)
    for part in expected:
        assert squeezed(part) in text, part


@BOTH
def test_every_page_says_what_it_is_not_for_and_which_page_it_is(path: Path) -> None:
    whole = texts(path)
    assert len(whole) == 2
    for number, text in enumerate(whole, 1):
        assert words.DISCLAIMER in text
        assert f"Page {number} of {len(whole)}" in text
        assert content(path).record_id in text


def test_what_was_switched_off_stands_above_the_estimate() -> None:
    off = content(ALARM, off=("ecg",))
    first, second = texts(ALARM, off=("ecg",))
    assert off.unaltered is not None
    assert f"unaltered: {percent(off.unaltered)}" in first.replace("\N{NO-BREAK SPACE}", " ")
    for page in (first, second):
        assert "ALTERED RECORD: ECG switched off" in page
    assert not any("ALTERED" in page for page in texts(ALARM))
    assert first.index("Switched off for this report: ECG.") < first.index(percent(off.risk))
    assert "Switched off" not in texts(ALARM)[0]


def test_a_long_list_of_alterations_is_cut_to_its_line() -> None:
    text = "ALTERED RECORD: " + "Temperature, " * 40
    _fonts()
    cut = _cut(text, WIDTH)
    assert cut.endswith("…")
    assert 0.95 * WIDTH < pdfmetrics.stringWidth(cut, BOLD, 7.5) <= WIDTH
    assert _cut("ALTERED", WIDTH) == "ALTERED"


def test_a_noisy_alarm_has_no_third_page_and_names_what_cannot_be_relied_on() -> None:
    first, second = texts(SPOILT)
    assert "2 leads, 56 % usable" in first.replace("\N{NO-BREAK SPACE}", " ")
    assert "quality in doubt: noisy, clipped" in second
    assert "alarm Not recorded: Respiration" in second


def fonts(page: PageObject) -> dict[str, bool]:
    """Each font of a page, and whether its file is in the document."""
    resources: Any = page["/Resources"].get_object()
    found = {}
    for reference in resources["/Font"].get_object().values():
        font = reference.get_object()
        descriptor = font.get("/FontDescriptor")
        found[str(font["/BaseFont"])] = descriptor is not None and "/FontFile2" in descriptor.get_object()
    return found


@BOTH
def test_every_font_is_embedded(path: Path) -> None:
    for page in pages(path):
        found = fonts(page)
        assert found
        assert all(found.values()), found


def test_a_standard_font_would_be_noticed() -> None:
    from reportlab.pdfgen.canvas import Canvas

    target = BytesIO()
    canvas = Canvas(target)
    canvas.drawString(10, 10, "Helvetica is not embedded")
    canvas.save()
    assert not all(fonts(PdfReader(target).pages[0]).values())


@BOTH
def test_pages_are_a4_and_the_language_is_stated(path: Path) -> None:
    for page in pages(path):
        assert [round(float(v) / 72 * 25.4) for v in page.mediabox[2:]] == list(SIZE_MM)
    reader = PdfReader(BytesIO(pdf(content(path))))
    assert str(reader.root_object["/Lang"]) == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == f"{content(path).title}: record {content(path).record_id}"


def pulses(found: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Width and height in mm of every line shaped like a calibration pulse: out, up, across, down, out."""
    shaped = []
    for line in found:
        turns = [(abs(b[0] - a[0]) > 1e-6, abs(b[1] - a[1]) > 1e-6) for a, b in pairwise(line)]
        if turns == [(True, False), (False, True), (True, False), (False, True), (True, False)]:
            shaped.append((line[3][0] - line[2][0], line[2][1] - line[1][1]))
    return shaped


def test_the_calibration_pulse_is_5_mm_wide_and_10_mm_tall_on_paper() -> None:
    found = pulses([line for page in pages(ALARM) for line in lines(page)])
    leads = sum(lead.unit == "mV" for lead in content(ALARM).picture.leads)
    assert len(found) == leads * len(ecg.rows(content(ALARM).picture)[:3])
    for width, height in found:
        assert width == pytest.approx(5.0, abs=0.01)
        assert height == pytest.approx(10.0, abs=0.01)


def test_one_second_of_signal_is_25_mm_on_paper_and_one_millivolt_10() -> None:
    leads = content(ALARM).picture.leads
    traces = [line for page in pages(ALARM) for line in lines(page) if len(line) > 500]
    assert len(traces) == 3 * len(leads)
    first = traces[0]
    rate = content(ALARM).picture.rate_hz
    assert first[round(rate)][0] - first[0][0] == pytest.approx(25.0, abs=0.01)
    values = leads[0].values
    for k in (50, 137, 400):
        rise = first[k][1] - first[0][1]
        assert rise == pytest.approx(10 * float(values[k] - values[0]), abs=0.01)


def test_another_scale_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecg, "MM_PER_S", 24.0)
    reader = PdfReader(BytesIO(pdf(content(ALARM))))
    widths = [width for width, _ in pulses([line for page in reader.pages for line in lines(page)])]
    assert widths
    assert not any(abs(width - 5.0) < 0.01 for width in widths)


def test_names_with_markup_in_them_are_only_text() -> None:
    from dataclasses import replace

    odd = replace(content(STAY), record_id="<b>1 & 2</b>", facts=("a < b",))
    text = PdfReader(BytesIO(pdf(odd))).pages[0].extract_text()
    assert "<b>1 & 2</b>" in text
    assert "a < b" in text


def test_the_model_is_left_as_it_was() -> None:
    network = model("icu_alarm").model
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_several_at_once_do_not_mix() -> None:
    wanted = [STAY, ALARM] * 2
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda path: pdf(content(path)), wanted))
    for path, data in zip(wanted, made, strict=True):
        found = [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(data)).pages]
        assert found == texts(path)
