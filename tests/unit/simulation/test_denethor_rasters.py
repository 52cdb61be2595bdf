import io
import json
import pickle
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from windrow.data.legend import DENETHOR
from windrow.data.planetscope_windows import planetscope_window
from windrow.errors import SettingsError, WindrowError
from windrow.simulation import (
    SCENARIOS,
    ScenarioSettings,
    simulate_denethor,
    simulate_pixels,
)
from windrow.simulation.fields.landscape import make_landscape

TINY = ScenarioSettings.from_dict(
    SCENARIOS["brandenburg-2018"].to_dict() | {"landscape_m": 180, "field_m": 90.0}
)


class Restricted(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) in {("datetime", "datetime"), ("datetime", "timezone")}:
            return super().find_class(module, name)
        if (module, name) == ("datetime", "timedelta"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    path = tmp_path_factory.mktemp("denethor") / "tile"
    simulate_denethor(path, scenario=TINY, seed=6, landscape=2, every_days=5)
    return path


def test_sentinel2_is_that_of_the_pixels(folder):
    where = next(folder.glob("*_source_sentinel_2/*_33N_18E_242N_2018"))
    bands, clouds = np.load(where / "bands.npy"), np.load(where / "clp.npy")
    rows, columns = np.array([3, 17]), np.array([9, 0])
    part = simulate_pixels(TINY, seed=6, landscape=2, rows=rows, columns=columns)
    num = int(part.valid[0].sum())
    assert bands.shape == (num, 18, 18, 12)
    assert clouds.shape == (num, 18, 18, 1)
    np.testing.assert_array_equal(bands[:, rows, columns].swapaxes(0, 1), part.reflectance[:, :num])
    np.testing.assert_array_equal(clouds[:, 17, 0, 0], part.cloud_probability[1, :num])
    stamps = Restricted(io.BytesIO((where / "timestamp.pkl").read_bytes())).load()
    wanted = [
        datetime(2018, 1, 1, tzinfo=UTC).date().toordinal() + int(d)
        for d in part.day_of_year[0, :num]
    ]
    assert [stamp.date().toordinal() for stamp in stamps] == wanted


def test_planetscope_rasters_hold_the_windows(folder):
    import rasterio

    files = sorted(folder.glob("*_source_planet_5day/*/sr.tif"))
    assert len(files) == 73
    assert files[40].parent.name.endswith("33N_18E_242N_2018-07-20")
    with rasterio.open(files[40]) as raster:
        values = raster.read()
        assert raster.crs.to_epsg() == 32633
        assert raster.res == (3.0, 3.0)
    assert values.shape == (4, 60, 60)
    assert values.min() > 0
    part = simulate_pixels(TINY, seed=6, landscape=2, rows=np.array([7]), columns=np.array([11]))
    window = planetscope_window(7, 11, size=60)
    np.testing.assert_array_equal(values[:, *window].ravel(), part.planetscope[0, 200])


def test_labels_are_the_fields(folder):
    where = next(folder.glob("*_labels/*/labels.geojson"))
    collection = json.loads(where.read_text())
    ground = make_landscape(TINY, 6, 2)
    features = collection["features"]
    assert collection["crs"]["properties"]["name"].endswith("25833")
    assert len(features) == ground.num_fields
    for feature in features:
        of_field = feature["properties"]
        assert of_field["crop_id"] == ground.label[of_field["fid"] - 1] + 1
        assert of_field["crop_name"] == DENETHOR.names[of_field["crop_id"] - 1]
    total = sum(feature["properties"]["SHAPE_AREA"] for feature in features)
    assert total == pytest.approx(180**2)


def test_the_folder_says_that_it_is_simulated(folder):
    assert "no satellite ever saw" in (folder / "SIMULATED.txt").read_text()


def test_mistakes(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="found every 7 days; expected 1 or 5"):
        simulate_denethor(tmp_path / "a", scenario=TINY, seed=0, every_days=7)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(WindrowError, match="GeoTIFFs need the package rasterio; to mend it: pip"):
        simulate_denethor(tmp_path / "a", scenario=TINY, seed=0)
    assert not any(tmp_path.iterdir())
