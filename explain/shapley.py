"""Shapley values over modalities: every subset through the model's own missing-modality path, or a sample of orders.

Encoders run once a record; its subsets are one batch through `fuse`. Values are logits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float

from amfn.types import Batch, Encoded, Explainable, InputError, Prediction
from explain.checks import require_frozen, require_one, target_name
from explain.coalitions import PLAYER_LIMIT, Coalitions, subsets_of

if TYPE_CHECKING:
    import shap

PERMUTATIONS = 64
FUSED_AT_ONCE = 2048
"""Subsets in one pass through `fuse`, of all records together: more are no faster on a CPU and take more memory."""

# shap draws from numpy's process-wide generator: two threads drawing at once would not repeat their answers.
_numpy_lock = threading.Lock()


def fuse_subsets(model: Explainable, encoded: Encoded) -> tuple[Bool[np.ndarray, "k m"], Prediction]:
    """The prediction, with its trace, for every subset of the modalities that one record has.

    encoded: one record, h f32[1, M, D]. Returns masks bool[2^p, M] over all M modalities (p of them present, the others
    False throughout; the p present ones in the order of `all_masks`) and the Prediction of 2^p rows, row for row.
    """
    masks = subsets_of(_present(encoded))
    return masks, _fuse_masks(model, encoded, masks)


def coalitions(model: Explainable, encoded: Encoded, subsets: Prediction, target: int = 0) -> Coalitions:
    """The game over all M modalities from one record's fused subsets (`fuse_subsets`), where the trace is wanted."""
    name = target_name(model, target)
    here = _present(encoded)
    values = subsets.logits[:, target].double().cpu().numpy()
    return Coalitions(players=model.schema.names, masks=subsets_of(here), values=values, present=here, target=name)


def games(model: Explainable, encoded: Encoded, target: int = 0, rows: int = FUSED_AT_ONCE) -> list[Coalitions]:
    """The games over all M modalities of several encoded records, in their order; memory does not grow with them.

    Records with the same modalities go through `fuse` together, up to `rows` subsets at a time. Raises InputError as
    `coalition_values`.
    """
    name = target_name(model, target)
    present = encoded.present.cpu().numpy()
    values: dict[int, np.ndarray] = {}
    for pattern in np.unique(present, axis=0):
        masks = subsets_of(pattern)
        alike = np.flatnonzero((present == pattern).all(axis=1))
        for some in np.array_split(alike, min(len(alike), -(-len(alike) * len(masks) // rows))):
            own = torch.from_numpy(some).to(encoded.h.device).repeat_interleave(len(masks))
            part = Encoded(encoded.h[own], encoded.present[own], None, _rows(encoded.valid, own))
            logits = _fuse_masks(model, part, np.tile(masks, (len(some), 1))).logits[:, target]
            values.update(zip(some.tolist(), logits.double().cpu().numpy().reshape(len(some), -1), strict=True))
    return [
        Coalitions(model.schema.names, subsets_of(here), values[row], here, name) for row, here in enumerate(present)
    ]


def coalition_values(model: Explainable, batch: Batch, target: int = 0) -> Coalitions:
    """The logit of one target for every subset of one record's modalities.

    Raises InputError for more than one record, more than 12 modalities present, an unknown target, or a model in
    training mode.
    """
    require_one(batch)
    return _games(model, batch, target)[0]


def exact_shapley(model: Explainable, batch: Batch, target: int = 0) -> shap.Explanation:
    """Exact Shapley values over modalities, as every plot of `shap` takes them.

    One record: values [M], base_values the logit with no modality. Several: values [B, M], base_values [B]. data: which
    modalities are present; one that is absent has exactly 0. feature_names: modality titles. Logit scale.
    """
    games = _games(model, batch, target)
    return _explanation(model, games, [game.shapley() for game in games], [game.empty for game in games])


def leave_one_out(model: Explainable, batch: Batch, target: int = 0) -> shap.Explanation:
    """What the logit loses without each modality, in the shapes of `exact_shapley`.

    Losses need not add up: base_values is what they leave of the record's logit, so that a plot ends where the model
    does; it is not the logit with no modality.
    """
    games = _games(model, batch, target)
    losses = [game.leave_one_out() for game in games]
    left = [game.full - float(loss.sum()) for game, loss in zip(games, losses, strict=True)]
    return _explanation(model, games, losses, left)


def shapley_interactions(model: Explainable, batch: Batch, target: int = 0) -> shap.Explanation:
    """Main effects and pairwise interactions (`Coalitions.interactions`): values [M, M] or [B, M, M], rows summing to
    the Shapley values; otherwise as `exact_shapley`."""
    games = _games(model, batch, target)
    return _explanation(model, games, [game.interactions() for game in games], [game.empty for game in games])


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Shapley values of one record's modalities with the measure of their own error, in logits.

    values, error: f64[n], 0 for a modality that the record lacks. error: standard error over the sampled orders, 0
    where all subsets were taken. orders: how many were sampled, each walked forwards and backwards; 0 for exact values.
    empty, full: the logit with nothing and with everything. evaluations: subsets that went through the model.
    """

    players: tuple[str, ...]
    titles: tuple[str, ...]
    present: Bool[np.ndarray, " n"]
    target: str
    empty: float
    full: float
    values: Float[np.ndarray, " n"]
    error: Float[np.ndarray, " n"]
    orders: int
    evaluations: int

    @property
    def exact(self) -> bool:
        return self.orders == 0

    def efficiency_gap(self) -> float:
        """|sum of the values - (full - empty)| in logits: rounding only, in a sample as well, since every order runs
        from nothing to everything. It says that nothing is broken; how far off a sample may be, `error` says."""
        return abs(float(self.values.sum()) - (self.full - self.empty))

    def explanation(self) -> shap.Explanation:
        """As every plot of `shap` takes it; `error_std` is the standard error."""
        import shap

        return shap.Explanation(
            self.values, base_values=self.empty, data=self.present, feature_names=list(self.titles),
            error_std=self.error,
        )  # fmt: skip


def shapley_values(
    model: Explainable, batch: Batch, target: int = 0, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> Shares:
    """Shapley values of one record: exact up to 12 present modalities, sampled (`sampled_shapley`) beyond."""
    require_one(batch)
    if int(batch.present.sum()) > PLAYER_LIMIT:
        return sampled_shapley(model, batch, target, permutations=permutations, seed=seed)
    game = coalition_values(model, batch, target)
    return Shares(
        players=game.players,
        titles=_titles(model),
        present=game.present,
        target=game.target,
        empty=game.empty,
        full=game.full,
        values=game.shapley(),
        error=np.zeros(len(game.players)),
        orders=0,
        evaluations=len(game.values),
    )


def sampled_shapley(
    model: Explainable, batch: Batch, target: int = 0, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> Shares:
    """Shapley values of one record from random orders of its modalities, each walked forwards and backwards, for any
    number of modalities; with the standard error over orders.

    Without interactions of three or more modalities every order gives the exact values. Sampled by shap's
    PermutationExplainer over the mask of present modalities. Raises InputError for fewer than two orders.
    Source: Castro et al. 2009; antithetic pairs of orders: Mitchell et al. 2022, https://arxiv.org/abs/2104.12199.
    """
    import shap

    require_frozen(model)
    require_one(batch)
    name = target_name(model, target)
    if permutations < 2 or seed < 0:
        raise InputError(
            "permutations", f"{permutations} of them, seed {seed}", "two or more and a seed of 0 or more",
            "One order alone has no error to state.",
        )  # fmt: skip
    with torch.no_grad():
        encoded = model.encode(batch)
    here = _present(encoded)
    count = int(here.sum())

    def logit(chosen: Float[np.ndarray, "k p"]) -> Float[np.ndarray, " k"]:
        masks = np.zeros((len(chosen), len(here)), dtype=bool)
        masks[:, here] = chosen > 0.5
        return _fuse_masks(model, encoded, masks).logits[:, target].double().cpu().numpy()

    empty, full = logit(np.stack([np.zeros(count), np.ones(count)])).tolist()
    values, error = np.zeros(len(here)), np.zeros(len(here))
    if count:
        with _drawing_from(seed):
            explainer = shap.explainers.Permutation(logit, _mask_itself, seed=seed)
            # One row an order, so that the spread over orders is seen: shap's own error_std takes the two directions
            # of a walk for independent, which they are not.
            each = explainer(np.ones((permutations, count)), max_evals=2 * count + 1, silent=True).values
        values[here], error[here] = each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(permutations)
    return Shares(
        players=model.schema.names,
        titles=_titles(model),
        present=here,
        target=name,
        empty=empty,
        full=full,
        values=values,
        error=error,
        orders=permutations,
        evaluations=2 + (permutations * (2 * count + 1) if count else 0),
    )


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """Numpy's process-wide generator started at this seed, alone, and put back as it was."""
    with _numpy_lock:
        before = np.random.get_state()
        try:
            np.random.seed(seed)
            yield
        finally:
            np.random.set_state(before)


def _mask_itself(mask: Bool[np.ndarray, " p"], _: np.ndarray) -> Float[np.ndarray, "1 p"]:
    """What shap's explainer passes on as the masked input: the mask."""
    return mask[None].astype(float)


def _present(encoded: Encoded) -> Bool[np.ndarray, " m"]:
    return encoded.present[0].cpu().numpy()


def _titles(model: Explainable) -> tuple[str, ...]:
    return tuple(spec.title for spec in model.schema.modalities)


def _fuse_masks(model: Explainable, encoded: Encoded, masks: Bool[np.ndarray, "k m"]) -> Prediction:
    """One encoded record, or one a mask, with only these modalities kept, a row a mask."""
    keep = torch.from_numpy(masks).to(encoded.present.device)
    h = encoded.h.expand(len(masks), -1, -1).masked_fill(~keep[..., None], 0.0)
    valid = None if encoded.valid is None else encoded.valid.expand(len(masks), -1, -1)
    with torch.no_grad():
        return model.fuse(Encoded(h=h, present=keep, valid=valid))


def _games(model: Explainable, batch: Batch, target: int) -> list[Coalitions]:
    require_frozen(model)
    with torch.no_grad():
        return games(model, model.encode(batch), target)


def _rows(valid: torch.Tensor | None, rows: torch.Tensor) -> torch.Tensor | None:
    return None if valid is None else valid[rows]


def _explanation(
    model: Explainable, games: list[Coalitions], values: list[np.ndarray], base: list[float]
) -> shap.Explanation:
    """One record without, several with a leading axis."""
    # shap takes a second or more to import; the first screen uses Coalitions.shapley and does without it.
    import shap

    names = list(_titles(model))
    if len(games) == 1:
        return shap.Explanation(values[0], base_values=base[0], data=games[0].present, feature_names=names)
    return shap.Explanation(
        np.stack(values),
        base_values=np.array(base),
        data=np.stack([game.present for game in games]),
        feature_names=names,
    )
