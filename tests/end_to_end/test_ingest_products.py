"""From a product on disk through the command line to a store, and what an error leaves behind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cube_factory
from windrow.cli import main
from windrow.data.store.store import Store

for module in ("h5py", "rasterio", "geopandas", "xarray"):
    pytest.importorskip(module)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def _run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["windrow", "ingest", *map(str, arguments)])
        try:
            main()
        except SystemExit as finished:
            return int(finished.code or 0)
        return 0

    return _run


def test_images_and_parcels(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    images = cube_factory.write_daily(tmp_path / "images")
    labels = cube_factory.write_parcels(tmp_path / "p.geojson", cube_factory.parcels("EPSG:4326"))
    store = tmp_path / "store"
    assert run(images, "--dry-run", "--labels", labels) == 0
    said = capsys.readouterr().out
    assert "product: GeoTIFFs" in said
    assert "dates: 4, 2018-05-01 to 2018-05-16" in said
    assert "classes: 1200 (2 fields, 24 pixels), 9120 (1 fields, 4 pixels)" in said
    assert not store.exists()
    assert run(images, "--out", store, "--labels", labels, "--average-parcels") == 0
    series = Store(store).series()
    assert series.id.tolist() == [11, 12, 13]
    provenance = Store(store).attributes["provenance"]
    assert provenance["options"] == {"labels": "p.geojson", "average_parcels": True}
    assert str(tmp_path) not in str(provenance)


def test_splits_are_kept_beside_the_series(tmp_path: Path, run: Callable[..., int]) -> None:
    import json

    folder = tmp_path / "ml/preprocess"
    folder.mkdir(parents=True)
    bands = np.array([1300, 1100, 1000, 400, 1200, 2100, 2500, 2400, 2700, 800, 25, 1900, 1150])
    names = [f"EE001_{parcel}_3301010100.npz" for parcel in range(3)]
    for name in names:
        dates = np.array(["2021-05-01", "2021-05-11"], dtype="M8[D]")
        np.savez(folder / name, data=np.stack([bands, bands + 5]), dates=dates, center=[25.0, 58.0])
    split = tmp_path / "ml/split/a/finetune"
    split.mkdir(parents=True)
    parts = {"train": names[:1], "val": names[1:2], "test": names[2:]}
    (split / "region_split_1.json").write_text(json.dumps(parts))
    store = tmp_path / "store"
    assert run(tmp_path / "ml", "--out", store) == 0
    table = Store(store).table("parcels")
    assert table["id"].tolist() == Store(store).series().id.tolist()
    assert table["a.finetune.region_split_1"].tolist() == ["train", "val", "test"]


def test_a_fault_in_the_middle_leaves_nothing(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    images = cube_factory.write_daily(tmp_path / "images", compress="deflate")
    place = images / "S2_2018-05-11.tif"
    place.write_bytes(place.read_bytes()[:700])
    before = sorted(tmp_path.iterdir())
    assert run(images, "--out", tmp_path / "store") == 2
    error = capsys.readouterr().err
    assert "damaged or cut short" in error
    assert place.name in error
    assert len(error.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
