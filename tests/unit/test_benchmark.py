"""The benchmark: figures as scikit-learn has them, units that are fitted once, one set of masks, a whole report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from typer.testing import CliRunner

from amfn.benchmark import figures, fitting, run
from amfn.benchmark.figures import binary_samples, bootstrap_weights, differences, interval, regression_samples
from amfn.benchmark.report import write_report
from amfn.benchmark.run import open_bench, run_units
from amfn.benchmark.systems import OURS, ablations_of, chosen, config_of, systems_of
from amfn.benchmark.units import Bench, Result, Store, sampled
from amfn.checkpoint import fingerprint
from amfn.classical import SummaryTable, models
from amfn.cli import app
from amfn.fusion import FUSIONS
from amfn.regression import measure_forecast
from amfn.removal import RATES, alone, removal_masks, removed
from amfn.settings import load_settings
from amfn.tasks import get_task
from amfn.types import InputError
from tests.cohorts import TINY, forecasts, stays

STAYS = Path(__file__).resolve().parents[2] / "sample_data" / "icu_mortality"
SHORT = replace(TINY, epochs=1)
MORTALITY = get_task("icu_mortality")
BINARY = systems_of("binary")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bootstrap or a row of trees is made of does not change with its size, only how long it takes."""
    monkeypatch.setattr(figures, "BOOTSTRAPS", 50)
    monkeypatch.setitem(models.SMALLER, "max_iter", 20)


def test_figures_are_those_of_scikit_learn_on_every_sample() -> None:
    """With tied scores, and with records that a sample holds several times or not at all."""
    draw = np.random.default_rng(0)
    labels = (draw.random(80) < 0.3).astype(np.float32)
    logits = np.round(draw.normal(size=80) + labels, 1).astype(np.float32)
    weights = bootstrap_weights(labels, 20)
    found = binary_samples(MORTALITY, labels, logits, weights)
    for d, weight in enumerate(weights):
        at = np.repeat(np.arange(80), weight.astype(int))
        chances = 1 / (1 + np.exp(-logits[at].astype(float)))
        assert found["auroc"][d] == pytest.approx(roc_auc_score(labels[at], chances))
        assert found["auprc"][d] == pytest.approx(average_precision_score(labels[at], chances))
        assert found["brier"][d] == pytest.approx(brier_score_loss(labels[at], chances))
        assert found["event_1"][d] == pytest.approx(MORTALITY.official_score(labels[at], chances)["event_1"])


def test_an_official_score_that_is_no_ranking_is_asked_of_the_task() -> None:
    labels, logits = np.array([1, 1, 0, 0, 0], np.float32), np.array([2, -3, -2, 1, -5], np.float32)
    found = binary_samples(get_task("icu_alarm"), labels, logits, np.ones((1, 5)))
    assert found["challenge_score"][0] == pytest.approx((1 + 2) / (1 + 2 + 1 + 5 * 1))


def test_forecast_figures_are_those_of_the_forecast_report() -> None:
    cohort = forecasts(40)
    guess = np.where(np.isnan(cohort.labels), 0, cohort.labels) + np.random.default_rng(0).normal(size=(40, 24))
    found = regression_samples(cohort.task, cohort.labels, guess, np.ones((1, 40)))
    for name, errors in measure_forecast(cohort, guess, draws=2).vitals.items():
        for measure in ("rmse", "mae", "r2", "mape"):
            assert found[f"{measure}_{name}"][0] == pytest.approx(getattr(errors, measure).value), measure


def test_paired_differences_are_taken_on_the_same_samples() -> None:
    """A system that is always better by the same amount has an interval of one point, however wide its own is."""
    draw = np.random.default_rng(0)
    own = {"auroc": draw.random(100)}
    gap = differences(own, {"auroc": own["auroc"] - 0.1})["auroc"]
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.1, 0.1, 0.1))
    assert interval(own["auroc"]).high - interval(own["auroc"]).low > 0.5


def test_masks_are_the_same_for_all_and_spare_the_last_modality() -> None:
    schema = MORTALITY.schema
    present = np.random.default_rng(0).random((500, len(schema.names))) > 0.3
    present[0] = False
    masks, again = removal_masks(schema, present), removal_masks(schema, present)
    assert all((masks[name] == again[name]).all() for name in masks)
    for rate in RATES[1:]:
        keep = masks[removed(rate, 0)]
        assert not (keep & ~present).any()
        assert (keep.any(1) == present.any(1)).all()
        assert (masks[removed(rate, 1)] != keep).any()
    assert 1 - masks[removed(30, 0)].sum() / present.sum() == pytest.approx(0.3, abs=0.03)
    only = masks[alone("labs")]
    at = schema.names.index("labs")
    assert (only[:, at] == present[:, at]).all()
    assert not np.delete(only, at, 1).any()


def test_every_registered_network_is_compared_and_shares_the_recipe() -> None:
    networks = {s.fusion for s in BINARY if s.trained == "network"}
    assert networks == set(FUSIONS)
    base = load_settings("icu_mortality")
    for system in BINARY:
        if system.trained == "network":
            config = config_of(system, base, 3)
            assert (config.fusion, config.seed) == (system.fusion, 3)
            assert replace(config, fusion=OURS, seed=0, model=base.model) == base
    assert config_of(BINARY[0], base, 0) == base


@pytest.mark.parametrize("task", ["icu_mortality", "icu_alarm", "vitals_forecast"])
def test_every_ablation_changes_something_and_no_two_are_alike(task: str) -> None:
    base = load_settings(task)
    found = ablations_of(get_task(task).schema, base)
    configs = [config_of(BINARY[0], base, 0), *(config_of(system, base, 0) for system in found)]
    assert len(found) > 15
    assert all(a != b for k, a in enumerate(configs) for b in configs[:k])
    assert any(system.name.endswith("spiking") for system in found) == (task == "icu_alarm")


def test_an_unknown_system_is_refused() -> None:
    assert [s.name for s in chosen(BINARY, ["trees", " amfn"])] == ["amfn", "trees"]
    assert chosen(BINARY, [""]) == BINARY
    with pytest.raises(InputError, match="nonesuch"):
        chosen(BINARY, ["trees", "nonesuch"])


def small_bench(where: Path, records: int = 40) -> tuple[Bench, SummaryTable]:
    return open_bench(stays(records), SHORT, where, folds=2)


def test_too_few_records_are_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rarer class"):
        open_bench(stays(6), SHORT, tmp_path, folds=5)
    with pytest.raises(InputError, match="--folds"):
        open_bench(stays(6), SHORT, tmp_path, folds=1)


def test_a_finished_unit_is_never_fitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, table = small_bench(tmp_path)
    trees = chosen(BINARY, ["trees"])
    made: list[tuple[int, int]] = []

    def killed(bench: Bench, table: SummaryTable, masks: object, system: object, seed: int, fold: int) -> Result:
        if made:
            raise KeyboardInterrupt
        made.append((seed, fold))
        return fitting.fit_unit(bench, table, {}, trees[0], seed, fold)

    monkeypatch.setattr(run, "fit_unit", killed)
    with pytest.raises(KeyboardInterrupt):
        run_units(bench, table, trees, [0], progress=False)
    assert Store(bench).has(trees[0], 0, 0)
    assert Store(bench).seeds(trees[0]) == ()
    made.clear()
    store = run_units(bench, table, trees, [0], progress=False)
    assert made == [(0, 1)]
    assert store.seeds(trees[0]) == (0,)
    outputs = store.outputs(trees[0], 0)
    assert outputs.shape == (40, 1)
    assert np.isfinite(outputs).all()


def test_other_settings_or_data_are_other_units(tmp_path: Path) -> None:
    bench, _ = small_bench(tmp_path)
    amfn, trees = chosen(BINARY, ["amfn", "trees"])
    longer = replace(bench, base=replace(bench.base, epochs=9))
    other = replace(bench, cohort=stays(40, seed=1))
    digests = {name: (Store(b).digest(amfn), Store(b).digest(trees))
               for name, b in (("same", bench), ("longer", longer), ("other", other))}  # fmt: skip
    assert digests["longer"][0] != digests["same"][0]
    assert digests["longer"][1] == digests["same"][1]
    assert digests["other"][1] != digests["same"][1]
    assert Store(replace(bench, threads=9)).digest(amfn) == digests["same"][0]


def test_a_damaged_unit_is_refused_with_its_name(tmp_path: Path) -> None:
    bench, _ = small_bench(tmp_path)
    store, trees = Store(bench), chosen(BINARY, ["trees"])[0]
    path = store.path(trees, 0, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    with pytest.raises(InputError, match="not readable as a finished unit") as error:
        store.load(trees, 0, 0)
    assert error.value.source == str(path)


def test_a_trained_network_is_shared_with_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark takes up a finished training: with `fit` gone it still answers, and as the network itself does."""
    import torch

    from amfn import runs

    bench, table = small_bench(tmp_path)
    amfn = chosen(BINARY, ["amfn"])[0]
    train = np.flatnonzero(bench.fold != 0)
    config = config_of(amfn, bench.base, 0)
    fitted = runs.fit_once(bench.cohort, config, train, runs.run_folder(tmp_path, config, 0), progress=False)
    monkeypatch.delattr(runs, "fit")
    present = np.stack([(~np.isnan(v)).any((1, 2)) for v in bench.cohort.values.values()], 1)
    masks = removal_masks(MORTALITY.schema, present)
    result = fitting.fit_unit(bench, table, masks, amfn, 0, 0)
    batch = bench.cohort.batch(fitted.normaliser, result.rows)
    with torch.inference_mode():
        whole = fitted.model(batch).logits.numpy()
        part = fitted.model(batch.masked(torch.from_numpy(masks[removed(50, 0)][result.rows]))).logits.numpy()
    np.testing.assert_allclose(result.outputs, whole, atol=1e-5)
    np.testing.assert_allclose(result.variants[removed(50, 0)], part, atol=1e-5)
    assert (result.variants[removed(50, 0)] != result.variants[f"mean_{removed(50, 0)}"]).any()
    assert result.facts["parameters"] == sum(p.numel() for p in fitted.model.parameters())


def test_a_report_of_two_seeds(tmp_path: Path) -> None:
    """Planted effect: the trees find it. Two seeds give a row of their own; records go by fingerprint alone."""
    bench, table = small_bench(tmp_path, 60)
    store = run_units(bench, table, chosen(BINARY, ["trees", "linear"]), [0, 1], progress=False)
    out = tmp_path / "out"
    names = [path.name for path in write_report(store, BINARY, [], out)]
    assert names == ["README.md", "results.parquet", "records.parquet", "removal.parquet", "removal.svg"]
    page = (out / "README.md").read_text()
    assert "Gradient-boosted trees, 2 seeds together" in page
    assert bench.cohort.digest() in page
    assert "Logistic regression | " in page
    units = pq.read_table(out / "results.parquet").to_pylist()
    assert {(u["system"], u["seed"], u["fold"]) for u in units} == {
        (name, seed, fold) for name in ("trees", "linear") for seed in (0, 1) for fold in (0, 1)
    }
    assert all(u["auroc"] > 0.9 for u in units if u["system"] == "trees")
    records = pq.read_table(out / "records.parquet").to_pydict()
    assert records["record"] == [fingerprint(i) for i in bench.cohort.ids]
    np.testing.assert_array_equal(np.array(records["trees/1"], np.float32), store.outputs(BINARY[1], 1)[:, 0])
    curves = pq.read_table(out / "removal.parquet").to_pylist()
    assert {c["removed_percent"] for c in curves} == {*RATES, None}
    assert not any(str(i) in page for i in bench.cohort.ids)


def test_an_empty_report_is_refused(tmp_path: Path) -> None:
    bench, _ = small_bench(tmp_path)
    with pytest.raises(InputError, match="no finished system"):
        write_report(Store(bench), BINARY, [], tmp_path / "out")


def test_a_forecast_is_compared_with_carrying_forward(tmp_path: Path) -> None:
    """Vitals move with the heart rate: whoever reads it is better than the last value."""
    bench, table = open_bench(forecasts(60), SHORT, tmp_path, folds=2)
    systems = chosen(systems_of("regression"), ["linear", "carry"])
    store = run_units(bench, table, systems, [0], progress=False)
    write_report(store, systems_of("regression"), [], tmp_path / "out")
    units = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    by_system = {u["system"]: u["rmse_HR"] for u in units if u["fold"] == 0}
    assert by_system["linear"] < by_system["carry"]
    anchor = bench.cohort.anchor
    assert anchor is not None
    known = ~np.isnan(anchor)
    np.testing.assert_allclose(store.outputs(systems[1], 0)[known], anchor[known], rtol=1e-6)


def test_a_sample_keeps_the_share_of_each_class() -> None:
    part = sampled(stays(90), 30)
    assert len(part) == 30
    assert part.labels.sum() == 10
    assert list(part.ids) == sorted(part.ids)
    assert sampled(stays(9), 30).ids == stays(9).ids
    assert len(sampled(forecasts(50), 20)) == 20


@pytest.mark.slow
def test_quick_run_of_every_system_on_the_sample_cohort(tmp_path: Path) -> None:
    arguments = ["benchmark", "icu_mortality", "--data", str(STAYS), "--quick", "--run-dir", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [*arguments, "--device", "cpu"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "run" / "results" / "README.md").read_text()
    assert all(f"| {system.title} | 1 |" in page for system in BINARY)
    units = pq.read_table(tmp_path / "run" / "results" / "results.parquet").to_pylist()
    assert len(units) == 2 * len(BINARY)
