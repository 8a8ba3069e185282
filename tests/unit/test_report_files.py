"""Files and the command: formats by name, all or nothing, one message for what cannot be done."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from fhir.resources.R4B.riskassessment import RiskAssessment
from pypdf import PdfReader
from typer.testing import CliRunner

from amfn.cli import app
from amfn.readers import read_record
from amfn.types import InputError
from explain.narrative import percent
from report.content import content_of
from report.files import FORMATS, File, folder_for, formats_of, rendered, write
from tests.documents import ALARM, ROOT, STAY, content, model
from tests.record_files import write_stay


def files(*data: bytes) -> list[File]:
    return [File(f"report_{k}.txt", "pdf", "PDF", "text/plain", part) for k, part in enumerate(data)]


def test_formats_are_asked_for_by_name_each_once() -> None:
    assert [kind.name for kind in formats_of(" HTML, pdf,html,")] == ["html", "pdf"]
    for asked, came in (("odf,pdf,doc", "odf, doc"), (" , ", "no format")):
        with pytest.raises(InputError) as refused:
            formats_of(asked)
        assert refused.value.came == came
        assert refused.value.expected.startswith("some of pdf, html, fhir")


def test_every_format_is_made_from_the_same_content() -> None:
    found = {file.format: file for file in rendered(content(STAY))}
    assert set(found) == set(FORMATS)
    assert {file.name for file in found.values()} == {
        "report_900003.pdf", "report_900003.html", "report_900003.fhir.json",
    }  # fmt: skip
    assert found["pdf"].data.startswith(b"%PDF-")
    assert found["html"].data.startswith(b"<!DOCTYPE html>")
    assert json.loads(found["fhir"].data)["resourceType"] == "RiskAssessment"


def test_files_of_a_users_record_are_named_by_its_hash() -> None:
    said = content(STAY, simulated=False)
    (file,) = rendered(said, formats_of("fhir"))
    assert file.name == f"report_{said.record_digest}.fhir.json"


def test_files_replace_older_ones_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = folder_for(tmp_path / "new" / "folder")
    write(files(b"old"), folder)
    paths = write(files(b"new", b"more"), folder)
    assert [path.read_bytes() for path in paths] == [b"new", b"more"]
    assert sorted(folder.iterdir()) == sorted(paths)
    plain = folder / "plain"
    plain.touch()
    assert {path.stat().st_mode for path in paths} == {plain.stat().st_mode}


def test_a_file_that_cannot_be_written_leaves_the_older_ones_as_they_were(tmp_path: Path) -> None:
    write(files(b"old"), tmp_path)
    full = File("no/such/folder.txt", "pdf", "PDF", "text/plain", b"x")
    broken = File("report_1.txt", "pdf", "PDF", "text/plain", "text, which no file takes")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write([*files(b"new"), broken], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report_0.txt"]
    assert (tmp_path / "report_0.txt").read_bytes() == b"old"
    with pytest.raises(InputError, match="nothing can be written there"):
        write([full], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report_0.txt"]


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "below", Path("/proc/none")):
        with pytest.raises(InputError, match="nothing can be written there") as refused:
            folder_for(place)
        assert "--out" in refused.value.mend


def run(*arguments: object) -> list[str]:
    result = CliRunner().invoke(app, ["report", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.split()


def test_the_command_writes_what_was_asked_for(tmp_path: Path) -> None:
    paths = [Path(line) for line in run(ALARM, "--out", tmp_path, "--format", "fhir,pdf", "--without", "abp, alarm")]
    assert [path.name for path in paths] == ["report_sim_a001_altered.fhir.json", "report_sim_a001_altered.pdf"]
    expected = content(ALARM, off=("abp", "alarm"))
    found = json.loads(paths[0].read_text())
    assert found["prediction"][0]["probabilityDecimal"] == pytest.approx(expected.risk, abs=1e-6)
    text = " ".join(PdfReader(BytesIO(paths[1].read_bytes())).pages[0].extract_text().split())
    assert percent(expected.risk) in text
    assert "Arterial pressure, Alarm type" in text


def test_a_record_of_ones_own_keeps_its_name_out_of_file_names_and_fhir(tmp_path: Path) -> None:
    record = write_stay(tmp_path, "140001")
    model = ROOT / "checkpoints" / "icu_mortality"
    (path,) = run(record, "--out", tmp_path / "out", "--format", "fhir", "--checkpoint", model)
    assert "140001" not in Path(path).name
    assert "140001" not in Path(path).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "docx"), "docx"),
        (("--without", "heart"), "unknown|heart"),
        (("--out", "/proc/none"), "nothing can be written there"),
        (("--checkpoint", "/nowhere"), "no config.json"),
    ],
)
def test_bad_arguments_write_nothing(tmp_path: Path, arguments: tuple[str, str], message: str) -> None:
    where = () if arguments[0] == "--out" else ("--out", str(tmp_path))
    result = CliRunner().invoke(app, ["report", str(STAY), *where, *arguments])
    assert isinstance(result.exception, InputError)
    result_text = str(result.exception)
    assert any(part in result_text for part in message.split("|"))
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_used_writes_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "900099.txt"
    broken.write_text("no stay")
    result = CliRunner().invoke(app, ["report", str(broken), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, InputError)
    assert list((tmp_path / "out").iterdir()) == []


def test_real_alarms_give_all_three(shared_dir: Path) -> None:
    paths = sorted((shared_dir / "data" / "challenge2015").glob("*.hea"))
    assert paths
    for path in paths[:: max(1, len(paths) // 3)][:3]:
        said = content_of(model("icu_alarm"), read_record(path))
        found = {file.format: file for file in rendered(said)}
        assert len(PdfReader(BytesIO(found["pdf"].data)).pages) in (2, 3)
        RiskAssessment.model_validate_json(found["fhir"].data)
        assert said.record_id not in found["fhir"].data.decode()
