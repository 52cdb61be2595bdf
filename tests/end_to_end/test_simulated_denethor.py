"""What the simulator writes in DENETHOR's layout is read back as what it writes directly."""

import sys

import numpy as np
import pytest

from way import windrow
from windrow.data.store import read_store
from windrow.errors import SettingsError
from windrow.experiments.ingestion import ingest
from windrow.simulation import SCENARIOS, ScenarioSettings, simulate_pixels
from windrow.simulation.denethor import simulate_landscapes
from windrow.sources.reading import IngestOptions

TINY = SCENARIOS["brandenburg-2018"].to_dict() | {"landscape_m": 120, "field_m": 60.0}


@pytest.mark.parametrize(("pairing", "seed"), [("corner", 3), ("centred", 4)])
def test_read_back_to_the_integer(tmp_path, pairing, seed):
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    scenario = ScenarioSettings.from_dict(TINY | {"pairing": pairing})
    simulate_landscapes(tmp_path / "tile", scenario=scenario, num_series=144, seed=seed)
    found = ingest(
        tmp_path / "tile", out=tmp_path / "store", options=IngestOptions(pairing=pairing)
    )
    read = read_store(tmp_path / "store")
    row, column = read.id // 10_000, read.id % 10_000
    direct = simulate_pixels(scenario, seed=seed, landscape=0, rows=row, columns=column)
    num = read.num_dates
    assert len(read) == 144
    assert not direct.valid[:, num:].any()
    for name in ("reflectance", "day_of_year", "valid", "cloud_probability"):
        np.testing.assert_array_equal(getattr(read, name), getattr(direct, name)[:, :num])
    for name in ("planetscope", "planetscope_day", "label", "year", "bands"):
        np.testing.assert_array_equal(getattr(read, name), getattr(direct, name))
    np.testing.assert_array_equal(read.field_id - 1, direct.field_id)
    assert read.simulated
    assert "simulated: SIMULATED.txt: no satellite ever saw this place" in found.lines


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
    assert "how many series to simulate; to mend it: give --num-series" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
