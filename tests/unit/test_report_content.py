"""What a document says: the numbers of `predict` and `explain`, for the modalities that were asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import torch

from amfn.batch import TargetScale
from amfn.inference import answer
from amfn.readers.channels import CHALLENGE2012
from amfn.types import Finding, InputError
from explain.alterations import ShiftValues
from explain.gradients import integrated_gradients
from explain.narrative import percent
from explain.reality import TITLES, Measure, RealityCheck
from explain.shapley import coalition_values
from report import words
from report.content import STEPS, content_of
from tests.documents import ALARM, CANCELS, MADE, SPOILT, STAY, content, model, record

BOTH = pytest.mark.parametrize("path", [STAY, ALARM], ids=["stay", "alarm"])


@BOTH
def test_the_numbers_are_those_of_predict(path: Path) -> None:
    checkpoint = model(path.parent.name)
    found, said = answer(checkpoint, record(path)), content(path)
    assert said.risk == pytest.approx(found.risk, abs=1e-6)
    assert said.model_digest == checkpoint.digest
    assert said.record_digest == record(path).digest()
    trace = found.prediction.trace
    assert trace.gates is not None
    assert trace.weights is not None
    for k, row in enumerate(said.modalities):
        if found.batch.present[0, k]:
            assert row.gate == pytest.approx(float(trace.gates[0, k]), abs=1e-6)
            assert row.weight == pytest.approx(float(trace.weights[0, k]), abs=1e-6)
        else:
            assert (row.state, row.gate, row.weight, row.shapley) == ("not recorded", None, None, None)
    members = found.prediction.members
    assert members is not None
    assert said.networks == len(members)
    assert said.spread is not None
    assert said.spread.low == pytest.approx(float(torch.sigmoid(members[:, 0, 0]).min()), abs=1e-6)
    assert checkpoint.calibration is not None
    assert said.similar == checkpoint.calibration.similar(said.risk)
    logit = float(found.prediction.logits[0, 0])
    assert said.outcomes == checkpoint.calibration.conformal_set(logit, found.batch.present[0].tolist())


@BOTH
def test_shapley_values_and_attributions_are_those_of_the_explainers(path: Path) -> None:
    checkpoint = model(path.parent.name)
    batch = checkpoint.batch([checkpoint.task.prepare(record(path))])
    said, game = content(path), coalition_values(checkpoint.model, batch)
    expected = game.shapley()
    for k, row in enumerate(said.modalities):
        assert (0.0 if row.shapley is None else row.shapley) == pytest.approx(expected[k], abs=1e-9)
    found = integrated_gradients(checkpoint.model, batch, steps=STEPS)
    assert said.attributed is not None
    assert said.attributed.gap == pytest.approx(found.gap, abs=1e-6)
    strongest = said.influences[0]
    if path == ALARM:
        assert strongest.strongest is None
    sums = [value for _, _, value in found.by_channel(checkpoint.task.schema)]
    assert strongest.effect == pytest.approx(max(sums, key=abs), abs=1e-5)
    assert said.attributed.size == pytest.approx(found.size, abs=1e-4)
    assert said.attributed.cancels == found.cancels
    singles = {item.title: item.strongest for item in said.influences if item.strongest is not None}
    for spec, channel, _ in found.by_channel(checkpoint.task.schema):
        if spec.kind != "waveform" and channel.title in singles:
            column = found.values[spec.name][:, spec.channels.index(channel)]
            assert abs(singles[channel.title].effect) == pytest.approx(float(np.abs(column).max()), abs=1e-5)
    sizes = [abs(item.effect) for item in said.influences]
    assert sizes == sorted(sizes, reverse=True)


def test_what_is_switched_off_is_as_if_never_recorded_and_is_named() -> None:
    checkpoint = model("icu_alarm")
    batch = checkpoint.batch([checkpoint.task.prepare(record(ALARM))])
    keep = torch.tensor([name not in ("ecg", "abp") for name in checkpoint.task.schema.names])
    with torch.no_grad():
        expected = float(torch.sigmoid(checkpoint.model(batch.masked(keep)).logits[0, 0].double()))
    said = content(ALARM, off=("ecg", "abp"))
    assert said.risk == pytest.approx(expected, abs=1e-6)
    assert said.off == ("ECG", "Arterial pressure")
    assert said.mask == (False, False, False, True, True)
    assert [m.state for m in said.modalities] == [
        "switched off", "switched off", "not recorded", "recorded", "recorded",
    ]  # fmt: skip
    assert words.changed(said)[0].startswith("Switched off for this report: ECG, Arterial pressure.")
    assert words.changed(content(ALARM)) == []
    by_name = {lead.modality: lead.effects for lead in said.picture.leads}
    assert by_name["ecg"] is None
    assert by_name["resp"] is not None


def test_with_everything_off_the_prior_is_left_and_nothing_is_attributed() -> None:
    said = content(ALARM, off=("ecg", "abp", "ppg", "resp", "alarm"))
    assert said.risk == pytest.approx(said.empty_risk)
    assert said.attributed is None
    assert said.influences == ()
    assert not any(said.mask)
    assert ("Baseline", "none") in words.provenance(said)


def test_an_alteration_is_named_on_top_and_not_among_the_findings() -> None:
    warm = ShiftValues("chart", CHALLENGE2012["Temp"], 1.0, 0.0, 48.0)
    said = content_of(model("icu_mortality"), warm.apply(record(STAY)), simulated=True)
    (line,) = words.changed(said)
    assert line.startswith("Temperature: altered by hand: ")
    assert not any("altered" in text for _, text in words.noticed(said))
    assert said.risk != content(STAY).risk
    assert said.record_digest != content(STAY).record_digest
    assert (content(STAY).stem, said.stem) == ("report_900003", "report_900003_altered")


def test_the_unaltered_estimate_stands_beside_the_altered_one_where_it_is_known() -> None:
    warm = ShiftValues("chart", CHALLENGE2012["Temp"], 1.0, 0.0, 48.0).apply(record(STAY))
    checkpoint, plain = model("icu_mortality"), content(STAY)
    alone = content_of(checkpoint, warm)
    assert alone.unaltered is None
    assert "not known" in words.unaltered(alone)
    told = content_of(checkpoint, warm, off=("labs",), unaltered=plain.risk)
    assert told.unaltered == plain.risk
    assert words.unaltered(told).endswith(f"unaltered: {percent(plain.risk)}")
    assert words.altered(told) == "ALTERED RECORD: Temperature changed by hand; Laboratory switched off"
    off = content(STAY, off=("labs",))
    assert off.unaltered == pytest.approx(plain.risk, abs=1e-6)
    assert content_of(checkpoint, warm, off=("labs",)).unaltered is None, "that is not the record as it was measured"
    assert (plain.unaltered, words.altered(plain), words.unaltered(plain)) == (None, "", "")


def test_alterations_are_no_warning_that_sends_a_reader_to_another_heading() -> None:
    warm = ShiftValues("chart", CHALLENGE2012["Temp"], 1.0, 0.0, 48.0)
    said = content_of(model("icu_mortality"), warm.apply(record(STAY)))
    assert not any("what was noticed in the data" in claim.text for claim in said.claims)
    wrong = replace(record(STAY).meta, findings=(Finding("Heart rate", "odd", 1, "warning"),))
    warned = content_of(model("icu_mortality"), replace(record(STAY), meta=wrong))
    assert any("see what was noticed in the data" in claim.text for claim in warned.claims)
    assert ("Warning", "Heart rate: odd (1)") in words.noticed(warned)


def test_a_signal_that_can_hardly_be_used_is_said_in_the_table_the_paragraph_and_the_picture() -> None:
    spoilt = content(SPOILT)
    rows = {row.name: row for row in spoilt.modalities}
    assert words.recorded(rows["ecg"]) == "2 leads, 56 % usable (noisy, clipped)"
    assert words.recorded(rows["abp"]) == "1 lead, 100 % usable"
    assert words.recorded(rows["alarm"]) == "recorded"
    assert words.recorded(rows["resp"]) == "not recorded"
    (claim,) = (c for c in spoilt.claims if "can be used" in c.text)
    assert "ECG can be used in 56 % (noisy, clipped)" in claim.text
    by_title = {lead.title: lead.spoilt for lead in spoilt.picture.leads}
    assert by_title["ABP"] == ()
    length = len(spoilt.picture.leads[0].values) / spoilt.picture.rate_hz
    for title in ("ECG II", "ECG V"):
        assert all(0 <= piece.start_s < piece.stop_s <= length + 1e-6 for piece in by_title[title])
        lost = sum(piece.stop_s - piece.start_s for piece in by_title[title])
        assert lost >= (1 - claim.numbers["usable ECG"]) * length - 1e-6
    assert "can be used" not in " ".join(c.text for c in content(SPOILT, off=("ecg", "ppg")).claims)


def test_values_that_cancel_are_said_to_and_rank_by_what_is_left() -> None:
    said = content(CANCELS)
    assert said.attributed is not None
    assert said.attributed.cancels
    assert any("Large parts cancel each other" in text for text in words.doubted(said))
    assert said.influences[0].title == "Lactate"
    assert "Mechanical ventilation" not in [item.title for item in said.influences]
    calm = replace(said, attributed=replace(said.attributed, cancels=False))
    assert not any("cancel" in text for text in words.doubted(calm))


def test_the_course_always_shows_heart_rate_and_arterial_pressure() -> None:
    names = [trend.channel.name for trend in content(CANCELS).picture.trends]
    assert len(names) == 6
    assert names[:2] == ["HR", "MAP"]
    without = [trend.channel.name for trend in content(STAY).picture.trends]
    assert without[0] == "HR"
    assert "blood_pressure" not in [trend.modality for trend in content(STAY).picture.trends], "it was not recorded"


def check(weights: list[float], shapley: list[float], tau: float | None = 0.5) -> RealityCheck:
    measures: dict[Measure, np.ndarray | None] = dict.fromkeys(TITLES)
    measures |= {"weight": np.array(weights), "shapley": np.array(shapley)}
    names = ("bp", "labs", "urine")
    titles = ("Blood pressure", "Laboratory", "Urine output")
    return RealityCheck(names, titles, (), "t", measures, {("weight", "shapley"): tau})


def test_routing_and_contribution_agree_only_on_the_same_modality() -> None:
    same = words.routing(check([0.5, 0.3, 0.2], [-2.0, 1.0, 0.1]))
    assert same.endswith("Routing and contribution agree: nothing moved it more.")
    other = words.routing(check([0.5, 0.3, 0.2], [-1.0, 1.4, 0.1]))
    assert "its Shapley value is \N{MINUS SIGN}1.00" in other
    assert "Laboratory moved it most (+1.40)" in other
    assert "not the same modality" in other
    assert "agree" not in other
    against = words.routing(check([0.5, 0.3, 0.2], [-0.1, 1.4, 0.1], -0.5))
    assert "DISAGREE" in against
    assert "Laboratory moved it most (+1.40)" in against


def test_without_a_stored_report_single_inputs_stay_out_of_the_paragraph() -> None:
    bare = content(STAY, audited=False)
    assert bare.attributed is not None
    assert bare.attributed.checks is None
    assert any("no stored report" in text for text in words.method(bare.attributed))
    assert not any(name.startswith("Integrated") for claim in bare.claims for name in claim.numbers)


def test_bad_requests_are_refused_with_what_would_do() -> None:
    with pytest.raises(InputError, match=r"nix, odd.*some of ecg, abp") as refused:
        content_of(model("icu_alarm"), record(ALARM), off=("odd", "ecg", "nix"))
    assert "Correct the name" in refused.value.mend
    one = np.ones(1, np.float32)
    forecast = replace(model("icu_alarm"), targets=TargetScale(one, one))
    with pytest.raises(InputError, match="yes-or-no"):
        content_of(forecast, record(ALARM))
    with pytest.raises(InputError, match="none of which icu_alarm reads"):
        content_of(model("icu_alarm"), record(STAY))


def test_times_and_signs_are_written_as_clinicians_expect() -> None:
    assert words.moment(MADE) == "09-Mar-2026 07:05 UTC"
    east = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert words.moment(east) == "31-Dec-2025 22:30 UTC"
    assert words.signed(-0.004) == "0.00"
    assert words.signed(-1.234) == "\N{MINUS SIGN}1.23"
    assert words.clock(3725.4) == "01:02:05"
    assert datetime.now(UTC) - content_of(model("icu_mortality"), record(STAY)).made < timedelta(minutes=5)
