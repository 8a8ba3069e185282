"""Exact Shapley values over modalities: every subset through the model's own missing-modality path.

Encoders run once a record; the 2^n subsets are one batch through `fuse`. Values are logits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool

from amfn.types import Batch, Encoded, Explainable, Prediction
from explain.checks import require_frozen, require_one, target_name
from explain.coalitions import Coalitions, all_masks

if TYPE_CHECKING:
    import shap


def fuse_subsets(model: Explainable, encoded: Encoded) -> tuple[Bool[np.ndarray, "s m"], Prediction]:
    """The prediction, with its trace, for every subset of the modalities that one record has.

    encoded: one record, h f32[1, M, D]. Returns masks bool[2^p, M] over all M modalities (p of them present, the others
    False throughout; the p present ones in the order of `all_masks`) and the Prediction of 2^p rows, row for row.
    """
    here = encoded.present[0].cpu().numpy()
    subsets = all_masks(int(here.sum()))
    masks = np.zeros((len(subsets), len(here)), dtype=bool)
    masks[:, here] = subsets
    keep = torch.from_numpy(masks).to(encoded.present.device)
    h = encoded.h.expand(len(masks), -1, -1).masked_fill(~keep[..., None], 0.0)
    valid = None if encoded.valid is None else encoded.valid.expand(len(masks), -1, -1)
    with torch.no_grad():
        return masks, model.fuse(Encoded(h=h, present=keep, valid=valid))


def coalitions(model: Explainable, encoded: Encoded, subsets: Prediction, target: int = 0) -> Coalitions:
    """The game over all M modalities from one record's fused subsets (`fuse_subsets`), where the trace is wanted."""
    name = target_name(model, target)
    here = encoded.present[0].cpu().numpy()
    masks = all_masks(len(here))
    fused = subsets.logits[:, target].double().cpu().numpy()
    # Coalitions that differ in absent modalities only are the same subset of what the record has.
    values = fused[masks[:, here] @ (1 << np.arange(int(here.sum())))]
    return Coalitions(players=model.schema.names, masks=masks, values=values, present=here, target=name)


def coalition_values(model: Explainable, batch: Batch, target: int = 0) -> Coalitions:
    """The logit of one target for every subset of one record's modalities.

    Raises InputError for more than one record, more than 12 modalities, an unknown target, or a model in training mode.
    """
    require_one(batch)
    return _coalitions(model, batch, target)[0]


def exact_shapley(model: Explainable, batch: Batch, target: int = 0) -> shap.Explanation:
    """Exact Shapley values over modalities, as every plot of `shap` takes them.

    One record: values [M], base_values the logit with no modality. Several: values [B, M], base_values [B]. data: which
    modalities are present; one that is absent has exactly 0. feature_names: modality titles. Logit scale.
    """
    # shap takes a second or more to import; the first screen uses Coalitions.shapley and does without it.
    import shap

    games = _coalitions(model, batch, target)
    titles = [spec.title for spec in model.schema.modalities]
    if len(games) == 1:
        game = games[0]
        return shap.Explanation(game.shapley(), base_values=game.empty, data=game.present, feature_names=titles)
    return shap.Explanation(
        np.stack([game.shapley() for game in games]),
        base_values=np.array([game.empty for game in games]),
        data=np.stack([game.present for game in games]),
        feature_names=titles,
    )


def _coalitions(model: Explainable, batch: Batch, target: int) -> list[Coalitions]:
    require_frozen(model)
    with torch.no_grad():
        encoded = model.encode(batch)
    games = []
    for row in range(len(batch)):
        one = Encoded(
            h=encoded.h[row : row + 1],
            present=encoded.present[row : row + 1],
            valid=None if encoded.valid is None else encoded.valid[row : row + 1],
        )
        games.append(coalitions(model, one, fuse_subsets(model, one)[1], target))
    return games
