"""Distinguishes Sentinel-2 from Landsat by names of files and items and by band numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from windrow.errors import BandError
from windrow.sources.bands.dialects import SENTINEL2, Dialect

NO_RED_EDGE = "whose red edge (B05 B06 B07) Landsat does not have"
"""Why Landsat cannot stand for Sentinel-2."""

_SENTINEL2_FILE = re.compile(r"(^|[^A-Z0-9])(S2[ABC]?_|SEN2[ABC]_|T[0-9]{2}[A-Z]{3}_[0-9]{8}T)")
_LANDSAT_FILE = re.compile(r"(^|[^a-z])hls\.?_?l30|(^|[^a-z0-9])l[coetm]0?[4-9]_|landsat", re.I)


def refuse_landsat(names: Iterable[str], *, where: object) -> None:
    """Refuses files, items or collections with names of Landsat or HLS L30.

    Args:
        names: names of files, items or collections.
        where: their source, for messages.

    Raises:
        BandError: a name is from Landsat or HLS L30; the error gives the first.

    Example:
        >>> refuse_landsat(["HLS.S30.T32UPU.2018131T101031.v2.0.B04.tif"], where="images")
    """
    for name in names:
        if _LANDSAT_FILE.search(name) is not None:
            raise BandError(
                "this is of Landsat",
                where=where,
                found=name,
                expected=f"Sentinel-2, {NO_RED_EDGE}",
                hint="leave it out, or read Sentinel-2 (of HLS: S30)",
            )


def dialect_of_files(names: Iterable[str]) -> Dialect | None:
    """Returns the dialect Sentinel-2 if all files are named like its products; else None.

    Example:
        >>> dialect_of_files(["T31UES_20180511T105031_B05_20m.tif"]).key
        'Sentinel-2'
    """
    return SENTINEL2 if all(_SENTINEL2_FILE.search(name) for name in names) else None


def looks_like_landsat(cores: set[str]) -> bool:
    """Whether numbers can be Landsat 8's: B05 to B07 without a band that only Sentinel-2 has."""
    return bool(cores & {"b5", "b6", "b7"}) and not cores & {"b8", "b8a", "b12"}
