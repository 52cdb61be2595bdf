"""A small map with everything that is known of its pixels, as arrays for one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import LayerName, MapHeader
from windrow.data.series import NO_DATA
from windrow.data.ten_day_grid import NUM_STEPS
from windrow.errors import SettingsError
from windrow.pipelines.viewer.content import About, MapContent
from windrow.pipelines.viewer.details import Details
from windrow.pipelines.viewer.outlines import OutlineRecord
from windrow.pipelines.viewer.scene_pixels import PixelStack, ScenePixels
from windrow.pipelines.viewer.season import NUM_NEAREST, Season
from windrow.sensors import PLANETSCOPE_BANDS
from windrow.sources.rasters.grid import Window

MOST_PIXELS = 20_000
"""Largest number of pixels of a map that fits into one page."""

PAGE_BANDS = ("B02", "B03", "B04", "B08", "B11")
"""Bands whose series go into a page; all others stay out, to keep it small."""

DAYS_BETWEEN = 10
"""Days between the predicted PlanetScope values of a page."""

_PIXELS_A_CALL = 512

NO_NEIGHBOUR = 65_535
"""Position where a pixel has no labelled field beside it."""

Arrays = dict[str, npt.NDArray[Any]]

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class EmbeddedMap:
    """What a page of its own holds.

    Attributes:
        about: description of the map.
        arrays: by name. ``values`` (3, H, W) are the planes and ``histogram`` (C, 101) the pixels
            by class and confidence. With a cube there are ``picture`` (h, w, 3), ``reflectance``
            (H W, T, B) int16 with ``NO_DATA``, and ``clear`` (H W, T). With a classifier there are
            ``season`` (H W, M, C) in percent, 255 without a clear date, ``neighbours`` (H W, k)
            positions of labelled fields, 65535 for none, ``distances`` (H W, k) in hundredths,
            ``labelled`` (L,) classes, and NDVI on the ten-day calendar in thousandths,
            ``calendar_ndvi`` (H W, 36) and ``labelled_ndvi`` (L, 36). With weights
            there is ``planetscope`` (H W, D, 4) int16 and ``planetscope_predicted`` (H W, D).
        dates: dates of the arrays by name: ``reflectance``, ``season``, ``planetscope``.
        bands: bands of ``reflectance``.
        outlines: parcels.
        parcels: details of each parcel.
    """

    about: About
    arrays: Arrays
    dates: dict[str, list[str]]
    bands: list[str]
    outlines: list[OutlineRecord]
    parcels: list[Details]


def check_page_size(header: MapHeader) -> None:
    """Refuses a map that does not fit into one page.

    Raises:
        SettingsError: the map has more than 20,000 pixels.
    """
    num_pixels = header.grid.height * header.grid.width
    if num_pixels > MOST_PIXELS:
        raise SettingsError(
            "the map is too large for one page",
            found=f"{num_pixels:,} pixels",
            expected=f"at most {MOST_PIXELS:,}",
            hint="leave --page out: then the map is served",
        )


def embed_map(content: MapContent, *, on_progress: OnProgress | None = None) -> EmbeddedMap:
    """Computes everything that a page of its own shows.

    Args:
        content: the map and what is shown beside it.
        on_progress: called with the pixels done and their number.

    Raises:
        SettingsError: the map has more than 20,000 pixels.
        DataError: a file is damaged.
    """
    check_page_size(content.header)
    arrays: Arrays = {
        "values": content.values.whole(),
        "histogram": content.histogram().astype(np.uint32),
    }
    layers: tuple[LayerName, ...] = ("entropy", "clear_dates")
    for name in layers:
        plane = content.values.plane(name)
        if plane is not None:
            arrays[name] = plane.astype(np.uint16)
    dates: dict[str, list[str]] = {}
    bands: list[str] = []
    if content.beside.scene is not None:
        picture = content.picture()
        if picture is not None:
            arrays["picture"] = picture.values
        given = content.beside.scene.facts.bands
        bands = [band for band in PAGE_BANDS if band in given] or list(given[:5])
        found = _SceneArrays(content, content.beside.scene, bands)
        found.fill(on_progress)
        arrays |= found.arrays
        dates = found.dates
    outlines = content.outlines()
    parcels = [_with_bands(content.parcel(each["number"]), bands) for each in outlines]
    return EmbeddedMap(content.about(), arrays, dates, bands, outlines, parcels)


class _SceneArrays:
    """The arrays that are computed from the series of all pixels."""

    def __init__(self, content: MapContent, scene: ScenePixels, bands: Sequence[str]) -> None:
        grid, facts = content.header.grid, scene.facts
        self._scene, self._width, self._total = scene, grid.width, grid.height * grid.width
        self._season, self._planetscope = content.beside.season, content.beside.planetscope
        self._order = [facts.bands.index(band) for band in bands]
        shape = (self._total, len(facts.dates))
        self.arrays: Arrays = {
            "reflectance": np.full((*shape, len(bands)), NO_DATA, dtype=np.int16),
            "clear": np.zeros(shape, dtype=np.uint8),
        }
        self.dates = {"reflectance": _iso(facts.dates)}
        if self._season is not None:
            self.dates["season"] = _iso(self._season.ends)
            self._allocate_season(self._season, len(content.header.classes))
        if self._planetscope is not None:
            days = self._planetscope.days[::DAYS_BETWEEN]
            self.dates["planetscope"] = _iso(days)
            shape = (self._total, len(days))
            four = (*shape, len(PLANETSCOPE_BANDS))
            self.arrays["planetscope"] = np.full(four, NO_DATA, dtype=np.int16)
            self.arrays["planetscope_predicted"] = np.zeros(shape, dtype=np.uint8)

    def _allocate_season(self, season: Season, num_classes: int) -> None:
        arrays, total = self.arrays, self._total
        arrays["season"] = np.full((total, len(season.ends), num_classes), 255, dtype=np.uint8)
        if not season.num_labelled:
            return
        number = min(NUM_NEAREST, season.num_labelled)
        arrays["neighbours"] = np.full((total, number), NO_NEIGHBOUR, dtype=np.uint16)
        arrays["distances"] = np.zeros((total, number), dtype=np.uint16)
        arrays["labelled"] = season.class_of_labelled().astype(np.uint8)
        ndvi = season.ndvi_of_labelled()
        if ndvi is not None:
            arrays["labelled_ndvi"] = _stored(ndvi, 1_000)
            arrays["calendar_ndvi"] = np.full((total, NUM_STEPS), NO_DATA, dtype=np.int16)

    def fill(self, on_progress: OnProgress | None) -> None:
        """Reads all pixels of the cube, a block at a time."""
        arrays, done = self.arrays, 0
        for window, stack in self._scene.blocks(_PIXELS_A_CALL):
            at = _positions(window, self._width)
            values = np.where(stack.valid[:, None], stack.reflectance[:, self._order], NO_DATA)
            arrays["reflectance"][at] = values.transpose(2, 0, 1)
            arrays["clear"][at] = stack.clear.T
            if self._season is not None:
                self._fill_season(self._season, stack, at)
            if self._planetscope is not None:
                found, real = self._planetscope.predict(stack, every=DAYS_BETWEEN)
                arrays["planetscope"][at] = _stored(found, 10_000)
                arrays["planetscope_predicted"][at] = real
            done += len(at)
            if on_progress is not None:
                on_progress(done, self._total)

    def _fill_season(self, season: Season, stack: PixelStack, at: npt.NDArray[np.intp]) -> None:
        arrays, found = self.arrays, season.probabilities(stack)
        arrays["season"][at] = np.where(np.isnan(found), 255, np.rint(100 * found)).astype(np.uint8)
        if "neighbours" in arrays:
            position, distance = season.nearest(stack)
            arrays["neighbours"][at] = np.where(position < 0, NO_NEIGHBOUR, position)
            far = np.minimum(np.rint(100 * np.nan_to_num(distance)), 65_535)
            arrays["distances"][at] = far.astype(np.uint16)
        if "calendar_ndvi" in arrays:
            ndvi = season.calendar_ndvi(stack)
            assert ndvi is not None
            arrays["calendar_ndvi"][at] = _stored(ndvi, 1_000)


def _stored(values: npt.NDArray[np.floating], factor: int) -> npt.NDArray[np.int16]:
    """Multiplies values and rounds them to int16; nan becomes ``NO_DATA``."""
    numbers = np.clip(np.rint(np.nan_to_num(values) * factor), -32_767, 32_767)
    return np.where(np.isnan(values), NO_DATA, numbers).astype(np.int16)


def _positions(window: Window, width: int) -> npt.NDArray[np.intp]:
    rows = np.arange(window.row, window.row + window.height)[:, None] * width
    return (rows + np.arange(window.column, window.column + window.width)).ravel()


def _iso(dates: npt.NDArray[np.datetime64]) -> list[str]:
    return [str(day) for day in dates.astype("M8[D]")]


def _with_bands(details: Details, bands: list[str]) -> Details:
    """Keeps the bands of the page alone, and one of ten predicted days."""
    series, predicted = details["series"], details["planetscope"]
    if series is not None:
        order = [series["bands"].index(band) for band in bands]
        rows = [[row[at] for at in order] for row in series["reflectance"]]
        details["series"] = {**series, "bands": list(bands), "reflectance": rows}
    if predicted is not None:
        part = slice(None, None, DAYS_BETWEEN)
        details["planetscope"] = {
            "dates": predicted["dates"][part],
            "bands": predicted["bands"],
            "reflectance": predicted["reflectance"][part],
            "predicted": predicted["predicted"][part],
        }
    return details
