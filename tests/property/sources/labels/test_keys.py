"""Planted mistakes of keys: labels laid on the wrong series must never pass in silence."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import DataError
from windrow.sources.labels.keys import SeriesKeys
from windrow.sources.labels.label_table import read_labels
from windrow.sources.open_any import LabelledInput, open_input
from windrow.sources.reader import LabelOptions, TableOptions

CROPS = ("Corn", "Meadows", "Wheat")


def write(folder: Path, frame: pd.DataFrame, kind: str, name: str) -> Path:
    path = folder / f"{name}.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def observations(**keys: list[Any]) -> pd.DataFrame:
    """Two dates of each series, one after another."""
    num = len(next(iter(keys.values())))
    frame = pd.DataFrame({name: pd.Series(v).repeat(2) for name, v in keys.items()})
    return frame.reset_index(drop=True).assign(
        date=["2018-05-01", "2018-06-01"] * num, B04=410, B08=2900
    )


@settings(deadline=None, max_examples=40)
@given(
    fields=st.permutations(range(1, 13)),
    crops=st.lists(st.sampled_from(CROPS), min_size=12, max_size=12),
    sample=st.sampled_from(["sample_id", "pixel_id", "id"]),
    field=st.sampled_from(["field_id", "Field ID", "parcel_id"]),
    kind=st.sampled_from(["csv", "parquet"]),
)
def test_labels_of_fields_go_to_fields(
    fields: list[int], crops: list[str], sample: str, field: str, kind: str
) -> None:
    """The numbers of samples and of fields are the same twelve, in another order."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = write(folder, observations(**{sample: [*range(1, 13)], field: fields}), kind, "t")
        by_field = pd.DataFrame({field: range(1, 13), "crop": crops})
        labels = write(folder, by_field, kind, "l")
        opened = LabelledInput(table, labels).open()
        assert opened.labels is not None
        assert opened.series.id.tolist() == list(range(1, 13))
        assert opened.labels.label.tolist() == [crops[each - 1] for each in fields]
        both = write(folder, by_field.assign(**{sample: range(1, 13)}), kind, "b")
        with pytest.raises(DataError, match=f"{field}.*{sample}.* of labels.*--label-key"):
            LabelledInput(table, both).open()
        foreign = write(folder, by_field.rename(columns={field: "plot_id"}), kind, "f")
        with pytest.raises(DataError, match=f"plot_id.*{sample}.*--label-key"):
            LabelledInput(table, foreign).open()
        said = LabelOptions(label_key=f"plot_id={field}")
        given = LabelledInput(table, foreign, label_options=said).open()
        assert given.labels is not None
        assert given.labels.label.tolist() == opened.labels.label.tolist()


@settings(deadline=None, max_examples=40)
@given(
    num_fields=st.integers(2, 8),
    num_dates=st.integers(2, 5),
    start=st.integers(0, 1),
    data=st.data(),
)
def test_a_column_that_counts_rows_is_no_id(
    num_fields: int, num_dates: int, start: int, data: st.DataObject
) -> None:
    num = num_fields * num_dates
    name = data.draw(st.sampled_from(["id", "fid", "ID"]))
    frame = pd.DataFrame(
        {
            name: np.arange(start, start + num),
            "field_id": np.repeat(np.arange(num_fields) + 50, num_dates),
            "date": np.tile(pd.date_range("2018-04-01", periods=num_dates, freq="20D"), num_fields),
            "B04": 410,
            "B08": 2900,
        }
    )
    opened = open_input(frame)
    assert opened.series.id.tolist() == list(range(50, 50 + num_fields))
    assert opened.summary.facts["row_number"] == f"{name!r} counts the rows: it is no id"
    alone = frame.drop(columns="field_id")
    with pytest.raises(DataError, match=f"column '{name}' counts the rows.*--id-column"):
        open_input(alone)
    assert len(open_input(alone, TableOptions(id_column=name)).series) == num


TEXTS = st.text(st.sampled_from("0123456789 aBz-_/.é"), min_size=1, max_size=8)
IDS = st.one_of(
    st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=6, unique=True),
    st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=6, unique=True),
    st.lists(st.from_regex(r"0\d{1,9}", fullmatch=True), min_size=3, max_size=6, unique=True),
    st.lists(TEXTS, min_size=3, max_size=6, unique=True),
)


@settings(deadline=None, max_examples=40)
@given(ids=IDS, kind=st.sampled_from(["csv", "parquet"]))
def test_ids_stay_what_they_are(ids: list[Any], kind: str) -> None:
    """Leading zeros, blanks and sixty-four bits survive the table, the labels and the join."""
    if kind == "parquet" and isinstance(ids[0], int):
        ids = np.array(ids, dtype=np.uint64 if max(ids) >= 2**63 else np.int64).tolist()
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = write(folder, observations(field_id=ids), kind, "t")
        crops = [CROPS[index % 3] for index in range(len(ids))]
        labels = write(folder, pd.DataFrame({"field_id": ids, "crop": crops}), kind, "l")
        opened = LabelledInput(table, labels).open()
        found = opened.series.id
        assert [str(each) for each in found.tolist()] == [str(each) for each in ids]
        if isinstance(ids[0], int):
            assert found.dtype == (np.uint64 if max(ids) >= 2**63 else np.int64)
        assert opened.labels is not None
        assert opened.labels.label.tolist() == crops


@settings(deadline=None, max_examples=40)
@given(
    digits=st.integers(100_000_000_000, 999_999_999_999),
    decimal=st.sampled_from([".", ","]),
    letter=st.sampled_from("eE"),
)
def test_ids_that_a_spreadsheet_rounded_are_refused(digits: int, decimal: str, letter: str) -> None:
    rounded = f"{digits:.2e}".replace(".", decimal).replace("e", letter)
    with TemporaryDirectory() as name:
        path = Path(name) / "labels.csv"
        path.write_text(f"field_id;crop\n7;Corn\n{rounded};Rye\n")
        keys = SeriesKeys("table.csv", {"field_id": np.array([7, digits])})
        with pytest.raises(DataError, match=r"rounded, so that they are not unique; .*field_id"):
            read_labels(path, series=keys)


@settings(deadline=None, max_examples=40)
@given(
    crops=st.lists(st.sampled_from(CROPS), min_size=6, max_size=6),
    at=st.integers(0, 5),
    half=st.sampled_from("AB"),
)
def test_a_field_with_two_labels_or_in_two_halves_is_named(
    crops: list[str], at: int, half: str
) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "labels.csv"
        halves = ["A" if index % 2 else "B" for index in range(6)]
        frame = pd.DataFrame({"field_id": range(6), "crop": crops, "half": halves})
        keys = SeriesKeys("table.csv", {"field_id": np.arange(6)})
        again = frame.iloc[[at]]
        pd.concat([frame, again.assign(crop="Rye")]).to_csv(path, index=False)
        with pytest.raises(DataError, match=rf"two labels; .*field_id {at}; found {crops[at]} and"):
            read_labels(path, series=keys)
        pd.concat([frame, again.assign(half=half)]).to_csv(path, index=False)
        labels = read_labels(path, series=keys)
        if half == halves[at]:
            assert labels.where(f"half={half}")[at]
        else:
            with pytest.raises(DataError, match=rf"two values of 'half'.*of id {at}"):
                labels.where("half=A")


WORDS = ("NA", "na", "None", "NONE", "no data", "No_Data", "null", "N/A", "NaN", "?")


@settings(deadline=None, max_examples=40)
@given(
    crops=st.lists(st.sampled_from(CROPS), min_size=5, max_size=5),
    word=st.sampled_from(WORDS),
    blanks=st.tuples(st.sampled_from(["", " ", "  "]), st.sampled_from(["", " "])),
    kind=st.sampled_from(["csv", "parquet"]),
)
def test_words_of_no_data_are_never_guessed(
    crops: list[str], word: str, blanks: tuple[str, str], kind: str
) -> None:
    with TemporaryDirectory() as name:
        values = [*(f"{blanks[0]}{crop}{blanks[1]}" for crop in crops), word, None]
        frame = pd.DataFrame({"field_id": range(7), "crop": values})
        path = write(Path(name), frame, kind, "l")
        keys = SeriesKeys("table.csv", {"field_id": np.arange(7)})
        with pytest.raises(DataError, match=r"is not clear; .*--no-data-class .*--keep-class"):
            read_labels(path, series=keys)
        left_out = read_labels(path, series=keys, options=LabelOptions(no_data_class=(word,)))
        assert left_out.label.tolist() == [*crops, "", ""]
        kept = read_labels(path, series=keys, options=LabelOptions(keep_class=(word,)))
        assert kept.label.tolist() == [*crops, word, ""]


@settings(deadline=None, max_examples=40)
@given(
    names=st.lists(
        st.text(st.sampled_from("aäöüßéñçÀ€ "), min_size=1, max_size=9).map(lambda t: f"x{t}x"),
        min_size=2,
        max_size=4,
    ),
    encoding=st.sampled_from(["cp1252", "utf-16", "utf-16-le", "utf-8", "utf-8-sig"]),
    separator=st.sampled_from(",;\t|"),
)
def test_letters_with_accents_in_any_encoding(
    names: list[str], encoding: str, separator: str
) -> None:
    with TemporaryDirectory() as name:
        rows = [f"{index}{separator}{text}" for index, text in enumerate(names)]
        text = "\r\n".join([f"field_id{separator}crop", *rows, ""])
        path = Path(name) / "labels.csv"
        path.write_bytes(text.encode(encoding))
        keys = SeriesKeys("table.csv", {"field_id": np.arange(len(names))})
        assert read_labels(path, series=keys).label.tolist() == names
