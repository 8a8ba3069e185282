"""The What-if page in Chromium: every switch is answered by the browser with what Python computed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, WebSocket, expect

from app import figures, text
from app.components import what_if
from app.figures import Drawing
from app.views import Case
from tests.app.screen import ids, sample

PATIENCE_MS = 60_000
PHONE: ViewportSize = {"width": 390, "height": 844}
TASKS = ("icu_mortality", "icu_alarm")
STEPS = 16
PARTS = ("risk", "gates", "weights", "alpha", "lattice")
CLICK = """button => new Promise(done => {
    document.querySelector('.fs-if').addEventListener('fs-drawn', () => done(), { once: true });
    button.click();
})"""
READ = """part => {
    const box = document.querySelector(`.fs-if-${part}`);
    const { data, layout } = box.firstChild;
    return { data, layout, alt: box.getAttribute('aria-label') };
}"""
RING = """row => {
    const middle = element => {
        const { left, top, width, height } = element.getBoundingClientRect();
        return [left + width / 2, top + height / 2];
    };
    const box = document.querySelector('.fs-if-lattice');
    const at = box.firstChild.data.findIndex(trace => trace.name === 'subsets');
    const count = box.firstChild.data[at].x.length;
    const points = [...box.querySelectorAll('.scatterlayer .trace')].map(trace => trace.querySelectorAll('.point'))
        .find(found => found.length === count);
    return [middle(box.querySelector('.fs-if-ring')), middle(points[row])];
}"""


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMFN_DATA", raising=False)


def lacking(task: str) -> Case:
    """The first sample record with a missing modality."""
    return next(case for case in (sample(task, record_id) for record_id in ids(task)) if case.analysis.missing)


def opened(page: Page, app_url: str, case: Case) -> None:
    page.goto(f"{app_url}/what_if?task={case.listing.task}&record={case.record.record_id}")
    page.locator(".fs-if-alpha .main-svg").first.wait_for(timeout=PATIENCE_MS)
    at_rest(page)


def at_rest(page: Page) -> None:
    page.wait_for_timeout(250)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def switch(page: Page, title: str) -> Locator:
    return page.get_by_role("switch", name=title, exact=True)


def number(page: Page) -> Locator:
    return page.locator(".fs-if-numbers strong").first


def sentence(page: Page) -> Locator:
    return page.locator(".fs-if-said")


def steps(count: int) -> Iterator[int]:
    """Which of `count` switches to turn next, so that every combination comes once (Gray code)."""
    for k in range(1, 2**count):
        yield (k & -k).bit_length() - 1


def expected(case: Case, keep: list[bool]) -> dict[str, Drawing]:
    a = case.analysis
    full, fused = a.full, a.subset(keep)
    names, titles = a.names, a.titles
    assert full.gates is not None
    assert full.weights is not None
    assert fused.gates is not None
    assert fused.weights is not None
    return {
        "risk": figures.risk_pair(full.risk, fused.risk, a.base_rate, case.noun, changed=what_if.CHANGED),
        "gates": figures.paired_bars(
            full.gates, fused.gates, names, titles, fused.states, "gates", changed=what_if.CHANGED
        ),
        "weights": figures.paired_bars(
            full.weights, fused.weights, names, titles, fused.states, "weights", changed=what_if.CHANGED
        ),
        "alpha": figures.attention(fused.attention_of(None, None), titles, fused.states),
        "lattice": figures.subset_lattice(a.risks, a.masks, titles, a.present, a.present & keep),
    }


def same(got: Any, wanted: Any, where: str) -> None:
    """Equal but for the rounding of what was sent."""
    if isinstance(wanted, Mapping):
        assert isinstance(got, Mapping), where
        assert set(got) == set(wanted), where
        for key in wanted:
            same(got[key], wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(got, list), where
        assert len(got) == len(wanted), where
        for k, (one, other) in enumerate(zip(got, wanted, strict=True)):
            same(one, other, f"{where}[{k}]")
    elif isinstance(wanted, float):
        assert got == pytest.approx(wanted, abs=2e-4), where
    else:
        assert got == wanted, where


def cells(spec: Mapping[str, Any]) -> set[tuple[float, float, str]]:
    """The numbers on a heatmap, whether they are annotations (Python) or a trace of text (the browser)."""
    notes = {
        (n["x"], n["y"], n["text"]) for n in spec["layout"]["annotations"] if re.fullmatch(r"[<>]?\d+%", n["text"])
    }
    traces = [trace for trace in spec["data"] if trace.get("name") == "shares"]
    return notes | {item for t in traces for item in zip(t["x"], t["y"], t["text"], strict=True)}


def compare(page: Page, part: str, drawing: Drawing) -> None:
    got = page.evaluate(READ, part)
    wanted = json.loads(drawing.figure.to_json())
    assert got["alt"] == drawing.alt, part
    if part == "alpha":
        assert cells(got) == cells(wanted)
        assert cells(wanted) or not any(v is not None for row in wanted["data"][0]["z"] for v in row)
    notes = [note for note in wanted["layout"]["annotations"] if not re.fullmatch(r"[<>]?\d+%", note["text"])]
    own = [trace for trace in got["data"] if trace.get("name") != "shares"]
    if part == "lattice":
        notes, wanted["data"] = notes[:-1], [trace for trace in wanted["data"] if trace["name"] != "chosen"]
    same(own, wanted["data"], part)
    same(got["layout"]["annotations"], notes, f"{part} notes")
    for key in ("range", "tickvals", "ticktext"):
        same(got["layout"]["xaxis"].get(key), wanted["layout"]["xaxis"].get(key), f"{part} {key}")


@pytest.mark.parametrize("task", TASKS)
def test_every_subset_is_drawn_as_python_draws_it(page: Page, app_url: str, task: str) -> None:
    case = lacking(task)
    a = case.analysis
    opened(page, app_url, case)
    here = [int(k) for k in np.flatnonzero(a.present)]
    keep = [True] * len(a.names)
    for turn, k in enumerate(steps(len(here))):
        if turn == STEPS:
            break
        keep[here[k]] = not keep[here[k]]
        button = switch(page, a.titles[here[k]])
        button.evaluate(CLICK)
        fused = a.subset(keep)
        expect(number(page)).to_have_text(text.unbroken(text.percent(fused.risk)))
        expect(button).to_have_attribute("aria-checked", str(keep[here[k]]).lower())
        off = [title for title, state in zip(a.titles, fused.states, strict=True) if state == "off"]
        for title in off:
            expect(sentence(page)).to_contain_text(title)
        for part, drawing in expected(case, keep).items():
            compare(page, part, drawing)
        row = int(np.flatnonzero((a.masks == (a.present & keep)).all(axis=1))[0])
        ring, point = page.evaluate(RING, row)
        assert ring == pytest.approx(point, abs=1.5)


def test_switches_by_keyboard_all_off_and_a_click_on_a_point(page: Page, app_url: str) -> None:
    case = lacking("icu_alarm")
    a = case.analysis
    opened(page, app_url, case)
    first, second = (a.titles[int(k)] for k in np.flatnonzero(a.present)[:2])
    for title in a.missing:
        expect(page.get_by_role("switch", name=f"{title} not recorded")).to_be_disabled()

    switch(page, first).focus()
    page.keyboard.press("Space")
    expect(switch(page, first)).to_have_attribute("aria-checked", "false")
    expect(switch(page, first)).to_be_focused()
    page.keyboard.press("Tab")
    expect(switch(page, second)).to_be_focused()
    ring = switch(page, second).evaluate("e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth")
    assert ring == "solid3px"
    page.keyboard.press("Enter")
    keep = [title not in (first, second) for title in a.titles]
    risk, full = (text.unbroken(text.percent(fused.risk)) for fused in (a.subset(keep), a.full))
    said = text.unbroken(what_if.sentence(a, a.present & keep, a.subset(keep).risk))
    assert risk in said
    expect(sentence(page)).to_have_text(said)
    at_rest(page)
    expect(switch(page, second)).to_be_focused()

    page.get_by_role("button", name="All off").click()
    expect(sentence(page)).to_contain_text("the model states its prior")
    expect(number(page)).to_have_text(text.unbroken(text.percent(a.base_rate)))
    expect(page.locator(".fs-if-beside strong")).to_have_text(full)

    point = page.locator(".fs-if-lattice .scatterlayer .trace:has(.point)").first.locator(".point").last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(sentence(page)).to_contain_text("this is the full record")
    page.get_by_role("button", name="All off").click()
    page.get_by_role("button", name="All on").click()
    expect(number(page)).to_have_text(full)


def test_the_server_follows_and_gets_nothing_twice(page: Page, app_url: str) -> None:
    case = lacking("icu_mortality")
    a = case.analysis
    asked: list[str] = []
    received: list[int] = []

    def hear(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.append(len(frame)))

    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", hear)
    opened(page, app_url, case)
    title = a.titles[int(np.flatnonzero(a.present)[0])]
    received.clear()
    switch(page, title).click()
    at_rest(page)
    assert received, "the server has answered"
    assert sum(received) < 30_000, "a switch sends nothing of the record again"
    expect(switch(page, title)).to_have_attribute("aria-checked", "false")
    expect(page).to_have_url(re.compile(rf"[?&]off={a.names[int(np.flatnonzero(a.present)[0])]}"))

    for name in ("Model", "What-if"):
        page.get_by_role("link", name=name, exact=True).click()
        at_rest(page)
    expect(switch(page, title)).to_have_attribute("aria-checked", "false")
    page.locator(".fs-if-alpha .main-svg").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Next").click()
    at_rest(page)
    expect(sentence(page)).to_contain_text("this is the full record")
    expect(page.locator(".fs-if [aria-checked=false]:enabled")).to_have_count(0)
    assert len([url for url in asked if "plotly.min.js" in url]) == 1
    assert all(url.startswith((app_url, "data:", "blob:")) for url in asked)


def test_without_the_drawing_library_switches_and_numbers_stay(page: Page, app_url: str) -> None:
    case = lacking("icu_alarm")
    a = case.analysis
    page.route("**/plotly.min.js*", lambda route: route.abort())
    page.goto(f"{app_url}/what_if?task=icu_alarm&record={case.record.record_id}")
    expect(page.get_by_role("alert").filter(has_text=what_if.WORDS["no_plotly"])).to_be_visible(timeout=PATIENCE_MS)
    k = int(np.flatnonzero(a.present)[0])
    switch(page, a.titles[k]).click()
    altered = a.subset([j != k for j in range(len(a.names))])
    expect(number(page)).to_have_text(text.unbroken(text.percent(altered.risk)))
    expect(sentence(page)).to_contain_text(f"Without {a.titles[k]}")
    expect(page.get_by_text("What would have to be missing", exact=True)).to_be_visible()


def test_a_browser_that_cannot_run_it_says_so(page: Page, app_url: str) -> None:
    page.add_init_script("Element.prototype.replaceChildren = () => { throw new Error('broken for this test') }")
    page.goto(f"{app_url}/what_if?task=icu_alarm")
    expect(page.get_by_text(what_if.WORDS["failed"])).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_it_fits_a_phone(page: Page, app_url: str) -> None:
    page.set_viewport_size(PHONE)
    opened(page, app_url, lacking("icu_mortality"))
    for part in PARTS:
        page.locator(f".fs-if-{part}").scroll_into_view_if_needed()
        box = page.locator(f".fs-if-{part} .main-svg").first.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"], part
    widths = page.evaluate("[document.documentElement, document.querySelector('.stMain')].map(e => e.scrollWidth)")
    assert max(widths) <= PHONE["width"]
