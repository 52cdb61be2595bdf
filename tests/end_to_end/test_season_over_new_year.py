"""Twelve months from October on, through every command, beside the same days from January on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from way import Way, windrow
from windrow.errors import SettingsError
from windrow.sensors import SENTINEL2_BANDS
from windrow.sources.breizhcrops import reader as breizhcrops
from windrow.sources.denethor import reader as denethor
from windrow.sources.prepared import reader as prepared
from windrow.sources.reader import IngestOptions

NUM = 30
CROPS = ("maize", "meadow", "wheat")


def tables(folder: Path) -> tuple[Path, Path, Path]:
    """One table of October 2017 to September 2018, one with its autumn a year later, and labels.

    Both hold the same observations at the same days of the calendar year.
    """
    draw = np.random.default_rng(5)
    days = pd.date_range("2017-10-03", "2018-09-28", freq="12D")
    crop = np.arange(NUM) % 3
    phase = 2 * np.pi * (days.day_of_year.to_numpy()[None] / 365 - 0.1 * crop[:, None])
    frame = pd.DataFrame({"id": np.repeat(np.arange(NUM), len(days)), "date": np.tile(days, NUM)})
    for number, band in enumerate(SENTINEL2_BANDS):
        swing = 900 if number > 6 else -300
        values = 1_800 + 60 * number + swing * np.sin(phase) + draw.normal(0, 40, phase.shape)
        frame[band] = values.astype(int).ravel()
    frame.to_csv(folder / "season.csv", index=False)
    later = frame["date"] + pd.DateOffset(years=1)
    year = frame.assign(date=later.where(frame["date"] < "2018-01-01", frame["date"]))
    year.sort_values(["id", "date"]).to_csv(folder / "year.csv", index=False)
    labels = pd.DataFrame({"id": np.arange(NUM), "crop": np.array(CROPS)[crop]})
    labels[::2].to_csv(folder / "labels.csv", index=False)
    return folder / "season.csv", folder / "year.csv", folder / "labels.csv"


def test_representations_are_those_of_the_calendar_year(
    way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    season, year, _ = tables(tmp_path)
    words = ("--processing-level", "L2A", "--weights", way.run, "--pool", "month", "--out")
    assert windrow("embed", season, "--season-start", "10-01", *words, tmp_path / "a.parquet") == 0
    assert "season: from 10-01" in capsys.readouterr().out
    assert windrow("embed", year, *words, tmp_path / "b.parquet") == 0
    first, second = (pd.read_parquet(tmp_path / f"{n}.parquet") for n in "ab")
    np.testing.assert_allclose(first.to_numpy(), second.to_numpy(), atol=1e-5)


def test_a_store_of_a_season_is_trained_on_and_compared(way: Way, tmp_path: Path) -> None:
    season, _, labels = tables(tmp_path)
    level = ("--processing-level", "L2A", "--season-start", "10-01")
    assert windrow("ingest", season, *level, "--out", tmp_path / "store") == 0
    words = ("fewshot", tmp_path / "store", "--labels", labels, "--label-column", "crop",
             "--weights", way.run, "--k", 2, "--draws", 1, "--min-fields", 4)  # fmt: skip
    assert windrow(*words, "--out", tmp_path / "few") == 0
    assert (tmp_path / "few" / "fewshot.json").is_file()


def test_classes_are_those_of_the_calendar_year(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    season, year, labels = tables(tmp_path)
    given = {season: ("--season-start", "10-01"), year: ()}
    found = {}
    for table, words in given.items():
        level = ("--processing-level", "L2A", *words)
        out = tmp_path / f"classifier-{table.stem}"
        assert windrow("train", table, "--labels", labels, "--label-column", "crop", *level,
                       "--out", out) == 0  # fmt: skip
        # The classifier of one is used on the other.
        other = season if table == year else year
        result = tmp_path / f"{table.stem}-classes.csv"
        assert windrow("classify", other, "--classifier", out, "--processing-level", "L2A",
                       *given[other], "--out", result) == 0  # fmt: skip
        found[table] = pd.read_csv(result).set_index("id").sort_index()
    columns = [name for name in found[season] if name.startswith("probability")]
    np.testing.assert_allclose(
        found[season][columns].to_numpy(dtype=float),
        found[year][columns].to_numpy(dtype=float),
        atol=1e-4,
    )
    truth = np.array(CROPS)[np.arange(NUM) % 3]
    assert (found[year]["class"] == truth).mean() > 0.9
    capsys.readouterr()


def test_what_the_dates_hold_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    season, _, _ = tables(tmp_path)
    frame = pd.read_csv(season)
    months = frame["date"].str[5:7]
    frame[months.isin(["11", "12", "02", "03"])].to_csv(tmp_path / "half.csv", index=False)
    words = ("--processing-level", "L2A", "--dry-run")
    assert windrow("ingest", tmp_path / "half.csv", "--season-start", "10-01", *words) == 0
    said = capsys.readouterr().out
    assert "months without a date: October, January, April to September" in said
    longer = pd.concat([frame, frame.drop_duplicates("id").assign(date="2019-03-01")])
    longer.sort_values(["id", "date"]).to_csv(tmp_path / "long.csv", index=False)
    assert windrow("ingest", tmp_path / "long.csv", *words) == 2
    error = capsys.readouterr().err
    assert "--season-start 10-01 --year 2017" in error
    assert "in 2017" in error
    assert windrow("ingest", tmp_path / "long.csv", "--season-start", "10-01", "--year", 2017,
                   *words) == 0  # fmt: skip


@pytest.mark.parametrize(
    ("read", "product"),
    [(denethor.read, "DENETHOR"), (breizhcrops.read, "BreizhCrops"),
     (prepared.read, "the prepared files")],
)  # fmt: skip
def test_products_of_one_calendar_year_say_so(read, product: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"does not concern {product}: .*calendar year"):
        read(tmp_path, IngestOptions(season_start="10-01"))


def test_scenarios_are_calendar_years(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("simulate", "--num-series", 5, "--season-start", "10-01", "--out", tmp_path / "s")
    assert windrow(*words) == 2
    assert "each is a calendar year" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
