"""PlanetScope series of pixels of a map, predicted by bi-modal BERT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.inference.bimodal_predictor import PREDICTED, PixelDates
from windrow.pipelines.daily.predictor import load_predictor
from windrow.pipelines.viewer.scene_pixels import PixelStack
from windrow.sensors import PLANETSCOPE_BANDS
from windrow.sources.rasters.grid import CubeFacts


class PredictedPlanetScope:
    """Predicts the reflectance that PlanetScope would have seen.

    Args:
        run: the run directory of ``windrow pretrain``.
        facts: the cube that series come from.

    Raises:
        WindrowError: the weights are of another kind, or do not fit the cube.
    """

    def __init__(self, run: str | Path, facts: CubeFacts) -> None:
        self._predictor = load_predictor(
            run, bands=facts.bands, processing_level=facts.processing_level
        )
        header = self._predictor.header
        self._columns = [
            facts.bands.index(band) if band in facts.bands else None for band in header.bands
        ]
        self._dates = facts.dates
        first, last = facts.dates.min(), facts.dates.max()
        self.days: npt.NDArray[np.datetime64] = np.arange(first, last + np.timedelta64(1, "D"))
        self.simulated, self.smoke_test = header.simulated, header.smoke_test

    def predict(
        self, stack: PixelStack, *, every: int = 1
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Predicts pixels.

        Args:
            stack: N pixels of the cube.
            every: one of so many days.

        Returns:
            (N, D, 4) reflectance 0..1 of blue, green, red and nir, the mean of 3 x 3 pixels, nan
            without data; (N, D) whether a day is predicted, and not interpolated.
        """
        num_dates, _, num_pixels = stack.reflectance.shape
        values = np.zeros((num_pixels, num_dates, len(self._columns)), dtype=np.int16)
        for band, column in enumerate(self._columns):
            if column is not None:
                values[..., band] = stack.reflectance[:, column].T
        pixels = PixelDates(values, np.ascontiguousarray(stack.valid.T), self._dates)
        found = self._predictor.daily(pixels, self.days[::every])
        shape = (*found.flag.shape, len(PLANETSCOPE_BANDS), -1)
        return found.reflectance.reshape(shape).mean(axis=-1), found.flag == PREDICTED
