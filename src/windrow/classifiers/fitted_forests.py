"""The forests of a crop classifier, fitted on the labelled fields of a place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from windrow.classifiers.fitted_place import FittedPlace
from windrow.classifiers.mix import TREES, MixSettings, Voter, voter_inputs
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.data.ten_day_grid import TenDayGrid
from windrow.models.heads.trees import TreeHead


def fit_forests(
    fitted: FittedPlace,
    embed: Callable[[TenDayGrid], npt.NDArray[np.float32]],
    *,
    settings: MixSettings,
    seed: int,
) -> dict[Voter, TreeHead]:
    """Fits the forests that have a weight at this number of labelled fields.

    Args:
        fitted: the fields of the place and their labels.
        embed: computes the embeddings of fields.
        settings: weights of the voters, number of trees.
        seed: seed of the trees.

    Returns:
        The forests by voter; none where fewer than two classes have labels.
    """
    rows = np.flatnonzero(fitted.label >= 0)
    if len(np.unique(fitted.label[rows])) < 2:
        return {}
    grid = fitted.grid.select(rows)
    embedding = embed(grid)
    forests: dict[Voter, TreeHead] = {}
    for number, voter in enumerate(TREES):
        inputs = voter_inputs(voter, grid, embedding)
        if settings.weight(voter, fitted.num_labelled) == 0 or inputs.shape[1] == 0:
            continue
        fit = fit_light_head(
            inputs,
            fitted.label[rows],
            num_classes=len(fitted.classes),
            settings=TreesSettings(
                kind="extra_trees", num_trees=settings.num_trees, min_rows_a_leaf=1
            ),
            seed=seed + number,
            weight=fitted.weight[rows],
        )
        model = fit.to_model()
        assert isinstance(model, TreeHead)
        forests[voter] = model
    return forests
