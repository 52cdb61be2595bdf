"""The emulator against the full model, which only tools may use."""

import numpy as np
import pytest

from windrow.sensors import PLANETSCOPE, SENTINEL2
from windrow.simulation.emulator import PARAMETERS, emulator


def test_against_prosail():
    prosail = pytest.importorskip("prosail", reason="the GPL package prosail is not installed")
    rng = np.random.default_rng(3)
    wavelengths = np.arange(400.0, 2501.0)
    bands = [*SENTINEL2.values(), *PLANETSCOPE.values()]
    responses = np.stack([band.response(wavelengths) for band in bands])
    low, high = np.array([(a, b) for a, b, _ in emulator().ranges.values()]).T
    middle, half = (low + high) / 2, (high - low) / 2
    points = middle + 0.9 * half * rng.uniform(-1, 1, (40, len(PARAMETERS)))
    errors = []
    for row in points:
        p = dict(zip(PARAMETERS, row, strict=True))
        ground = rng.uniform(0.05, 0.2) + rng.uniform(0, 0.25) * (wavelengths - 400) / 2100
        full = prosail.run_prosail(
            p["leaf_structure"],
            p["chlorophyll"],
            p["carotenoids"],
            p["brown_pigment"],
            p["leaf_water"],
            p["dry_matter"],
            p["leaf_area_index"],
            p["leaf_angle"],
            p["hot_spot"],
            p["sun_zenith"],
            float(emulator().metadata["view_zenith"]),
            float(emulator().metadata["relative_azimuth"]),
            prospect_version="D",
            rsoil0=ground,
        )
        parts = emulator()({k: np.asarray(v) for k, v in p.items()})
        errors.append(parts.over(responses @ ground) - responses @ full)
    rmse = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert rmse.max() <= 0.002
