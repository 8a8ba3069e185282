"""A network that learned shuffled labels knows these and not the true ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from amfn.shuffled import fit_shuffled
from amfn.types import InputError
from tests.cohorts import TINY, forecasts, stays


def test_it_learns_the_shuffled_labels_by_heart(tmp_path: Path) -> None:
    cohort = stays(48)
    normaliser = cohort.fit_normaliser(np.arange(48))
    config = replace(TINY, epochs=40, learning_rate=3e-3)
    found = fit_shuffled(cohort, normaliser, config, tmp_path, progress=False)
    with torch.no_grad():
        logits = found.model(cohort.batch(normaliser)).logits[:, 0].numpy()
    assert found.auroc > 0.9
    assert found.auroc > roc_auc_score(cohort.labels, logits) + 0.2
    assert 0 < found.agreement < 1


def test_a_regression_has_no_labels_to_shuffle(tmp_path: Path) -> None:
    cohort = forecasts(8)
    with pytest.raises(InputError, match="yes-or-no"):
        fit_shuffled(cohort, cohort.fit_normaliser(np.arange(8)), TINY, tmp_path)
