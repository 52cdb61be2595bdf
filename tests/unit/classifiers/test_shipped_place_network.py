"""The shipped weights: small, honest about their origin, and better than trees on a new place."""

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from windrow.classifiers.mix import index_values
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.experiments.recipes.classifier import mix
from windrow.experiments.recipes.worlds import FARMLAND
from windrow.inference.frozen_encoder import weights_path
from windrow.simulation.worlds.scenario_worlds import simulate_scenario_world

BANDS_OF_TEN_METRES = ("B02", "B03", "B04", "B08")


def test_they_are_small_and_say_what_they_are():
    assert weights_path("windrow-1").stat().st_size <= 8_000_000
    encoder = load_place_encoder()
    assert encoder.header.simulated
    assert "winter wheat" in encoder.crop_names
    assert "hemp" not in encoder.crop_names
    num_parameters = sum(values.numel() for values in encoder.network.parameters())
    assert 600_000 < num_parameters < 2_000_000
    assert weights_path("windrow-1").with_suffix(".md").is_file()


def test_one_label_a_class_is_worth_more_than_to_trees():
    """Three places that nobody trained on, simulated with another seed."""
    ours, trees, few_bands, unlabelled = [], [], [], []
    for number in range(3):
        world = simulate_scenario_world(FARMLAND, 7_777, number=number)
        names = np.array(world.crop_names)[world.crop]
        crops = np.unique(names)
        first = {name: int(np.argmax(names == name)) for name in crops}
        labels = [name if first[name] == k else None for k, name in enumerate(names.tolist())]
        known = {name: [name] for name in crops.tolist()}
        asked = np.array([label is None for label in labels])
        classifier = MixedClassifier(load_place_encoder(), mix())
        classifier.fit(world.series, labels, crops=known)
        ours.append((classifier.predict(world.series) == names)[asked].mean())
        grid = classifier.fitted.grid
        features = np.concatenate(
            [grid.reflectance.reshape(len(grid), -1), index_values(grid)], axis=1
        )
        forest = ExtraTreesClassifier(200, random_state=0).fit(features[~asked], names[~asked])
        trees.append((forest.predict(features[asked]) == names[asked]).mean())
        series = world.series.with_bands(BANDS_OF_TEN_METRES)
        few = MixedClassifier(load_place_encoder(), mix()).fit(series, labels, crops=known)
        few_bands.append((few.predict(series) == names)[asked].mean())
        alone = MixedClassifier(load_place_encoder(), mix())
        alone.fit(world.series, [None] * len(names), crops=known)
        unlabelled.append((alone.predict(world.series) == names).mean())
    assert np.mean(ours) > np.mean(trees) + 0.1
    assert np.mean(few_bands) > np.mean(trees)
    assert np.mean(unlabelled) > np.mean(trees)
