"""The demo, made small: the same steps in the same order, from files to the report."""

import json

import numpy as np
import pandas as pd

from windrow.cli.progress import progress
from windrow.data.map_folder import read_map_header
from windrow.experiments.demo import FIRST_PLACE, demo_settings, run_demo
from windrow.experiments.demo_result import DemoResult, paired_gain
from windrow.experiments.recipes.worlds import windrow_1
from windrow.pipelines.world_cache import FIRST_VALIDATION_WORLD
from windrow.reporting.demo_page import is_demo, write_demo_report


def test_the_demo_leaves_what_a_user_has_and_a_report(tmp_path):
    settings = demo_settings(seed=0)
    few_trees = settings.training.mix.model_copy(update={"num_trees": 10})
    settings = settings.model_copy(
        update={
            "num_draws": 2,
            "map_pixels": 20,
            "training": settings.training.model_copy(update={"mix": few_trees}),
        }
    )
    folder = tmp_path / "demo"
    result = run_demo(folder, settings, progress=progress, num_workers=1)
    assert result == DemoResult.from_dict(json.loads((folder / "demo.json").read_text()))
    fields, truth = pd.read_csv(folder / "fields.csv"), pd.read_csv(folder / "truth.csv")
    labelled = fields["crop"].notna()
    assert fields["crop"].value_counts().unique().tolist() == [5]
    assert (fields["crop"][labelled] == truth["crop"][labelled]).all()
    crops = pd.read_csv(folder / "crops.csv")
    assert crops["id"].tolist() == truth["field_id"].tolist()
    rest = ~labelled.to_numpy()
    right = crops["class"].to_numpy()[rest] == truth["crop"].to_numpy()[rest]
    assert result.accuracy_of_the_rest == right.mean()
    assert right.mean() > 0.6
    assert read_map_header(folder / "map").grid.height == 20
    page = write_demo_report(folder).read_text()
    assert is_demo(folder)
    assert "SIMULATED" in page
    assert "A map of a part of the place" in page
    assert result.best_plain in page


def test_nobody_trained_on_the_place_of_the_demo():
    recipe = windrow_1()
    trained = recipe.num_worlds + recipe.num_scenario_worlds
    validated = FIRST_VALIDATION_WORLD + recipe.num_validation_worlds
    assert max(trained, validated + recipe.num_validation_scenario_worlds) < FIRST_PLACE


def test_the_gain_is_the_mean_of_paired_differences_with_students_interval():
    first, second = [0.8, 0.9, 0.7, 0.85], [0.7, 0.75, 0.72, 0.7]
    difference = np.subtract(first, second)
    gain = paired_gain(first, second)
    reach = 3.182446 * difference.std(ddof=1) / 2  # t of 3 degrees of freedom
    np.testing.assert_allclose(
        [gain.mean, gain.low, gain.high],
        [difference.mean(), difference.mean() - reach, difference.mean() + reach],
        rtol=1e-6,
    )
