"""What the simulator writes in DENETHOR's layout is read back as what it writes directly."""

import sys

import numpy as np
import pytest

from way import windrow
from windrow.data.store.store import Store
from windrow.errors import SettingsError
from windrow.pipelines.ingest import ingest
from windrow.simulation import SCENARIOS, ScenarioSettings, simulate_pixels
from windrow.simulation.denethor_rasters import simulate_landscapes
from windrow.simulation.generate import PIXELS_A_SIDE
from windrow.sources.reader import IngestOptions

TINY = SCENARIOS["brandenburg-2018"].to_dict() | {"landscape_m": 120, "field_m": 60.0}


@pytest.mark.parametrize(("pairing", "seed"), [("corner", 3), ("centred", 4)])
def test_read_back_to_the_integer(tmp_path, pairing, seed):
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    scenario = ScenarioSettings.from_dict(TINY | {"pairing": pairing})
    simulate_landscapes(tmp_path / "tile", scenario=scenario, num_series=144, seed=seed)
    found = ingest(
        tmp_path / "tile", out=tmp_path / "store", options=IngestOptions(pairing=pairing)
    )
    read = Store(tmp_path / "store").series()
    row, column = read.id // 10_000, read.id % 10_000
    direct = simulate_pixels(scenario, seed=seed, landscape=0, rows=row, columns=column)
    assert len(read) == 144
    assert_equal_series(read, direct)
    assert read.simulated
    assert "simulated: SIMULATED.txt: no satellite ever saw this place" in found.lines


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_whole_landscape_gives_the_direct_store_to_the_integer(tmp_path):
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    assert windrow("simulate", "--out", tmp_path / "tile", "--layout", "denethor", "-j", 1) == 0
    assert windrow("ingest", tmp_path / "tile", "--out", tmp_path / "store") == 0
    read = Store(tmp_path / "store").series()
    assert len(read) == 120 * 120  # 1.2 km of 10 m: no pixel of it is lost
    words = ("simulate", "--out", tmp_path / "direct", "--num-series", 100, "-j", 1)
    assert windrow(*words) == 0
    direct = Store(tmp_path / "direct").series()
    position = {key: at for at, key in enumerate(read.id.tolist())}
    row, column = direct.id // PIXELS_A_SIDE % PIXELS_A_SIDE, direct.id % PIXELS_A_SIDE
    same = read.select(np.array([position[key] for key in (row * 10_000 + column).tolist()]))
    assert_equal_series(same, direct)
    for first in range(0, len(read), 2400):  # and every other pixel, which no store samples
        part = read.select(np.arange(first, first + 2400))
        row, column = part.id // 10_000, part.id % 10_000
        scenario = SCENARIOS["brandenburg-2018"]
        assert_equal_series(
            part, simulate_pixels(scenario, seed=0, landscape=0, rows=row, columns=column)
        )


def assert_equal_series(read, direct):
    num = read.num_dates
    assert not direct.valid[:, num:].any()
    for name in ("reflectance", "day_of_year", "valid", "cloud_probability"):
        np.testing.assert_array_equal(getattr(read, name), getattr(direct, name)[:, :num])
    for name in ("planetscope", "planetscope_day", "label", "year", "bands"):
        np.testing.assert_array_equal(getattr(read, name), getattr(direct, name))
    np.testing.assert_array_equal(read.field_id - 1, direct.field_id)


def test_several_landscapes_and_a_number_that_does_not_fit(tmp_path, monkeypatch):
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    scenario = ScenarioSettings.from_dict(TINY)
    with pytest.raises(
        SettingsError, match=r"whole landscapes; found 150 series; expected a multiple of 144 \(12"
    ):
        simulate_landscapes(tmp_path / "x", scenario=scenario, num_series=150, seed=0)
    done = []
    simulate_landscapes(
        tmp_path / "two",
        scenario=scenario,
        num_series=288,
        seed=0,
        every_days=5,
        on_progress=lambda made, total: done.append((made, total)),
    )
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == [
        "landscape-000",
        "landscape-001",
    ]
    assert done[-1] == (24, 24)
    found = ingest(tmp_path / "two/landscape-001", out=None)
    assert "144 series" in found.lines


def test_mistakes_on_the_command_line(tmp_path, capsys, monkeypatch):
    words = ("simulate", "--out", tmp_path / "x", "--layout", "denethor")
    assert windrow(*words, "--num-series", 100) == 2
    assert "whole landscapes; found 100 series; expected a multiple of" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "rasterio", None)
    assert windrow(*words) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "GeoTIFFs need the package rasterio" in message
    assert "pip install 'windrow[rasters]'" in message
    assert windrow("simulate", "--out", tmp_path / "x") == 2
    message = capsys.readouterr().err
    assert "the number of series is missing; to mend it: give --num-series" in message
    assert not any(tmp_path.iterdir())
