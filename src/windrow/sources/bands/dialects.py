"""The registry of dialects: the ways in which products and people name the bands of Sentinel-2.

``NIR`` is B08 in STAC and B8A in FORCE, so a single name has no meaning by itself.
:mod:`windrow.sources.bands.recognition` searches for the dialect that explains all names.
``docs/recognised.md`` holds the table of this registry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from windrow import sensors

_NUMBERED = re.compile(r"b(?:and)?[ _-]?0*([0-9]{1,3})(a?)")
_SPLIT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Dialect:
    """One way of naming the bands.

    Attributes:
        key: its name in the option ``--bands``.
        used_by: products and services that use it.
        names: the band of each name; names are in their usual spelling.
        also: further spellings of a name, by name.
        sentinel2: False for the names of another sensor.
    """

    key: str
    used_by: str
    names: Mapping[str, str]
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sentinel2: bool = True

    def bands(self) -> dict[str, str]:
        """Returns the band of each normalised name, further spellings included."""
        result = {}
        for name, band in self.names.items():
            for spelling in (name, *self.also.get(name, ())):
                result[normalised(spelling)] = band
        return result


def normalised(name: str) -> str:
    """Normalises a name: lower case, without blanks and leading zeros of a number.

    A separator inside a word is dropped (``red_edge_1``). A separator after a number is kept,
    because ``B1_1`` is not B11.

    Example:
        >>> [normalised(name) for name in ("B02", "Band 8A", "Red_Edge_1", "B1_1")]
        ['b2', 'b8a', 'rededge1', 'b1_1']
    """
    text = name.strip().lower()
    numbered = _NUMBERED.fullmatch(text)
    if numbered is not None:
        return f"b{int(numbered[1])}{numbered[2]}"
    if re.match(r"b(and)?[ _-]?[0-9]", text):
        return text
    return _SPLIT.sub("", text)


_NUMBERS = tuple(sensors.SENTINEL2_L1C)

_COLOURS = {"blue": "B02", "green": "B03", "red": "B04"}
_RED_EDGE = {"rededge1": "B05", "rededge2": "B06", "rededge3": "B07"}

SENTINEL2 = Dialect(
    "Sentinel-2",
    "ESA's products, sen2cor, Planetary Computer, Sentinel Hub, openEO, Earth Engine, HLS S30",
    {name: name for name in _NUMBERS},
)
STAC = Dialect(
    "STAC",
    "common names of STAC's eo extension, Earth Search",
    {
        "coastal": "B01",
        **_COLOURS,
        **_RED_EDGE,
        "nir": "B08",
        "nir08": "B8A",
        "nir09": "B09",
        "cirrus": "B10",
        "swir16": "B11",
        "swir22": "B12",
    },
    {
        "rededge1": ("rededge071",),
        "rededge2": ("rededge075",),
        "rededge3": ("rededge078",),
    },
)
FORCE = Dialect(
    "FORCE",
    "FORCE Level 2 (BLUE ... SWIR2) and time series (BLU GRN ... SW2)",
    {
        "ULTRABLUE": "B01",
        "BLUE": "B02",
        "GREEN": "B03",
        "RED": "B04",
        "REDEDGE1": "B05",
        "REDEDGE2": "B06",
        "REDEDGE3": "B07",
        "BROADNIR": "B08",
        "NIR": "B8A",
        "CIRRUS": "B10",
        "SWIR1": "B11",
        "SWIR2": "B12",
    },
    {
        "BLUE": ("BLU",),
        "GREEN": ("GRN",),
        "REDEDGE1": ("RE1",),
        "REDEDGE2": ("RE2",),
        "REDEDGE3": ("RE3",),
        "BROADNIR": ("BNR",),
        "SWIR1": ("SW1",),
        "SWIR2": ("SW2",),
    },
)
DEA = Dialect(
    "DEA",
    "Digital Earth Australia (SWIR bands are 2 and 3)",
    {
        "nbart_coastal_aerosol": "B01",
        **{f"nbart_{name}": band for name, band in _COLOURS.items()},
        "nbart_red_edge_1": "B05",
        "nbart_red_edge_2": "B06",
        "nbart_red_edge_3": "B07",
        "nbart_nir_1": "B08",
        "nbart_nir_2": "B8A",
        "nbart_swir_2": "B11",
        "nbart_swir_3": "B12",
    },
    {
        f"nbart_{name}": (name,)
        for name in (
            "coastal_aerosol",
            *_COLOURS,
            "red_edge_1",
            "red_edge_2",
            "red_edge_3",
            "nir_1",
            "nir_2",
            "swir_2",
            "swir_3",
        )
    },
)
DE_AFRICA = Dialect(
    "DEAfrica",
    "Digital Earth Africa (SWIR bands are 1 and 2)",
    {
        "coastal_aerosol": "B01",
        **_COLOURS,
        "red_edge_1": "B05",
        "red_edge_2": "B06",
        "red_edge_3": "B07",
        "nir_1": "B08",
        "nir_2": "B8A",
        "water_vapour": "B09",
        "swir_1": "B11",
        "swir_2": "B12",
    },
    {"water_vapour": ("water_vapor",)},
)
SEPAL = Dialect(
    "SEPAL",
    "SEPAL, Earth Engine scripts (NIR is B08, the fourth red edge or NIR2 is B8A)",
    {
        "aerosol": "B01",
        **_COLOURS,
        **_RED_EDGE,
        "nir": "B08",
        "redEdge4": "B8A",
        "waterVapor": "B09",
        "cirrus": "B10",
        "swir1": "B11",
        "swir2": "B12",
    },
    {
        "aerosol": ("aerosols", "cb"),
        "rededge1": ("re1",),
        "rededge2": ("re2",),
        "rededge3": ("re3",),
        "redEdge4": ("re4", "nir2", "nirnarrow", "narrownir"),
        "waterVapor": ("watervapour",),
    },
)
ACOLITE = Dialect(
    "ACOLITE",
    "ACOLITE (wavelengths in nm, of both satellites)",
    {
        "rhos_443": "B01",
        "rhos_492": "B02",
        "rhos_560": "B03",
        "rhos_665": "B04",
        "rhos_704": "B05",
        "rhos_740": "B06",
        "rhos_783": "B07",
        "rhos_833": "B08",
        "rhos_865": "B8A",
        "rhos_1614": "B11",
        "rhos_2202": "B12",
    },
    {
        "rhos_443": ("rhos_442",),
        "rhos_560": ("rhos_559",),
        "rhos_740": ("rhos_739",),
        "rhos_783": ("rhos_780",),
        "rhos_865": ("rhos_864",),
        "rhos_1614": ("rhos_1610",),
        "rhos_2202": ("rhos_2186",),
    },
)
LANDSAT = Dialect(
    "Landsat",
    "Landsat Collection 2 (SR_B1 ... SR_B7) and its surface reflectance of earlier collections",
    {
        **{f"SR_B{number}": "none" for number in range(1, 8)},
        **{f"sr_band{number}": "none" for number in range(1, 8)},
        "ST_B6": "none",
        "ST_B10": "none",
    },
    sentinel2=False,
)

DIALECTS: tuple[Dialect, ...] = (SENTINEL2, STAC, FORCE, DE_AFRICA, DEA, SEPAL, ACOLITE)
"""All dialects of Sentinel-2; where several explain all names alike, the first is taken."""

AMBIGUOUS = {
    "rededge": "B05, B06 or B07 (and B8A in some catalogues)",
    "nir": "B08, or B8A in FORCE",
    "swir": "B11 or B12",
    "swir1": "B11, or no band of Sentinel-2 where SWIR2 and SWIR3 follow it",
    "swir2": "B12, or B11 in Digital Earth Australia",
}
"""Names that are no band, or several, by themselves; why, for messages and the table."""

POSITIONS: dict[int, tuple[str, tuple[str, ...]]] = {
    4: ("the four bands of 10 m", ("B02", "B03", "B04", "B08")),
    9: (
        "TimeSen2Crop",
        ("B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"),
    ),
    10: (
        "level 2A without the bands of 60 m",
        ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"),
    ),
    12: ("all bands but B10", tuple(name for name in _NUMBERS if name != "B10")),
    13: ("level 1C", _NUMBERS),
}
"""What columns that count from one (B1, B2, ...) may be, by their number; never assumed."""


def dialect(key: str) -> Dialect | None:
    """Returns the dialect of a key in upper or lower case; None for an unknown key.

    Example:
        >>> dialect("force").names["NIR"]
        'B8A'
    """
    return next((one for one in DIALECTS if normalised(one.key) == normalised(key)), None)


def dialect_table() -> str:
    """Formats the registry as a Markdown table: one row per band, one column per dialect.

    Example:
        >>> dialect_table().splitlines()[0][:30]
        '| band | Sentinel-2 | STAC | F'
    """
    by_band = [
        {band: (name, *one.also.get(name, ())) for name, band in one.names.items()}
        for one in DIALECTS
    ]
    lines = ["| band | " + " | ".join(one.key for one in DIALECTS) + " |"]
    lines.append("| --- " * (len(DIALECTS) + 1) + "|")
    for band in _NUMBERS:
        cells = [", ".join(f"`{name}`" for name in names.get(band, ())) for names in by_band]
        lines.append(f"| {band} | " + " | ".join(cells) + " |")
    lines += ["", "| dialect | where it is used |", "| --- | --- |"]
    lines += [f"| {one.key} | {one.used_by} |" for one in DIALECTS]
    lines += ["", "| name | by itself it may be |", "| --- | --- |"]
    lines += [f"| `{name}` | {why} |" for name, why in AMBIGUOUS.items()]
    lines += ["", "| columns that count | may be | in this order |", "| --- | --- | --- |"]
    lines += [f"| B1 ... B{n} | {name} | {' '.join(b)} |" for n, (name, b) in POSITIONS.items()]
    return "\n".join(lines) + "\n"
