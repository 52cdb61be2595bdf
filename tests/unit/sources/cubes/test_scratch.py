"""An interrupted ingest of a cube goes on, and never with values of another cube."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cube_factory
from windrow.data.store.store import Store
from windrow.errors import DataError
from windrow.pipelines.ingest import ingest
from windrow.sources.cubes import geotiffs
from windrow.sources.cubes import series as cube_series
from windrow.sources.rasters import grid
from windrow.sources.reader import IngestOptions

pytest.importorskip("rasterio")


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(whole: grid.Grid, native: tuple[int, int], size: int) -> object:
        return grid.windows(whole, native, size, limit=size * 20)

    monkeypatch.setattr(cube_series, "windows", small)


def test_it_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = cube_factory.write_daily(tmp_path / "images")
    read = geotiffs.ImageCube.read
    calls: list[grid.Window] = []

    def failing(self: object, window: grid.Window, *pixels: object) -> grid.Raw:
        calls.append(window)
        if len(calls) == 4:
            raise DataError("the network is gone")
        return read(self, window, *pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(geotiffs.ImageCube, "read", failing)
    store = tmp_path / "store"
    with pytest.raises(DataError, match="the network is gone"):
        ingest(images, out=store)
    assert not store.exists()
    assert len(list((tmp_path / ".store.scratch").iterdir())) == 2  # the first call is the sample
    ingest(images, out=store)
    assert len(calls) == 4 + 1 + 6  # the sample again, and six of eight windows
    series = Store(store).series()
    series = series.select(np.argsort(series.id))
    array = cube_factory.values().transpose(2, 3, 0, 1)
    assert np.array_equal(series.reflectance, array.reshape(120, 4, 3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "store"]


def test_another_cube_is_read_anew(tmp_path: Path) -> None:
    images = cube_factory.write_daily(tmp_path / "images")
    options = IngestOptions(scratch=tmp_path / "scratch")
    ingest(images, out=tmp_path / "first", options=options)
    place = images / "S2_2018-05-06.tif"
    cube_factory.write_tif(
        place, cube_factory.values()[1] + np.uint16(50), descriptions=cube_factory.BANDS
    )
    ingest(images, out=tmp_path / "second", options=options)
    first, second = Store(tmp_path / "first").series(), Store(tmp_path / "second").series()
    assert ((second.reflectance - first.reflectance)[:, 1] == 50).all()
