"""Which pixels of a cube become series: those of labelled parcels, of coded patches, or all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from windrow.data.legend import UNLABELLED, Legend
from windrow.errors import DataError
from windrow.sources.labels.legend_table import read_legend
from windrow.sources.labels.parcel_polygons import CONTESTED, Parcels
from windrow.sources.rasters.grid import Grid, Window
from windrow.sources.reader import ReadingSummary


@dataclass(frozen=True)
class Pixels:
    """Chosen pixels of a window.

    Attributes:
        rows, columns: (n,) within the window.
        field: (n,) position in the targets' ``field_ids``, or -1 where each pixel is its own.
        contested: pixels of the window left out, since parcels of different crops overlap there.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    field: npt.NDArray[np.int64]
    contested: int = 0

    def select(self, kept: npt.NDArray[np.bool_]) -> Pixels:
        """Selects some of the pixels."""
        return Pixels(self.rows[kept], self.columns[kept], self.field[kept])


class Targets(Protocol):
    """What is read of a cube."""

    @property
    def legend(self) -> Legend | None:
        """The classes, or None without labels."""

    @property
    def field_ids(self) -> npt.NDArray[Any]:
        """(F,) identity of each field."""

    @property
    def field_labels(self) -> npt.NDArray[np.int16]:
        """(F,) position in the legend of each field."""

    def pixels(self, window: Window) -> Pixels:
        """Returns the pixels of a window."""


@dataclass(frozen=True)
class EveryPixel:
    """All pixels, without labels; each is its own field."""

    legend: Legend | None = None

    @property
    def field_ids(self) -> npt.NDArray[Any]:
        """None."""
        return np.empty(0, dtype=np.int64)

    @property
    def field_labels(self) -> npt.NDArray[np.int16]:
        """None."""
        return np.empty(0, dtype=np.int16)

    def pixels(self, window: Window) -> Pixels:
        """Returns every pixel of the window."""
        rows, columns = np.divmod(np.arange(window.height * window.width), window.width)
        return Pixels(rows, columns, np.full(len(rows), -1, dtype=np.int64))


@dataclass(frozen=True)
class ParcelPixels:
    """The pixels whose centres lie in labelled parcels."""

    parcels: Parcels
    grid: Grid

    @property
    def legend(self) -> Legend:
        """The classes of the parcels."""
        return self.parcels.legend

    @property
    def field_ids(self) -> npt.NDArray[Any]:
        """The ids of the parcels."""
        return self.parcels.id

    @property
    def field_labels(self) -> npt.NDArray[np.int16]:
        """The classes of the parcels."""
        return self.parcels.label

    def pixels(self, window: Window) -> Pixels:
        """Pixels of parcels within the window."""
        return _chosen(self.parcels.rasterise(self.grid, window))


@dataclass(frozen=True)
class PatchPixels:
    """The pixels with a crop code; a field is a patch of touching pixels of one code.

    Attributes:
        patch: (height, width) position in ``field_ids``, -1 without a code.
        legend: the codes that occur.
        field_labels: (F,) the class of each patch.
    """

    patch: npt.NDArray[np.int32]
    legend: Legend
    field_labels: npt.NDArray[np.int16]

    @property
    def field_ids(self) -> npt.NDArray[Any]:
        """Patches are numbered from 0."""
        return np.arange(len(self.field_labels), dtype=np.int64)

    def pixels(self, window: Window) -> Pixels:
        """Pixels with a code within the window."""
        y = slice(window.row, window.row + window.height)
        return _chosen(self.patch[y, window.column : window.column + window.width])


def patches_of_codes(
    codes: npt.NDArray[np.int64], *, legend: Path | None, where: object, summary: ReadingSummary
) -> PatchPixels:
    """Splits a raster of crop codes, 0 where none is declared, into patches.

    Raises:
        DataError: no pixel has a code, or one has a code outside the given legend.
    """
    from scipy import ndimage

    found = [int(code) for code in np.unique(codes) if code > 0]
    if not found:
        raise DataError("no pixel has a crop code", where=where, expected="codes above 0")
    classes, position = read_legend(
        legend, [str(code) for code in found], where=where, summary=summary
    )
    patch = np.full(codes.shape, -1, dtype=np.int32)
    labels: list[int] = []
    for code in found:
        components, count = ndimage.label(codes == code)
        inside = components > 0
        patch[inside] = components[inside] - 1 + len(labels)
        labels.extend([position[str(code)]] * int(count))
    summary.count("pixels_without_a_crop_code_left_out", int((codes <= 0).sum()))
    summary.say("fields", f"{len(labels)} patches of touching pixels of one crop code")
    return PatchPixels(patch, classes, np.array(labels, dtype=np.int16))


def count_pixels(
    targets: Targets, windows: Iterable[Window], summary: ReadingSummary
) -> npt.NDArray[np.int64]:
    """Pixels of each window, after saying how many of each class there are.

    Raises:
        DataError: there is none.
    """
    counts = []
    contested = 0
    per_field = np.zeros(max(len(targets.field_ids), 1), dtype=np.int64)
    for window in windows:
        pixels = targets.pixels(window)
        counts.append(len(pixels.rows))
        contested += pixels.contested
        if targets.legend is not None:
            per_field += np.bincount(pixels.field, minlength=len(per_field))
    summary.count("pixels_in_parcels_of_different_crops_left_out", contested)
    if not sum(counts):
        raise DataError(
            "no pixel centre lies in a parcel",
            hint="the parcels are smaller than a pixel, or not where the images are",
        )
    summary.count("pixels", sum(counts))
    if targets.legend is not None:
        label = targets.field_labels
        summary.count("fields", int((per_field > 0).sum()))
        summary.count("fields_without_a_pixel_centre_left_out", int((per_field == 0).sum()))
        parts = [
            f"{name} ({int((label[per_field > 0] == i).sum())} fields, "
            f"{int(per_field[label == i].sum())} pixels)"
            for i, name in enumerate(targets.legend.names)
        ]
        summary.say("classes", ", ".join(parts))
    return np.array(counts, dtype=np.int64)


def labels_of(targets: Targets, field: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """Returns the class of each pixel by its field, -1 where it has none."""
    return np.append(targets.field_labels, np.int16(UNLABELLED))[field].astype(np.int16)


def _chosen(owner: npt.NDArray[np.int32]) -> Pixels:
    rows, columns = np.nonzero(owner >= 0)
    contested = int((owner == CONTESTED).sum())
    return Pixels(rows, columns, owner[rows, columns].astype(np.int64), contested)
