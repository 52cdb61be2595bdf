"""How tables are written: separators, decimal commas, dates, and the offset of 2022."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from windrow.errors import DataError, WindrowError
from windrow.sources.reader import IngestOptions, TableOptions
from windrow.sources.tables.reader import read
from windrow.sources.tables.series import read_table

ROWS = [
    ("7", "2018-01-01", 0.05, 0.3),
    ("7", "2018-06-30", 0.06, 0.31),
    ("3", "2018-02-13", 0.07, 0.32),
]


def write(
    path: Path, *, separator: str = ",", comma: bool = False, dates: tuple[str, ...] | None = None
) -> Path:
    lines = [separator.join(("field_id", "date", "B02", "B8A"))]
    for index, (key, date, *values) in enumerate(ROWS):
        cells = [f"{value:.4f}".replace(".", "," if comma else ".") for value in values]
        lines.append(separator.join((key, dates[index] if dates else date, *cells)))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("separator", "name", "comma"),
    [
        (",", "comma", False),  # a decimal comma cannot stand between commas
        (";", "semicolon", False),
        (";", "semicolon", True),
        ("\t", "tab", False),
        ("\t", "tab", True),
        ("|", "bar", True),
    ],
)
def test_separators_and_decimal_commas(
    tmp_path: Path, separator: str, name: str, comma: bool
) -> None:
    reading = read_table(write(tmp_path / "t.csv", separator=separator, comma=comma))
    assert reading.series.reflectance[0].tolist() == [[500, 3000], [600, 3100]]
    assert reading.summary.facts["separator"] == f"{name} (detected)"
    assert ("decimal" in reading.summary.facts) == comma


def test_a_given_separator(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", separator=":")
    reading = read_table(path, TableOptions(separator=":"))
    assert reading.series.id.tolist() == [7, 3]
    assert reading.summary.facts["separator"] == "':' (as given)"
    with pytest.raises(DataError, match=r"separator ';' is not in the header; in .*t\.csv"):
        read_table(path, TableOptions(separator=";"))


def test_mixed_decimal_signs(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", separator=";", comma=True)
    path.write_text(path.read_text().replace("0,0600", "0.0600"))
    with pytest.raises(DataError, match=r"mixed; in .*t\.csv, column B02; found 0,0500 and 0\.06"):
        read_table(path)


@pytest.mark.parametrize(
    ("dates", "how"),
    [
        (("2018-01-01", "2018-06-30", "2018-02-13"), "ISO"),
        (("2018/01/01", "2018/06/30", "2018/02/13"), "year/month/day (detected)"),
        (("01.01.2018", "30.06.2018", "13.02.2018"), "day.month.year (detected)"),
        (("1.1.2018", "30.6.2018 10:50", "13.2.2018"), "day.month.year (detected)"),
        (("01/01/2018", "30/06/2018", "13/02/2018"), "day/month/year (detected)"),
        (("01/01/2018", "06/30/2018", "02/13/2018"), "month/day/year (detected)"),
        (("01-01-2018", "30-06-2018", "13-02-2018"), "day-month-year (detected)"),
        (("20180101", "20180630", "20180213"), "%Y%m%d (detected)"),
        (("2018-01-01T10:50:31Z", "2018-06-30T10:50:31Z", "2018-02-13T10:50:31Z"), "ISO"),
        (("20180101T105031", "20180630T105031", "20180213T105031"), "ISO"),
    ],
)
def test_dates_are_the_same_however_they_are_written(
    tmp_path: Path, dates: tuple[str, ...], how: str
) -> None:
    reading = read_table(write(tmp_path / "t.csv", dates=dates))
    series = reading.series
    assert series.day_of_year[series.valid].tolist() == [0, 180, 43]
    assert set(series.year.tolist()) == {2018}
    assert reading.summary.facts["date_format"] == how
    assert reading.summary.facts["dates"] == "2018-01-01 to 2018-06-30"


def test_a_given_date_format(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", dates=("1 Jan 18", "30 Jun 18", "13 Feb 18"))
    with pytest.raises(DataError, match=r"a date cannot be read; .*--date-format"):
        read_table(path)
    series = read_table(path, TableOptions(date_format="%d %b %y")).series
    assert series.day_of_year[series.valid].tolist() == [0, 180, 43]


def test_day_and_month_that_cannot_be_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", dates=("01/02/2018", "02/03/2018", "03/04/2018"))
    with pytest.raises(DataError, match=r"day or month comes first is not clear; in .*t\.csv.*%d/"):
        read_table(path)
    series = read_table(path, TableOptions(date_format="%m/%d/%Y")).series
    assert series.day_of_year[0, 0] == 1


def test_a_date_that_does_not_exist_or_is_written_otherwise(tmp_path: Path) -> None:
    for odd in ("31.02.2018", "30-06-2018"):
        path = write(tmp_path / "t.csv", dates=("01.01.2018", odd, "13.02.2018"))
        with pytest.raises(DataError, match=rf"a date cannot be read; .*id 7; found '{odd}'"):
            read_table(path)


def shifted(path: Path, darkest: int) -> Path:
    frame = pd.DataFrame(
        {
            "field_id": [1, 1, 1],
            "date": ["2022-01-10", "2022-05-01", "2022-06-01"],
            "B04": [darkest - 1000, darkest, darkest + 50],
            "B8A": [2500, 3500, 3600],
        }
    )
    frame.to_csv(path, index=False)
    return path


def test_the_offset_of_2022(tmp_path: Path) -> None:
    reading = read_table(shifted(tmp_path / "t.csv", 1400))
    assert reading.series.reflectance[0].tolist() == [[400, 2500], [400, 2500], [450, 2600]]
    assert reading.summary.facts["baseline_offset"].startswith("-1000 on 2 dates (2022-05-01 to")
    kept = read_table(tmp_path / "t.csv", TableOptions(baseline_offset=0)).series
    assert kept.reflectance[0, 1].tolist() == [1400, 3500]
    with pytest.raises(DataError, match=r"not clear; in .*u\.csv; found 2400 .*--baseline-offset"):
        read_table(shifted(tmp_path / "u.csv", 2400))


def test_options_reach_the_table(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv", separator="|", dates=("01/02/2018", "02/03/2018", "05/03/2018")
    )
    options = IngestOptions(separator="|", date_format="%d/%m/%Y", baseline_offset=0)
    reading = read(path, options)
    series = next(iter(reading.parts))
    assert series.day_of_year[series.valid].tolist() == [31, 60, 63]
    assert np.array_equal(series.reflectance[0, 0], [500, 3000])
    with pytest.raises(WindrowError, match="--protocol does not concern a table"):
        read(path, IngestOptions(protocol="x"))


def test_columns_of_bands_as_given(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv")
    path.write_text(path.read_text().replace("B02", "visible 1").replace("B8A", "narrow"))
    with pytest.raises(DataError, match=r"no band; in .*t\.csv; .*--bands B02=COLUMN"):
        read_table(path)
    series = read_table(path, TableOptions(bands=("B8A=narrow", "b2=visible 1"))).series
    assert series.bands == ("B8A", "B02")
    assert series.reflectance[0].tolist() == [[3000, 500], [3100, 600]]
    with pytest.raises(DataError, match=r"no column 'red' of band B04; in .*t\.csv"):
        read_table(path, TableOptions(bands=("B04=red",)))
    with pytest.raises(DataError, match=r"given as BAND=COLUMN, .*; found B04"):
        read_table(path, TableOptions(bands=("B04",)))
