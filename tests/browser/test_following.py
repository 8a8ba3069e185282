"""One modality followed through the fusion by clicks on bars and circles, as with a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

PATIENCE_MS = 60_000


def click_middle(page: Page, mark: Locator) -> None:
    """A click where a hand would: bars and circles lie under the layer that Plotly listens on."""
    expect(mark).to_be_visible(timeout=PATIENCE_MS)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def bar(page: Page, key: str, at: int) -> Locator:
    return page.locator(f".st-key-{key} .bars .point path").nth(at)


@pytest.mark.parametrize("key", ["gates", "weights", "split"])
def test_a_bar_follows_its_modality_and_lets_go_of_it(page: Page, app_url: str, key: str) -> None:
    page.goto(f"{app_url}/fusion?task=icu_alarm&record=sim_a001")
    expect(page.get_by_text("Who comes first in each step.")).to_be_visible(timeout=PATIENCE_MS)
    sentence, framed = page.get_by_text("ECG: takes").first, page.locator(".st-key-alpha .shapelayer path")
    expect(framed).to_have_count(0)

    click_middle(page, bar(page, key, 0))

    expect(sentence).to_be_visible(timeout=PATIENCE_MS)
    expect(framed).to_have_count(2)
    click_middle(page, bar(page, key, 0))
    expect(sentence).to_have_count(0, timeout=PATIENCE_MS)
    click_middle(page, bar(page, key, 1))
    expect(page.get_by_text("Arterial pressure: takes").first).to_be_visible(timeout=PATIENCE_MS)


def test_a_circle_of_the_graph_follows_its_modality(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/fusion?task=icu_alarm&record=sim_a001")
    circle = page.locator(".st-key-graph .scatterlayer .points path").first

    click_middle(page, circle)

    expect(page.get_by_text("ECG: takes").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("radio", name="ECG")).to_be_checked()
