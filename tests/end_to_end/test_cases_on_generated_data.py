"""Layers, classes of no data, unsorted dates, other key names and encodings, on generated data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cube_factory import dataset, parcels
from way import Way, windrow
from windrow.sensors import SENTINEL2_BANDS

CROPS = ("Winterweizen", "Körnermais", "Dauergrünland")


@pytest.fixture(name="cube")
def _cube(tmp_path: Path) -> Path:
    pytest.importorskip("geopandas")
    pytest.importorskip("xarray")
    dataset().to_netcdf(tmp_path / "cube.nc", engine="h5netcdf")
    return tmp_path / "cube.nc"


def table(path: Path, *, num: int = 12, shuffled: bool = False) -> pd.DataFrame:
    """A field table of six dates a field, which is also written."""
    draw = np.random.default_rng(num)
    dates = pd.date_range("2018-03-01", periods=6, freq="30D")
    frame = pd.DataFrame({"id": np.repeat(np.arange(1, num + 1), 6), "date": np.tile(dates, num)})
    for band in SENTINEL2_BANDS:
        frame[band] = draw.integers(200, 5000, len(frame))
    if shuffled:
        frame = frame.sort_values("date", ascending=False)
    frame.to_csv(path, index=False)
    return frame


def ingest(*words: object) -> int:
    return windrow("ingest", *words, "--processing-level", "L2A", "--dry-run")


def test_a_file_of_two_layers_is_asked_about(
    cube: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = parcels().drop(columns="crop_code").assign(crop=["rye", "oats", "rye"])
    frame.assign(crop="fallow").to_file(tmp_path / "p.gpkg", layer="of 2017")
    frame.to_file(tmp_path / "p.gpkg", layer="of 2018")
    words = (cube, "--labels", tmp_path / "p.gpkg", "--label-column", "crop")
    assert ingest(*words) == 2
    error = capsys.readouterr().err
    assert "of 2017, of 2018" in error
    assert "--layer" in error
    assert ingest(*words, "--layer", "of 2018") == 0
    printed = capsys.readouterr().out
    assert "layer: of 2018" in printed
    assert "fallow" not in printed
    assert ingest(*words, "--layer", "of 2019") == 2
    assert "no layer 'of 2019'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "name"), [(0, "No Data"), (0, "None"), (255, "no data"), (7, "NA")]
)
def test_a_parcel_of_no_data_is_asked_about(
    code: int, name: str, cube: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = parcels()
    codes = np.array([code, *range(1, len(frame))])
    names = [name, *(f"crop {number}" for number in codes[1:])]
    frame.drop(columns="crop_code").assign(crop_id=codes, crop_name=names).to_file(
        tmp_path / "p.geojson", driver="GeoJSON"
    )
    words = (cube, "--labels", tmp_path / "p.geojson")
    assert ingest(*words) == 2
    assert "--no-data-class" in capsys.readouterr().err
    assert ingest(*words, "--no-data-class", str(code)) == 0
    printed = capsys.readouterr().out
    classes = next(line for line in printed.splitlines() if line.startswith("classes:"))
    assert name not in classes
    assert "crop 1" in classes


@pytest.mark.parametrize("word", ["None", "NA", "0", "No Data", "null"])
def test_a_class_that_may_mean_no_label_is_asked_about(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "t.csv")
    crops = ["Corn", "Wheat", word] * 4
    pd.DataFrame({"id": np.arange(1, 13), "crop": crops}).to_csv(tmp_path / "l.csv", index=False)
    words = (tmp_path / "t.csv", "--labels", tmp_path / "l.csv")
    assert ingest(*words) == 2
    assert f"'{word}' in 4 rows" in capsys.readouterr().err
    assert ingest(*words, "--keep-class", word) == 0
    kept = ", ".join(sorted(["Corn", "Wheat", word]))
    assert f"classes: {kept}" in capsys.readouterr().out
    assert ingest(*words, "--no-data-class", word) == 0
    printed = capsys.readouterr().out
    assert "classes: Corn, Wheat" in printed
    assert "8 series labelled" in printed


def test_the_option_of_a_hint_is_an_option_of_the_command(
    way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table(tmp_path / "sorted.csv")
    table(tmp_path / "t.csv", shuffled=True)
    common = ("--weights", way.run, "--processing-level", "L2A")
    words = ("embed", tmp_path / "t.csv", *common, "--out")
    assert windrow(*words, tmp_path / "z.parquet") == 2
    assert "--sort-dates" in capsys.readouterr().err
    assert not (tmp_path / "z.parquet").exists()
    assert windrow(*words, tmp_path / "z.parquet", "--sort-dates") == 0
    assert windrow("embed", tmp_path / "sorted.csv", *common, "--out", tmp_path / "y.parquet") == 0
    shuffled = pd.read_parquet(tmp_path / "z.parquet").set_index("id").sort_index()
    plain = pd.read_parquet(tmp_path / "y.parquet").set_index("id").sort_index()
    np.testing.assert_allclose(shuffled.to_numpy(), plain.to_numpy(), atol=1e-6)
    assert plain.index.tolist() == sorted(frame["id"].unique())


@pytest.mark.parametrize("key", ["id", "ID", "Id", " id "])
@pytest.mark.parametrize("kind", ["int", "float"])
def test_keys_are_found_by_meaning(
    key: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "t.csv")
    ids = np.arange(1, 13).astype(kind)
    labels = pd.DataFrame({key: ids, "crop": ["Corn", "Wheat"] * 6})
    labels.to_csv(tmp_path / "l.csv", index=False)
    assert ingest(tmp_path / "t.csv", "--labels", tmp_path / "l.csv") == 0
    assert "12 series labelled" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_umlauts_are_read_in_every_encoding_of_a_spreadsheet(
    encoding: str, separator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "t.csv")
    labels = pd.DataFrame({"id": np.arange(1, 13), "crop": list(CROPS) * 4})
    labels.to_csv(tmp_path / "l.csv", index=False, encoding=encoding, sep=separator)
    assert ingest(tmp_path / "t.csv", "--labels", tmp_path / "l.csv") == 0
    assert f"classes: {', '.join(sorted(CROPS))}" in capsys.readouterr().out


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    names=st.lists(
        st.text("abcdefgäöüßéèçñÅØ ", min_size=1, max_size=12).map(str.strip).filter(bool),
        min_size=2,
        max_size=4,
        unique_by=lambda name: "".join(name.casefold().split()),
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
)
def test_any_names_of_classes_survive(
    names: list[str],
    encoding: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(tmp_path / "t.csv")
    labels = pd.DataFrame({"id": np.arange(1, 13), "crop": (names * 12)[:12]})
    labels.to_csv(tmp_path / "l.csv", index=False, encoding=encoding)
    words = ("--labels", tmp_path / "l.csv", "--label-column", "crop")
    assert ingest(tmp_path / "t.csv", *words) == 0
    assert f"classes: {', '.join(sorted(names))}" in capsys.readouterr().out
