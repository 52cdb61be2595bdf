"""Land covers that no label names, such as forest and roofs, told apart from crops.

Without them every pixel of a map would be a crop. Their examples are simulated at the place, with
its dates and clouds. A forest learns them beside the labelled fields and beside simulated crops.
Since simulated crops are on the other side too, it learns what tells covers from crops, and not
what tells simulated from real fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from windrow.classifiers.compiled_forest import CompiledForest
from windrow.classifiers.cover_settings import CoverSettings
from windrow.classifiers.mix import voter_inputs
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.data.ten_day_grid import TenDayGrid
from windrow.errors import DataError
from windrow.models.heads.trees import TreeHead
from windrow.sensors import SENTINEL2_BANDS

CROP = -1
"""The label of a simulated crop."""


@dataclass(frozen=True, eq=False)
class CoverExamples:
    """Simulated fields of a place.

    Attributes:
        names: names of the land covers.
        grid: n fields on the ten-day grid.
        label: (n,) int64, position in ``names``, or ``CROP``.
        settings: settings of the forest.
    """

    names: tuple[str, ...]
    grid: TenDayGrid
    label: npt.NDArray[np.int64]
    settings: CoverSettings

    def with_bands(self, bands: Sequence[str]) -> CoverExamples:
        """Keeps these bands alone.

        Raises:
            DataError: the examples lack a band.
        """
        has_band = np.isin(SENTINEL2_BANDS, list(bands))
        if (has_band & ~self.grid.has_band).any():
            raise DataError("the simulated land covers lack a band of the fields")
        reflectance = np.where(has_band, self.grid.reflectance, np.float32(0))
        return replace(self, grid=TenDayGrid(reflectance, self.grid.gap, has_band))


class LandCovers:
    """Tells the land covers of a place from its crops.

    Args:
        examples: simulated covers and crops.
        forest: the fitted forest; its classes are the covers, and crops after them.
    """

    def __init__(self, examples: CoverExamples, forest: TreeHead) -> None:
        self.examples = examples
        self.forest = forest
        self._compiled = CompiledForest(forest)

    def predict_probability(self, grid: TenDayGrid) -> npt.NDArray[np.float64]:
        """Computes the probability of each land cover.

        Args:
            grid: N fields or pixels with the bands of the examples.

        Returns:
            (N, K); what is missing to 1 is the probability of a crop.
        """
        settings = self.examples.settings
        found = self._compiled.predict_probability(_inputs(grid))
        crop = found[:, -1].clip(0.0, 1.0)
        covers = found[:, :-1] / np.maximum(1.0 - crop, 1e-12)[:, None]
        return sharpened(1.0 - crop, settings)[:, None] * covers


def sharpened(
    probability: npt.NDArray[np.float64], settings: CoverSettings
) -> npt.NDArray[np.float64]:
    """Moves probabilities so that the doubt becomes one half.

    Example:
        >>> settings = CoverSettings(num_trees=1, min_rows_a_leaf=1, doubt=0.6, sharpness=2.0)
        >>> sharpened(np.array([0.0, 0.6, 0.75, 1.0]), settings).round(3).tolist()
        [0.0, 0.5, 0.8, 1.0]
    """
    with np.errstate(divide="ignore"):
        odds = np.log(probability) - np.log1p(-probability)
    middle = np.log(settings.doubt / (1.0 - settings.doubt))
    return np.asarray(1.0 / (1.0 + np.exp(-settings.sharpness * (odds - middle))))


def fit_land_covers(
    examples: CoverExamples,
    fields: TenDayGrid,
    *,
    weight: npt.NDArray[np.floating],
    seed: int,
) -> LandCovers:
    """Fits the forest on simulated fields and on the labelled fields of a place.

    All labelled fields together weigh as much as all simulated crops.

    Args:
        examples: simulated covers and crops.
        fields: m labelled fields or pixels, all of them crops.
        weight: (m,) weight of each.
        seed: seed of the trees.
    """
    num_covers = len(examples.names)
    simulated = np.where(examples.label == CROP, num_covers, examples.label)
    label = np.concatenate([simulated, np.full(len(fields), num_covers)])
    share = max(int((examples.label == CROP).sum()), 1) / max(float(weight.sum()), 1e-12)
    weights = np.concatenate([np.ones(len(simulated)), weight * share])
    fit = fit_light_head(
        np.concatenate([_inputs(examples.grid), _inputs(fields)]),
        label,
        num_classes=num_covers + 1,
        settings=TreesSettings(
            kind="extra_trees",
            num_trees=examples.settings.num_trees,
            min_rows_a_leaf=examples.settings.min_rows_a_leaf,
        ),
        seed=seed,
        weight=weights,
    )
    forest = fit.to_model()
    assert isinstance(forest, TreeHead)
    return LandCovers(examples, forest)


def _inputs(grid: TenDayGrid) -> npt.NDArray[np.float32]:
    return voter_inputs("band_index_trees", grid, np.zeros((len(grid), 0), dtype=np.float32))
