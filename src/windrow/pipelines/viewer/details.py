"""All that is known of a pixel or parcel of a map, as JSON values for a page."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

from windrow.pipelines.viewer.predicted_planetscope import PredictedPlanetScope
from windrow.pipelines.viewer.scene_pixels import PixelStack
from windrow.pipelines.viewer.season import Season
from windrow.sensors import PLANETSCOPE_BANDS
from windrow.sources.rasters.grid import CubeFacts

MIN_SHARE = 0.5
"""A parcel's date counts where at least this share of its pixels has data."""


class SeriesRecord(TypedDict):
    """A Sentinel-2 series: reflectance x 10,000 by date and band, and which dates are clear."""

    dates: list[str]
    bands: list[str]
    reflectance: list[list[int]]
    clear: list[bool]
    cloud: list[int] | None


class SeasonRecord(TypedDict):
    """Probabilities by the dates until each month's end; None without a clear date until then."""

    dates: list[str]
    probability: list[list[float] | None]


class NeighbourRecord(TypedDict):
    """A labelled field: its class, its distance, and its NDVI on 36 ten-day steps if known."""

    map_class: int
    distance: float
    ndvi: list[float] | None


class PlanetScopeRecord(TypedDict):
    """Predicted PlanetScope reflectance by day and band; which days are not interpolated."""

    dates: list[str]
    bands: list[str]
    reflectance: list[list[float]]
    predicted: list[bool]


class ShareRecord(TypedDict):
    """Pixels of a parcel by class."""

    map_class: int
    num_pixels: int


class Details(TypedDict):
    """What a page shows of a pixel or a parcel. None stands for what is not known.

    Attributes:
        title: what was chosen.
        row, column: of the pixel; of a pixel within the parcel.
        x, y: of the pixel's centre in the CRS of the map.
        longitude, latitude: degrees.
        map_class: value of the class; the majority of a parcel.
        probability: of the class, 0..1, of pixels alone.
        entropy: 0..1, of pixels alone.
        unlikeness: of pixels alone.
        clear_dates: number, of pixels alone.
        num_pixels: of a parcel.
        shares: pixels of a parcel by class, most first.
        series: the Sentinel-2 series, the mean of a parcel.
        season: probabilities through the season.
        neighbours: the nearest labelled fields, nearest first.
        calendar_ndvi: NDVI on the ten-day calendar of the labelled fields.
        planetscope: the predicted PlanetScope series.
    """

    title: str
    row: int
    column: int
    x: float
    y: float
    longitude: float | None
    latitude: float | None
    map_class: int | None
    probability: float | None
    entropy: float | None
    unlikeness: float | None
    clear_dates: int | None
    num_pixels: int | None
    shares: list[ShareRecord] | None
    series: SeriesRecord | None
    season: SeasonRecord | None
    neighbours: list[NeighbourRecord] | None
    calendar_ndvi: list[float] | None
    planetscope: PlanetScopeRecord | None


def mean_of_pixels(stack: PixelStack) -> PixelStack:
    """Averages pixels into one series.

    A date is valid where half of the pixels have data. It is clear where half of those are clear,
    and holds the mean of the clear ones then, else of all.
    """
    num = stack.valid.shape[1]
    if num == 1:
        return stack
    count, clear_count = stack.valid.sum(axis=1), stack.clear.sum(axis=1)
    valid = count >= max(1.0, MIN_SHARE * num)
    clear = valid & (2 * clear_count >= count) & (clear_count > 0)
    use = np.where(clear[:, None], stack.clear, stack.valid)
    total = (stack.reflectance * use[:, None].astype(np.int64)).sum(axis=2)
    mean = np.rint(total / np.maximum(use.sum(axis=1), 1)[:, None]) * valid[:, None]
    cloud = None
    if stack.cloud is not None:
        summed = (stack.cloud * stack.valid.astype(np.int64)).sum(axis=1)
        cloud = np.rint(summed / np.maximum(count, 1)).astype(np.uint8)[:, None]
    return PixelStack(mean.astype(np.int16)[..., None], valid[:, None], cloud, clear[:, None])


def series_record(stack: PixelStack, facts: CubeFacts) -> SeriesRecord:
    """Describes the series of one pixel; dates without data are left out."""
    at = np.flatnonzero(stack.valid[:, 0])
    cloud = None if stack.cloud is None else stack.cloud[at, 0].tolist()
    return {
        "dates": _iso(facts.dates[at]),
        "bands": list(facts.bands),
        "reflectance": stack.reflectance[at, :, 0].tolist(),
        "clear": stack.clear[at, 0].tolist(),
        "cloud": cloud,
    }


def season_record(stack: PixelStack, season: Season) -> SeasonRecord:
    """Describes the probabilities of one pixel through the season."""
    found = season.probabilities(stack)[0]
    return {
        "dates": _iso(season.ends),
        "probability": [
            None if np.isnan(row).any() else np.round(row, 4).tolist() for row in found
        ],
    }


def neighbour_records(stack: PixelStack, season: Season) -> list[NeighbourRecord]:
    """Describes the labelled fields that are nearest to one pixel."""
    position, distance = season.nearest(stack)
    classes, ndvi = season.class_of_labelled(), season.ndvi_of_labelled()
    return [
        {
            "map_class": int(classes[at]),
            "distance": round(float(far), 3),
            "ndvi": None if ndvi is None else np.round(ndvi[at], 3).tolist(),
        }
        for at, far in zip(position[0].tolist(), distance[0].tolist(), strict=True)
        if at >= 0
    ]


def calendar_record(stack: PixelStack, season: Season) -> list[float] | None:
    """Describes NDVI of one pixel on the ten-day calendar; None where it is not known."""
    ndvi = season.calendar_ndvi(stack)
    if ndvi is None or np.isnan(ndvi).any():
        return None
    found: list[float] = np.round(ndvi[0], 3).tolist()
    return found


def planetscope_record(
    stack: PixelStack, predicted: PredictedPlanetScope
) -> PlanetScopeRecord | None:
    """Describes the predicted PlanetScope series of one pixel; None without any data."""
    reflectance, real = predicted.predict(stack)
    if np.isnan(reflectance).any():
        return None
    return {
        "dates": _iso(predicted.days),
        "bands": list(PLANETSCOPE_BANDS),
        "reflectance": np.round(reflectance[0].astype(np.float64), 4).tolist(),
        "predicted": real[0].tolist(),
    }


def _iso(dates: npt.NDArray[np.datetime64]) -> list[str]:
    return [str(date) for date in dates.astype("M8[D]")]
