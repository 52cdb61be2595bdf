"""Daily reflectance of a small cube: which days, which pixels, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray

import cube_factory
from series_factory import make_series
from windrow.cli import main
from windrow.data.store.zarr_store import write_store
from windrow.errors import DataError, OutputError, SettingsError, WeightsError
from windrow.experiments.recipes.pretraining import any_day, tiny
from windrow.inference.bimodal_predictor import (
    INTERPOLATED,
    MISSING,
    PREDICTED,
    PixelDates,
)
from windrow.pipelines.daily.job import DailyRequest
from windrow.pipelines.daily.predictor import load_predictor
from windrow.pipelines.daily.reconstruct import reconstruct, reconstruct_block
from windrow.pipelines.pretrain import pretrain
from windrow.sensors import PLANETSCOPE_BANDS, SENTINEL2_BANDS
from windrow.training.execution import ExecutionSettings

DAYS = ("2018-05-01", "2018-05-04", "2018-05-11", "2018-05-16")
HEIGHT, WIDTH = cube_factory.HEIGHT, cube_factory.WIDTH


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube with one pixel without data, and two runs: asked about days, and not."""
    folder = tmp_path_factory.mktemp("work")
    write_store(folder / "store", make_series(40), provenance={"source": "test"})
    plain = ExecutionSettings(precision="float32")
    pretrain(any_day(tiny()), folder / "store", folder / "asked", execution=plain)
    pretrain(tiny(), folder / "store", folder / "plain", execution=plain)
    values = cube_factory.values(len(DAYS), SENTINEL2_BANDS)
    values[:, :, 2, 3] = 0
    cube = cube_factory.dataset(values, DAYS, SENTINEL2_BANDS)
    for name in SENTINEL2_BANDS:
        cube[name].attrs["_FillValue"] = np.uint16(0)
    cube.to_netcdf(folder / "cube.nc")
    return folder


def request(work: Path, run: str = "asked", **changes: object) -> DailyRequest:
    return DailyRequest(work / "cube.nc", work / run, **changes)  # type: ignore[arg-type]


def opened(path: Path) -> xarray.Dataset:
    return xarray.open_zarr(path, consolidated=False).load()


@pytest.fixture(scope="module")
def whole(work: Path) -> xarray.Dataset:
    reconstruct(request(work), out=work / "whole", num_workers=1)
    return opened(work / "whole")


def test_xarray_reads_days_bands_coordinates_and_crs(whole: xarray.Dataset) -> None:
    from pyproj import CRS

    assert dict(whole.sizes) == {"time": 16, "band": 4, "y": 3 * HEIGHT, "x": 3 * WIDTH}
    assert whole.time.values.astype("M8[D]").tolist() == [
        day.item() for day in np.arange("2018-05-01", "2018-05-17", dtype="M8[D]")
    ]
    assert tuple(whole.band.values) == PLANETSCOPE_BANDS
    step = 10 / 3
    assert np.allclose(whole.x, cube_factory.LEFT + step * (np.arange(3 * WIDTH) + 0.5))
    assert np.allclose(whole.y, cube_factory.TOP - step * (np.arange(3 * HEIGHT) + 0.5))
    assert CRS.from_wkt(whole.spatial_ref.attrs["crs_wkt"]) == CRS.from_user_input(cube_factory.CRS)
    assert whole.attrs["Conventions"] == "CF-1.10"
    assert "pre-trained on simulated pairs of sensors" in whole.attrs["comment"]
    assert whole.reflectance.attrs["units"] == "1"


def test_every_pixel_is_the_prediction_of_its_own_series(work: Path, whole: xarray.Dataset) -> None:
    predictor = load_predictor(work / "asked", bands=SENTINEL2_BANDS, processing_level="L2A")
    values = cube_factory.values(len(DAYS), SENTINEL2_BANDS).astype(np.int16)
    days = np.arange("2018-05-01", "2018-05-17", dtype="M8[D]")
    for row, column in ((0, 0), (5, 7), (HEIGHT - 1, WIDTH - 1)):
        series = PixelDates(
            values[None, :, :, row, column],
            np.ones((1, len(DAYS)), dtype=bool),
            np.array(DAYS, dtype="M8[D]"),
        )
        expected = predictor.daily(series, days).reflectance[0].reshape(16, 4, 3, 3)
        rows, columns = (slice(3 * at, 3 * at + 3) for at in (row, column))
        found = whole.reflectance.values[:, :, rows, columns]
        assert np.abs(found - expected).max() < 6e-5  # stored in steps of 0.0001
    assert np.ptp(whole.reflectance.values[:, :, :3, :3]) > 0


def test_a_pixel_without_data_stays_without(whole: xarray.Dataset) -> None:
    lost = np.zeros((3 * HEIGHT, 3 * WIDTH), dtype=bool)
    lost[6:9, 9:12] = True
    assert (np.isnan(whole.reflectance.values) == lost).all()
    assert ((whole.flag.values == MISSING) == lost).all()
    assert (whole.flag.values[:, ~lost] == PREDICTED).all()


def test_weights_not_asked_about_days_interpolate_between_and_flag_it(work: Path) -> None:
    found = reconstruct(request(work, "plain"), out=work / "between", num_workers=1)
    cube = opened(work / "between")
    # Dates, and the two days before each of them, are predicted.
    predicted = {0, 1, 2, 3, 8, 9, 10, 13, 14, 15}
    for day in range(16):
        kind = PREDICTED if day in predicted else INTERPOLATED
        assert cube.flag.values[day, 0, 0] == kind
    reflectance = cube.reflectance.values[:, :, 0, 0]
    for day in (4, 5, 6, 7):
        share = (day - 3) / 5
        expected = (1 - share) * reflectance[3] + share * reflectance[8]
        assert np.allclose(reflectance[day], expected, atol=1.1e-4)
    assert found.counts["pixel_days_interpolated"] == 6 * (HEIGHT * WIDTH - 1)
    assert found.counts["pixels_without_data"] == 1
    forced = request(work, use_queries=False)
    reconstruct(forced, out=work / "forced", num_workers=1)
    assert (opened(work / "forced").flag.values == cube.flag.values).all()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_other_blocks_give_the_same_values(work: Path, whole: xarray.Dataset) -> None:
    reconstruct(request(work, block_pixels=30), out=work / "blocks", num_workers=1)
    found = opened(work / "blocks")
    assert np.allclose(found.reflectance, whole.reflectance, atol=1.1e-4, equal_nan=True)


def test_a_stopped_run_goes_on_to_the_same_bytes(work: Path) -> None:
    wanted = request(work, block_pixels=30)
    reconstruct(wanted, out=work / "once", num_workers=1)

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert total > 2
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        reconstruct(wanted, out=work / "twice", num_workers=1, on_progress=stop)
    assert not (work / "twice").exists()
    with pytest.raises(OutputError, match="begun here"):
        reconstruct(wanted, out=work / "twice", num_workers=1)
    with pytest.raises(OutputError, match="another cube, weights or option"):
        reconstruct(request(work), out=work / "twice", num_workers=1, resume=True)
    seen: list[int] = []
    reconstruct(
        wanted,
        out=work / "twice",
        num_workers=1,
        resume=True,
        on_progress=lambda done, total: seen.append(done),
    )
    assert seen[0] == 3
    assert files_of(work / "twice") == files_of(work / "once")
    assert not (work / ".twice.unfinished").exists()
    with pytest.raises(OutputError, match="exists"):
        reconstruct(wanted, out=work / "twice", num_workers=1)
    with pytest.raises(OutputError, match="no reconstruction was begun"):
        reconstruct(wanted, out=work / "third", num_workers=1, resume=True)


def test_a_block_written_twice_is_the_same(work: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconstruct(request(work), out=work / "block", num_workers=1, on_progress=stop)
    unfinished = work / ".block.unfinished"
    before = files_of(unfinished)
    reconstruct_block(str(unfinished), 0)
    assert files_of(unfinished) == before


def test_what_does_not_fit_is_refused_before_anything_is_written(work: Path) -> None:
    before = sorted(work.iterdir())
    for changes, kind, text in (
        ({"first_day": "tomorrow"}, SettingsError, "--first-day is no date"),
        ({"last_day": "2018-04-01"}, SettingsError, "outside of the twelve months"),
        ({"last_day": "2019-04-01"}, SettingsError, "outside of the twelve months"),
        ({"block_pixels": 0}, SettingsError, "out of range"),
    ):
        with pytest.raises(kind, match=text):
            reconstruct(request(work, **changes), out=work / "no")
    with pytest.raises(WeightsError, match="no run directory"):
        reconstruct(request(work, "store"), out=work / "no")
    with pytest.raises(DataError, match="another processing level"):
        load_predictor(work / "asked", bands=SENTINEL2_BANDS, processing_level="L1C")
    with pytest.raises(DataError, match="lack band B01"):
        load_predictor(work / "asked", bands=SENTINEL2_BANDS[1:], processing_level="L2A")
    assert sorted(work.iterdir()) == before


def test_the_command_prints_what_it_did(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(
        f"reconstruct {work / 'cube.nc'} --weights {work / 'asked'} --out {work / 'command'}"
        " --workers 1 --first-day 2018-04-30 --last-day 2018-05-02".split()
    )
    printed = capsys.readouterr().out
    assert "days: 3\npixels: 120\npixels without data: 1\n" in printed
    assert "Every day is predicted." in printed
    assert opened(work / "command").sizes["time"] == 3
    attributes = json.loads((work / "command" / "zarr.json").read_text())["attributes"]
    assert len(attributes["weights_sha256"]) == 64
