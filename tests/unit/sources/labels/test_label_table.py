"""Label tables: columns to choose by, and ids that do not match."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from windrow.data.series import Series
from windrow.errors import DataError
from windrow.sources.labels.label_table import attach_labels, default_label_column, read_labels


def _series(ids: list[int] | list[str]) -> Series:
    num = len(ids)
    return Series(
        reflectance=np.ones((num, 1, 1), dtype=np.int16),
        day_of_year=np.zeros((num, 1), dtype=np.int16),
        valid=np.ones((num, 1), dtype=np.bool_),
        bands=("B02",),
        processing_level="L2A",
        id=np.array(ids),
        field_id=np.array(ids),
        year=np.full(num, 2018, dtype=np.int16),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("field_id,crop,half\n1,Wheat,A\n2,,B\n3,Corn,B\n9,Rye,A\n")
    return path


def test_labels_join_by_id(path: Path) -> None:
    labels = read_labels(path)
    series, report = attach_labels(_series([3, 2, 1, 5]), labels)
    assert series.legend is not None
    assert series.legend.names == ("Corn", "Wheat")
    assert series.label is not None
    assert series.label.tolist() == [0, -1, 1, -1]
    assert report.counts == {
        "series_labelled": 2,
        "series_without_a_label": 2,
        "labels_without_a_series": 1,
    }


def test_numbers_and_text_are_one_id(path: Path) -> None:
    series, _ = attach_labels(_series(["1", "3"]), read_labels(path))
    assert series.label is not None
    assert series.label.tolist() == [1, 0]
    assert series.id.tolist() == ["1", "3"]


def test_conditions(path: Path) -> None:
    labels = read_labels(path)
    assert labels.where("half=B", np.array([3, 2, 1, 5])).tolist() == [True, True, False, False]
    with pytest.raises(DataError, match="no column 'part' to choose by"):
        labels.where("part=B", np.array([1]))
    with pytest.raises(DataError, match=r"no row has half=C; .*found A, B"):
        labels.where("half=C", np.array([1]))
    with pytest.raises(DataError, match="a condition is COLUMN=VALUE"):
        labels.where("half", np.array([1]))


def test_labels_without_series(path: Path) -> None:
    with pytest.raises(DataError, match=r"labels without series: .*found labels of 1, 2, 3"):
        attach_labels(_series([100]), read_labels(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("field_id,crop\n1,Wheat\n1,Rye\n", "an id has two labels; .*found Wheat and Rye"),
        ("field_id,crop\n1,\n", "no row has a label"),
        ("name,crop\n1,Wheat\n", "no id column"),
        ("field_id,a,b\n1,Wheat,2\n", "which column holds the labels is not clear"),
    ],
)
def test_bad_labels(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_labels(path)


def test_missing_label_column(path: Path) -> None:
    with pytest.raises(DataError, match="no label column 'species'"):
        read_labels(path, "species")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["id", "crop_group", "Class", "label"], "label"),
        (["id", "crop_group", "Class"], "Class"),
        (["id", "species"], "species"),
    ],
)
def test_default_label_column(columns: list[str], expected: str) -> None:
    assert default_label_column(columns, id_column="id") == expected
