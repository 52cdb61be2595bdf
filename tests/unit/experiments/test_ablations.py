"""The arms of the ablations: each changes what it says, and none is trained twice."""

import pytest

from windrow.errors import SettingsError
from windrow.experiments.ablations import (
    MASK_RATIOS,
    TABLES,
    ablation_arm,
    ablation_arms,
    figures,
)
from windrow.experiments.study_arms import arms_of, benchmark_arms
from windrow.experiments.study_scales import study_settings

SCALES = ("tiny", "small", "paper")


def _settings(scale):
    settings = study_settings(
        kind="ablation", scale=scale, data="simulated", arms=ablation_arms(scale), tasks=["task2"]
    )
    return {name: arm.settings(0) for name, arm in arms_of(settings).items()}


@pytest.mark.parametrize("scale", SCALES)
def test_no_two_arms_are_the_same_training(scale) -> None:
    found = [settings.to_json() for settings in _settings(scale).values()]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("scale", SCALES)
def test_every_table_and_figure_has_its_arms(scale) -> None:
    names = {arm.name for arm in ablation_arms(scale)}
    for table in TABLES:
        assert {name for name, _ in table.arms} <= names
    for figure in figures(scale):
        assert {name for name, _ in figure.arms} <= names


def test_at_paper_scale_each_arm_is_what_section_5_says() -> None:
    found = _settings("paper")
    reference = found["bert"]
    assert (reference.encoder.num_layers, reference.batch_size) == (16, 128)
    assert found["without-season"].task.losses.season_weight == 0
    assert found["without-cloud"].task.losses.cloud_weight == 0
    assert found["one-target-day"].task.target_offsets == (0,)
    assert found["squared-auxiliary"].task.losses.auxiliary == "mse"
    small = found["bert-small"].encoder
    assert (small.num_layers, small.width) == (4, 64)
    other = found["spectro-temporal"].encoder
    assert (other.num_layers, other.width) == (4, 64)
    depths = {n: found["bert" if n == 16 else f"bert-{n}-layers"] for n in (4, 8, 16, 32)}
    for layers, settings in depths.items():
        assert settings.encoder.num_layers == layers
        assert settings.batch_size == (64 if layers == 32 else 128)
        assert settings.num_epochs == 100
    for layers in (4, 8, 16):
        equal = found[f"bert-{layers}-layers-equal-batch"]
        assert (equal.encoder.num_layers, equal.batch_size) == (layers, 64)
    for layers in (8, 16, 32, 64):
        assert found[f"resmlp-{layers}-layers"].encoder.num_layers == layers
    ratios = [
        found["bert" if r == 0.9 else f"bert-masking-{round(100 * r)}"].task.masking.mask_ratio
        for r in MASK_RATIOS
    ]
    assert ratios == list(MASK_RATIOS)


def test_arms_of_a_benchmark_are_methods_or_ablations() -> None:
    arms = benchmark_arms(["resmlp", "without-season"], "small")
    assert [arm.name for arm in arms] == ["resmlp", "without-season"]
    assert arms[1].method == "bert"
    assert len({arm.name for arm in benchmark_arms([], "tiny")}) >= 9
    with pytest.raises(SettingsError, match=r"no such method; found bart; expected bert, resmlp"):
        benchmark_arms(["bart"], "small")
    with pytest.raises(SettingsError, match="no such arm"):
        ablation_arm("bart", "small")
