"""Situations from bug reports: labels, keys, classes, layers and hints, with their right values."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from way import Way, windrow
from windrow.sensors import SENTINEL2_BANDS

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(os.environ.get("WINDROW_CASES", ROOT.parent / "shared" / "cases"))


def case(number: str) -> Path:
    """The folder of a case."""
    found = sorted(CASES.glob(f"{number}-*"))
    if not found:
        pytest.skip(f"the case {number} is not at {CASES}; set WINDROW_CASES")
    return found[0]


def points(folder: Path, num: int = 42) -> tuple[Path, Path, pd.DataFrame]:
    """Samples and fields numbered alike, in another order; labels by field; the right crop."""
    draw = np.random.default_rng(3)
    field = draw.permutation(num) + 1
    crop = np.array(["Corn", "Meadows", "Wheat"])[draw.integers(0, 3, num)]
    dates = pd.date_range("2018-03-01", periods=6, freq="30D")
    frame = pd.DataFrame(
        {
            "sample_id": np.repeat(np.arange(1, num + 1), len(dates)),
            "field_id": np.repeat(field, len(dates)),
            "date": np.tile(dates, num),
        }
    )
    for band in SENTINEL2_BANDS:
        frame[band] = draw.integers(200, 5000, len(frame))
    frame.to_csv(folder / "points.csv", index=False)
    labels = pd.DataFrame({"field_id": np.arange(1, num + 1), "crop": crop})
    labels.to_csv(folder / "labels.csv", index=False)
    truth = pd.DataFrame({"sample_id": np.arange(1, num + 1), "crop": crop[field - 1]})
    return folder / "points.csv", folder / "labels.csv", truth


def labels_right(way: Way, table: Path, labels: Path, truth: pd.DataFrame, out: Path) -> int:
    assert windrow("embed", table, "--labels", labels, "--weights", way.run, "--out", out) == 0
    joined = pd.read_parquet(out).merge(truth, left_on="id", right_on="sample_id")
    return int((joined["label"] == joined["crop"]).sum())


def test_labels_of_fields_are_not_given_to_samples(way: Way, tmp_path: Path) -> None:
    table, labels, truth = points(tmp_path)
    assert labels_right(way, table, labels, truth, tmp_path / "z.parquet") == 42
    store = tmp_path / "store"
    assert windrow("ingest", table, "--out", store) == 0
    assert labels_right(way, store, labels, truth, tmp_path / "y.parquet") == 42


def test_case_01(way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case("01")
    truth = pd.read_csv(folder / "a2_truth.csv")
    table, labels = folder / "a2_points.csv", folder / "a2_labels.csv"
    assert labels_right(way, table, labels, truth, tmp_path / "z.parquet") == 42
    capsys.readouterr()
    words = ("--labels", folder / "a_labels.csv", "--dry-run")
    assert windrow("ingest", folder / "a_pixels.csv", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "126 series labelled" in lines
    assert "label key: 'field_id' to 'field_id' of the series" in lines


def test_case_16(capsys: pytest.CaptureFixture[str]) -> None:
    """Either the bands are read or their columns are named; nothing is left out in silence."""
    folder = case("16")
    for name, columns in (
        ("b_mixed.csv", ("rededge1", "nir")),
        ("b_some_mean.csv", ("B08_mean", "B11_mean", "B12_mean")),
    ):
        windrow("ingest", folder / name, "--dry-run")
        printed = "".join(capsys.readouterr())
        for column in columns:
            assert column in printed


def test_case_18(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("geopandas")
    folder = case("18")
    words = ("ingest", folder / "c_small.nc", "--labels", folder / "v_layers.gpkg", "--dry-run")
    assert windrow(*words) == 2
    error = capsys.readouterr().err
    assert "layers parcels_2017, parcels_2018" in error
    assert "--layer" in error
    assert windrow(*words, "--layer", "parcels_2018") == 0
    printed = capsys.readouterr().out
    assert "layer: parcels_2018" in printed
    assert "Brache (6 fields" not in printed
    assert windrow(*words, "--layer", "parcels_2019") == 2
    assert "no layer 'parcels_2019'" in capsys.readouterr().err


def test_case_20(capsys: pytest.CaptureFixture[str]) -> None:
    folder = case("20")
    words = ("ingest", folder / "s_good.csv", "--labels", folder / "t_none_labels.csv", "--dry-run")
    assert windrow(*words) == 2
    assert "'None' in 4 rows" in capsys.readouterr().err
    assert windrow(*words, "--keep-class", "None") == 0
    assert "classes: Corn, None, Wheat" in capsys.readouterr().out
    assert windrow(*words, "--no-data-class", "None") == 0
    printed = capsys.readouterr().out
    assert "classes: Corn, Wheat" in printed
    assert "4 labels that mean no label left out" in printed
    pytest.importorskip("geopandas")
    words = ("ingest", folder / "c_small.nc", "--labels", folder / "v_nodata.geojson", "--dry-run")
    assert windrow(*words) == 2
    assert "'0 No Data' in 2 rows" in capsys.readouterr().err
    assert windrow(*words, "--no-data-class", "0") == 0
    printed = capsys.readouterr().out
    assert "classes: Wheat (2 fields, 50 pixels), Corn (2 fields, 50 pixels)" in printed


def test_case_24(way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case("24")
    words = (
        "embed",
        folder / "t_unsorted.csv",
        "--weights",
        way.run,
        "--out",
        tmp_path / "z.parquet",
    )
    assert windrow(*words) == 2
    assert "--sort-dates" in capsys.readouterr().err
    assert windrow(*words, "--sort-dates") == 0
    assert "12 series sorted" in capsys.readouterr().out
    for index, name in enumerate(("n_labels_space.csv", "n_labels_float.csv")):
        labels = ("--labels", folder / name, "--label-column", "crop", "--draws", 1, "--k", 1)
        out = ("--weights", way.run, "--out", tmp_path / str(index))
        assert windrow("fewshot", folder / "n_obs.csv", *labels, *out) == 0
        assert "36 series labelled" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["t_cp1252_semi.csv", "t_utf16.csv"])
def test_case_28(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case("28")
    assert windrow("ingest", folder / "s_good.csv", "--labels", folder / name, "--dry-run") == 0
    assert "classes: Dauergrünland, Körnermais, Winterweizen" in capsys.readouterr().out


def test_every_command_says_what_it_read(
    way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, labels, _ = points(tmp_path)
    frame = pd.read_csv(labels)
    frame.loc[0, "crop"] = "Rye"
    frame.to_csv(labels, index=False)
    assert windrow("ingest", table, "--labels", labels, "--dry-run") == 0
    expected = capsys.readouterr().out.splitlines()[1:]
    assert "processing level: L2A (assumed: --processing-level says it)" in expected
    assert (
        windrow(
            "embed",
            table,
            "--labels",
            labels,
            "--weights",
            way.run,
            "--out",
            tmp_path / "z.parquet",
        )
        == 0
    )
    assert set(expected) <= set(capsys.readouterr().out.splitlines())
    words = ("--labels", labels, "--label-column", "crop", "--weights", way.run, "--draws", 1)
    few = ("--k", 1, "--min-fields", 3)
    assert windrow("fewshot", table, *words, *few, "--out", tmp_path / "few") == 0
    printed = capsys.readouterr().out.splitlines()
    assert set(expected) <= set(printed)
    assert "classes left out: Rye (1 fields): fewer than 3 fields in the whole set" in printed
    assert windrow("embed", way.store, "--weights", way.run, "--out", tmp_path / "s.parquet") == 0
    assert "240 series" in capsys.readouterr().out.splitlines()


def test_a_level_that_is_given_is_taken(
    way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, _, _ = points(tmp_path)
    out = ("--weights", way.run, "--out", tmp_path / "z.parquet")
    assert windrow("embed", table, "--processing-level", "L1C", *out) == 2
    assert "L1C" in capsys.readouterr().err
    assert windrow("embed", table, "--processing-level", "L2A", *out) == 0
    assert "processing level: L2A (as given)" in capsys.readouterr().out
    out = ("--weights", way.run, "--out", tmp_path / "s.parquet")
    assert windrow("embed", way.store, "--processing-level", "L2A", *out) == 2
    assert "--processing-level does not concern a series store" in capsys.readouterr().err
