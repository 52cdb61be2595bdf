"""The predicted PlanetScope series of pixels, against the predictor itself."""

from __future__ import annotations

import numpy as np
import pytest

import cube_factory
from series_factory import make_series
from windrow.data.store.zarr_store import write_store
from windrow.errors import WeightsError
from windrow.experiments.recipes.pretraining import any_day, tiny
from windrow.inference.bimodal_predictor import PixelDates
from windrow.pipelines.daily.predictor import load_predictor
from windrow.pipelines.pretrain import pretrain
from windrow.pipelines.viewer.details import planetscope_record
from windrow.pipelines.viewer.predicted_planetscope import PredictedPlanetScope
from windrow.pipelines.viewer.scene_pixels import PixelStack
from windrow.sensors import SENTINEL2_BANDS
from windrow.sources.cubes.open_cube import open_cube
from windrow.sources.reader import IngestOptions
from windrow.training.execution import ExecutionSettings


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("planetscope")
    write_store(root / "store", make_series(40), provenance={"source": "test"})
    plain = ExecutionSettings(precision="float32")
    pretrain(any_day(tiny()), root / "store", root / "run", execution=plain)
    values = cube_factory.values(bands=SENTINEL2_BANDS)
    cube_factory.dataset(values, bands=SENTINEL2_BANDS).to_netcdf(root / "cube.nc")
    return root, open_cube(root / "cube.nc", IngestOptions()).facts


def stack_of(pixels, *, valid=True):
    values = cube_factory.values(bands=SENTINEL2_BANDS).astype(np.int16)
    reflectance = values.reshape(*values.shape[:2], -1)[..., pixels]
    seen = np.full((len(reflectance), len(pixels)), valid)
    return PixelStack(reflectance, seen, None, seen)


def test_a_day_is_the_mean_of_nine_predicted_pixels(made):
    root, facts = made
    predicted = PredictedPlanetScope(root / "run", facts)
    found, real = predicted.predict(stack_of([0, 57]))
    predictor = load_predictor(
        root / "run", bands=SENTINEL2_BANDS, processing_level=facts.processing_level
    )
    values = cube_factory.values(bands=SENTINEL2_BANDS).astype(np.int16)
    series = values.reshape(*values.shape[:2], -1)[..., [0, 57]].transpose(2, 0, 1)
    valid = np.ones(series.shape[:2], dtype=bool)
    days = np.arange("2018-05-01", "2018-05-17", dtype="M8[D]")
    expected = predictor.daily(PixelDates(series, valid, facts.dates), days).reflectance
    for band in range(4):
        np.testing.assert_allclose(
            found[..., band], expected[..., 9 * band : 9 * band + 9].mean(axis=-1), atol=1e-6
        )
    assert real.all()
    assert predicted.simulated == predictor.header.simulated
    # Days may be left out without a change of the others.
    coarse, _ = predicted.predict(stack_of([0, 57]), every=5)
    np.testing.assert_allclose(coarse, found[:, ::5], atol=1e-5)


def test_a_record_holds_days_and_bands_and_none_without_data(made):
    root, facts = made
    predicted = PredictedPlanetScope(root / "run", facts)
    record = planetscope_record(stack_of([3]), predicted)
    assert record["dates"][0] == "2018-05-01"
    assert len(record["dates"]) == len(record["reflectance"]) == 16
    assert record["bands"] == ["blue", "green", "red", "nir"]
    assert planetscope_record(stack_of([3], valid=False), predicted) is None


def test_a_folder_without_weights_is_refused(made, tmp_path):
    with pytest.raises(WeightsError, match="no run directory"):
        PredictedPlanetScope(tmp_path, made[1])
