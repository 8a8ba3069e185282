"""A link that opens what was on the screen in another browser, and the report of a record as files on the disk."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.browser.test_journeys import DESK, PATIENCE_MS, choose, drawn, settled, visit

RECORD = "sim_a001"


def test_a_copied_link_opens_the_same_view_elsewhere(page: Page, browser: Browser, app_url: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app_url)
    page.goto(f"{app_url}/attribution?task=icu_alarm&record={RECORD}")
    drawn(page, "shapley")
    # A choice made while the folder is still being read is lost to the run that follows it.
    expect(page.get_by_text("Reading all records")).to_have_count(0, timeout=PATIENCE_MS)
    settled(page)
    choose(page, "Method", "Occlusion")
    expect(page.get_by_role("combobox", name="Method")).to_have_value(re.compile("Occlusion"), timeout=PATIENCE_MS)
    visit(page, "Signals")
    drawn(page, "waveforms_signals")
    page.get_by_role("button", name="Back").click()
    expect(page).to_have_url(re.compile(r"start=280&length=10"), timeout=PATIENCE_MS)
    visit(page, "What-if")
    page.locator(".fs-if-switches").get_by_role("switch", name="ECG").click()
    expect(page).to_have_url(re.compile("off=ecg"), timeout=PATIENCE_MS)
    sentence = page.get_by_text(re.compile("Without ECG the estimate is .* instead of"))
    expect(sentence).to_be_visible()
    said = sentence.inner_text()
    page.get_by_role("button", name="Copy link to this view").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")

    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    other = context.new_page()
    other.goto(link)
    expect(other.get_by_role("heading", name="What-if", level=1)).to_be_visible(timeout=PATIENCE_MS)
    expect(other.get_by_text(said)).to_be_visible(timeout=PATIENCE_MS)
    expect(other.locator(".fs-banner")).to_contain_text(f"Record {RECORD}")
    visit(other, "Signals")
    expect(other.get_by_text(re.compile("00:04:40 to 00:04:50")).first).to_be_visible(timeout=PATIENCE_MS)
    visit(other, "Attribution")
    expect(other.get_by_role("combobox", name="Method")).to_have_value(re.compile("Occlusion"), timeout=PATIENCE_MS)
    expect(other).to_have_url(re.compile("method=occlusion"), timeout=PATIENCE_MS)
    context.close()


def test_the_report_of_what_is_on_the_screen(page: Page, app_url: str, tmp_path: Path) -> None:
    page.goto(f"{app_url}/?task=icu_alarm&record={RECORD}&off=abp")
    page.get_by_role("button", name="Prepare the report").click(timeout=PATIENCE_MS)
    expect(page.get_by_text(re.compile("and so in this report: Arterial pressure"))).to_be_visible()
    saved: dict[str, Path] = {}
    for kind in ("pdf", "html", "fhir"):
        with page.expect_download(timeout=PATIENCE_MS) as download:
            page.locator(f".st-key-download_{kind} button").click(timeout=PATIENCE_MS)
        saved[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[kind])
    settled(page)

    text = "".join(sheet.extract_text() for sheet in PdfReader(saved["pdf"]).pages)
    assert RECORD in text
    assert "Research and education only" in text
    resource = json.loads(saved["fhir"].read_text(encoding="utf-8"))
    assert resource["resourceType"] == "RiskAssessment"
    page.goto(saved["html"].as_uri())
    expect(page.get_by_text("Research and education only; not for diagnosis").first).to_be_visible()
    risk = resource["prediction"][0]["probabilityDecimal"]
    assert f"{100 * risk:.0f} %" in text.replace("\N{NO-BREAK SPACE}", " ")
