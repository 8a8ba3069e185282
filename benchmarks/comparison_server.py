"""explainerdashboard on a table of features, for `benchmarks.comparison`; runs in an environment of its own.

Usage: python comparison_server.py TABLE.npz PORT. TABLE holds x f64[N, F], y i64[N] and names [F].
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from explainerdashboard import ClassifierExplainer, ExplainerDashboard
from sklearn.ensemble import HistGradientBoostingClassifier


def main(path: str, port: int) -> None:
    stored = np.load(path, allow_pickle=False)
    table = pd.DataFrame(stored["x"], columns=stored["names"].tolist())
    outcome = pd.Series(stored["y"], name="outcome")
    model = HistGradientBoostingClassifier(random_state=0).fit(table, outcome)
    explainer = ClassifierExplainer(model, table, outcome, shap="tree")
    # Its page for one prediction, and nothing else.
    dashboard = ExplainerDashboard(
        explainer, importances=False, model_summary=False, whatif=False, shap_dependence=False, shap_interaction=False,
        decision_trees=False, contributions=True,
    )  # fmt: skip
    dashboard.run(port=port, host="127.0.0.1", use_waitress=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
