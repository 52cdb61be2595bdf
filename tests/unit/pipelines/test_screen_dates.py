"""Dates of made-up scenes with planted clouds and a planted swap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from scene_factory import BANDS, CLEAR, CLOUDY, make_scene, write_scene
from series_factory import make_series
from windrow.cli import main
from windrow.data.store.zarr_store import write_store
from windrow.errors import DataError, OutputError
from windrow.experiments.recipes.dates import misdated
from windrow.experiments.recipes.pretraining import any_day, tiny
from windrow.pipelines.daily.screen_dates import ScreenDatesRequest, screen_dates
from windrow.pipelines.pretrain import pretrain
from windrow.training.execution import ExecutionSettings

CLOUDS = 11
"""A date that is cloudy all over."""


def planted(path: Path, *, swap: tuple[int, int] | None) -> Path:
    """A scene of which one date is cloudy, and two may hold each other's images."""
    scene = make_scene(num_dates=40)
    for name in BANDS:
        scene[name].values[CLOUDS] = 6_000
    scene["SCL"].values[:] = np.where(scene["SCL"].values == CLOUDY, CLOUDY, CLEAR)
    scene["SCL"].values[CLOUDS] = CLOUDY
    if swap is not None:
        first, second = swap
        for name in (*BANDS, "SCL"):
            values = scene[name].values
            values[[first, second]] = values[[second, first]]
    return write_scene(path, scene)


def days(path: Path) -> np.ndarray:
    import xarray

    with xarray.open_dataset(path, engine="h5netcdf") as scene:
        return scene.time.values.astype("M8[D]")


def test_a_scene_without_a_fault_has_no_suspect(tmp_path: Path) -> None:
    cube = planted(tmp_path / "cube.nc", swap=None)
    found = screen_dates(ScreenDatesRequest(cube, misdated()))
    assert found.dates.tolist() == days(cube).tolist()
    assert not found.fit.misdated.any()
    assert found.fit.judged.sum() == 39
    assert found.cloud[CLOUDS] == pytest.approx(230 / 255)
    others = np.delete(found.cloud, CLOUDS)
    assert others.max() < 0.5
    assert np.isclose(others.mean(), 0.3 * 230 / 255, atol=0.03)


def test_two_dates_that_were_swapped_are_found(tmp_path: Path) -> None:
    cube = planted(tmp_path / "cube.nc", swap=None)
    date = days(cube)
    day = (date - np.datetime64("2019-01-01")).astype(int)
    swap = (int(np.abs(day - 120).argmin()), int(np.abs(day - 320).argmin()))
    swapped = planted(tmp_path / "swapped.nc", swap=swap)
    out = tmp_path / "dates.parquet"
    found = screen_dates(ScreenDatesRequest(swapped, misdated()), out=out)
    # In spring one crop grows, in autumn none does: the spring image in autumn cannot be missed.
    suspects = np.flatnonzero(found.fit.misdated).tolist()
    assert swap[1] in suspects
    assert set(suspects) <= set(swap)
    table = pyarrow.parquet.read_table(out)
    row = table.to_pylist()[swap[1]]
    assert row["misdated"]
    assert row["days_off"] >= 45
    assert row["misfit"] > 1.5 * row["fitted_misfit"]
    assert table.to_pylist()[CLOUDS]["judged"] is False
    assert table.to_pylist()[CLOUDS]["fitted_date"] is None


def test_the_command_prints_clouds_and_suspects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cube = planted(tmp_path / "cube.nc", swap=None)
    main(["screen-dates", str(cube), "--out", str(tmp_path / "dates.csv")])
    printed = capsys.readouterr().out
    assert "1 of 40 dates are cloudy" in printed
    assert "39 of 40 dates have enough clear pixels" in printed
    assert "0 dates look misdated" in printed
    assert len((tmp_path / "dates.csv").read_text().splitlines()) == 41
    with pytest.raises(OutputError, match="exists"):
        screen_dates(ScreenDatesRequest(cube, misdated()), out=tmp_path / "dates.csv")


def test_weights_give_the_cloud_level_of_a_store(tmp_path: Path) -> None:
    write_store(tmp_path / "pairs", make_series(40), provenance={"source": "test"})
    execution = ExecutionSettings(precision="float32")
    pretrain(any_day(tiny()), tmp_path / "pairs", tmp_path / "run", execution=execution)
    with pytest.raises(DataError, match="do not share their dates"):
        screen_dates(ScreenDatesRequest(tmp_path / "pairs", misdated()))
    one = make_series(40).select(np.zeros(1, dtype=np.intp))
    write_store(tmp_path / "one", one, provenance={"source": "test"})
    request = ScreenDatesRequest(tmp_path / "one", misdated(), weights=tmp_path / "run")
    found = screen_dates(request)
    level = np.array(found.table["cloud_predicted"].to_pylist(), dtype=float)
    assert level.shape == (24,)
    assert ((level >= 0) & (level <= 1)).all()
    assert (level == found.cloud).all()
    assert "cloud level: predicted by the weights" in found.lines
