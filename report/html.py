"""A document as one HTML file that loads nothing: drawings inline, no script, no font, no address to call."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from explain.narrative import percent
from report import drawings, ecg, words
from report.svg import svg
from report.values import Content

STYLE = Path(__file__).with_name("page.css")
# What the file may load: its own style and nothing else.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(content: Content) -> str:
    """The document as one page of HTML, in UTF-8."""
    title = f"{content.title}: record {content.record_id}"
    body = words.unbroken("".join(part(content) for part in (_top, _why, _signal, _made)))
    altered = f'<p class="altered">{escape(words.altered(content))}</p>' if content.is_altered else ""
    foot = f"Fusionscope {content.version} · {words.moment(content.made)} · model {content.model_digest}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}{_head(content)}</style>\n</head>\n<body>\n"
        f'<header><p class="disclaimer">{words.DISCLAIMER}</p>{altered}</header>\n<main>\n'
        f"<h1>{escape(title)}</h1>\n{body}</main>\n"
        f'<footer><p><strong class="disclaimer">{words.DISCLAIMER}</strong> {escape(foot)}</p></footer>\n'
        "</body>\n</html>\n"
    )


def _head(content: Content) -> str:
    """On each printed page, that the record is altered. Names go into the style only as the numbers of their signs."""
    if not content.is_altered:
        return ""
    quoted = "".join(f"\\{ord(sign):06x}" for sign in words.altered(content))
    return f'@page {{ @top-left {{ content: "{quoted}"; font: 700 8pt sans-serif; color: #8A1C1C; width: 60%; }} }}\n'


def _top(content: Content) -> str:
    origin = (words.SIMULATED,) if content.simulated else ()
    parts = [f'<p class="facts">{escape(" · ".join((*origin, *content.facts)))}</p>']
    parts += [f'<p class="notice">{escape(said)}</p>' for said in words.changed(content)]
    beside = f'<p class="beside">{escape(words.unaltered(content))}</p>' if content.is_altered else ""
    observed = "<br>".join(escape(said) for said in words.observed(content))
    parts.append(
        f'<div class="answer"><div><p class="number">{escape(percent(content.risk))}</p>'
        f"<p>estimated chance of {escape(content.event)}</p>{beside}<p>{escape(words.compared(content))}</p></div>"
        f"<figure>{svg(drawings.estimate(content))}<figcaption>{observed}</figcaption></figure></div>"
    )
    return _section("Estimate", "".join(parts))


def _why(content: Content) -> str:
    paragraphs = "".join(
        f"<p>{f'<strong>{escape(heading)}.</strong> ' if heading else ''}{escape(said)}</p>"
        for heading, said in words.narrative(content)
    )
    flag = "flag" if content.disagrees else "plain"
    out = _section("Why", paragraphs)
    out += _section(
        "Modalities",
        f'<p class="aid">{escape(words.MODALITIES_AID)}</p>{_modalities(content)}'
        f'<p class="{flag}">{escape(content.routing)}</p>',
    )
    if content.influences:
        rows = [words.influence(item) for item in content.influences]
        table = _table("Strongest variables", words.INFLUENCES_HEAD, rows, numeric=(1, 2, 5))
        doubt = "".join(f'<p class="flag">{escape(said)}</p>' for said in words.doubted(content))
        out += _section("Strongest variables", f'<p class="aid">{escape(words.INFLUENCES_AID)}</p>{doubt}{table}')
    found = words.noticed(content)
    if found:
        items = "".join(f"<li><strong>{severity}.</strong> {escape(said)}</li>" for severity, said in found)
        out += _section("What was noticed in the data", f"<ul>{items}</ul>")
    return out


def _modalities(content: Content) -> str:
    scale = drawings.largest(content.modalities)
    head = ("Modality", "Data", "Gate γ", "Weight β", "Shapley", "lowers · raises", "Without it")
    rows = []
    for m in content.modalities:
        gate, weight, shapley, without = (escape(text) for text in words.numbers(m))
        rows.append(
            f'<tr><th scope="row">{svg(drawings.swatch(m))} {escape(m.title)}</th><td>{escape(words.recorded(m))}</td>'
            f'<td class="n">{gate}</td><td class="n">{weight}</td><td class="n">{shapley}</td>'
            f'<td>{svg(drawings.shapley_bar(m, scale))}</td><td class="n">{without}</td></tr>'
        )
    return _framed("Modalities", head, rows, numeric=(2, 3, 4, 6))


def _signal(content: Content) -> str:
    picture = content.picture
    if picture.leads:
        aid = words.LEADS_AID.format(rate=picture.rate_hz)
        legend = svg(ecg.legend(picture))
        strips = "".join(svg(scene, scalable=False) for scene in ecg.rows(picture))
        paper = f'<div class="paper" tabindex="0" role="group" aria-label="Waveforms, to scale">{strips}</div>'
        return _section(
            "Signal before the alarm", f"<figure><figcaption>{escape(aid)}</figcaption>{legend}{paper}</figure>"
        )
    if not picture.trends:
        return ""
    scale = drawings.strongest(picture.trends)
    panels = "".join(svg(drawings.trend(panel, picture.hours, scale)) for panel in picture.trends)
    caption = f"<figcaption>{escape(words.trends_aid(content))}</figcaption>"
    return _section("Course", f'<figure>{caption}<div class="panels">{panels}</div></figure>')


def _made(content: Content) -> str:
    out = ""
    if content.attributed is not None:
        said = "".join(f"<li>{escape(text)}</li>" for text in words.method(content.attributed))
        out += _section("Method of the single values, and its errors", f"<ul>{said}</ul>")
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in words.provenance(content))
    return out + _section("How this was made", f"<dl>{rows}</dl>")


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{body}\n</section>\n"


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], numeric: tuple[int, ...] = ()) -> str:
    lines = []
    for row in rows:
        cells = [f'<th scope="row">{escape(row[0])}</th>']
        kinds = ['class="n"' if k in numeric else "" for k in range(len(row))]
        cells += [f"<td {kind}>{escape(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return _framed(caption, head, lines, numeric)


def _framed(caption: str, head: Sequence[str], rows: Sequence[str], numeric: tuple[int, ...]) -> str:
    """A table that scrolls by itself where the screen is narrower than it."""
    kinds = ['class="n"' if k in numeric else "" for k in range(len(head))]
    names = "".join(f'<th scope="col" {kind}>{escape(name)}</th>' for kind, name in zip(kinds, head, strict=True))
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="{escape(caption)}, table"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
