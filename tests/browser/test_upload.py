"""Files dragged in by a user: from the upload to the estimate, and what an evil archive gets."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_journeys import PATIENCE_MS, PHONE, SAMPLE, choose, drawn, settled, visit


def bring(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").set_input_files(list(files))
    settled(page)


def test_from_an_upload_to_the_estimate(page: Page, app_url: str, tmp_path: Path) -> None:
    archive = tmp_path / "ward.zip"
    names = (SAMPLE / "RECORDS").read_text(encoding="utf-8").split()[:2]
    with zipfile.ZipFile(archive, "w") as packed:
        for name in names:
            for suffix in (".hea", ".dat"):
                packed.write(SAMPLE / f"{name}{suffix}", f"ward/{name}{suffix}")
    page.goto(f"{app_url}/data")
    expect(page.get_by_text("Drag in files")).to_be_visible(timeout=PATIENCE_MS)
    bring(page, archive)
    expect(page.get_by_text("2 records recognised.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Can answer").first).to_be_visible()
    page.get_by_role("button", name="Open these records").click()

    expect(page.locator(".fs-banner")).to_contain_text(f"Record {names[0]}", timeout=PATIENCE_MS)
    settled(page)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(re.compile("%"))
    assert "ward" not in page.url
    assert names[0] not in page.url
    assert "fusionscope-upload" not in page.url
    visit(page, "Fusion")
    expect(page.locator(".fs-banner")).to_contain_text(f"Record {names[0]}")


def test_columns_named_on_a_phone_become_a_recording(page: Page, app_url: str, tmp_path: Path) -> None:
    rows = "\n".join(f"{4 * k};{(k % 200) / 100:.2f}".replace(".", ",") for k in range(5_000))
    (tmp_path / "export.csv").write_text(f"zeit_ms;kanal1\n{rows}\n", encoding="utf-8")
    page.set_viewport_size(PHONE)
    page.goto(f"{app_url}/data")
    expect(page.get_by_text("Drag in files")).to_be_visible(timeout=PATIENCE_MS)
    bring(page, tmp_path / "export.csv")
    expect(page.get_by_text("the columns are not understood yet")).to_be_visible(timeout=PATIENCE_MS)
    choose(page, "Column kanal1", "ECG")
    expect(page.get_by_text("as they would be read, at 250 Hz")).to_be_visible(timeout=PATIENCE_MS)
    drawn(page, re.sub(r"^st-key-", "", _preview(page)))
    overflow = "document.documentElement.scrollWidth > window.innerWidth"
    assert not page.evaluate(overflow)
    page.get_by_role("button", name="Keep these columns").click()
    expect(page.get_by_text("1 record recognised.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("not in mV").first).to_be_visible()


def _preview(page: Page) -> str:
    """The key of the preview, which holds a hash of the file."""
    classes = page.locator("[class*='st-key-preview_']").first.get_attribute("class") or ""
    return next(name for name in classes.split() if name.startswith("st-key-preview_"))


def test_evil_archives_are_refused_and_the_rest_goes_on(page: Page, app_url: str, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a1.dat")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    evil: dict[str, tuple[str | zipfile.ZipInfo, str]] = {
        "up.zip": ("../evil.txt", "outside the archive's own folder"),
        "link.zip": (link, "a symbolic link"),
    }
    page.goto(f"{app_url}/data")
    expect(page.get_by_text("Drag in files")).to_be_visible(timeout=PATIENCE_MS)
    for name, (member, came) in evil.items():
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.writestr(member, "/etc/passwd")
        bring(page, tmp_path / name)
        expect(page.get_by_text(came)).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("Nothing of this upload was kept")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Drag in files")).to_be_visible(timeout=PATIENCE_MS)
        settled(page)
    visit(page, "Patient")
    expect(page.get_by_text("Simulated patient")).to_be_visible(timeout=PATIENCE_MS)
