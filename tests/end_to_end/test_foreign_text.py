"""Attributes, tags, JSON and headers in which anything may stand: one line names file and field."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cube_factory
from way import windrow
from windrow.sensors import SENTINEL2_BANDS


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *words: object) -> str:
    """The one line of a refused ingest, after a look that nothing was written."""
    out = folder / "out"
    assert windrow("ingest", *words, "--out", out) == 2
    lines = capsys.readouterr().err.splitlines()
    assert not out.exists()
    assert not list(folder.glob(".*.partial"))
    assert lines[-1].startswith("windrow: error: ")
    return lines[-1]


def variable(**attributes: object) -> Callable[[Any], Any]:
    def change(data: Any) -> Any:
        data["B04"].attrs.update(attributes)
        return data

    return change


def of_file(**attributes: object) -> Callable[[Any], Any]:
    return lambda data: data.assign_attrs(attributes)


def without_date(data: Any) -> Any:
    time = data.time.values.copy()
    time[1] = np.datetime64("NaT")
    return data.assign_coords(time=time)


CUBES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "scale of text": (variable(scale_factor="tiny"), "attribute scale_factor is no number"),
    "scale of NaN": (variable(scale_factor=np.nan), "attribute scale_factor is no number"),
    "scale of 0": (variable(scale_factor=0.0), "attribute scale_factor is not above 0"),
    "two scales": (variable(scale_factor=[1e-4, 1e-3]), "attribute scale_factor is no number"),
    "offset of NaN": (variable(add_offset=np.nan), "attribute add_offset is no number"),
    "offset of infinity": (variable(add_offset=np.inf), "attribute add_offset is no number"),
    "no data of text": (variable(missing_value="none"), "attribute missing_value is no number"),
    "baseline of NaN": (of_file(processing_baseline=np.nan), "attribute processing_baseline"),
    "baseline of text": (of_file(processing_baseline="new"), "attribute processing_baseline"),
    "offset of the baseline": (of_file(BOA_ADD_OFFSET="no"), "attribute BOA_ADD_OFFSET"),
    "axis of text": (
        lambda data: data.assign_coords(x=[f"c{i}" for i in range(cube_factory.WIDTH)]),
        "the axis x holds no numbers",
    ),
    "axis of one place": (
        lambda data: data.assign_coords(x=[5.0] * cube_factory.WIDTH),
        "the grid is not regular",
    ),
    "band of truth values": (
        lambda data: data.assign(B04=data["B04"] > 0),
        "variable B04 holds no numbers",
    ),
    "date missing": (without_date, "a date is missing"),
}


@pytest.mark.parametrize("name", CUBES)
def test_cube(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, message = CUBES[name]
    path = tmp_path / "cube.nc"
    change(cube_factory.dataset()).to_netcdf(path, engine="h5netcdf")
    line = refused(capsys, tmp_path, path)
    assert message in line
    assert str(path) in line


def test_zarr_with_attributes_of_another_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "cube.zarr"
    place.mkdir()
    for text in ('{"attributes": [1]}', "[1]", "[" * 100_000):
        (place / "zarr.json").write_text(text)
        assert str(place) in refused(capsys, tmp_path, place)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"BOA_ADD_OFFSET": "inf"}, "the tag BOA_ADD_OFFSET is no number"),
        ({"BOA_ADD_OFFSET": "-1000,-1000"}, "the tag BOA_ADD_OFFSET is no number"),
        ({"PROCESSING_BASELINE": "nan"}, "tag PROCESSING_BASELINE"),
    ],
)
def test_tags_of_geotiffs(
    tags: dict[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = cube_factory.write_daily(tmp_path / "images", tags=tags)
    line = refused(capsys, tmp_path, root)
    assert message in line
    assert "S2_2018-05-01.tif" in line


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 0.0), (np.nan, 0.0), (1e-4, np.nan)])
def test_packing_of_geotiffs(
    scale: float, offset: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import rasterio

    root = cube_factory.write_daily(tmp_path / "images")
    for path in root.iterdir():
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets = [scale] * file.count, [offset] * file.count
    assert "of band 1 is no" in refused(capsys, tmp_path, root)


@pytest.mark.timeout(60)
def test_pipes_in_place_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "the input is no file" in refused(capsys, tmp_path, tmp_path / "pipe.csv")
    root = cube_factory.write_daily(tmp_path / "images")
    os.mkfifo(root / "S2_2018-06-01.tif")
    assert "found a pipe or device" in refused(capsys, tmp_path, root)
    parcels = tmp_path / "parcels"
    parcels.mkdir()
    os.mkfifo(parcels / "FR101_12_3301010000.npz")
    assert "found a pipe or device" in refused(capsys, tmp_path, parcels)


def test_paths_that_lead_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(refused(capsys, tmp_path, "x" * 5000 + ".csv")) < 500
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for path in (tmp_path / "loop.csv", "a\0b.csv"):
        refused(capsys, tmp_path, path)


def test_files_of_hls_are_dated_and_pictures_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "hls"
    for day, array in zip((121, 126, 131, 136), cube_factory.values(), strict=True):
        stem = f"HLS.S30.T31UES.2018{day}T105031.v2.0"
        for band, layer in zip(cube_factory.BANDS, array, strict=True):
            cube_factory.write_tif(root / f"{stem}.{band}.tif", layer[None])
        picture = np.full((3, cube_factory.HEIGHT, cube_factory.WIDTH), 128, np.uint8)
        colours = ("red", "green", "blue")
        cube_factory.write_tif(root / f"{stem}.TCI.tif", picture, descriptions=colours)
    assert windrow("ingest", root, "--dry-run") == 0
    text = capsys.readouterr().out
    assert "dates: 4, 2018-05-01 to 2018-05-16" in text
    assert "HLS.S30.T31UES.2018121T105031.v2.0.TCI.tif" in text


STAC: dict[str, tuple[Callable[[Any], None], str]] = {
    "bbox of text": (lambda item: item.update(bbox=["a"] * 4), "bbox is no number"),
    "bbox of two": (lambda item: item.update(bbox=[1, 2]), "the bbox of an item is none"),
    "bbox outside": (lambda item: item.update(bbox=[3, 50, 4, 500]), "outside the earth"),
    "baseline": (
        lambda item: item["properties"].update({"s2:processing_baseline": "new"}),
        "item i0, s2:processing_baseline",
    ),
}


@pytest.mark.parametrize("name", STAC)
def test_stac(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, message = STAC[name]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "i0",
        "properties": {"datetime": "2018-05-01T10:50:31Z", "proj:epsg": 32631},
        "geometry": {"type": "Point", "coordinates": [3.0, 50.5]},
        "bbox": [2.99, 50.54, 3.01, 50.56],
        "links": [],
        "assets": {band: {"href": f"/nowhere/{band}.tif"} for band in ("B02", "B04")},
    }
    change(item)
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))
    assert message in refused(capsys, tmp_path, path)


def test_json_of_another_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "items.json"
    for features in ("[1, 2]", '{"a": 1}', '"abc"', "[" * 100_000):
        path.write_text('{"type": "FeatureCollection", "features": ' + features + "}")
        assert "no product is recognised here" in refused(capsys, tmp_path, path)


def table() -> pd.DataFrame:
    frame = pd.DataFrame({"field_id": np.repeat([1, 2], 3), "date": ["2018-05-01"] * 6})
    frame["date"] = ["2018-05-01", "2018-06-10", "2018-07-20"] * 2
    draw = np.random.default_rng(0)
    for band in SENTINEL2_BANDS:
        frame[band] = draw.integers(200, 5000, len(frame))
    return frame


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("field_id", b"\xff", "a cell holds neither a number nor text"),
        ("field_id", [1, 2], "a cell holds neither a number nor text"),
        ("B04", True, "column 'B04' is not numeric"),
        ("B04", datetime(2018, 1, 1), "column 'B04' is not numeric"),
    ],
)
def test_columns_of_other_types(
    column: str, value: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.parquet"
    frame = table()
    frame.assign(**{column: [value] * len(frame)}).to_parquet(path)
    line = refused(capsys, tmp_path, path)
    assert message in line
    assert str(path) in line


@pytest.mark.parametrize("text", ["%Q", "%", "%Y", ""])
def test_formats_of_no_date(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table().to_csv(tmp_path / "table.csv", index=False)
    line = refused(capsys, tmp_path, tmp_path / "table.csv", f"--date-format={text}")
    assert "--date-format" in line


@pytest.mark.parametrize("ending", ["", "T105031"])
def test_dates_by_the_day_of_the_year(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    frame["date"] = [f"2018{day}{ending}" for day in (121, 161, 201)] * 2
    frame.to_csv(tmp_path / "table.csv", index=False)
    assert windrow("ingest", tmp_path / "table.csv", "--dry-run") == 0
    assert "dates: 2018-05-01 to 2018-07-20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("center", np.array(["a", "b"])),
        ("center", np.array([1.0])),
        ("center", np.array([np.nan, 50.0])),
        ("dates", np.full(5, "NaT", dtype="M8[D]")),
        ("data", np.full((5, 13), "a")),
        ("data", np.full((5, 13), 300j)),
    ],
)
def test_arrays_of_parcels(
    name: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "parcels"
    folder.mkdir()
    dates = np.arange("2021-05-01", "2021-05-06", dtype="M8[D]")
    data = np.random.default_rng(1).integers(200, 5000, (5, 13))
    data[:, 10] = 10
    arrays = {"data": data, "dates": dates, "center": np.array([3.0, 50.0]), name: value}
    np.savez(folder / "FR101_12_3301010000.npz", **arrays)
    line = refused(capsys, tmp_path, folder)
    assert "FR101_12_3301010000.npz" in line
    assert name in line or "a date is missing" in line
