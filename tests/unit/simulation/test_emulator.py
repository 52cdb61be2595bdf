import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from windrow.errors import DataError
from windrow.simulation.emulator import BANDS, PARAMETERS, Emulator, emulator
from windrow.simulation.surface.soil import SNOW, soil

MEAN = {
    "leaf_structure": 1.5,
    "chlorophyll": 45.0,
    "carotenoids": 9.0,
    "brown_pigment": 0.05,
    "leaf_water": 0.016,
    "dry_matter": 0.005,
    "leaf_area_index": 3.0,
    "leaf_angle": 57.0,
    "hot_spot": 0.1,
    "sun_zenith": 40.0,
}


def canopy(**changes):
    return emulator()({k: np.asarray(v, dtype=float) for k, v in (MEAN | changes).items()})


def test_the_header_holds_the_error_of_every_band_and_none_is_above_the_bound():
    rmse = emulator().held_out_rmse
    assert set(BANDS) <= set(rmse)
    assert len(rmse) == 17
    assert max(rmse.values()) <= 0.002
    assert tuple(emulator().ranges) == PARAMETERS


def test_the_emulator_is_small():
    assert len((files("windrow.simulation") / "emulator.safetensors").read_bytes()) < 2**20


def test_without_leaves_the_ground_is_seen():
    ground = soil(0.18, 0.0, 0.3)
    seen = canopy(leaf_area_index=0.0).over(ground)
    np.testing.assert_allclose(seen, ground, atol=0.006)


def test_over_black_ground_the_canopy_is_its_own_part():
    parts = canopy()
    np.testing.assert_array_equal(parts.over(np.zeros(16)), parts.black)


def test_reflectance_over_ground_is_that_of_the_equation():
    parts, rs = canopy(), np.full(16, 0.25, dtype=np.float32)
    for band in range(16):
        r0, t = float(parts.black[band]), float(parts.transmittance[band])
        rdd, h = float(parts.from_below[band]), float(parts.hot_gap[0])
        wanted = r0 + 0.25 / (1 - 0.25 * rdd) * (t - 0.25 * rdd * h)
        assert float(parts.over(rs)[band]) == pytest.approx(wanted, abs=1e-6)


def test_leaves_raise_infrared_and_lower_red():
    area = np.linspace(0.2, 6, 12)
    seen = canopy(leaf_area_index=area).over(soil(0.18, 0.0, 0.3))
    red, infrared = seen[:, BANDS.index("B04")], seen[:, BANDS.index("B08")]
    assert (np.diff(red) < 0.002).all()
    assert (np.diff(infrared) > -0.002).all()
    assert 0.85 < (infrared - red)[-1] / (infrared + red)[-1] < 0.97


def test_snow_under_a_canopy_stays_within_one():
    seen = canopy(leaf_area_index=np.linspace(0, 3, 5)).over(SNOW)
    assert seen.min() > 0
    assert seen.max() < 1


@pytest.mark.parametrize("content", [b"", b"12345678", b"\x10" + b"\0" * 7 + b"not json at all!"])
def test_other_bytes_are_refused(content):
    with pytest.raises(DataError, match="this is no PROSAIL emulator"):
        Emulator(content)


def test_windrow_never_imports_prosail():
    code = "import sys, windrow.simulation as s; s.scenario_settings('brandenburg-2018'); "
    code += "assert not {'prosail', 'torch', 'rasterio'} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
