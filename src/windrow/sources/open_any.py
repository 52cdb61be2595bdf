"""Opens series from a store, a field table, a table in memory, or a Series."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from windrow.data.series import Series, concatenate
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import is_store
from windrow.errors import DataError
from windrow.sources.cubes.open_cube import is_cube
from windrow.sources.labels.keys import KEYS, SeriesKeys
from windrow.sources.labels.label_table import SeriesLabels, attach_labels, read_labels
from windrow.sources.reader import (
    FieldProperties,
    IngestOptions,
    LabelOptions,
    ParcelOptions,
    ReadingSummary,
    TableOptions,
    refuse_options,
)
from windrow.sources.registry import recognise
from windrow.sources.tables.series import read_table
from windrow.sources.values.seasons import say_empty_months

SeriesSource: TypeAlias = Series | Store | str | PathLike[str] | pd.DataFrame
"""What holds series."""

ACCEPTED = (
    "a Series, a Store, a path to a series store or to a field table (CSV or Parquet), "
    "or a pandas table"
)
"""The same in words."""


@dataclass(frozen=True)
class Opened:
    """An input that was read.

    Attributes:
        series: its Sentinel-2 series.
        keys: the columns by which label tables can name them.
        summary: what was taken, assumed and left out.
        labels: the label table, joined; None where there is none.
    """

    series: Series
    keys: SeriesKeys
    summary: ReadingSummary
    labels: SeriesLabels | None = None


@dataclass(frozen=True)
class LabelledInput:
    """An input, its labels, and how both are read.

    Attributes:
        path: a series store, a field table, or an image cube.
        labels: the label table, if any; of a cube a file of parcels or points.
        label_column: its column of classes; None looks for the usual names.
        table_options: what is not to be detected of a field table or cube.
        label_options: the key of the label table, and which classes mean 'no label'.
        parcel_options: what is not to be detected of a cube, and which pixels of a parcel are read.
        seed: of the pixels that are drawn from the parcels of a cube.
    """

    path: Path
    labels: Path | None = None
    label_column: str | None = None
    table_options: TableOptions = field(default_factory=TableOptions)
    label_options: LabelOptions = field(default_factory=LabelOptions)
    parcel_options: ParcelOptions = field(default_factory=ParcelOptions)
    seed: int = 0

    @property
    def is_cube(self) -> bool:
        """Whether the input is an image cube, whose labels are parcels."""
        return is_cube(self.path)

    def open(self) -> Opened:
        """Reads the input and attaches the labels.

        The pixels of a parcel of a cube are series of one ``field_id``.

        Raises:
            DataError: the input or the labels cannot be used, or do not belong together.
            SettingsError: an option of labels is given without labels.
        """
        if self.is_cube:
            return self._open_cube()
        refuse_options(self.parcel_options, (), product="an input that is no image cube")
        opened = open_input(self.path, self.table_options)
        if self.labels is None:
            refuse_options(self.label_options, (), product="an input without --labels")
            return opened
        labels = read_labels(
            self.labels, self.label_column, series=opened.keys, options=self.label_options
        )
        series, labelling = attach_labels(opened.series, labels)
        opened.summary.say("labels", self.labels.name)
        opened.summary.add(labelling)
        return replace(opened, series=series, labels=labels)

    def _open_cube(self) -> Opened:
        """Reads the pixels of the parcels of a cube."""
        own = self.parcel_options.model_dump()
        given = {**self.table_options.model_dump(), **self.label_options.model_dump(), **own}
        options = IngestOptions(
            **given, labels=self.labels, label_column=self.label_column, seed=self.seed
        )
        if self.labels is None:  # crop codes may stand in the cube itself
            refuse_options(self.label_options, (), product="a cube without --labels")
        reading = recognise(self.path).read(self.path, options)
        assert reading.properties is not None  # pixels are chosen from parcels alone
        series = concatenate(list(reading.parts))
        return Opened(
            series,
            SeriesKeys.of_series(series, str(self.path)),
            reading.summary,
            _labels_of_fields(series, reading.properties),
        )


def _labels_of_fields(series: Series, known: FieldProperties) -> SeriesLabels:
    """Returns the labels of the series of a cube, and the properties of their parcels."""
    assert series.label is not None
    assert series.legend is not None
    order = np.argsort(known.id, kind="stable")
    position = order[np.searchsorted(known.id[order], series.field_id)]
    return SeriesLabels(
        source=known.source,
        label=np.array(series.legend.names, dtype=np.str_)[series.label],
        label_column=known.label_column,
        columns={name: values[position] for name, values in known.columns.items()},
    )


def open_input(source: SeriesSource, options: TableOptions | None = None) -> Opened:
    """Opens the Sentinel-2 series of a source, and what was found; PlanetScope is left out.

    Args:
        source: as :func:`open_series` takes it.
        options: what is not to be detected of a table.

    Raises:
        DataError: there is nothing here, or it is none of these, or the table is not usable.
        StoreError: the store is damaged.
        SettingsError: an option of tables is given for a store.
    """
    options = options or TableOptions()
    if not isinstance(source, (Series, Store, str, PathLike, pd.DataFrame)):
        raise DataError("this holds no series", found=type(source).__name__, expected=ACCEPTED)
    if isinstance(source, (str, PathLike)):
        source = _store_or_table(Path(source))
    if isinstance(source, (Path, pd.DataFrame)):
        reading = read_table(source, options)
        return Opened(reading.series, reading.keys, reading.summary)
    refuse_options(
        options,
        (),
        product="a series store",
        reasons={"season_start": "it keeps the one it was read with"},
    )
    if isinstance(source, Store):
        series = source.series(planetscope=False)
        return Opened(series, _store_keys(source, series), series_report(series, str(source.path)))
    return Opened(source, SeriesKeys.of_series(source), series_report(source, "series"))


def _store_or_table(input_path: Path) -> Store | Path:
    if not input_path.exists():
        raise DataError(
            "no such input", where=input_path, expected="a series store or a field table"
        )
    if is_cube(input_path):
        raise DataError(
            "the input is an image cube",
            where=input_path,
            expected="a series store or a field table",
            hint="'windrow map' classifies its pixels, 'windrow ingest' makes a store of them",
        )
    if input_path.is_file():
        return input_path
    if not is_store(input_path):
        raise DataError(
            "the input is neither a series store nor a field table",
            where=input_path,
            expected="a folder written by 'windrow simulate' or 'windrow ingest', or a table",
        )
    return Store(input_path)


def open_series(source: SeriesSource, options: TableOptions | None = None) -> Series:
    """Opens the Sentinel-2 series of a store, a field table or a pandas table.

    PlanetScope is left out.

    A field table is long: a row an id and a date, a column a band, such as ``id, date, B02, B03``.
    Columns, scale and cloud measure are recognised; :func:`open_input` reports what was found.

    Args:
        source: a series store (folder, or an opened :class:`~windrow.data.store.store.Store`), a
            CSV or Parquet table of observations, or such a table in memory. A
            :class:`~windrow.data.series.Series` is returned as it is.
        options: what is not to be detected of a table.

    Returns:
        a series an id, in input order.

    Raises:
        DataError: there is nothing here, or it is none of these, or the table is not usable.
        StoreError: the store is damaged.

    Example:
        >>> import pandas as pd
        >>> dates = pd.to_datetime(["2018-05-01", "2018-06-01"])
        >>> table = pd.DataFrame({"field_id": [7, 7], "date": dates, "B04": [410, 380]})
        >>> open_series(table.assign(B08=[2900, 3600]))
        Series(1 series, 1 fields, 2 dates, 2 bands, L2A, 2018)
    """
    return open_input(source, options).series


def _store_keys(store: Store, series: Series) -> SeriesKeys:
    names = store.provenance.get(KEYS)
    known = (
        {str(role): str(name) for role, name in names.items()} if isinstance(names, dict) else {}
    )
    keys = SeriesKeys.of_series(series, str(store.path), known)
    if not store.has_table(KEYS):
        return keys
    return SeriesKeys(keys.source, {**keys.columns, **store.table(KEYS)})


def series_report(series: Series, source: str) -> ReadingSummary:
    """Summarises series, in the form that every command prints."""
    summary = ReadingSummary(source)
    summary.say("product", "series" + (", simulated" if series.simulated else ""))
    summary.say("bands", " ".join(series.bands))
    summary.say("processing_level", f"{series.processing_level} (as stored)")
    dates = series.dates[series.valid]
    if len(dates):
        summary.say("dates", f"{dates.min()} to {dates.max()}")
        say_empty_months(series, summary)
    if series.cloud_probability is None:
        summary.say("cloud", "not known: every date counts as clear")
    if series.label is not None and series.legend is not None:
        summary.say("classes", ", ".join(series.legend.names))
        summary.count("series_labelled", int((series.label >= 0).sum()))
        summary.count("series_without_a_label", int((series.label < 0).sum()))
    summary.count("series", len(series))
    summary.count("observations", int(series.valid.sum()))
    summary.count("dates_in_the_longest_series", int(series.valid.sum(axis=1).max(initial=0)))
    return summary
