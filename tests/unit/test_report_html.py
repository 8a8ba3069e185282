"""The HTML: one file that loads nothing, with headings, names for drawings, and the same numbers as everywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from amfn.types import Finding
from explain.narrative import percent
from report import words
from report.html import html
from tests.documents import ALARM, MADE, SPOILT, STAY, content

BOTH = pytest.mark.parametrize("path", [STAY, ALARM], ids=["stay", "alarm"])
VOID = {"meta", "br", "path", "polygon"}
LOADS = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"}


class Page(HTMLParser):
    """Text, tags with their attributes, and whether every tag is closed where it was opened."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", list[str]()
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")


def loads(source: str) -> list[str]:
    """Everything in a page that would make a browser fetch something or run something."""
    page = Page(source)
    found = [f"{tag} {name}" for tag, given in page.tags for name in given if name in LOADS or name.startswith("on")]
    found += [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "img", "object", "embed", "base"}]
    return found + re.findall(r"url\(|@import|@font-face", source)


@BOTH
def test_nothing_is_loaded(path: Path) -> None:
    source = html(content(path))
    assert loads(source) == []
    assert "default-src 'none'" in source


@pytest.mark.parametrize(
    "more",
    [
        '<img src="a.png">', '<link href="a.css">', "<script>1</script>", "<style>p{background:url(a)}</style>",
        '<p onclick="f()">a</p>', "<style>@import 'a'</style>",
    ],
)  # fmt: skip
def test_what_loads_something_would_be_noticed(more: str) -> None:
    VOID.update({"img", "link"})
    assert loads(html(content(STAY)).replace("</main>", f"{more}</main>"))


@BOTH
def test_it_has_a_language_an_outline_and_names_for_its_drawings(path: Path) -> None:
    page = Page(html(content(path)))
    assert page.open == []
    given = dict(page.tags)
    assert given["html"]["lang"] == "en"
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert {"header", "main", "footer"} <= set(tags)
    headings = [tag for tag in tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert all(bool(d.get("aria-label")) != (d.get("aria-hidden") == "true") for d in drawings)
    assert sum(d.get("role") == "img" for d in drawings) >= 4
    assert all(d.get("scope") for tag, d in page.tags if tag == "th")
    assert tags.count("caption") == tags.count("table")


@BOTH
def test_it_says_the_numbers_and_where_they_come_from(path: Path) -> None:
    said, page = content(path), Page(html(content(path)))
    expected = [percent(said.risk), said.model_digest, said.record_digest, said.routing, words.SIMULATED]
    expected += [words.moment(MADE), *(value for _, value in words.provenance(said))]
    expected += [text for _, text in words.narrative(said)]
    expected += [cell for row in said.modalities for cell in (row.title, words.recorded(row), *words.numbers(row))]
    expected += words.observed(said)
    for part in expected:
        assert part in page.text, part
    assert page.text.count(words.DISCLAIMER) >= 2


def test_paper_keeps_its_millimetres_and_small_drawings_may_shrink() -> None:
    drawings = [given for tag, given in Page(html(content(ALARM))).tags if tag == "svg"]
    scale = [d for d in drawings if d["class"] == "scale"]
    assert len(scale) == 4
    for drawing in drawings:
        width, height = str(drawing["width"]), str(drawing["height"])
        assert drawing["viewbox"] == f"0 0 {width.removesuffix('mm')} {height.removesuffix('mm')}"


def test_what_was_switched_off_is_said_before_the_estimate() -> None:
    text = Page(html(content(ALARM, off=("ecg",)))).text
    assert text.index("Switched off for this report: ECG.") < text.index("estimated chance of")


def test_an_altered_record_is_named_so_on_every_printed_page_and_beside_its_unaltered_estimate() -> None:
    said = content(ALARM, off=("ecg",))
    source = html(said)
    text = Page(source).text
    assert text.index("ALTERED RECORD: ECG switched off") < text.index("estimated chance of")
    assert said.unaltered is not None
    assert f"unaltered: {percent(said.unaltered)}" in text
    (quoted,) = re.findall(r'@top-left \{ content: "([^"]*)"', source)
    assert re.fullmatch(r"(\\[0-9a-f]{6})+", quoted)
    assert "".join(chr(int(code, 16)) for code in quoted.split("\\")[1:]) == "ALTERED RECORD: ECG switched off"
    assert "ALTERED" not in html(content(ALARM))
    assert "@top-left" not in html(content(ALARM))


def test_a_spoilt_signal_is_marked_and_explained() -> None:
    text = Page(html(content(SPOILT))).text
    assert "2 leads, 56 % usable (noisy, clipped)" in text
    assert "quality in doubt: noisy, clipped" in text
    assert "quality in doubt" not in Page(html(content(ALARM))).text


def test_markup_in_names_and_findings_stays_text() -> None:
    odd = "<script>alert(1)</script> & \"quotes\" 'too'"
    said = replace(content(STAY), record_id=odd, findings=(Finding(odd, odd, 1, "warning"),), facts=(odd,))
    source = html(said)
    assert loads(source) == []
    assert Page(source).text.count(odd) >= 4
