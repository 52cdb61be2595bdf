"""Label tables: the column that names the series, classes by name, and columns to choose by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from windrow.data.series import Series
from windrow.errors import DataError, WindrowError
from windrow.sources.labels.keys import SeriesKeys
from windrow.sources.labels.label_table import (
    SeriesLabels,
    attach_labels,
    default_label_column,
    read_labels,
)
from windrow.sources.reader import LabelOptions


def _series(ids: list[Any], fields: list[Any] | None = None) -> Series:
    num = len(ids)
    return Series(
        reflectance=np.ones((num, 1, 1), dtype=np.int16),
        day_of_year=np.zeros((num, 1), dtype=np.int16),
        valid=np.ones((num, 1), dtype=np.bool_),
        bands=("B02",),
        processing_level="L2A",
        id=np.array(ids),
        field_id=np.array(fields or ids),
        year=np.full(num, 2018, dtype=np.int16),
    )


def _keys(**columns: list[Any]) -> SeriesKeys:
    return SeriesKeys("table.csv", {name: np.array(values) for name, values in columns.items()})


def read(path: Path, ids: list[Any], label_column: str | None = None, **said: Any) -> SeriesLabels:
    options = LabelOptions(**said)
    return read_labels(path, label_column, series=_keys(field_id=ids), options=options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("field_id,crop,half\n1,Wheat,A\n2,,B\n3,Corn,B\n9,Rye,A\n")
    return path


def test_labels_join_by_the_column_both_name_alike(path: Path) -> None:
    labels = read(path, [3, 2, 1, 5])
    series, summary = attach_labels(_series([3, 2, 1, 5]), labels)
    assert series.legend is not None
    assert series.legend.names == ("Corn", "Wheat")
    assert series.label is not None
    assert series.label.tolist() == [0, -1, 1, -1]
    assert summary.counts == {
        "empty_rows_left_out": 0,
        "series_without_a_row_of_labels": 1,
        "labels_without_a_series": 1,
        "series_labelled": 2,
        "series_without_a_label": 2,
    }
    assert summary.facts["label_key"] == "'field_id' to 'field_id' of the series"


def test_numbers_and_text_are_one_id(path: Path) -> None:
    assert read(path, ["1", "3", "2"]).label.tolist() == ["Wheat", "Corn", ""]


def test_the_name_decides_and_not_the_values(path: Path) -> None:
    keys = _keys(sample_id=[1, 2, 3, 9], field_id=[9, 3, 2, 1])
    labels = read_labels(path, series=keys)
    assert labels.label.tolist() == ["Rye", "Corn", "", "Wheat"]
    given = read_labels(path, series=keys, options=LabelOptions(label_key="field_id=sample_id"))
    assert given.label.tolist() == ["Wheat", "", "Corn", "Rye"]


@pytest.mark.parametrize("name", ["Field ID", "FIELD_ID", "field-id", "fieldId"])
def test_case_and_blanks_of_a_column_are_no_matter(path: Path, name: str) -> None:
    path.write_text(path.read_text().replace("field_id", name))
    assert read(path, [1, 2, 3]).label.tolist() == ["Wheat", "", "Corn"]
    assert read(path, [1, 2, 3], label_key="field_id").label.tolist() == ["Wheat", "", "Corn"]


def test_two_possible_keys_are_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,field_id,crop\n1,7,Corn\n2,8,Rye\n")
    keys = _keys(sample_id=[2, 1], field_id=[8, 7])
    with pytest.raises(
        DataError,
        match=r"two columns of the label table could name the series; in .*found columns "
        r"sample_id, field_id of labels, sample_id, field_id of series; .*--label-key sample_id",
    ):
        read_labels(path, series=keys)
    for key in ("sample_id", "field_id"):
        labels = read_labels(path, series=keys, options=LabelOptions(label_key=key))
        assert labels.label.tolist() == ["Rye", "Corn"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("plot", "no column 'plot' to join by"),
        ("crop", "the series have no column 'crop' to join by"),
        ("field_id=plot", "the series have no column 'plot' to join by"),
        (None, "no column of the label table names the series"),
    ],
)
def test_a_key_that_is_not_there(path: Path, given: str | None, message: str) -> None:
    keys = _keys(parcel=[1, 2, 3])
    with pytest.raises(DataError, match=rf"{message}.*crop.* of labels, parcel of series"):
        read_labels(path, "half", series=keys, options=LabelOptions(label_key=given))


def test_a_join_of_less_than_half_must_be_asked_for(path: Path) -> None:
    many = [1, 2, 3, *range(100, 200)]
    message = r"hardly fit.*3 of 103 series and 3 of 4 labels.*--label-key field_id"
    with pytest.raises(DataError, match=message):
        read(path, many)
    assert (read(path, many, label_key="field_id").label != "").sum() == 2
    with pytest.raises(DataError, match="1 of 1 series and 1 of 4 labels"):
        read(path, [1])


def test_few_labels_of_many_series_need_no_question(tmp_path: Path) -> None:
    """The main use: all labels belong to series, and most series have none."""
    table = tmp_path / "few.csv"
    table.write_text("field_id,crop\n3,Rye\n7,Corn\n")
    labels = read(table, list(range(100)))
    assert np.flatnonzero(labels.label != "").tolist() == [3, 7]


def test_conditions(path: Path) -> None:
    labels = read(path, [3, 2, 1, 5])
    assert labels.where("half=B").tolist() == [True, True, False, False]
    with pytest.raises(DataError, match="no column 'part' to choose by"):
        labels.where("part=B")
    with pytest.raises(DataError, match=r"no row has half=C; .*found A, B"):
        labels.where("half=C")
    with pytest.raises(DataError, match="a condition is COLUMN=VALUE"):
        labels.where("half")
    assert labels.select(np.array([2, 1])).where("half=B").tolist() == [False, True]


def test_one_field_in_both_halves(path: Path) -> None:
    path.write_text(path.read_text() + "1,Wheat,B\n")
    labels = read(path, [3, 2, 1])
    assert labels.label.tolist() == ["Corn", "", "Wheat"]
    with pytest.raises(DataError, match=r"two values of 'half'.*found A and B, of id 1"):
        labels.where("half=B")


def test_one_field_with_two_labels() -> None:
    labels = SeriesLabels("labels.csv", np.array(["Corn", "Rye", "Corn"]), "crop", {})
    with pytest.raises(DataError, match=r"field 4 has two labels; in labels.csv; found Corn and R"):
        attach_labels(_series([1, 2, 3], [4, 4, 5]), labels)


def test_labels_without_series(path: Path) -> None:
    message = r"labels without series: .*labels of 1, 2, 3, \.\.\. and series 100"
    for key in (None, "field_id"):
        with pytest.raises(DataError, match=message):
            read(path, [100], label_key=key)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("field_id,crop\n1,Wheat\n1,Rye\n", "an id has two labels; .*found Wheat and Rye"),
        ("field_id,crop\n1,\n", "no row has a label"),
        ("name,crop\n1,Wheat\n", "no column of the label table names the series"),
        ("field_id,a,b\n1,Wheat,2\n", "which column holds the labels is not clear"),
        ("field_id,crop\n5.36E+11,Wheat\n", r"not unique; .*field_id; found 5\.36E\+11"),
        ("field_id;crop\n5,36E+11;Wheat\n", r"not unique; .*field_id; found 5,36E\+11"),
    ],
)
def test_bad_labels(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path, [1])


def test_missing_label_column(path: Path) -> None:
    with pytest.raises(DataError, match="no label column 'species'"):
        read(path, [1], "species")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["id", "crop_group", "Class", "label"], "label"),
        (["id", "crop_group", "Class"], "Class"),
        (["id", "Field ID", "species"], "species"),
    ],
)
def test_default_label_column(columns: list[str], expected: str) -> None:
    assert default_label_column(columns) == expected


def test_ids_nearly_alike_are_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("field_id,crop\n007,Corn\n08a,Rye\n")
    with pytest.raises(DataError, match=r"'007' and '7' differ in blanks, case or leading zeros"):
        read(path, [7])
    labels = read(path, ["007", "08A"])
    assert labels.label.tolist() == ["Corn", ""]
    assert labels.summary is not None
    assert labels.summary.facts["ids_nearly_alike"].startswith("'08a' and '08A' differ")


@pytest.mark.parametrize("column", ["id", "1.0"])
def test_whole_numbers_are_alike_however_written(tmp_path: Path, column: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("field_id,crop\n1.0,7.0\n2,\n3.0,8.0\n\n,\n")
    labels = read(path, [1, 2, 3])
    assert labels.label.tolist() == ["7", "", "8"]
    frame = pd.DataFrame({"field_id": [1.0, 2.0, 3.0], "crop": [7.0, None, 8.0]})
    frame.to_parquet(tmp_path / "labels.parquet")
    assert read(tmp_path / "labels.parquet", [1, 2, 3]).label.tolist() == ["7", "", "8"]


@pytest.mark.parametrize("word", ["NA", "None", "no data", "NULL", "n/a", " none "])
def test_words_that_may_mean_no_label_are_asked_about(tmp_path: Path, word: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"field_id,crop\n1,Corn\n2,{word}\n3,Rye\n")
    said = word.strip()
    message = rf"whether '{said}' is a class .*in 1 rows.*--no-data-class '?{said}.*--keep-class"
    with pytest.raises(DataError, match=message):
        read(path, [1, 2, 3])
    left_out = read(path, [1, 2, 3], no_data_class=(said,))
    assert left_out.label.tolist() == ["Corn", "", "Rye"]
    assert left_out.summary is not None
    assert left_out.summary.counts["labels_that_mean_no_label_left_out"] == 1
    assert read(path, [1, 2, 3], keep_class=(said,)).label.tolist() == ["Corn", said, "Rye"]


def test_zero_among_codes_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("field_id,crop\n1,0\n2,5\n3,7\n")
    with pytest.raises(DataError, match="whether '0' is a class"):
        read(path, [1, 2, 3])
    assert read(path, [1, 2, 3], no_data_class=("0",)).label.tolist() == ["", "5", "7"]
    assert read(path, [1, 2, 3], keep_class=("0",)).label.tolist() == ["0", "5", "7"]
    for said in ({"keep_class": ("9",)}, {"no_data_class": ("0",), "keep_class": ("0",)}):
        with pytest.raises(WindrowError, match="class"):
            read(path, [1, 2, 3], **said)


def test_names_are_trimmed_and_near_doubles_reported(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("field_id,crop\n1,Corn \n2, Corn\n3,corn\n4,Oil Seeds\n5,OilSeeds\n")
    labels = read(path, [1, 2, 3, 4, 5])
    assert labels.label.tolist() == ["Corn", "Corn", "corn", "Oil Seeds", "OilSeeds"]
    assert labels.summary is not None
    assert labels.summary.facts["classes_that_differ_in_case_or_blanks_only"] == (
        "'Corn' and 'corn'; 'Oil Seeds' and 'OilSeeds'; kept apart"
    )


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("cp1252", ";"), ("utf-16", "\t"), ("utf-16-le", ";"), ("utf-8-sig", ","), ("utf-8", ";")],
)
def test_encodings(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "labels.csv"
    text = "field_id,crop\n1,Körnermais\n2,Dauergrünland\n".replace(",", separator)
    path.write_bytes(text.encode(encoding))
    assert read(path, [1, 2]).label.tolist() == ["Körnermais", "Dauergrünland"]


def test_letters_of_no_encoding(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"field_id,crop\n1,\x81\x8d\n")
    with pytest.raises(DataError, match=r"cannot be read; in .*labels\.csv.*save it as UTF-8"):
        read(path, [1])
