"""What stands beside an estimate: how far networks differ, what became of similar records, which outcomes remain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amfn.calibration import disagreement
from amfn.checkpoint import Checkpoint
from amfn.conformal import ERROR_RATES
from amfn.sentences import set_heading, set_reason
from app.views import Certainty, OutcomeSet


def certainty(model: Checkpoint, logit: float, members: Sequence[float], present: np.ndarray) -> Certainty:
    """Of one record. logit: the model's; members: its networks' own; present bool[M]."""
    spread = disagreement(members) if len(members) > 1 else None
    calibration = model.calibration
    if calibration is None:
        return Certainty(max(len(members), 1), spread, None, ())
    outcomes = (model.task.wording.negative, model.task.wording.positive)
    sets = []
    for rate in ERROR_RATES:
        found = calibration.conformal_set(logit, present.tolist(), rate)
        both = len(found.labels) == len(outcomes)
        sets.append(
            OutcomeSet(rate, set_heading(found, outcomes), set_reason(found, outcomes), both, found.refused is not None)
        )
    return Certainty(max(len(members), 1), spread, calibration.similar(1 / (1 + np.exp(-logit))), tuple(sets))
