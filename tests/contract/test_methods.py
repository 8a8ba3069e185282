"""What every attribution method keeps to, over the whole registry."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from amfn.types import Batch, Explainable, InputError
from explain.baselines import Baseline, zero
from explain.methods import METHODS, attribute
from explain.types import Attribution
from tests import systems, toys
from tests.left_behind import global_draws, state

NAMES = sorted(METHODS)
FEW = {"integrated_gradients": {"steps": 4}, "gradient_shap": {"samples": 4}}
"""Few points: nothing here hangs on how many."""
every_method = pytest.mark.parametrize("method", NAMES)


def record(seed: int = 0) -> Batch:
    """One record with holes that lacks a modality."""
    source = systems.batch(1, seed=seed)
    return replace(source, present=torch.tensor([[True, True, False, True]]))


def run(model: Explainable, data: Batch, method: str, **more: Any) -> Attribution:
    return attribute(model, data, method, **{**FEW.get(method, {}), **more})


def same(one: Attribution, two: Attribution, within: float = 1e-6) -> None:
    assert one.values.keys() == two.values.keys()
    assert (one.f_x, one.f_baseline) == pytest.approx((two.f_x, two.f_baseline), abs=1e-5)
    for name, values in one.values.items():
        np.testing.assert_allclose(values, two.values[name], atol=within)


@every_method
def test_its_facts_are_fit_for_a_screen(method: str) -> None:
    facts = METHODS[method]
    assert facts.name == method
    assert re.fullmatch(r"[A-Z][^.]+\.", facts.says), "one sentence"
    assert re.search(r"\b(19|20)\d\d\b", facts.source), "a paper and its year"
    assert facts.title
    assert facts.in_logits or not facts.promises_completeness


@every_method
def test_the_result_speaks_of_what_the_record_has(method: str) -> None:
    data = record()
    found = run(systems.system("amfn"), data, method, target=1, baseline=zero(data))
    assert (found.method, found.target) == (method, "second")
    assert set(found.values) == {"wave", "chart", "person"}
    assert found.settings["absent"] == ("lab",)
    for name, values in found.values.items():
        steps, width = data.x[name].shape[1:]
        assert values.shape in ((steps, width), (steps, 1))
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert np.any(values != 0)
        assert METHODS[method].in_logits or np.all(values >= 0)
    assert found.promises_completeness == METHODS[method].promises_completeness
    assert found.baseline == ("zero" if METHODS[method].uses_baseline else "none")
    assert (found.mismatch is None) != METHODS[method].in_logits
    assert found.gap is None or found.gap == found.mismatch


@every_method
def test_each_target_has_its_own(method: str) -> None:
    model, data = systems.system("amfn"), record()
    one, two = (run(model, data, method, target=target) for target in (0, 1))
    assert one.f_x != two.f_x
    alike = all(np.array_equal(values, two.values[name]) for name, values in one.values.items())
    assert alike == (method == "temporal_attention")


@every_method
def test_what_was_not_measured_has_no_share(method: str) -> None:
    model, data = systems.system("amfn"), systems.padded(record(), 5, garbage=3.0)
    data = replace(data, x={name: x + 7.0 * ~data.observed[name] for name, x in data.x.items()})
    for name, values in run(model, data, method).values.items():
        inside = data.valid[name][0].numpy()
        assert np.all(values[~inside] == 0.0)
        if method != "temporal_attention":  # which weighs a step for what was known by then, not for what it brought
            assert np.all(values[~data.observed[name][0].numpy()] == 0.0)


@every_method
def test_what_was_derived_from_the_record_hides_no_change(method: str) -> None:
    model, data = systems.system("amfn"), record()
    same(run(model, data, method), run(model, model.derive(data), method))


@every_method
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_works_inside_the_callers_autograd_mode(method: str, mode: Callable[[], torch.no_grad]) -> None:
    model = systems.system("amfn")
    expected = run(model, record(), method)
    with mode():
        data = record()
        same(run(model, data, method, baseline=zero(data)), expected)
        assert not torch.is_grad_enabled()


@every_method
def test_it_leaves_everything_as_it_was(method: str) -> None:
    model, data = systems.system("amfn"), record()
    next(model.parameters()).requires_grad_(False)
    values = {name: x.clone() for name, x in data.x.items()}
    before, draws = state(model), global_draws()
    run(model, data, method)
    assert state(model) == before
    assert global_draws() == draws
    for name, x in data.x.items():
        assert not x.requires_grad
        assert x.grad is None
        assert torch.equal(x, values[name])


@every_method
def test_threads_may_share_a_model(method: str) -> None:
    """This method and another one run at once on one model while a third thread predicts with it."""
    model = systems.system("amfn")
    other = "deep_lift" if method != "deep_lift" else "gradient_shap"
    records = [record(seed) for seed in range(2)]
    alone = {(name, k): run(model, data, name) for name in (method, other) for k, data in enumerate(records)}
    with torch.no_grad():
        logits = [model(data).logits for data in records]
    before = state(model)

    def predict(k: int) -> bool:
        with torch.no_grad():
            return torch.allclose(model(records[k]).logits, logits[k], atol=1e-6)

    with ThreadPoolExecutor(3) as pool:
        guesses, jobs = [], []
        for _ in range(2):
            for name, k in alone:
                jobs.append(((name, k), pool.submit(run, model, records[k], name)))
                guesses.append(pool.submit(predict, k))
        for key, job in jobs:
            same(job.result(), alone[key], within=1e-5)
        assert all(guess.result() for guess in guesses)
    assert state(model) == before


def test_the_checks_would_notice_what_is_left_behind() -> None:
    model = systems.system("amfn")
    before, draws = state(model), global_draws()
    handle = model.encoders["chart"].register_forward_hook(lambda *_: None)
    assert state(model) != before
    handle.remove()
    assert state(model) == before
    model.encoders["chart"].train()
    assert state(model) != before
    model.eval()
    with torch.no_grad():
        next(model.parameters()).add_(1.0)
        assert state(model) != before
        next(model.parameters()).sub_(1.0)
    model(record()).logits.sum().backward()
    assert state(model) != before
    np.random.random()
    assert global_draws() != draws


@every_method
@pytest.mark.parametrize("name", systems.NAMES)
def test_it_fits_every_system_that_has_what_it_reads(name: str, method: str) -> None:
    model, data = systems.system(name), record()
    with torch.no_grad():
        weighs_steps = model(data).trace.temporal is not None
    if method == "temporal_attention" and not weighs_steps:
        with pytest.raises(InputError, match="Take another method"):
            run(model, data, method)
        return
    found = run(model, data, method)
    assert all(np.isfinite(values).all() for values in found.values.values())


@every_method
def test_bad_input_is_refused_with_a_way_to_mend_it(method: str) -> None:
    model, data = systems.system("amfn"), record()
    other = toys.random_batch(toys.schema(), 1)
    refused = [
        ("every modality is absent", lambda: run(model, data.masked(torch.zeros(4, dtype=torch.bool)), method)),
        (r"batch\.rows", lambda: run(model, data.rows([0, 0]), method)),
        ("first, second", lambda: run(model, data, method, target=2)),
        ("unknown setting", lambda: attribute(model, data, method, colour="red")),
        ("same schema", lambda: run(model, data, method, baseline=zero(other))),
        (r"model\.eval", lambda: run(systems.system("amfn").train(), data, method)),
    ]
    for words, call in refused:
        with pytest.raises(InputError, match=words):
            call()


@pytest.mark.parametrize("method", [name for name in NAMES if "internal_batch" in METHODS[name].settings])
def test_the_size_of_a_pass_changes_memory_only(method: str) -> None:
    model, data = systems.system("amfn"), record()
    same(run(model, data, method, internal_batch=5), run(model, data, method), within=1e-5)
    with pytest.raises(InputError, match="internal_batch"):
        run(model, data, method, internal_batch=0)


@pytest.mark.parametrize("method", [name for name in NAMES if METHODS[name].uses_baseline])
def test_a_record_that_is_its_own_baseline_has_nothing_to_explain(method: str) -> None:
    model, data = systems.system("amfn"), record()
    itself = Baseline("itself", "the record", data.x)
    found = run(model, data, method, baseline=itself)
    assert found.f_baseline == pytest.approx(found.f_x, abs=1e-6)
    for values in found.values.values():
        np.testing.assert_allclose(values, 0.0, atol=1e-6)


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="integrated_gradients"):
        run(systems.system("amfn"), record(), "guesswork")
    assert isinstance(METHODS, MappingProxyType), "nobody adds to it in passing"
