"""Field and pixel tables: long CSV or Parquet, one row a series and date, one column a band.

Columns are recognised by name, whatever their case. Nothing is guessed in silence and nothing is
dropped in silence: :attr:`TableReading.summary` says which columns, scale and cloud measure were
taken, and counts every date that could not be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow import sensors
from windrow.data.season import days_of_season, first_days
from windrow.data.series import ProcessingLevel, Series
from windrow.errors import DataError
from windrow.sources.bands.recognition import recognise_bands
from windrow.sources.formats.identifiers import identifiers
from windrow.sources.formats.table_columns import (
    FIELD_COLUMNS,
    ID_COLUMNS,
    columns_of_frame,
    find_column,
    numbers,
    plain_name,
    read_columns,
)
from windrow.sources.labels.keys import SeriesKeys
from windrow.sources.reader import ReadingSummary, TableOptions
from windrow.sources.tables.dates import read_dates
from windrow.sources.tables.row_numbers import row_number
from windrow.sources.tables.rows import by_first_appearance, refuse_series_without_date
from windrow.sources.tables.values import Rows, choose_cloud_column, values_of_rows
from windrow.sources.values.seasons import (
    dates_by_year,
    fullest_months,
    rows_of_year,
    say_empty_months,
    season_of_rows,
)

DATE_COLUMNS = (
    "date",
    "datetime",
    "timestamp",
    "time",
    "acquisition_date",
    "sensing_date",
    "system:time_start",
    "time_start",
    "millis",
    "system:index",
)
LONGITUDE_COLUMNS = ("longitude", "lon")
LATITUDE_COLUMNS = ("latitude", "lat")

IN_MEMORY = Path("the table")
"""What messages call a table that was never a file."""


@dataclass(frozen=True)
class TableReading:
    """What was read, and how.

    Attributes:
        series: one series an id, in the order in which the ids first appear.
        keys: the columns by which a label table can name the series.
        key_names: the column of ``id``, and of ``field_id`` where there is one.
        summary: columns, scale and cloud measure taken, and everything left out, counted.
    """

    series: Series
    keys: SeriesKeys
    key_names: Mapping[str, str]
    summary: ReadingSummary


def read_table(
    source: str | Path | pd.DataFrame, options: TableOptions | None = None
) -> TableReading:
    """Reads a long table of Sentinel-2 observations into series.

    Bands are found by their dialect (:mod:`windrow.sources.bands`); B10 is dropped and that is
    said, and so are the columns that are left out. A date with
    an empty band, or with 0 in every band, is invalid and counted. The whole table is held in
    memory. Columns are found by the names of ``ID_COLUMNS``, ``DATE_COLUMNS`` and
    ``FIELD_COLUMNS``, clouds by ``cloud_names.CLOUD_NAMES``; without a column of fields every
    series is its own field. The processing level is L1C where the table has the cirrus band B10,
    else L2A is assumed.

    Args:
        source: ``.csv``, ``.csv.gz``, ``.parquet`` or ``.pq``, or a table in memory.
        options: what is not to be detected; None detects everything.

    Raises:
        DataError: the table is empty or unreadable, a column is missing or stands twice, a date
            cannot be read, lies outside the Sentinel-2 era or in another year than the rest of
            its series, dates are unsorted, day and month cannot be told apart, whether the offset
            of baseline 04.00 was taken off or what clouds mean is not clear, a scale is mixed or
            impossible, or a
            series has no usable date.
        BandError: a band is unknown or stands twice, or which columns are bands is a question.
    """
    table_path = IN_MEMORY if isinstance(source, pd.DataFrame) else Path(source)
    options = options or TableOptions()
    summary = ReadingSummary(source=str(table_path))
    if isinstance(source, pd.DataFrame):
        frame = columns_of_frame(source, table_path)
    else:
        names = [options.id_column] if options.id_column is not None else []
        frame = read_columns(
            table_path,
            text_columns=(*names, *ID_COLUMNS, *FIELD_COLUMNS),
            separator=options.separator,
            summary=summary,
        )
    table = _Table(frame, table_path, summary)
    table.recognise(
        options.id_column, options.date_column, options.cloud_column, options.field_column
    )
    table.recognise_bands(options.bands, options.processing_level)
    table.arrange(options)
    series = table.series(options)
    say_empty_months(series, summary)
    return TableReading(series, table.keys(), table.key_names(), summary)


class _Table:
    """One reading, step by step: recognise columns, arrange rows by series, fill the arrays."""

    def __init__(self, frame: pd.DataFrame, table_path: Path, summary: ReadingSummary) -> None:
        self._frame = frame
        self._table_path = table_path
        self._summary = summary

    def recognise(
        self,
        id_column: str | None,
        date_column: str | None,
        cloud_column: str | None,
        field_column: str | None,
    ) -> None:
        """Finds the role of every column but the bands."""
        frame, table_path = self._frame, self._table_path
        found = find_column(frame, date_column, DATE_COLUMNS, "date", table_path)
        self._date = _required(found, "date", "--date-column", frame, table_path)
        self._row_number = None if id_column else row_number(frame, self._date, table_path)
        known = [name for name in ID_COLUMNS if name != plain_name(self._row_number or "")]
        found = find_column(frame, id_column, known, "id", table_path)
        self._id = _required(found, "id", "--id-column", frame, table_path)
        self._cloud = choose_cloud_column(frame, cloud_column, table_path, self._summary)
        taken = {plain_name(self._id), plain_name(self._row_number or "")}
        others = [name for name in FIELD_COLUMNS if plain_name(name) not in taken]
        self._field = find_column(frame, field_column, others, "field", table_path)
        self._longitude = find_column(frame, None, LONGITUDE_COLUMNS, "longitude", table_path)
        self._latitude = find_column(frame, None, LATITUDE_COLUMNS, "latitude", table_path)
        summary = self._summary
        summary.say("columns", f"id {self._id!r}, date {self._date!r}, cloud {self._cloud!r}")
        if self._row_number is not None:
            summary.say("row_number", f"{self._row_number!r} counts the rows: it is no id")
        summary.say("field", repr(self._field) if self._field else "every series is its own field")

    def recognise_bands(
        self, given: tuple[str, ...] | None, processing_level: ProcessingLevel | None
    ) -> None:
        """Finds the columns of bands by their dialect, or takes those given."""
        frame, table_path = self._frame, self._table_path
        roles = {self._id, self._date, self._cloud, self._field, self._row_number}
        roles |= {self._longitude, self._latitude}
        others = [str(column) for column in frame.columns if str(column) not in roles]
        found = recognise_bands(others, where=table_path, given=given)
        self._columns = {name: band for name, band in found.bands.items() if band != "B10"}
        cirrus = len(self._columns) < len(found.bands)
        if not self._columns:
            raise DataError(
                "the table has no band",
                where=table_path,
                found="columns " + ", ".join(map(str, frame.columns)),
                expected="columns such as B02, B03, B04, B08",
                hint="name the columns after the bands of Sentinel-2, or give --bands B02=COLUMN",
            )
        self._bands = sensors.check_bands(list(self._columns.values()))
        self._level = self._processing_level(processing_level, cirrus)
        summary = self._summary
        summary.say("bands", " ".join(self._bands))
        summary.say("names_of_bands", found.describe())
        if found.left_out:
            summary.say("columns_left_out", ", ".join(found.left_out))
        if cirrus:
            summary.say("dropped_bands", "B10 (cirrus), which is no input")

    def _processing_level(self, given: ProcessingLevel | None, cirrus: bool) -> ProcessingLevel:
        if given is not None and given not in get_args(ProcessingLevel):
            raise DataError("unknown processing level", found=given, expected="L1C or L2A")
        level: ProcessingLevel = given or ("L1C" if cirrus else "L2A")
        how = (
            "as given"
            if given
            else "B10 is only in L1C"
            if cirrus
            else "assumed: --processing-level says it"
        )
        self._summary.say("processing_level", f"{level} ({how})")
        return level

    def arrange(self, options: TableOptions) -> None:
        """Brings the rows of each series together, and each series' dates in order."""
        table_path, sort_dates = self._table_path, options.sort_dates
        keys = identifiers(self._frame[self._id], self._id, table_path)
        dates = read_dates(
            self._frame[self._date],
            keys,
            table_path,
            date_format=options.date_format,
            summary=self._summary,
        )
        dates, keys = self._of_year(dates, keys, options)
        self._ids, self._first_row, series = by_first_appearance(keys)
        self._season_start = season_of_rows(dates, series, options.season_start, self._summary)
        days, years = days_of_season(dates, self._season_start)
        self._year = years[self._first_row]
        other = np.flatnonzero(years != self._year[series])
        if len(other):
            row = int(other[0])
            raise DataError(
                "the dates of a series span more than one "
                + ("season" if options.season_start else "calendar year"),
                where=f"{table_path}, {self._id} {keys[row]}",
                found=f"{self._year[series[row]]} and {years[row]}; in the whole table "
                f"{dates_by_year(dates, self._season_start)}",
                hint="choose one with --year, say when a season over New Year begins with "
                "--season-start MM-DD, or give each year of a field an id of its own; "
                + fullest_months(dates, options.season_start),
            )
        order = np.argsort(series, kind="stable")
        sorted_series, sorted_days = series[order], days[order]
        same = sorted_series[1:] == sorted_series[:-1]
        backwards = np.flatnonzero(same & (sorted_days[1:] < sorted_days[:-1]))
        if len(backwards) and not sort_dates:
            raise DataError(
                "dates are not sorted",
                where=f"{table_path}, {self._id} {self._ids[sorted_series[backwards[0]]]}",
                hint="sort the table by id and date, or pass --sort-dates",
            )
        if len(backwards):
            order = np.lexsort((days, series))
            sorted_series, sorted_days = series[order], days[order]
            self._summary.count("series_sorted", len(set(series[order][backwards].tolist())))
        repeated = (sorted_series[1:] == sorted_series[:-1]) & (sorted_days[1:] == sorted_days[:-1])
        self._summary.count("dates_on_one_day_kept", int(repeated.sum()))
        self._row = order
        self._series_of_row = sorted_series
        self._day = sorted_days
        start = np.searchsorted(sorted_series, np.arange(len(self._ids)))
        self._step = np.arange(len(order)) - start[sorted_series]

    def _of_year(
        self,
        dates: npt.NDArray[np.datetime64],
        keys: npt.NDArray[Any],
        options: TableOptions,
    ) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[Any]]:
        """Returns the rows of the year that is asked for; the frame keeps those alone."""
        if options.year is None:
            return dates, keys
        where = f"{self._table_path}, column {self._date}"
        kept = rows_of_year(dates, options, where=where, summary=self._summary)
        self._summary.count(
            "series_without_a_date_in_the_year_left_out",
            len(np.unique(keys)) - len(np.unique(keys[kept])),
        )
        self._frame = self._frame[kept].reset_index(drop=True)
        return dates[kept], keys[kept]

    def series(self, options: TableOptions) -> Series:
        """Fills the padded arrays."""
        frame, table_path, summary = self._frame, self._table_path, self._summary
        years = first_days(self._year[self._series_of_row], self._season_start)
        rows = Rows(
            frame=frame,
            order=self._row,
            series=self._series_of_row,
            keys=self._ids[self._series_of_row],
            days=years + self._day.astype("m8[D]"),
            columns=self._columns,
            cloud=self._cloud,
        )
        found = values_of_rows(rows, options, table_path, summary)
        shape = (len(self._ids), int(self._step.max()) + 1)
        at = (self._series_of_row, self._step)
        valid = np.zeros(shape, dtype=np.bool_)
        valid[at] = found.valid
        refuse_series_without_date(valid, self._ids, table_path)
        reflectance = np.zeros((*shape, len(self._bands)), dtype=np.int16)
        reflectance[at] = found.reflectance
        day_of_year = np.zeros(shape, dtype=np.int16)
        day_of_year[at] = self._day
        cloud = None
        if found.cloud is not None:
            cloud = np.zeros(shape, dtype=np.uint8)
            cloud[at] = found.cloud
        longitude, latitude = self._coordinates()
        summary.count("series", shape[0])
        summary.count("observations", len(frame))
        summary.count("dates_in_the_longest_series", shape[1])
        return Series(
            reflectance=reflectance,
            day_of_year=day_of_year,
            valid=valid,
            bands=self._bands,
            processing_level=self._level,
            id=self._ids,
            field_id=self._field_of_series(),
            year=self._year.astype(np.int16),
            cloud_probability=cloud,
            longitude=longitude,
            latitude=latitude,
            season_start=self._season_start,
        )

    def _field_of_series(self) -> npt.NDArray[Any]:
        if self._field is None:
            return self._ids
        fields = identifiers(self._frame[self._field], self._field, self._table_path)
        ordered = fields[self._row]
        differs = np.flatnonzero(ordered != fields[self._first_row][self._series_of_row])
        if len(differs):
            identity = self._ids[self._series_of_row[differs[0]]]
            raise DataError(
                "a series lies in two fields",
                where=f"{self._table_path}, {self._id} {identity}",
                hint="name the column of fields with --field-column",
            )
        return np.asarray(fields[self._first_row])

    def key_names(self) -> dict[str, str]:
        """Returns the columns of ids and of fields."""
        names = {"id": self._id, "field_id": self._field}
        return {role: name for role, name in names.items() if name is not None}

    def keys(self) -> SeriesKeys:
        """Returns the columns that name series.

        Ids, fields, and others of such a name, one a series.
        """
        wanted = {plain_name(name) for name in (*ID_COLUMNS, *FIELD_COLUMNS)}
        columns: dict[str, npt.NDArray[Any]] = {}
        for name in map(str, self._frame.columns):
            if name == self._id:
                columns[name] = self._ids
            elif name == self._field:
                columns[name] = self._field_of_series()
            elif name != self._row_number and plain_name(name) in wanted:
                column = self._frame[name]
                if column.notna().all():
                    values = identifiers(column, name, self._table_path)
                    one = values[self._first_row]
                    if (values[self._row] == one[self._series_of_row]).all():
                        columns[name] = one
        others = tuple(str(name) for name in self._frame.columns if name not in columns)
        return SeriesKeys(str(self._table_path), columns, others)

    def _coordinates(
        self,
    ) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.float64] | None]:
        if self._longitude is None or self._latitude is None:
            return None, None
        result = []
        for column, limit in ((self._longitude, 180.0), (self._latitude, 90.0)):
            degrees = numbers(self._frame[column], column, self._table_path)[self._first_row]
            if (np.abs(degrees) > limit).any():
                raise DataError(
                    "a coordinate is out of range",
                    where=f"{self._table_path}, column {column}",
                    found=float(degrees[np.argmax(np.abs(degrees) > limit)]),
                    expected=f"degrees, -{limit:g} to {limit:g}",
                )
            result.append(degrees)
        self._summary.say("coordinates", f"{self._longitude!r} and {self._latitude!r}, degrees")
        return result[0], result[1]


def _required(
    column: str | None, role: str, option: str, frame: pd.DataFrame, table_path: Path
) -> str:
    if column is None:
        what = "no dates" if role == "date" else f"no {role} column"
        raise DataError(
            what,
            where=table_path,
            found="columns " + ", ".join(map(str, frame.columns)),
            hint=f"name the {role} column with {option}",
        )
    return column
