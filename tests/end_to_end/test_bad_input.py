"""What a user gets wrong: one clear line, exit code 2, and nothing half-written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from way import Way, windrow

Change = Callable[[pd.DataFrame], pd.DataFrame]


def scaled(frame: pd.DataFrame) -> pd.DataFrame:
    bands = [column for column in frame if column.startswith("B")]
    return frame.assign(**{band: frame[band] * 37.0 for band in bands})


def with_one(column: str, value: object) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype({column: object})
        frame.loc[frame.index[3], column] = value
        return frame

    return change


TABLES: dict[str, tuple[Change, str]] = {
    "empty": (lambda t: t.iloc[:0], "the table is empty"),
    "no dates": (lambda t: t.drop(columns="date"), "no dates"),
    "unreadable date": (lambda t: t.assign(date="someday"), "date"),
    "date out of range": (lambda t: t.assign(date="1875-05-01"), "date"),
    "two years": (
        lambda t: t.assign(date=np.where(t.index % 2, "2018-05-01", "2019-05-01")),
        "more than one calendar year",
    ),
    "unsorted": (lambda t: t.iloc[::-1], "dates are not sorted"),
    "all NaN": (lambda t: t.assign(B04=np.nan), "every date has an empty band"),
    "wrong scale": (scaled, "scale"),
    "unknown band": (lambda t: t.rename(columns={"B04": "B44"}), "B44"),
    "band twice": (lambda t: t.assign(b4=t["B04"]), "twice"),
    "text in a band": (lambda t: t.assign(B04="much"), "B04"),
    "no bands": (lambda t: t[["field_id", "date"]], "no band"),
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, way: Way, tmp_path: Path, capsys):
    change, message = TABLES[name]
    table = tmp_path / "table.csv"
    change(pd.read_parquet(way.table)).to_csv(table, index=False)
    for words in (
        ("ingest", table, "--out", tmp_path / "out"),
        ("embed", table, "--weights", way.run, "--out", tmp_path / "out.parquet"),
    ):
        assert windrow(*words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert error.startswith("windrow: error: ")
        assert message in error
        assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"]


def fewshot(way: Way, out: Path, labels: Path, *words: object) -> int:
    common = ("--label-column", "crop", "--weights", way.run, "--out", out, "--draws", 1)
    return windrow("fewshot", way.table, "--labels", labels, *common, *words)


def test_labels_without_series(way: Way, tmp_path: Path, capsys):
    labels = tmp_path / "labels.csv"
    frame = pd.read_csv(way.labels)
    frame.assign(field_id=frame["field_id"] + 10**9).to_csv(labels, index=False)
    assert fewshot(way, tmp_path / "out", labels) == 2
    assert "labels without series" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_fewer_than_two_classes(way: Way, tmp_path: Path, capsys):
    assert fewshot(way, tmp_path / "out", way.labels, "--min-fields", 10_000) == 2
    error = capsys.readouterr().err
    assert "fewer than two classes" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_unknown_column_and_condition(way: Way, tmp_path: Path, capsys):
    for train, test, message in (
        ("third=A", "third=B", "third"),
        ("half", "half=B", "COLUMN=VALUE"),
        ("half=C", "half=B", "no row has half=C"),
    ):
        words = ("--train-where", train, "--test-where", test)
        assert fewshot(way, tmp_path / "out", way.labels, *words) == 2
        assert message in capsys.readouterr().err
    assert fewshot(way, tmp_path / "out", way.labels, "--train-where", "half=A") == 2
    assert "train_where and test_where must be given together" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_label_column(way: Way, tmp_path: Path, capsys):
    words = ("--label-column", "colour", "--weights", way.run, "--out", tmp_path / "out")
    assert windrow("fewshot", way.table, "--labels", way.labels, *words) == 2
    assert "colour" in capsys.readouterr().err


def test_store_cut_short(way: Way, tmp_path: Path, capsys):
    store = tmp_path / "store"
    shutil.copytree(way.store, store)
    shard = max((store / "reflectance").rglob("*"), key=lambda path: path.stat().st_size)
    with shard.open("r+b") as file:
        file.truncate(shard.stat().st_size // 2)
    words = ("--data", store, "--out", tmp_path / "run")
    assert windrow("pretrain", "tiny", *words) == 2
    error = capsys.readouterr().err
    assert "damaged or cut short" in error
    assert "reflectance" in error
    assert not (tmp_path / "run").exists()


def test_no_store(tmp_path: Path, capsys):
    words = ("--data", tmp_path / "none", "--out", tmp_path / "run")
    assert windrow("pretrain", "tiny", *words) == 2
    assert "no series store here" in capsys.readouterr().err


def test_unknown_recipe(tmp_path: Path, capsys):
    words = ("--data", tmp_path / "none", "--out", tmp_path / "run")
    assert windrow("pretrain", "huge", *words) == 2
    assert "tiny" in capsys.readouterr().err


def test_weights_of_another_configuration(way: Way, tmp_path: Path, capsys):
    table = tmp_path / "table.csv"
    pd.read_parquet(way.table).drop(columns="B09").to_csv(table, index=False)
    words = ("--weights", way.run, "--out", tmp_path / "z.parquet")
    assert windrow("embed", table, *words) == 2
    assert "lack band B09" in capsys.readouterr().err
    words = ("--weights", "no-such-weights", "--out", tmp_path / "z.parquet")
    assert windrow("embed", way.table, *words) == 2
    assert "no such weights" in capsys.readouterr().err
    assert not (tmp_path / "z.parquet").exists()


def test_full_disk(way: Way, tmp_path: Path, capsys, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    words = ("--weights", way.run, "--out", tmp_path / "z.parquet")
    assert windrow("embed", way.table, *words) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
