"""A document as FHIR R4 `RiskAssessment`, JSON (https://hl7.org/fhir/R4/riskassessment.html).

- The resource did not change between R4 and R4B, so that what validates as R4B is valid R4.
- status is `preliminary`: no clinician has looked at the estimate, and nothing here can make it final.
- Concepts are said in text. No code is given: none of a terminology means just this estimate of this model.
- Probabilities are shares from 0 to 1, as in the standard's own examples.
- `when` is left out: records carry no calendar, so that any period would be invented.
- The model is a contained Device; what was read of the record is in `basis`; all else that belongs to the estimate
  (interval, set of outcomes, mask, method with its errors) is in `note`, a sentence each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from html import escape
from typing import Any

from report import words
from report.values import Content, Influence

DIGEST = "first 16 hex digits of a SHA-256"


def fhir(content: Content) -> str:
    """The document as the text of a JSON file."""
    return json.dumps(resource(content), indent=1, ensure_ascii=False) + "\n"


def resource(content: Content) -> dict[str, Any]:
    """The RiskAssessment as plain values."""
    made = content.made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    subject = words.SIMULATED if content.simulated else "Patient of the record, known here by its hash only"
    return {
        "resourceType": "RiskAssessment",
        "text": {"status": "generated", "div": _narrative(content)},
        "contained": [_device(content)],
        "identifier": [
            _identifier(f"Record, {DIGEST}", content.record_digest),
            _identifier(f"Model checkpoint, {DIGEST}", content.model_digest),
        ],
        "status": "preliminary",
        "method": {"text": _method(content)},
        "code": {"text": f"Estimated chance of {content.event} by a machine-learning model"},
        "subject": {
            "type": "Patient",
            "identifier": _identifier("Record id" if content.simulated else f"Record, {DIGEST}", content.subject),
            "display": subject,
        },
        "occurrenceDateTime": made,
        "performer": {"reference": "#model", "display": f"Fusionscope {content.version}"},
        "basis": [
            {"identifier": _identifier("Modality", m.name), "display": f"{m.title}: {m.state}"}
            for m in content.modalities
        ],
        "prediction": [
            {
                "outcome": {"text": content.labels[1]},
                "probabilityDecimal": round(content.risk, 6),
                "relativeRisk": round(content.risk / content.base_rate, 4),
                "rationale": content.claims[0].text,
            }
        ],
        "note": [{"time": made, "text": said} for said in notes(content)],
    }


def notes(content: Content) -> list[str]:
    """The disclaimer first, then what was altered, the narrative, certainty, contributions, method and provenance."""
    said = [
        words.DISCLAIMER,
        *words.changed(content),
        *([f"Estimate {words.unaltered(content)}."] if content.is_altered else []),
    ]
    said += [f"{heading}: {text}" if heading else text for heading, text in words.narrative(content)]
    said += words.observed(content)
    said.append(
        f"relativeRisk compares with the base rate of the training data, {100 * content.base_rate:.1f} %; "
        "probabilityDecimal is a share from 0 to 1."
    )
    for m in content.modalities:
        gate, weight, shapley, without = words.numbers(m)
        if shapley:
            parts = {"gate γ": gate, "weight β": weight, "Shapley value, log-odds": shapley, "without it": without}
            data = f"{m.signal}; " if m.signal else ""
            said.append(f"{m.title}: {data}{'; '.join(f'{name} {value}' for name, value in parts.items() if value)}.")
        else:
            said.append(f"{m.title}: {m.state}.")
    said.append(content.routing)
    if content.attributed is not None:
        said += words.method(content.attributed) + words.cancelling(content.attributed)
    said += [_influence(item) for item in content.influences]
    said += [f"{severity}: {text}." for severity, text in words.noticed(content)]
    own = ("Record",) if not content.simulated else ()
    return said + [f"{name}: {value}." for name, value in words.provenance(content) if name not in own]


def _influence(item: Influence) -> str:
    said = f"{item.title}: {words.signed(item.effect)} log-odds in sum"
    if item.strongest is None:
        return f"{said}."
    one = item.strongest
    return f"{said}; strongest single value {one.value}, {one.when}: {words.signed(one.effect)}."


def _method(content: Content) -> str:
    networks = f"mean of {content.networks} networks" if content.networks > 1 else "one network"
    calibrated = "" if content.similar is None else ", calibrated on records it had not seen"
    return f"Multimodal fusion model {content.model}, {networks}{calibrated}"


def _device(content: Content) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "id": "model",
        "identifier": [_identifier(f"Model checkpoint, {DIGEST}", content.model_digest)],
        "deviceName": [{"name": f"Fusionscope {content.model}", "type": "model-name"}],
        "type": {"text": "Machine-learning model, for research and education only"},
        "version": [{"value": content.version}],
    }


def _identifier(what: str, value: str) -> dict[str, Any]:
    return {"type": {"text": what}, "value": value}


def _narrative(content: Content) -> str:
    lines: Sequence[str] = (words.DISCLAIMER, *words.changed(content), *(text for _, text in words.narrative(content)))
    origin = (words.SIMULATED,) if content.simulated else ()
    lines = (*origin, *lines)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(f"<p>{escape(line)}</p>" for line in lines)}</div>'
