"""Finds the order of the columns of BreizhCrops from their values.

The HDF5 files of level L1C have no column names. They were written with alphabetical columns (B1,
B10, B11, ...). The package ``breizhcrops`` has indexed them in numeric order since April 2021, so
it reads wrong bands without an error. The values show the order: the cirrus band B10 has by far
the lowest mean, because little of its light returns from the ground, and ``doa``, the date of
acquisition, is about 1.5e18 nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.series import ProcessingLevel
from windrow.errors import BandError, DataError
from windrow.sources.values.parcel_means import CIRRUS_RATIO, ParcelSeries

_QUALITY = ("QA10", "QA20", "QA60")
_NUMERIC = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
ALPHABETICAL_L1C = (*sorted(_NUMERIC), *_QUALITY, "doa")
NUMERIC_L1C = (*_NUMERIC, *_QUALITY, "doa")
_L2A = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12", "CLD", "EDG", "SAT")
L2A_DATE_FIRST = ("doa", *_L2A)
L2A_DATE_LAST = (*_L2A, "doa")

_QA60_CLOUD = 1024.0
_UNITS = ((1e17, "ns", 1.0), (1e14, "us", 1e3), (1e11, "ms", 1e6), (1e8, "s", 1e9))


@dataclass(frozen=True)
class Columns:
    """The columns of an array, and the evidence for their order.

    Attributes:
        names: one name per column, as BreizhCrops writes them.
        how: the evidence, for the summary.
    """

    names: tuple[str, ...]
    how: str

    @property
    def bands(self) -> tuple[str, ...]:
        """Canonical names of the used bands (all but B10), in the sensor's order."""
        found = {sensors.canonical_band(name) for name in self.names if name[0] in "Bb"}
        return tuple(band for band in sensors.SENTINEL2_BANDS if band in found)

    @property
    def processing_level(self) -> ProcessingLevel:
        """L1C for columns with QA60 or B10, else L2A."""
        return "L1C" if {"QA60", "B10"} & set(self.names) else "L2A"

    def parcel(self, values: npt.NDArray[np.float64], source: str) -> ParcelSeries:
        """Converts one array (T, columns) to a parcel with ordered bands, dates and cloud."""
        position = {name: index for index, name in enumerate(self.names)}
        by_band = {sensors.canonical_band(n): i for n, i in position.items() if n[0] in "Bb"}
        return ParcelSeries(
            values=values[:, [by_band[band] for band in self.bands]],
            dates=_dates(values[:, position["doa"]], source),
            cloud=_cloud(values, position),
            source=source,
        )


CLOUD_MEANING = {
    "L1C": "min(1, QA60 / 1024): the parcel's mean of a bit mask in which an opaque cloud is "
    "1024 and cirrus 2048, so the share under opaque cloud, and an upper bound under cirrus",
    "L2A": "min(1, CLD): the parcel's mean of a bit mask in which any cloud is at least 1, so an "
    "upper bound of the share under cloud",
}
"""How the quality column becomes a fraction under cloud, by processing level."""


def _cloud(
    values: npt.NDArray[np.float64], position: dict[str, int]
) -> npt.NDArray[np.float64] | None:
    if "QA60" in position:
        return np.asarray(np.clip(values[:, position["QA60"]] / _QA60_CLOUD, 0.0, 1.0))
    if "CLD" in position:
        return np.asarray(np.clip(values[:, position["CLD"]], 0.0, 1.0))
    return None


def _dates(doa: npt.NDArray[np.float64], source: str) -> npt.NDArray[np.datetime64]:
    """Converts ``doa`` to days: nanoseconds since 1970, or coarser units from newer pandas."""
    typical = float(np.median(doa)) if len(doa) else 0.0
    factor = next((factor for least, _, factor in _UNITS if typical > least), None)
    if len(doa) and (factor is None or not np.isfinite(doa).all()):
        raise DataError(
            "doa holds no dates",
            where=source,
            found=f"{typical:g}",
            expected="nanoseconds since 1970, about 1.5e18",
        )
    days = np.floor(doa * (factor or 1.0) / 86_400e9).astype(np.int64)
    return np.asarray(days.astype("M8[D]"))


def given_columns(names: Sequence[str], num_columns: int, where: object) -> Columns:
    """Returns columns in the order that the user gives.

    Raises:
        BandError: the number of names is wrong, or ``doa`` is missing.
    """
    canonical = tuple("doa" if name.lower() == "doa" else name.upper() for name in names)
    if len(canonical) != num_columns or "doa" not in canonical:
        raise BandError(
            "the order of columns that was given does not fit",
            where=where,
            found=f"{len(canonical)} names: {' '.join(names)}",
            expected=f"{num_columns} names, doa among them, as {' '.join(ALPHABETICAL_L1C)}",
        )
    sensors.check_bands([n for n in canonical if n[0] == "B" and n != "B10"])
    return Columns(canonical, "as given")


def detect_columns(sample: npt.NDArray[np.float64], *, where: object) -> Columns:
    """Finds the order of the columns from rows of many parcels.

    Args:
        sample: (R, 17) of level L1C or (R, 14) of L2A.
        where: the file, for messages.

    Raises:
        DataError: the number of columns is of neither level, ``doa`` is not where it must be, or
            no band is so dark that it can only be B10.
    """
    if sample.shape[1] not in (17, 14) or not len(sample):
        raise DataError(
            "another number of columns",
            where=where,
            found=f"{sample.shape[1]}",
            expected="17 (L1C) or 14 (L2A)",
        )
    means = np.nanmean(sample, axis=0)
    doa = int(np.argmax(means))
    if sample.shape[1] == 14:
        order = {0: L2A_DATE_FIRST, 13: L2A_DATE_LAST}.get(doa)
        if order is not None:
            end = "first" if doa == 0 else "last"
            return Columns(order, f"doa is the {end} column")
    elif doa == 16:
        bands = means[:13]
        darkest, next_darkest = np.sort(bands)[:2]
        position = int(np.argmin(bands))
        known = {1: (ALPHABETICAL_L1C, "alphabetical"), 10: (NUMERIC_L1C, "numeric")}
        if position in known and darkest < CIRRUS_RATIO * next_darkest:
            names, word = known[position]
            return Columns(
                names,
                f"{word}: column {position + 1} is the cirrus band B10, its mean {darkest:.0f} "
                f"by far the lowest (the next is {next_darkest:.0f})",
            )
    raise DataError(
        "the order of the bands cannot be told from the data",
        where=where,
        found="means " + " ".join(f"{mean:.3g}" for mean in means),
        hint="give the columns in their order with --bands",
    )
