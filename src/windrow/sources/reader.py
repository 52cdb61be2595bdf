"""What every reader takes and gives: options that a user may say, and series in parts.

A reader recognises a product, says what it found, and yields series part by part, so that a
product larger than memory becomes a store all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow.config import Settings
from windrow.data.planetscope_windows import Pairing
from windrow.data.series import ProcessingLevel, Series
from windrow.data.splits import SplitSettings
from windrow.errors import SettingsError
from windrow.json_values import JsonSerializable

PixelCoordinates = Literal["centre", "corner"]
"""Where in its pixel a coordinate of a cube lies."""

Scale = Literal["reflectance", "dn"]
"""``reflectance`` is 0..1; ``dn`` (digital number) is reflectance x 10,000."""


CloudMeasure = Literal[
    "cloud-fraction",
    "cloud-percent",
    "cloud-255",
    "clear-fraction",
    "clear-percent",
    "scl",
    "qa60",
    "qai",
]
"""What cloud values mean; see :data:`windrow.sources.values.cloud_names.MEANINGS`."""

BaselineOffset = int | Literal["metadata", "values"]
"""What is added to digital numbers of every date: a number, or what metadata or values call for."""

UNKNOWN_FIELDS = "not known"
"""What the provenance says under ``fields`` where the product names none: each series is one."""


class SummaryRecord(TypedDict):
    """A reading summary as JSON values; see :class:`ReadingSummary`."""

    source: str
    facts: dict[str, str]
    counts: dict[str, int]


@dataclass
class ReadingSummary:
    """What a reader took, assumed and left out.

    Attributes:
        source: the file.
        facts: what was recognised or assumed, by name.
        counts: how many series, rows or dates, by name.

    Example:
        >>> summary = ReadingSummary("fields.csv")
        >>> summary.say("scale", "dn")
        >>> summary.count("dates_with_empty_band", 3)
        >>> summary.lines()
        ['fields.csv', 'scale: dn', '3 dates with empty band']
    """

    source: str
    facts: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def say(self, name: str, text: str) -> None:
        """Notes a fact."""
        self.facts[name] = text

    def count(self, name: str, number: int) -> None:
        """Notes a count."""
        self.counts[name] = number

    def add(self, other: ReadingSummary) -> None:
        """Takes over the facts and counts of another summary, whose source becomes a fact.

        A name that stands in both keeps this summary's value.
        """
        self.facts = {**self.facts, **{**other.facts, **self.facts}}
        self.counts = {**self.counts, **{**other.counts, **self.counts}}

    def lines(self) -> list[str]:
        """Lines of text for people; counts of zero are left out."""
        facts = [f"{name.replace('_', ' ')}: {text}" for name, text in self.facts.items()]
        counts = [f"{n:,} {name.replace('_', ' ')}" for name, n in self.counts.items() if n]
        return [self.source, *facts, *counts]

    def to_dict(self) -> SummaryRecord:
        """Returns plain JSON values."""
        return {"source": self.source, "facts": dict(self.facts), "counts": dict(self.counts)}

    def portable(self) -> SummaryRecord:
        """Returns plain JSON values with the file's name alone.

        Equal content is equal bytes anywhere.
        """
        return {**self.to_dict(), "source": Path(self.source).name}


@dataclass(frozen=True, eq=False)
class FieldProperties:
    """Properties of the labelled fields of a product.

    Attributes:
        source: where they stand, for messages.
        label_column: the property of classes.
        id: (F,) identity of each field.
        columns: the other properties by name, as (F,) text, empty where missing.
    """

    source: str
    label_column: str
    id: npt.NDArray[Any]
    columns: Mapping[str, npt.NDArray[np.str_]]


@dataclass(frozen=True)
class Reading:
    """A product opened: series in parts, what was found, and where it came from.

    Attributes:
        parts: series in bounded memory, drawn once; all alike (``check_alike``), of one number
            of dates, ids unique over all parts.
        summary: what was found. It is there before the first part is drawn, except for counts
            that come with the reading itself; it is complete after the last part.
        provenance: JSON values for the store: no path beyond a file's name, no clock.
        preparation: steps done and wanted, drawn before the parts by who wants to show them; the
            parts make up for what was not drawn.
        tables: small tables kept in the store beside the series: columns of equal length, numbers
            or text, by name of table and column.
        properties: what else is known of labelled fields; None without labels. It is not stored.
    """

    parts: Iterator[Series]
    summary: ReadingSummary
    provenance: Mapping[str, object]
    preparation: Iterator[tuple[int, int]] = field(default_factory=lambda: iter(()))
    tables: Mapping[str, Mapping[str, npt.NDArray[Any]]] = field(default_factory=dict)
    properties: FieldProperties | None = None


class GivenOptions(Settings):
    """Options of which each is either given or left to be detected."""

    def said(self) -> dict[str, JsonSerializable]:
        """Returns what was said, as JSON values for provenance.

        No default, no path beyond a name.
        """
        values = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in ("scratch", "split")
            and getattr(self, name) != type(self).model_fields[name].default
        }
        return {
            name: value.name if isinstance(value, Path) else value for name, value in values.items()
        }


class TableOptions(GivenOptions):
    """What a user may say of a field table; every command that reads a table takes these."""

    id_column: str | None = None
    """The column or property that names the field or pixel; by default it is detected."""
    date_column: str | None = None
    """The column of the date; by default it is detected."""
    field_column: str | None = None
    """The column of the field in which a pixel lies; by default it is detected."""
    cloud_column: str | None = None
    """The column or variable of clouds; by default it is detected."""
    separator: str | None = None
    """What separates the columns of a CSV; by default it is detected."""
    date_format: str | None = None
    """How dates are written, as in Python's strftime; by default it is detected."""
    season_start: str | None = None
    """First day (MM-DD) of the twelve months of a series, such as 10-01; by default 1 January, or
    found from dates that lie within twelve months over New Year."""
    year: int | None = Field(default=None, ge=2015, le=2099)
    """The year to read, where there are several; of a season the year in which it begins."""
    sort_dates: bool = False
    """Sort the dates of each id instead of refusing unsorted ones."""
    scale: Scale | None = None
    """Reflectance 0..1, or digital numbers x 10,000; by default it is detected."""
    cloud_measure: CloudMeasure | None = None
    """What the cloud values mean; by default it is recognised from their name and range."""
    baseline_offset: BaselineOffset | None = None
    """Added to the digital numbers of every date: -1000 (processing baseline 04.00 and later) or
    0; 'metadata' or 'values' decide date by date by one of them alone; by default by both."""
    no_data: float | None = None
    """A value that means no data, where the file does not declare it."""
    processing_level: ProcessingLevel | None = None
    """L1C (top of atmosphere) or L2A (surface); by default it is detected."""
    bands: tuple[str, ...] | None = None
    """Which name is which band, as BAND=NAME; or one dialect of names, such as FORCE; or, of files
    that do not name their bands, their order."""


class LabelOptions(GivenOptions):
    """What a user may say of labels; every command that takes labels takes these."""

    label_key: str | None = None
    """How labels find their fields. By default by the id column that both tables have. Give its
    name where several would do, or, where the names differ, the column of the label table and that
    of the fields, as LABEL_COLUMN=FIELD_COLUMN, such as parcel_id=field_id."""
    no_data_class: tuple[str, ...] = ()
    """Classes that mean 'no label', such as 0 or None."""
    keep_class: tuple[str, ...] = ()
    """Classes that look like 'no label' and are classes all the same."""


class ParcelOptions(GivenOptions):
    """What a user may say of a cube with labelled parcels.

    Every command that takes labelled fields takes these.

    The names and meanings are those of :class:`IngestOptions`.
    """

    layer: str | None = None
    """The layer of a file of parcels that holds several."""
    crs: str | None = None
    """The coordinate reference system of the images, such as EPSG:32631, where they name none."""
    pixel_coordinates: PixelCoordinates | None = None
    """Whether the coordinates of a netCDF or Zarr cube are pixel centres or pixel corners; by
    default told from its transform, else centres."""
    legend: Path | None = None
    """A table of crop codes and names."""
    collection: str = "sentinel-2-l2a"
    """The collection to ask a STAC server for."""
    area: Path | None = None
    """A vector file whose extent is read of STAC items; by default that of the labels, or all."""
    edge_pixels: int = Field(default=1, ge=0, le=100)
    """Leave out so many pixels along the edge of a parcel of a cube; a parcel without an inner
    pixel keeps all of its pixels."""
    pixels_per_parcel: int = Field(default=9, ge=1)
    """At most so many pixels of each parcel of a cube, drawn at random."""


class IngestOptions(TableOptions, LabelOptions):
    """What a user may say of a product that is otherwise detected; None means: detect it.

    An option that does not concern a product is refused by its reader, never ignored
    (:func:`refuse_options`).
    """

    labels: Path | None = None
    """A label table, or a vector file of labelled parcels, to store with the series."""
    label_column: str | None = None
    """The column or property of classes; by default the usual names are looked for."""
    layer: str | None = None
    """The layer of a label file that holds several."""
    crs: str | None = None
    """The coordinate reference system of the images, such as EPSG:32631, where they name none."""
    pixel_coordinates: PixelCoordinates | None = None
    """Whether the coordinates of a netCDF or Zarr cube are pixel centres or pixel corners; by
    default told from its transform, else centres."""
    tile: str | None = None
    """The tile or region to read, where there are several."""
    pairing: Pairing | None = None
    """Which PlanetScope pixels belong to a Sentinel-2 pixel; by default 'corner'."""
    planetscope: Literal["auto", "daily", "5day", "none"] | Path = "auto"
    """Which PlanetScope files of DENETHOR to read; by default daily ones where there are any. For
    other Sentinel-2 cubes and folders: a folder of PlanetScope GeoTIFFs to pair the pixels with."""
    quality_bands: tuple[int, ...] | None = None
    """Bands of PlanetScope's quality files (from 1) of which a value above 0 makes no data."""
    pair_order: Literal["date", "pixel"] | None = None
    """How pairs of one date follow each other: by date (all pixels of a date, then the next date)
    or by pixel (all dates of a pixel); by default it is told from the values."""
    average_parcels: bool = False
    """One mean series a parcel instead of one a pixel."""
    edge_pixels: int | None = Field(default=None, ge=0, le=100)
    """Leave out so many pixels along the edge of a parcel of a cube; a parcel without an inner
    pixel keeps all of its pixels."""
    pixels_per_parcel: int | None = Field(default=None, ge=1)
    """At most so many pixels of each parcel of a cube, drawn at random."""
    protocol: str | None = None
    """A named protocol of splits and classes of the product."""
    part: str | None = None
    """The part of the protocol's split to write."""
    classes: Literal["all", "paper"] = "all"
    """All classes of the product, or only those that its paper's task uses."""
    legend: Path | None = None
    """A table of crop codes and names; a label's code outside of it is then an error."""
    collection: str = "sentinel-2-l2a"
    """The collection to ask a STAC server for."""
    area: Path | None = None
    """A vector file whose extent is read of STAC items; by default that of the labels, or all."""
    num_series: int | None = Field(default=None, ge=1)
    """At most so many series, drawn at random; by default all."""
    seed: int = Field(default=0, ge=0)
    """Every random draw follows from it."""
    scratch: Path | None = None
    """Folder of intermediate files, from which an interrupted ingest continues; by default
    beside the output."""


class CubeOptions(GivenOptions):
    """What a user may say of an image cube that is otherwise detected."""

    season_start: str | None = None
    """First day (MM-DD) of the twelve months, such as 10-01; by default 1 January, or found from
    dates that lie within twelve months over New Year."""
    year: int | None = Field(default=None, ge=2015, le=2099)
    """The year to read, where there are several; of a season the year in which it begins."""
    scale: Scale | None = None
    """Reflectance 0..1, or digital numbers x 10,000; by default it is detected."""
    cloud_column: str | None = None
    """The layer of clouds; by default it is detected."""
    cloud_measure: CloudMeasure | None = None
    """What the cloud values mean; by default it is recognised from their name and range."""
    baseline_offset: BaselineOffset | None = None
    """Added to the digital numbers of every date: -1000 (processing baseline 04.00 and later) or
    0; 'metadata' or 'values' decide date by date by one of them alone; by default by both."""
    no_data: float | None = None
    """A value that means no data, where the file does not declare it."""
    processing_level: ProcessingLevel | None = None
    """L1C (top of atmosphere) or L2A (surface); by default it is detected."""
    bands: tuple[str, ...] | None = None
    """Which name is which band, as BAND=NAME; or, of files that do not name their bands, their
    order."""
    crs: str | None = None
    """The coordinate reference system of the images, such as EPSG:32631, where they name none."""
    pixel_coordinates: PixelCoordinates | None = None
    """Whether the coordinates of a netCDF or Zarr cube are pixel centres or pixel corners; by
    default told from its transform, else centres."""
    collection: str = "sentinel-2-l2a"
    """The collection to ask a STAC server for."""
    area: Path | None = None
    """A vector file whose extent is read of STAC items; by default that of the labels, or all."""

    def for_ingest(self) -> IngestOptions:
        """Returns the same as options of any product."""
        return IngestOptions(**dict(self))


class ResolvedOptions(IngestOptions):
    """Options with the numbers of a named protocol, which stand in the recipes."""

    split: SplitSettings | None = None
    """The split by field that ``protocol`` names."""


ALWAYS = frozenset({"seed", "scratch"})
"""Options that never change what a product means, accepted by every reader."""


def refuse_options(
    options: GivenOptions,
    known: Collection[str],
    *,
    product: str,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Refuses what was said and does not concern a product: nothing is ignored in silence.

    Args:
        options: what the user said.
        known: names of the options that the reader heeds.
        product: its name, for the message.
        reasons: why an option does not concern it, by name, where that is not plain.

    Raises:
        SettingsError: an option was said that the reader does not heed; names the first.

    Example:
        >>> refuse_options(IngestOptions(scale="dn"), {"scale"}, product="a table")
    """
    foreign = [name for name in options.said() if name not in known and name not in ALWAYS]
    if foreign:
        heeded = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(known)) or "none"
        why = (reasons or {}).get(foreign[0])
        raise SettingsError(
            f"--{foreign[0].replace('_', '-')} does not concern {product}"
            + (f": {why}" if why else ""),
            expected=f"options of {product}: {heeded}",
            hint="leave it out",
        )
