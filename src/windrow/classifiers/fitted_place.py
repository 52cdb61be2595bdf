"""What a fitted crop classifier keeps of its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from windrow.data.series import ProcessingLevel
from windrow.data.ten_day_grid import TenDayGrid
from windrow.errors import BandError
from windrow.sensors import SENTINEL2_BANDS


@dataclass(frozen=True, eq=False)
class FittedPlace:
    """The data that a fitted classifier keeps of its place.

    A saved classifier consists of these data and the forests.

    Attributes:
        classes: names of the classes, sorted.
        bands: names of the bands of the series.
        level: processing level of the series.
        season_start: first day of the twelve months of the series, as ``MM-DD``. Series with
            other twelve months are classified alike.
        latitude: median latitude of the fields in degrees, or None.
        crops: names of the table's crops, by class.
        grid: ten-day grid of the n labelled and context fields.
        label: (n,) int64 class of each field, -1 unlabelled.
        weight: (n,) float32, weight of each field or pixel; the pixels of a labelled field weigh
            1 together.
        num_labelled: median number of labelled fields per class that has a label.
    """

    classes: tuple[str, ...]
    bands: tuple[str, ...]
    level: ProcessingLevel
    season_start: str
    latitude: float | None
    crops: Mapping[str, Sequence[str]]
    grid: TenDayGrid
    label: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]
    num_labelled: float

    def with_bands(self, bands: Sequence[str]) -> FittedPlace:
        """Keeps these bands alone.

        Args:
            bands: names of the bands to keep; those that the fit lacks are ignored.

        Raises:
            BandError: no band is kept.
        """
        kept = tuple(band for band in self.bands if band in bands)
        if not kept:
            raise BandError(
                "the series have no band of the classifier",
                found=" ".join(bands),
                expected=" ".join(self.bands),
            )
        has_band = self.grid.has_band & np.isin(SENTINEL2_BANDS, kept)
        reflectance = np.where(has_band, self.grid.reflectance, np.float32(0))
        grid = TenDayGrid(reflectance, self.grid.gap, has_band)
        return replace(self, bands=kept, grid=grid)


def fields_a_class(
    field_id: npt.NDArray[np.generic], label: npt.NDArray[np.integer], num_classes: int
) -> float:
    """Gives the median number of labelled fields per class that has a label, or 0.

    Pixels of a field count once.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        num_classes: number of classes.
    """
    counts = [len(np.unique(field_id[label == number])) for number in range(num_classes)]
    return float(np.median([count for count in counts if count > 0] or [0]))


def weight_of_series(
    field_id: npt.NDArray[np.generic], label: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Gives the weight of each series: the labelled pixels of a field weigh 1 together.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.

    Returns:
        (N,) float32, 1 for an unlabelled series.
    """
    weight = np.ones(len(field_id), dtype=np.float32)
    rows = np.flatnonzero(label >= 0)
    _, field, count = np.unique(field_id[rows], return_inverse=True, return_counts=True)
    weight[rows] = 1.0 / count[field]
    return weight
