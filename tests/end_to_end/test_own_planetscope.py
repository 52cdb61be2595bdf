"""From a Sentinel-2 cube and a folder of PlanetScope files to pre-trained weights."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import windrow as package
from cube_factory import CRS, LEFT, TOP, write_tif
from way import windrow
from windrow.data.series import NO_DATA
from windrow.simulation import simulate

SIDE = 8


@pytest.mark.parametrize("step", [1, 5])
def test_own_pairs_are_ingested_and_learned(
    step: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Simulated pixels are laid out as a cube, and their PlanetScope as daily files beside it."""
    xarray = pytest.importorskip("xarray")
    from rasterio.transform import from_origin

    series = simulate("brandenburg-2018", num_series=SIDE**2, seed=4)
    assert series.planetscope is not None
    assert series.planetscope_day is not None
    usable = series.valid.all(axis=0)
    days = np.array(["2018-01-01"], dtype="M8[D]") + series.day_of_year[0, usable]
    assert (series.day_of_year[:, usable] == series.day_of_year[0, usable]).all()
    values = series.reflectance[:, usable].reshape(SIDE, SIDE, len(days), -1)
    axes = ("time", "y", "x")
    cube = xarray.Dataset(
        {band: (axes, values[..., b].transpose(2, 0, 1)) for b, band in enumerate(series.bands)},
        coords={
            "time": days.astype("M8[ns]"),
            "y": TOP - 5 - 10 * np.arange(SIDE),
            "x": LEFT + 5 + 10 * np.arange(SIDE),
        },
        attrs={"crs": CRS},
    )
    cube.to_netcdf(tmp_path / "cube.nc", engine="h5netcdf")
    for number in range(0, len(series.planetscope_day), step):
        # (pixel, band, 3, 3) to (band, row, column)
        shown = series.planetscope[:, number].reshape(SIDE, SIDE, 4, 3, 3)
        raster = shown.transpose(2, 0, 3, 1, 4).reshape(4, 3 * SIDE, 3 * SIDE)
        raster = np.where(raster == NO_DATA, 0, raster).astype(np.int16)
        day = date(2018, 1, 1) + timedelta(days=int(series.planetscope_day[number]))
        transform = from_origin(LEFT, TOP, 10 / 3, 10 / 3)
        write_tif(tmp_path / "planet" / f"{day}.tif", raster, transform=transform)
    words = ("ingest", tmp_path / "cube.nc", "--planetscope", tmp_path / "planet",
             "--processing-level", "L2A")  # fmt: skip
    assert windrow(*words, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert ("daily" if step == 1 else "every 5 days") in printed
    assert windrow(*words, "--out", tmp_path / "store") == 0
    stored = package.Store(tmp_path / "store").series()
    assert stored.planetscope is not None
    order = np.argsort(stored.id)
    clear = (series.planetscope[:, ::step] != NO_DATA) & (series.planetscope[:, ::step] != 0)
    np.testing.assert_array_equal(
        stored.planetscope[order][clear], series.planetscope[:, ::step][clear]
    )
    run = ("pretrain", "tiny", "--data", tmp_path / "store", "--num-steps", 12, "--out")
    assert windrow(*run, tmp_path / "run") == 0
    lines = [json.loads(x) for x in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    losses = [line["reconstruction"] for line in lines if line["kind"] == "train"]
    assert losses
    assert all(np.isfinite(losses))
    assert min(losses) > 0


def test_no_output_is_left_by_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xarray")
    from cube_factory import dataset

    dataset().to_netcdf(tmp_path / "cube.nc", engine="h5netcdf")
    words = ("ingest", tmp_path / "cube.nc", "--planetscope", tmp_path / "nowhere",
             "--processing-level", "L2A", "--out", tmp_path / "store")  # fmt: skip
    assert windrow(*words) == 2
    error = capsys.readouterr().err
    assert "no folder of PlanetScope files" in error
    assert "--planetscope" in error
    assert not (tmp_path / "store").exists()
