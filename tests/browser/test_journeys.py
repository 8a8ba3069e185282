"""Two ways through the dashboard, driven in Chromium as a person would."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data" / "icu_alarm"
PAGES = (
    "Patient",
    "Signals",
    "Fusion",
    "Attribution",
    "What-if",
    "Cohort",
    "Compare",
    "Teaching",
    "Agreement",
    "Data",
    "Model",
)
PATIENCE_MS = 60_000
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
WIDE: ViewportSize = {"width": 1920, "height": 1080}


def settled(page: Page) -> None:
    """Nothing runs any more, nothing raw is on the screen, and the disclaimer is."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("could not be drawn")).to_have_count(0)
    expect(page.get_by_text("Research and education only; not for diagnosis.").last).to_be_attached()


def fits(page: Page, size: ViewportSize) -> None:
    """No sideways scrolling of the page; a chart to scale may scroll in its own frame."""
    widths = "[document.documentElement, document.querySelector('.stMain')].map(e => e.scrollWidth)"
    # Charts are drawn anew for the new width, one after the other.
    for _ in range(20):
        width = page.evaluate(widths)
        if max(width) <= size["width"]:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{page.url} is wider than its screen of {size['width']} px: {width}")


def choose(page: Page, label: str, option: str) -> None:
    """By keyboard and click; a list that closes because its surroundings still move is opened again."""
    box, wanted = page.get_by_role("combobox", name=label), page.get_by_role("option", name=option).first
    for _ in range(5):
        box.fill(option)
        box.press("ArrowDown")
        try:
            wanted.click(timeout=3_000)
            break
        except PlaywrightTimeout:
            box.press("Escape")
    settled(page)


def visit(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    settled(page)


def drawn(page: Page, key: str) -> Locator:
    chart = page.locator(f".st-key-{key} .main-svg").first
    expect(chart).to_be_visible(timeout=PATIENCE_MS)
    return chart


def test_from_a_record_with_a_missing_modality_to_its_risk_without_another(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?task=icu_alarm")
    page.get_by_text("Filter and order").click(timeout=PATIENCE_MS)
    settled(page)
    choose(page, "Missing modality", "Respiration missing")
    if not page.locator(".fs-modalities .missing").filter(has_text="Respiration").count():
        expect(page.get_by_text("is outside the filter")).to_be_visible()
        page.get_by_role("button", name="Next").click()
        settled(page)

    risk = page.get_by_test_id("stMetricValue").first
    expect(risk).to_have_text(re.compile(r"^(\d+|under 1|over 99) %$"), timeout=PATIENCE_MS)
    expect(page.locator(".fs-modalities .missing").filter(has_text="Respiration")).to_be_visible()
    drawn(page, "waveforms_patient")
    expect(page.get_by_text("Simulated patient")).to_be_visible()
    full = risk.inner_text()
    banner = page.locator(".fs-banner").inner_text()

    visit(page, "Fusion")
    for key in ("alpha", "graph", "gates", "weights", "split", "reality"):
        drawn(page, key)
    assert page.locator(".fs-banner").inner_text() == banner

    visit(page, "Attribution")
    expect(page.get_by_text(re.compile("These attributions (do not )?add up")).first).to_be_visible(timeout=PATIENCE_MS)
    drawn(page, "shapley")
    drawn(page, "waveforms_attribution")
    page.get_by_role("button", name="Test it on this record").click()
    drawn(page, "deletion_insertion")

    visit(page, "What-if")
    expect(page.get_by_text("this is the full record")).to_be_visible()
    expect(page.locator(".fs-if-beside strong")).to_have_text(full)
    expect(page.locator(".fs-if-alpha .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("switch", name="ECG", exact=True).click()
    expect(page.locator(".fs-if-said")).to_have_text(re.compile(r"^Without ECG the estimate is .*\s% instead of "))
    expect(page.locator(".fs-if-said")).to_contain_text(full)
    page.get_by_role("button", name="All off").click()
    expect(page.get_by_text("the model states its prior")).to_be_visible()

    visit(page, "Model")
    expect(page.get_by_text("Model hash")).to_be_visible()
    expect(page.locator(".st-key-card")).not_to_be_empty()


def test_while_a_large_folder_is_ranked_the_button_is_gone_and_pages_open(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    stay = next((ROOT / "sample_data" / "icu_mortality").glob("*.txt")).read_text(encoding="utf-8")
    record_id = re.search(r"RecordID,(\d+)", stay)
    assert record_id
    for k in range(100_001, 103_001):
        (tmp_path / f"{k}.txt").write_text(stay.replace(record_id[0], f"RecordID,{k}"), encoding="utf-8")
    page.goto(app_url)
    page.get_by_text("My own folder").click()
    page.get_by_role("textbox", name="Folder").fill(str(tmp_path))
    page.keyboard.press("Enter")
    button, bar = page.get_by_role("button", name="Rank all records by risk"), page.get_by_test_id("stProgress")
    button.click(timeout=PATIENCE_MS)

    expect(bar).to_be_visible()
    expect(button).to_have_count(0, timeout=2_000)
    expect(bar).to_be_visible()
    page.get_by_role("link", name="Fusion", exact=True).click()
    expect(page.get_by_role("heading", name="Fusion", level=1)).to_be_visible()
    expect(bar).to_be_visible()


def test_a_folder_of_ones_own_with_a_broken_record_also_on_a_phone(page: Page, app_url: str, tmp_path: Path) -> None:
    names = (SAMPLE / "RECORDS").read_text(encoding="utf-8").split()[:4]
    for name in names:
        for suffix in (".hea", ".dat"):
            shutil.copy(SAMPLE / f"{name}{suffix}", tmp_path)
    signal = tmp_path / f"{names[1]}.dat"
    signal.write_bytes(signal.read_bytes()[: signal.stat().st_size // 3])

    page.goto(app_url)
    page.get_by_text("My own folder").click()
    page.get_by_role("textbox", name="Folder").fill(str(tmp_path / "not_here"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("How to mend it")).to_be_visible(timeout=PATIENCE_MS)

    page.get_by_role("textbox", name="Folder").fill(str(tmp_path))
    page.keyboard.press("Enter")
    broken = page.get_by_text("Records that cannot be used (1)")
    expect(broken).to_be_visible(timeout=PATIENCE_MS)
    broken.click()
    expect(page.get_by_text(f"{names[1]}:")).to_be_visible()
    assert str(tmp_path) not in page.url
    for name in names[2:]:
        choose(page, "Record", name)
        expect(page.locator(".fs-banner")).to_contain_text(f"Record {name}")
        expect(page.get_by_test_id("stMetricValue").first).to_have_text(re.compile("%"))

    for name in PAGES:
        visit(page, name)
        page.set_viewport_size(PHONE)
        settled(page)
        fits(page, PHONE)
        page.set_viewport_size(DESK)
