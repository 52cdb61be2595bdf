"""The series of one place embedded beside each other, without labels and classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.classifiers.place_embedder import PlaceEmbedder
from windrow.data.series import Series
from windrow.data.ten_day_grid import TenDayGrid, grid_of_series
from windrow.errors import DataError

MOST_CONTEXT = 256
"""Largest number of fields that show a place to the network, as in the crop classifier."""


class EmbeddedPlace:
    """Embeds series of any bands, dates and twelve months beside the other series of their place.

    Embeddings of two places are not comparable, since all series of the context see each other.

    Args:
        encoder: the place network.
        place: series of the place. At most 256 of them, spread evenly, are the context.

    Raises:
        DataError: there is no series, or a series has no valid date.
    """

    def __init__(self, encoder: PlaceEncoder, place: Series) -> None:
        self._encoder = encoder
        self._bands, self._level = place.bands, place.processing_level
        self._latitude: float | None = None
        if place.latitude is not None and len(place):
            self._latitude = float(np.median(place.latitude))
        shown = np.linspace(0, len(place) - 1, min(len(place), MOST_CONTEXT)).astype(np.intp)
        self._embedder = PlaceEmbedder(
            encoder,
            self._grid(place.select(shown)),
            latitude=self._latitude,
            num_context=MOST_CONTEXT,
        )
        self.width = self._embedder.width

    def embed(self, series: Series) -> npt.NDArray[np.float32]:
        """Computes the embeddings (N, Z). That of a series does not depend on the others here.

        Args:
            series: N series of the place, with its bands and processing level.

        Raises:
            DataError: the series are of another processing level, or one has no valid date.
            BandError: a band of the place is missing.
        """
        if series.processing_level != self._level:
            raise DataError(
                "the series are of another processing level than their place",
                found=series.processing_level,
                expected=self._level,
            )
        return self._embedder.embed(self._grid(series))

    def _grid(self, series: Series) -> TenDayGrid:
        return grid_of_series(
            series.with_bands(self._bands),
            clear_below=self._encoder.header.clear_below,
            latitude=self._latitude,
        )
