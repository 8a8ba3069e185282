"""A document as PDF: A4, fonts embedded, text as text, drawings as vectors in true millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate, Paragraph, Table

from amfn.types import InputError
from explain.narrative import percent
from report import drawings, ecg, words
from report.colours import GRID, MUTED, TEXT
from report.scene import Area, Item, Scene, Stroke, Words
from report.values import Content

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
MARGIN, HEAD, FOOT, SECOND = 12 * mm, 15 * mm, 14 * mm, 4 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, GREY, RULE = HexColor(TEXT[False]), HexColor(MUTED[False]), HexColor(GRID[False])
ALARM = HexColor("#8A1C1C")


@lru_cache(maxsize=1)
def _fonts() -> None:
    """DejaVu Sans, which its licence allows to embed, as matplotlib brings it along: it has α, β, γ and a true minus.

    Found without importing matplotlib, which takes longer than the document. Raises InputError where it is not there.
    """
    found = find_spec("matplotlib")
    folder = Path(found.origin or "").parent / "mpl-data" / "fonts" / "ttf" if found else Path("matplotlib")
    for name in (PLAIN, BOLD):
        path = folder / f"{name}.ttf"
        if not path.exists():
            raise InputError(path, "no such font", "the fonts that come with matplotlib", "Install requirements.txt.")
        pdfmetrics.registerFont(TTFont(name, str(path)))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def _style(size: float, **more: Any) -> ParagraphStyle:
    plain = {"fontName": PLAIN, "fontSize": size, "leading": 1.28 * size, "textColor": INK}
    return ParagraphStyle(f"s{size}", **(plain | more))


BODY, SMALL, TINY = _style(8.2, spaceAfter=2.2), _style(7), _style(6.4, textColor=GREY, spaceAfter=2)
RIGHT = _style(7, alignment=TA_RIGHT)
TITLE = _style(14, fontName=BOLD, spaceAfter=1)
HEADING = _style(9.6, fontName=BOLD, spaceBefore=5, spaceAfter=2)
NUMBER = _style(24, fontName=BOLD, spaceAfter=2)
STRONG = _style(8.2, fontName=BOLD, textColor=ALARM, spaceAfter=2.2)
NOTICE = _style(8.2, fontName=BOLD, textColor=ALARM, borderColor=ALARM, borderWidth=0.8, borderPadding=4, spaceAfter=9)
FLAG = _style(8.2, fontName=BOLD, borderColor=GREY, borderWidth=0.8, borderPadding=3, spaceBefore=5, spaceAfter=6)
# Without a font of its own a table asks for one that is not embedded.
BARE = [("FONTNAME", (0, 0), (-1, -1), PLAIN), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
TOP = ("VALIGN", (0, 0), (-1, -1), "TOP")


class Figure(Flowable):
    """A scene in the flow of text, at its own size."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        self.width, self.height = scene.width * mm, scene.height * mm

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        for item in self.scene.items:
            _draw(self.canv, item, self.scene.height)


def _draw(canvas: Canvas, item: Item, height: float) -> None:
    """height: of the scene, in mm: a PDF counts upwards."""
    match item:
        case Stroke(paths=paths, colour=colour, width=width):
            line = canvas.beginPath()
            for path in paths:
                line.moveTo(path[0][0] * mm, (height - path[0][1]) * mm)
                for x, y in path[1:]:
                    line.lineTo(x * mm, (height - y) * mm)
            canvas.setStrokeColor(HexColor(colour))
            canvas.setLineWidth(width * mm)
            canvas.setLineJoin(1)
            canvas.drawPath(line, stroke=1, fill=0)
        case Area(points=points, fill=fill, opacity=opacity):
            line = canvas.beginPath()
            line.moveTo(points[0][0] * mm, (height - points[0][1]) * mm)
            for x, y in points[1:]:
                line.lineTo(x * mm, (height - y) * mm)
            line.close()
            canvas.setFillColor(HexColor(fill))
            canvas.setFillAlpha(opacity)
            canvas.drawPath(line, stroke=0, fill=1)
            canvas.setFillAlpha(1)
        case Words():
            canvas.setFont(BOLD if item.bold else PLAIN, item.size)
            canvas.setFillColor(HexColor(item.colour))
            write = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
            write[item.anchor](item.x * mm, (height - item.y) * mm, item.text)


class _Numbered(Canvas):
    """Pages are written when their number is known: "page 1 of 2". head: what stands on top of each; altered: below
    it, that the record is not as it was measured."""

    def __init__(self, *args: Any, head: str, altered: str, foot: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self._head, self._altered, self._foot = head, altered, foot
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._around(f"Page {number} of {len(self._pages)}")
            super().showPage()
        super().save()

    def _around(self, place: str) -> None:
        width, height = A4
        self.setStrokeColor(RULE)
        self.setLineWidth(0.6)
        for y in (height - 11.5 * mm, 10.5 * mm):
            self.line(MARGIN, y, width - MARGIN, y)
        self.setFillColor(GREY)
        self.setFont(PLAIN, 7)
        self.drawString(MARGIN, height - 9.5 * mm, self._head)
        self.drawString(MARGIN, 7 * mm, self._foot)
        self.drawRightString(width - MARGIN, 7 * mm, place)
        self.setFillColor(ALARM)
        self.setFont(BOLD, 7.5)
        self.drawRightString(width - MARGIN, height - 9.5 * mm, words.DISCLAIMER)
        self.drawString(MARGIN, height - 15 * mm, _cut(self._altered, WIDTH))


def _cut(text: str, width: float) -> str:
    """What of a line of the head fits; all of it stands on the first page."""
    while pdfmetrics.stringWidth(text, BOLD, 7.5) > width:
        text = f"{text[:-2].rstrip()}…"
    return text


def pdf(content: Content) -> bytes:
    """The document as the bytes of a PDF file."""
    _fonts()
    target = BytesIO()
    title = f"{content.title}: record {content.record_id}"
    document = BaseDocTemplate(
        target,
        pagesize=A4,
        title=title,
        author=f"Fusionscope {content.version}",
        subject=words.DISCLAIMER,
        lang="en",
        initialFontName=PLAIN,
    )
    head = HEAD + (SECOND if content.is_altered else 0)
    place = Frame(MARGIN, FOOT, WIDTH, A4[1] - head - FOOT, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[place]))
    origin = f" · {words.SIMULATED}" if content.simulated else ""
    foot = f"Fusionscope {content.version} · {words.moment(content.made)} · model {content.model_digest}"

    def canvas(*args: Any, **more: Any) -> _Numbered:
        return _Numbered(*args, head=f"{title}{origin}", altered=words.altered(content), foot=foot, **more)

    # Waveforms take a page for themselves: what is short comes before them.
    last = (_made, _signal) if content.picture.leads else (_signal, _made)
    document.build([flow for part in (_top, _why, *last) for flow in part(content)], canvasmaker=canvas)
    return target.getvalue()


def _text(text: str, style: ParagraphStyle = BODY, label: str = "") -> Paragraph:
    lead = f"<b>{escape(label)}.</b> " if label else ""
    return Paragraph(lead + escape(words.unbroken(text), quote=False), style)


def _top(content: Content) -> list[Flowable]:
    origin = (words.SIMULATED,) if content.simulated else ()
    flow: list[Flowable] = [
        _text(f"{content.title}: record {content.record_id}", TITLE),
        _text(" · ".join((*origin, *content.facts)), SMALL),
        _gap(2),
    ]
    flow += [_text(said, NOTICE) for said in words.changed(content)]
    number = [
        _text(percent(content.risk), NUMBER),
        _gap(2),
        _text(f"estimated chance of {content.event}", BODY),
        *([_text(words.unaltered(content), STRONG)] if content.is_altered else []),
        _text(words.compared(content), SMALL),
    ]
    flow.append(_side_by_side(number, Figure(drawings.estimate(content))))
    return flow


def _why(content: Content) -> list[Flowable]:
    flow: list[Flowable] = [_text("Why", HEADING)]
    flow += [_text(said, BODY, heading) for heading, said in words.narrative(content)]
    flow += [_text("Modalities", HEADING), _text(words.MODALITIES_AID, TINY), _modalities(content), _gap(1.5)]
    flow.append(_text(content.routing, FLAG if content.disagrees else BODY))
    if content.influences:
        doubt = [_text(said, FLAG) for said in words.doubted(content)]
        aid = _text(words.INFLUENCES_AID, TINY)
        flow.append(KeepTogether([_text("Strongest variables", HEADING), aid, *doubt, _influences(content)]))
    found = words.noticed(content)
    if found:
        flow.append(_text("What was noticed in the data", HEADING))
        flow += [_text(said, SMALL, severity) for severity, said in found]
    return flow


def _modalities(content: Content) -> Table:
    scale = drawings.largest(content.modalities)
    head = ("", "Modality", "Data", "Gate γ", "Weight β", "Shapley", "lowers · raises", "Without it")
    rows: list[list[Any]] = [[_text(name, SMALL if k in (1, 2, 6) else RIGHT) for k, name in enumerate(head)]]
    for m in content.modalities:
        gate, weight, shapley, without = (_text(text, RIGHT) for text in words.numbers(m))
        named = (Figure(drawings.swatch(m)), _text(m.title, SMALL), _text(words.recorded(m), SMALL))
        rows.append([*named, gate, weight, shapley, Figure(drawings.shapley_bar(m, scale)), without])
    return _table(rows, (5, 33, 36, 13, 16, 15, 51, 17), apart=6)


def _influences(content: Content) -> Table:
    rows = [words.INFLUENCES_HEAD, *map(words.influence, content.influences)]
    numeric = (1, 2, 5)
    cells = [[_text(said, RIGHT if k in numeric else SMALL) for k, said in enumerate(row)] for row in rows]
    return _table(cells, (56, 18, 16, 48, 28, 20), apart=3)


def _signal(content: Content) -> list[Flowable]:
    picture = content.picture
    if picture.leads:
        strips = [Figure(scene) for scene in ecg.rows(picture)]
        first = KeepTogether(
            [
                _text("Signal before the alarm", HEADING),
                _text(words.LEADS_AID.format(rate=picture.rate_hz), TINY),
                Figure(ecg.legend(picture)),
                strips[0],
            ]
        )
        return [first, *strips[1:]]
    if not picture.trends:
        return []
    scale = drawings.strongest(picture.trends)
    panels: list[Any] = [Figure(drawings.trend(panel, picture.hours, scale)) for panel in picture.trends]
    across = [panels[k : k + 3] for k in range(0, len(panels), 3)]
    across[-1] += [""] * (3 - len(across[-1]))
    grid = Table(across, colWidths=[WIDTH / 3] * 3, style=BARE)
    return [KeepTogether([_text("Course", HEADING), _text(words.trends_aid(content), TINY), grid])]


def _made(content: Content) -> list[Flowable]:
    flow: list[Flowable] = []
    if content.attributed is not None:
        flow.append(_text("Method of the single values, and its errors", HEADING))
        flow += [_text(said, SMALL) for said in words.method(content.attributed)]
    flow.append(KeepTogether([_text("How this was made", HEADING), _provenance(content)]))
    return flow


def _provenance(content: Content) -> Flowable:
    """A table; run in where waveforms need the second page for themselves."""
    pairs = words.provenance(content)
    if content.picture.leads:
        return Paragraph(" · ".join(f"<b>{escape(name)}</b> {escape(said)}" for name, said in pairs), SMALL)
    return _table([[_text(name, SMALL), _text(said, SMALL)] for name, said in pairs], (46, 140))


def _gap(height: float) -> Flowable:
    return Figure(Scene(1, height, ()))


def _side_by_side(left: Sequence[Flowable], right: Flowable) -> Table:
    return Table([[list(left), right]], colWidths=[WIDTH - 96 * mm, 96 * mm], style=[*BARE, TOP])


def _table(rows: Sequence[Sequence[Any]], widths: Sequence[float], apart: int | None = None) -> Table:
    """apart: a column that needs room to the numbers on its left."""
    style = [
        BARE[0],
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, RULE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]
    if apart is not None:
        style.append(("LEFTPADDING", (apart, 0), (apart, -1), 10))
    return Table([list(row) for row in rows], colWidths=[w * mm for w in widths], style=style)
