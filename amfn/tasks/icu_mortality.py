"""In-hospital death from the first 48 h of an ICU stay (PhysioNet/CinC Challenge 2012, Silva et al. 2012)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from amfn.tasks.base import Wording
from amfn.tasks.stay import HOURS, StayTask, stay_preprocessing, stay_schema


class ICUMortality(StayTask):
    name = "icu_mortality"
    schema = stay_schema("icu_mortality", HOURS, ("in_hospital_death",))
    wording = Wording(
        title="ICU mortality",
        event="death in hospital",
        positive="Died in hospital",
        negative="Survived to discharge",
        group="ICU type",
    )
    preprocessing = stay_preprocessing(HOURS)

    def official_score(self, labels: np.ndarray, probabilities: np.ndarray) -> Mapping[str, float]:
        """Event 1 of the challenge: min(sensitivity, positive predictive value), at the threshold that maximises it."""
        # Imported where it is used: only evaluation needs it, and the first screen should not wait for it.
        from sklearn.metrics import precision_recall_curve

        precision, recall, _ = precision_recall_curve(labels, probabilities)
        return {"event_1": float(np.minimum(precision, recall).max())}
