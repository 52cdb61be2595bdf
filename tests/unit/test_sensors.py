"""Bands, spectral responses and cloud levels against tables and naive recomputation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from windrow import sensors
from windrow.errors import BandError


def test_twelve_bands_in_the_order_of_the_products() -> None:
    expected = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12"
    assert " ".join(sensors.SENTINEL2_BANDS) == expected
    assert sensors.PLANETSCOPE_BANDS == ("blue", "green", "red", "nir")
    assert sensors.NUM_PLANETSCOPE_VALUES == 36
    assert sensors.SENTINEL2_L1C["B10"].centre_nm == 1373.5


@pytest.mark.parametrize(
    "band", [*sensors.SENTINEL2_L1C.values(), *sensors.PLANETSCOPE.values()], ids=lambda b: b.name
)
def test_response_is_a_gaussian_of_the_published_width(band: sensors.Band) -> None:
    wavelength = np.arange(300.0, 2700.0, 0.1)
    weights = band.response(wavelength)
    assert weights.sum() == pytest.approx(1.0)
    assert wavelength @ weights == pytest.approx(band.centre_nm, abs=0.01)
    above_half = wavelength[weights >= weights.max() / 2]
    assert above_half[-1] - above_half[0] == pytest.approx(band.width_nm, abs=0.25)
    sigma = band.width_nm / (2 * math.sqrt(2 * math.log(2)))
    spread = math.sqrt(((wavelength - band.centre_nm) ** 2) @ weights)
    assert spread == pytest.approx(sigma, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("B1", "B01"), ("b8a", "B8A"), (" B08 ", "B08"), ("b12", "B12"), ("B10", "B10")],
)
def test_names_that_mean_the_same(name: str, expected: str) -> None:
    assert sensors.canonical_band(name) == expected


@pytest.mark.parametrize("name", ["", "B", "B13", "B8B", "B²", "B٣", "nir", "B" + "9" * 5000])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(BandError, match=r"unknown Sentinel-2 band .*; expected one of B01 B02"):
        sensors.canonical_band(name)


def test_sets_of_bands() -> None:
    assert sensors.check_bands(["b12", "B2"]) == ("B12", "B02")
    with pytest.raises(BandError, match="band B02 is given twice; found B2 B02"):
        sensors.check_bands(["B2", "B02"])
    with pytest.raises(BandError, match="no Sentinel-2 band"):
        sensors.check_bands([])
    with pytest.raises(BandError, match="the cirrus band B10 is no input"):
        sensors.check_bands(["B02", "B10"])


def test_cloud_levels_of_all_probabilities() -> None:
    probability = np.arange(256, dtype=np.uint8)
    expected = [math.floor(p * 32 / 256) for p in range(256)]
    assert sensors.cloud_level(probability).tolist() == expected
    assert np.bincount(sensors.cloud_level(probability)).tolist() == [8] * 32


def test_cloud_fractions() -> None:
    fractions = [0.0, 0.003, 0.00390625, 0.25, 0.999, 1.0]
    expected = [min(255, math.floor(256 * c)) for c in fractions]
    assert sensors.cloud_probability_of_fraction(fractions).tolist() == expected
