"""Checkpoints load strictly: whatever does not fit is refused with the name of the file that is wrong."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from amfn.calibration import fit_calibration
from amfn.checkpoint import (
    CALIBRATION,
    CARD,
    CONFIG,
    WEIGHTS,
    Member,
    find_checkpoints,
    load_checkpoint,
    load_folds,
    save_checkpoint,
)
from amfn.types import InputError
from tests.cohorts import stays, tiny_ensemble, tiny_model, write_tiny_checkpoint

COHORT = stays(6)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "model", COHORT, folds=2)


def edit_config(path: Path, **changes: Any) -> None:
    file = path / CONFIG
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def edit_ensemble(path: Path, **changes: Any) -> None:
    edit_config(path, ensemble=json.loads((path / CONFIG).read_text())["ensemble"] | changes)


def edit_weights(path: Path, change: Callable[[dict[str, torch.Tensor]], Any], name: str = WEIGHTS) -> None:
    """Other weights with a hash that agrees: what is wrong is their content."""
    weights = load((path / name).read_bytes())
    change(weights)
    blob = save(weights)
    (path / name).write_bytes(blob)
    config = json.loads((path / CONFIG).read_text())
    edit_config(path, sha256=config["sha256"] | {name: hashlib.sha256(blob).hexdigest()})


def refused(path: Path, file: str | None, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as error:
        load_checkpoint(path)
    assert error.value.source == str(path / file if file else path)


def test_save_and_load_give_equal_logits(tmp_path: Path) -> None:
    """Weights are kept in half precision: a second trip through the file changes nothing any more."""
    normaliser = COHORT.fit_normaliser(range(6))
    save_checkpoint(tmp_path, Member(tiny_ensemble(), normaliser), {"seed": 3}, "# Card\n")
    loaded = load_checkpoint(tmp_path)
    save_checkpoint(tmp_path / "again", Member(loaded.model, loaded.normaliser), {}, "")
    again = load_checkpoint(tmp_path / "again")
    batch = COHORT.batch(normaliser)
    assert torch.equal(loaded.model(COHORT.batch(loaded.normaliser)).logits, again.model(batch).logits)
    assert len(loaded.model) == 2
    assert loaded.normaliser == normaliser
    assert loaded.base_rate == pytest.approx(0.3)
    assert loaded.provenance == {"seed": 3}
    assert loaded.card == "# Card\n"
    assert loaded.architecture["system"] == "amfn"
    assert loaded.architecture["dim"] == 8
    assert loaded.digest == load_checkpoint(tmp_path).digest


def test_a_loaded_model_is_frozen(saved: Path) -> None:
    model = load_checkpoint(saved).model
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_fold_members_have_their_own_weights_and_priors(saved: Path) -> None:
    first, second = load_folds(saved)
    priors = [network.prior[0] for fold in (first, second) for network in fold.model.networks]
    assert priors == pytest.approx([0.2, 0.2, 0.3, 0.3])
    heads = [network.state_dict()["head.weight"] for fold in (first, second) for network in fold.model.networks]
    assert len({tuple(head.flatten().tolist()) for head in heads}) == 4
    assert first.normaliser == COHORT.fit_normaliser(range(6))


def test_networks_stay_close_in_half_precision(tmp_path: Path) -> None:
    normaliser = COHORT.fit_normaliser(range(6))
    member = Member(tiny_ensemble(), normaliser)
    save_checkpoint(tmp_path, member, {}, "", [member])
    batch = COHORT.batch(normaliser)
    with torch.no_grad():
        whole, half = member.model(batch).logits, load_folds(tmp_path)[0].model(batch).logits
    torch.testing.assert_close(half, whole, atol=5e-3, rtol=5e-3)


def test_a_checkpoint_without_folds_has_none(tmp_path: Path) -> None:
    assert load_folds(write_tiny_checkpoint(tmp_path, COHORT)) == []


def test_finding_checkpoints(tmp_path: Path) -> None:
    assert find_checkpoints(tmp_path) == {}
    assert find_checkpoints(tmp_path / "none") == {}
    for name in ("b", "a"):
        write_tiny_checkpoint(tmp_path / name, COHORT)
    (tmp_path / "unfinished").mkdir()
    assert list(find_checkpoints(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("at", [8, 400, -1])
def test_a_flipped_bit_in_the_weights(saved: Path, at: int) -> None:
    blob = bytearray((saved / WEIGHTS).read_bytes())
    blob[at] ^= 1
    (saved / WEIGHTS).write_bytes(blob)
    refused(saved, WEIGHTS, "SHA-256")


def test_truncated_weights(saved: Path) -> None:
    blob = (saved / WEIGHTS).read_bytes()
    (saved / WEIGHTS).write_bytes(blob[:-100])
    refused(saved, WEIGHTS, "SHA-256")


def test_a_schema_that_is_not_the_tasks(saved: Path) -> None:
    edit_config(saved, schema="0" * 16)
    refused(saved, CONFIG, "schema 0000000000000000 of icu_mortality")


def test_another_format_version(saved: Path) -> None:
    edit_config(saved, format=1)
    refused(saved, CONFIG, "format 1")


def test_a_missing_key(saved: Path) -> None:
    edit_weights(saved, lambda weights: weights.pop("members.1.head.bias"))
    refused(saved, WEIGHTS, "1 keys or shapes differ, first 'members.1.head.bias'")


def test_an_extra_key(saved: Path) -> None:
    edit_weights(saved, lambda weights: weights.update(extra=torch.zeros(2)))
    refused(saved, WEIGHTS, "1 keys or shapes differ, first 'extra'")


def test_a_wrong_shape(saved: Path) -> None:
    edit_weights(saved, lambda weights: weights.update({"members.0.head.weight": torch.zeros(1, 9)}))
    refused(saved, WEIGHTS, "1 keys or shapes differ, first 'members.0.head.weight'")


def test_an_architecture_that_the_weights_are_not_of(saved: Path) -> None:
    config = json.loads((saved / CONFIG).read_text())
    edit_config(saved, architecture=config["architecture"] | {"graph_layers": 2})
    refused(saved, WEIGHTS, "'members.0.graph.layers.1.weight'")


def test_weights_that_are_not_finite(saved: Path) -> None:
    edit_weights(saved, lambda weights: weights["members.0.head.weight"].fill_(float("nan")))
    refused(saved, WEIGHTS, "not finite")


def test_pickled_weights_are_never_opened(saved: Path) -> None:
    mark = saved / "was-executed"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    blob = pickle.dumps(Trap())
    (saved / WEIGHTS).write_bytes(blob)
    refused(saved, WEIGHTS, "SHA-256")
    config = json.loads((saved / CONFIG).read_text())
    edit_config(saved, sha256=config["sha256"] | {WEIGHTS: hashlib.sha256(blob).hexdigest()})
    refused(saved, WEIGHTS, "not safetensors")
    torch.save(tiny_model().state_dict(), saved / WEIGHTS)
    blob = (saved / WEIGHTS).read_bytes()
    edit_config(saved, sha256=config["sha256"] | {WEIGHTS: hashlib.sha256(blob).hexdigest()})
    refused(saved, WEIGHTS, "not safetensors")
    assert not mark.exists()


def test_missing_weights(saved: Path) -> None:
    (saved / WEIGHTS).unlink()
    refused(saved, WEIGHTS, "No such file")


def test_a_folder_that_was_never_finished(saved: Path) -> None:
    (saved / CONFIG).unlink()
    refused(saved, None, "no config.json")


def test_saving_over_a_checkpoint_makes_it_unfinished_first(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while weights are being written, the folder must not pair the old config with new weights."""

    def killed(self: Path, data: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        write_tiny_checkpoint(saved, COHORT)
    refused(saved, None, "no config.json")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "none", None, "no config.json")


def test_a_file_instead_of_a_folder(saved: Path) -> None:
    with pytest.raises(InputError) as error:
        load_checkpoint(saved / CARD)
    assert str(saved / CARD) in error.value.source


@pytest.mark.parametrize("text", ["", "{", "[]", '"config"', "null"])
def test_a_config_that_is_none(saved: Path, text: str) -> None:
    (saved / CONFIG).write_text(text)
    refused(saved, CONFIG, "not readable as JSON|no architecture")


def test_a_config_that_is_not_text(saved: Path) -> None:
    (saved / CONFIG).write_bytes(b"\xff\xfe\x00{")
    refused(saved, CONFIG, "not readable as JSON")


@pytest.mark.parametrize("key", ["sha256", "ensemble", "schema", "folds"])
def test_a_config_without_a_key(saved: Path, key: str) -> None:
    config = json.loads((saved / CONFIG).read_text())
    del config[key]
    (saved / CONFIG).write_text(json.dumps(config))
    refused(saved, CONFIG, f"no {key}")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"task": "icu_flying"}, "'icu_flying' is not a task"),
        ({"fusion": "magic"}, "'magic' is not registered"),
        ({"architecture": {"dim": 8, "depth": 4}}, r"unknown setting\(s\) depth"),
        ({"architecture": {"dim": 10, "heads": 4}}, "must be divisible"),
        ({"sha256": []}, "sha256"),
        ({"ensemble": []}, "ensemble"),
        ({"architecture": 3}, "architecture"),
        ({"task": ["icu_mortality"]}, "task is"),
    ],
)
def test_a_config_with_a_value_that_cannot_be(saved: Path, changes: dict[str, Any], expected: str) -> None:
    edit_config(saved, **changes)
    refused(saved, CONFIG, expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"priors": [[0.0]]}, "prior"),
        ({"priors": [[]]}, "prior"),
        ({"priors": []}, "priors"),
        ({"priors": "high"}, "priors"),
        ({"priors": [[0.3]]}, "keys or shapes differ"),
        ({"normalisation": {}}, "normalisation"),
        ({"normalisation": {"heart_rate": [{"mode": "magic"}]}}, "normalisation"),
        ({"normalisation": {"heart_rate": [{"mode": "zscore", "mean": 0, "std": 0}]}}, "normalisation"),
        ({"targets": {"mean": [0.0], "std": [1.0]}}, "binary task"),
    ],
)
def test_an_ensemble_that_cannot_be(saved: Path, changes: dict[str, Any], expected: str) -> None:
    edit_ensemble(saved, **changes)
    with pytest.raises(InputError, match=expected):
        load_checkpoint(saved)


def test_a_calibration_travels_with_the_weights(tmp_path: Path) -> None:
    """Logits come out tempered, the digest knows of it, and a changed file is refused."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 200)
    logits = 3 * (labels - 0.5) + draw.normal(0, 4, 200)
    present = np.ones((200, len(COHORT.task.schema.modalities)), bool)
    fitted = fit_calibration(logits, labels, present, np.arange(200) % 5)
    normaliser = COHORT.fit_normaliser(range(6))
    member = Member(tiny_ensemble(), normaliser)
    save_checkpoint(tmp_path, member, {}, "", [member])
    plain = load_checkpoint(tmp_path)
    save_checkpoint(tmp_path, member, {}, "", [member], fitted)
    loaded, fold = load_checkpoint(tmp_path), load_folds(tmp_path)[0]
    assert loaded.digest != plain.digest
    assert loaded.calibration is not None
    assert loaded.calibration.temperature == pytest.approx(fitted.temperature)
    batch = COHORT.batch(normaliser)
    expected = plain.model(batch).logits / fitted.temperature + fitted.shift
    torch.testing.assert_close(loaded.model(batch).logits, expected)
    torch.testing.assert_close(fold.model(batch).logits, expected)
    blob = bytearray((tmp_path / CALIBRATION).read_bytes())
    blob[-1] ^= 1
    (tmp_path / CALIBRATION).write_bytes(blob)
    refused(tmp_path, CALIBRATION, "SHA-256")


def test_a_fold_that_was_changed(saved: Path) -> None:
    file = saved / "folds" / "1.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    load_checkpoint(saved)
    with pytest.raises(InputError, match="SHA-256") as error:
        load_folds(saved)
    assert error.value.source == str(file)


def test_a_fold_that_is_missing(saved: Path) -> None:
    (saved / "folds" / "0.safetensors").unlink()
    with pytest.raises(InputError) as error:
        load_folds(saved)
    assert error.value.source == str(saved / "folds" / "0.safetensors")


def test_the_digest_covers_what_predicts_besides_the_weights(saved: Path) -> None:
    """Results are cached under it: the same weights under another normalisation are another model."""
    before = load_checkpoint(saved).digest
    scales = json.loads((saved / CONFIG).read_text())["ensemble"]["normalisation"]
    edit_config(saved, provenance={"note": "says nothing about the answer"})
    assert load_checkpoint(saved).digest == before
    first = next(name for name, scale in scales.items() if scale[0]["mode"] == "zscore")
    scales[first][0]["mean"] += 1.0
    edit_ensemble(saved, normalisation=scales)
    assert load_checkpoint(saved).digest != before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": {"heads": 0}}, "heads"),
        ({"architecture": {"dropout": 5.0}}, "dropout"),
        ({"architecture": {"dim": 10**7}}, "dim"),
        ({"architecture": {"encoder": {"width": 1}}}, "width"),
        ({"provenance": {"fold_of": ["a"]}}, "fold_of"),
        ({"provenance": {"fold_of": {"0123456789": -5}}}, "fold_of"),
        ({"surprise": 1}, "unknown key"),
    ],
)
def test_a_config_that_was_tampered_with_is_refused(saved: Path, changes: dict[str, object], said: str) -> None:
    edit_config(saved, **changes)
    with pytest.raises(InputError, match=said):
        load_checkpoint(saved)


def test_a_scale_that_does_not_fit_its_channel_is_refused(saved: Path) -> None:
    scales = json.loads((saved / CONFIG).read_text())["ensemble"]["normalisation"]
    first = next(name for name, scale in scales.items() if scale[0]["mode"] == "zscore")
    scales[first][0]["mode"] = "record"
    edit_ensemble(saved, normalisation=scales)
    with pytest.raises(InputError, match="fitting scale"):
        load_checkpoint(saved)


def test_a_card_that_is_no_text_does_not_stop_the_model(saved: Path) -> None:
    (saved / "MODEL_CARD.md").write_bytes(b"\xff\xfe\x00")
    assert load_checkpoint(saved).card
