"""FHIR: a RiskAssessment that validates, with the same numbers, and without a name of a user's record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.riskassessment import RiskAssessment
from pydantic import ValidationError

from report import words
from report.fhir import fhir, resource
from tests.documents import ALARM, STAY, content

BOTH = pytest.mark.parametrize("path", [STAY, ALARM], ids=["stay", "alarm"])


def codes(value: Any) -> list[Any]:
    """Every `coding` anywhere in the resource."""
    if isinstance(value, dict):
        return [v for k, v in value.items() if k == "coding"] + [c for v in value.values() for c in codes(v)]
    return [c for v in value for c in codes(v)] if isinstance(value, list) else []


@BOTH
@pytest.mark.parametrize("off", [(), ("ecg", "labs")])
def test_it_validates_and_comes_back_as_it_went(path: Path, off: tuple[str, ...]) -> None:
    names = {m.name for m in content(path).modalities}
    text = fhir(content(path, off=tuple(name for name in off if name in names)))
    found = RiskAssessment.model_validate_json(text)
    again = json.loads(found.model_dump_json())
    assert again == json.loads(text)


@pytest.mark.parametrize(
    "broken",
    [
        {"subject": "a name"},
        {"occurrenceDateTime": "09-Mar-2026"},
        {"prediction": [{"probabilityDecimal": "high"}]},
        {"contained": [{"resourceType": "Device", "deviceName": [{"name": "no type"}]}]},
        {"verdict": "fine"},
    ],
)
def test_the_validation_objects_to_what_is_no_risk_assessment(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RiskAssessment.model_validate(resource(content(STAY)) | broken)


@pytest.mark.parametrize("name", ["status", "subject"])
def test_the_validation_objects_to_what_lacks(name: str) -> None:
    with pytest.raises(ValidationError):
        RiskAssessment.model_validate({k: v for k, v in resource(content(STAY)).items() if k != name})


@BOTH
def test_it_carries_the_estimate_and_all_that_belongs_to_it(path: Path) -> None:
    said, found = content(path), resource(content(path))
    # The library checks that there is a status, not that it is one of the value set ObservationStatus.
    assert found["status"] == "preliminary"
    (prediction,) = found["prediction"]
    assert prediction["probabilityDecimal"] == pytest.approx(said.risk, abs=1e-6)
    assert prediction["relativeRisk"] == pytest.approx(said.risk / said.base_rate, abs=1e-4)
    assert prediction["outcome"]["text"] == said.labels[1]
    assert found["occurrenceDateTime"] == "2026-03-09T07:05:00Z"
    assert {i["value"] for i in found["identifier"]} == {said.record_digest, said.model_digest}
    assert found["performer"]["reference"] == f"#{found['contained'][0]['id']}"
    assert [b["display"] for b in found["basis"]] == [f"{m.title}: {m.state}" for m in said.modalities]
    notes = [note["text"] for note in found["note"]]
    assert notes[0] == words.DISCLAIMER
    assert said.attributed is not None
    for sentence in (*words.method(said.attributed), *words.observed(said), said.routing):
        assert sentence in notes
    for name, value in words.provenance(said):
        assert f"{name}: {value}." in notes
    assert words.DISCLAIMER in found["text"]["div"]
    assert words.SIMULATED in found["text"]["div"]


def test_no_code_is_invented() -> None:
    assert codes(resource(content(STAY))) == []
    assert codes({"a": [{"coding": [1]}]}) == [[1]]


def test_a_record_of_a_users_folder_is_known_by_its_hash_only() -> None:
    said = content(STAY, simulated=False)
    text = fhir(said)
    assert said.record_id not in text
    assert said.subject == said.record_digest
    assert json.loads(text)["subject"]["identifier"]["value"] == said.record_digest
    assert words.SIMULATED not in text
    assert content(STAY).record_id in fhir(content(STAY))


def test_what_was_switched_off_is_in_basis_and_notes() -> None:
    found = resource(content(ALARM, off=("ecg",)))
    assert found["basis"][0]["display"] == "ECG: switched off"
    assert found["note"][1]["text"].startswith("Switched off for this report: ECG.")
