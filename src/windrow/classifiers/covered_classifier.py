"""A crop classifier that also knows land covers that no label names."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
import numpy.typing as npt

from windrow.classifiers.land_covers import CoverExamples, LandCovers, fit_land_covers
from windrow.classifiers.mix import MixSettings
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.data.series import Series
from windrow.data.ten_day_grid import TenDayGrid


class CoveredClassifier(MixedClassifier):
    """A :class:`MixedClassifier` with land covers as further classes, after those of the labels.

    The odds between the labelled classes are those of the mixed classifier. What is a land cover is
    left out of the context of the place, and so of the class shares.

    Args:
        encoder: the place network.
        settings: weights of the voters.
        examples: simulated land covers and crops, with the bands of the series to fit.
        seed: seed of the trees.
        num_context: largest number of fields in the network's context.
    """

    def __init__(
        self,
        encoder: PlaceEncoder,
        settings: MixSettings,
        *,
        examples: CoverExamples,
        seed: int = 0,
        num_context: int = 256,
    ) -> None:
        super().__init__(encoder, settings, seed=seed, num_context=num_context)
        self._examples = examples
        self._covers: LandCovers | None = None

    @property
    def covers(self) -> LandCovers:
        """The fitted land covers.

        Raises:
            DataError: the classifier is not fitted.
        """
        if self._covers is None:
            fitted = self.fitted
            labelled = fitted.label >= 0
            self._covers = fit_land_covers(
                self._examples.with_bands(fitted.bands),
                fitted.grid.select(labelled),
                weight=fitted.weight[labelled],
                seed=self.seed,
            )
        return self._covers

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the columns, land covers last."""
        return (*self.fitted.classes, *self._examples.names)

    def classify_grid(
        self, grid: TenDayGrid
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Computes probabilities and unlikeness in one pass; see the mixed classifier."""
        crops, unlikeness = super().classify_grid(grid)
        covers = self.covers.predict_probability(grid)
        crop = 1.0 - covers.sum(axis=1, keepdims=True)
        return np.concatenate([crop * crops, covers], axis=1), unlikeness

    def with_context(self, series: Series) -> MixedClassifier:
        """Fits a new classifier with further unlabelled fields, those that are no land cover."""
        covers = self.covers.predict_probability(self._grid_of(series))
        kept = np.flatnonzero(covers.sum(axis=1) < 0.5)
        if not len(kept):
            return copy.copy(self)
        found = super().with_context(series.select(kept))
        assert isinstance(found, CoveredClassifier)
        return found.restore_covers(self.covers)

    def restore_covers(self, covers: LandCovers) -> Self:
        """Restores the land covers of a saved classifier."""
        self._covers = covers
        return self

    def _fit_voters(self) -> None:
        self._covers = None  # they follow from the labelled fields and their bands
        super()._fit_voters()
