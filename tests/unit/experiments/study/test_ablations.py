"""The arms of the ablations: each changes what it says, and none is trained twice."""

import pytest

from study_factory import settings_of
from windrow.errors import SettingsError
from windrow.experiments.methods import METHODS
from windrow.experiments.study.ablations import (
    BERT_LAYERS,
    MASK_RATIOS,
    RESMLP_LAYERS,
    ablation_arm,
    ablation_arms,
    benchmark_changes,
    figures,
    tables,
)
from windrow.experiments.study.arms import arms_of, benchmark_arms

SCALES = ("tiny", "small", "paper")


def _settings(scale):
    settings = settings_of(
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
    for table in tables(scale):
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


@pytest.mark.parametrize("scale", SCALES)
def test_table_1_sets_two_of_one_shape_against_each_other(scale) -> None:
    found = _settings(scale)
    first = tables(scale)[0].arms[0][0]
    assert first == ("bert-small" if scale == "paper" else "bert")
    assert found[first].encoder == found["spectro-temporal"].encoder
    encoder = found[first].encoder
    layers, width = (2, 32) if scale == "tiny" else (4, 64)
    assert (encoder.num_layers, encoder.width) == (layers, width)
    assert f"both of {layers} layers of {width}" in tables(scale)[0].title
    # Of the other tables' BERT it has all but the shape.
    shaped = found["bert"].model_copy(update={"encoder": found[first].encoder})
    assert found[first] == shaped


OWN = {
    "without-cloud": {"task.losses.cloud_weight"},
    "without-season": {"task.losses.season_weight"},
    "one-target-day": {"task.target_offsets"},
    "squared-auxiliary": {"task.losses.auxiliary"},
    "bert-small": {"encoder.num_layers", "encoder.width", "encoder.mlp_width"},
    "resmlp-barlow": {"task.loss.kind"},
    "scarf-barlow": {"task.loss.kind"},
    "spectro-temporal-barlow": {"task.loss.kind"},
}


def _differing(one, other, prefix=""):
    """Names of the settings in which two differ."""
    found = set()
    for name in one.keys() | other.keys():
        left, right = one.get(name), other.get(name)
        if isinstance(left, dict) and isinstance(right, dict):
            found |= _differing(left, right, f"{prefix}{name}.")
        elif left != right:
            found.add(f"{prefix}{name}")
    return found


@pytest.mark.parametrize("scale", SCALES)
def test_each_change_of_a_benchmark_is_one_of_its_own_method_and_nothing_else(scale) -> None:
    methods = {n: METHODS[n].settings(scale).to_dict() for n in METHODS}
    names = set()
    for change in benchmark_changes(scale):
        try:
            (arm,) = benchmark_arms([change.name], scale)
        except SettingsError:
            continue  # the method as it is, see below
        names.add(arm.name)
        found = METHODS[arm.method].settings(scale, **arm.changes).to_dict()
        own = OWN.get(arm.name, {"encoder.num_layers"})
        if arm.name.startswith("bert-masking-"):
            own = {"task.masking.mask_ratio"}
        assert _differing(found, methods[arm.method]) == own
    layers = {n: methods[n]["encoder"]["num_layers"] for n in ("bert", "resmlp")}
    for method, grid in (("bert", BERT_LAYERS), ("resmlp", RESMLP_LAYERS)):
        wanted = {f"{method}-{n}-layers" for n in grid[scale] if n != layers[method]}
        assert {n for n in names if n.startswith(method) and n.endswith("-layers")} == wanted
    assert OWN.keys() - names == (set() if scale == "paper" else {"bert-small"})


def test_at_paper_scale_a_benchmark_s_bert_and_its_changes_have_32_layers() -> None:
    for name in ("bert", "without-season", "bert-masking-15", "one-target-day"):
        (arm,) = benchmark_arms([name], "paper")
        settings = METHODS["bert"].settings("paper", **arm.changes)
        assert (settings.encoder.num_layers, settings.batch_size) == (32, 64)
        if name != "bert":
            ablated = METHODS["bert"].settings("paper", **ablation_arm(name, "paper").changes)
            assert (ablated.encoder.num_layers, ablated.batch_size) == (16, 128)


@pytest.mark.parametrize("scale", SCALES)
def test_the_contrasts_of_a_benchmark_may_learn_by_barlow_twins(scale) -> None:
    names = ("resmlp-barlow", "scarf-barlow", "spectro-temporal-barlow")
    arms = benchmark_arms(names, scale)
    assert [arm.method for arm in arms] == ["resmlp", "scarf", "spectro-temporal"]
    for arm in arms:
        settings = METHODS[arm.method].settings(scale, **arm.changes)
        assert settings.task.loss.kind == "barlow_twins"
        assert settings.task.loss.redundancy_weight == 0.005
    assert not {arm.name for arm in benchmark_arms([], scale)} & set(names)


def test_arms_of_a_benchmark_are_methods_or_ablations() -> None:
    arms = benchmark_arms(["resmlp", "without-season"], "small")
    assert [arm.name for arm in arms] == ["resmlp", "without-season"]
    assert arms[1].method == "bert"
    assert len({arm.name for arm in benchmark_arms([], "tiny")}) >= 9
    with pytest.raises(SettingsError, match=r"no such method; found bart; expected bert, resmlp"):
        benchmark_arms(["bart"], "small")
    with pytest.raises(SettingsError, match=r"or a change of one: .*scarf-barlow"):
        benchmark_arms(["bert-4-layers"], "small")  # which is bert
    with pytest.raises(SettingsError, match="no such arm"):
        ablation_arm("bart", "small")
