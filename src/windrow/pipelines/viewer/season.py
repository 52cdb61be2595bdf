"""How the probabilities of a pixel change through the season, and which fields are like it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.data.ten_day_grid import NUM_STEPS, TenDayGrid, grid_of_pixels
from windrow.pipelines.viewer.scene_pixels import PixelStack
from windrow.sensors import SENTINEL2_BANDS
from windrow.sources.rasters.grid import CubeFacts

NUM_NEAREST = 5

_MOST_FOR_SCALE = 1_000
"""Labelled series by which the typical distance is measured, at most."""


class Season:
    """Classifies pixels by their dates until the end of each month.

    The classifier was fitted on whole seasons, and it is shown a season whose end is missing.

    Args:
        fitted: the classifier as the map was made by it, with the scene as its context.
        facts: the cube.
    """

    def __init__(self, fitted: MixedClassifier, facts: CubeFacts) -> None:
        self._fitted = fitted
        self._bands = fitted.fitted.bands
        self._rows = [facts.bands.index(band) for band in self._bands]
        self._dates = facts.dates
        self._calendar_day = (self._dates - self._dates.astype("M8[Y]")).astype("m8[D]")
        months = np.arange(self._dates.min().astype("M8[M]"), self._dates.max().astype("M8[M]") + 1)
        day = np.timedelta64(1, "D")
        self.ends: npt.NDArray[np.datetime64] = np.asarray((months + 1).astype("M8[D]") - day)
        known = fitted.fitted
        self._labelled = np.flatnonzero(known.label >= 0)
        self._embedding = fitted.embed_grid(known.grid.select(self._labelled))
        self._typical = _typical_distance(self._embedding)

    @property
    def num_labelled(self) -> int:
        """Number of labelled fields, or pixels of such, that the classifier keeps."""
        return len(self._labelled)

    def probabilities(self, stack: PixelStack) -> npt.NDArray[np.float64]:
        """Computes the probability of each class by the dates until each month's end.

        Args:
            stack: N pixels of the cube.

        Returns:
            (N, M, C), nan where no date until then is clear. The last month sees every date, as
            the map does.
        """
        until = self._dates <= self.ends[:, None]
        use = stack.clear[:, None, :] & until.T[:, :, None]
        num_dates, num_months, num_pixels = use.shape
        use = use.reshape(num_dates, -1)
        seen = use.any(axis=0)
        shape = (num_months * num_pixels, len(self._fitted.classes))
        found = np.full(shape, np.nan)
        if seen.any():
            values = np.tile(stack.reflectance[:, self._rows], (1, 1, num_months))
            grid = self._grid(values[..., seen], use[:, seen])
            found[seen] = self._fitted.classify_grid(grid)[0]
        return found.reshape(num_months, num_pixels, -1).transpose(1, 0, 2)

    def nearest(self, stack: PixelStack) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Finds the labelled fields whose embeddings are nearest to that of each pixel.

        Args:
            stack: N pixels of the cube.

        Returns:
            (N, k) positions of labelled fields, -1 for a pixel without a clear date; (N, k)
            distances. 1 is the median distance of a labelled field from its nearest neighbour.
        """
        number = min(NUM_NEAREST, len(self._labelled))
        seen = np.asarray(stack.clear.any(axis=0))
        position = np.full((len(seen), number), -1, dtype=np.int64)
        distance = np.full((len(seen), number), np.nan)
        if number and seen.any():
            clear = stack.clear[:, seen]
            grid = self._grid(stack.reflectance[:, self._rows][..., seen], clear)
            far = _distances(self._fitted.embed_grid(grid), self._embedding)
            order = np.argsort(far, axis=1, kind="stable")[:, :number]
            position[seen] = order
            distance[seen] = np.take_along_axis(far, order, axis=1) / self._typical
        return position, distance

    def class_of_labelled(self) -> npt.NDArray[np.int64]:
        """Returns the values of the class layer of the labelled fields, (L,)."""
        return self._fitted.fitted.label[self._labelled] + 1

    def ndvi_of_labelled(self) -> npt.NDArray[np.float64] | None:
        """Returns NDVI of the labelled fields on the ten-day calendar, (L, 36), or None."""
        return _ndvi(self._fitted.fitted.grid.select(self._labelled))

    def calendar_ndvi(self, stack: PixelStack) -> npt.NDArray[np.float64] | None:
        """Returns NDVI of N pixels on the ten-day calendar, (N, 36), or None without its bands.

        It is nan for a pixel without a clear date.
        """
        seen = np.asarray(stack.clear.any(axis=0))
        found = np.full((len(seen), NUM_STEPS), np.nan)
        if seen.any():
            values = stack.reflectance[:, self._rows][..., seen]
            ndvi = _ndvi(self._grid(values, stack.clear[:, seen]))
            if ndvi is None:
                return None
            found[seen] = ndvi
        return found

    def _grid(self, reflectance: npt.NDArray[np.int16], use: npt.NDArray[np.bool_]) -> TenDayGrid:
        return grid_of_pixels(
            reflectance,
            bands=self._bands,
            use=use,
            calendar_day=self._calendar_day.astype(np.int64),
            latitude=self._fitted.fitted.latitude,
        )


def _ndvi(grid: TenDayGrid) -> npt.NDArray[np.float64] | None:
    red, near = (SENTINEL2_BANDS.index(band) for band in ("B04", "B08"))
    if not (grid.has_band[red] and grid.has_band[near]):
        return None
    low, high = (grid.reflectance[..., band].astype(np.float64) for band in (red, near))
    return np.asarray((high - low) / np.maximum(high + low, 1e-6))


def _distances(
    embedding: npt.NDArray[np.float32], others: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Computes root mean square differences of embeddings, (N, L)."""
    one, two = embedding.astype(np.float64), others.astype(np.float64)
    square = (one**2).sum(1)[:, None] - 2 * one @ two.T + (two**2).sum(1)
    return np.asarray(np.sqrt(np.maximum(square, 0) / one.shape[1]))


def _typical_distance(embedding: npt.NDArray[np.float32]) -> float:
    """Computes the median distance of labelled fields from their nearest neighbour."""
    if len(embedding) < 2:
        return 1.0
    chosen = np.linspace(0, len(embedding) - 1, min(len(embedding), _MOST_FOR_SCALE))
    rows = chosen.astype(np.intp)
    far = _distances(embedding[rows], embedding)
    far[np.arange(len(rows)), rows] = np.inf
    return max(float(np.median(far.min(axis=1))), 1e-6)
