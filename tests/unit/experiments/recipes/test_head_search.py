"""The configurations are drawn once: their values stand here."""

import optuna
import pytest

from windrow.experiments.recipes.head_search import SPACES, head_configurations
from windrow.experiments.recipes.known_faults import one_fault

models = pytest.mark.parametrize("model", ["lstm", "inception", "transformer"])


@models
@pytest.mark.parametrize("scale", list(SPACES))
def test_draws_lie_in_their_space_and_are_nested(model, scale):
    drawn = head_configurations(model, scale, number=10)
    space = SPACES[scale]
    assert head_configurations(model, scale, number=3) == drawn[:3]
    assert len({each.content_hash() for each in drawn}) == 10
    for each in drawn:
        assert space.learning_rate[0] <= each.learning_rate <= space.learning_rate[1]
        assert space.dropout[0] <= each.model.dropout <= space.dropout[1]
        assert (each.epochs, each.batch_size) == (space.epochs, space.batch_size)
        assert each.weight_decay == 1e-5
        width = each.model.width if model == "transformer" else each.model.hidden
        assert width <= {"tiny": 32, "small": 64, "paper": 1024}[scale]


LSTM = [
    (32, 5, 0.081, 5.966e-4), (128, 5, 0.296, 8.482e-4), (64, 5, 0.002, 3.851e-5),
    (128, 4, 0.593, 8.641e-5), (64, 2, 0.093, 1.070e-5), (256, 4, 0.170, 8.666e-5),
    (64, 2, 0.481, 6.211e-4), (32, 6, 0.314, 1.982e-4), (32, 3, 0.575, 2.413e-5),
    (32, 5, 0.591, 2.158e-4),
]  # fmt: skip
INCEPTION = [
    (128, 8, 120), (512, 8, 136), (1024, 4, 136), (512, 2, 136), (512, 2, 120),
    (512, 8, 136), (128, 4, 120), (128, 8, 120), (128, 4, 80), (512, 4, 136),
]  # fmt: skip
TRANSFORMER = [
    (32, 4, 6), (32, 8, 6), (64, 8, 3), (128, 4, 3), (128, 8, 4),
    (128, 4, 3), (32, 8, 3), (32, 4, 3), (32, 2, 6), (32, 2, 2),
]  # fmt: skip


def test_the_ten_that_were_drawn():
    """Another version of Optuna must not silently draw others: published tables rest on these."""
    drawn = head_configurations("lstm", "paper")
    found = [
        (each.model.hidden, each.model.num_layers, each.model.dropout, each.learning_rate)
        for each in drawn
    ]
    for values, expected in zip(found, LSTM, strict=True):
        assert values[:2] == expected[:2]
        assert values[2] == pytest.approx(expected[2], abs=5e-4)
        assert values[3] == pytest.approx(expected[3], rel=1e-3)
    assert [
        (each.model.hidden, each.model.num_layers, each.model.kernel_size)
        for each in head_configurations("inception", "paper")
    ] == INCEPTION
    assert [
        (each.model.width, each.model.num_heads, each.model.num_layers)
        for each in head_configurations("transformer", "paper")
    ] == TRANSFORMER


def test_faults_change_no_draw():
    faulty = head_configurations("inception", "paper", variant=one_fault("inception_blocks"))
    correct = head_configurations("inception", "paper")
    assert all(each.model.blocks == "plain_list" for each in faulty)
    mended = [
        each.model_copy(update={"model": each.model.model_copy(update={"blocks": "registered"})})
        for each in faulty
    ]
    assert tuple(mended) == correct
    accuracy = head_configurations("lstm", "tiny", variant=one_fault("plateau"))
    assert all(each.plateau_watches == "accuracy" for each in accuracy)
    assert all(
        each.protocol == "paper" for each in head_configurations("lstm", "tiny", protocol="paper")
    )


def test_each_base_model_is_drawn_once_however_often_it_is_asked_for(monkeypatch):
    """A study asks for every cell of thousands."""
    drawn = []
    create = optuna.create_study
    monkeypatch.setattr(optuna, "create_study", lambda **of: drawn.append(1) or create(**of))
    first = head_configurations("lstm", "tiny", number=7)
    for _ in range(20):
        assert head_configurations("lstm", "tiny", number=7) == first
    assert len(drawn) == 1
    paper = head_configurations("lstm", "tiny", variant="paper", number=7)
    assert paper != first  # another variant is no repetition
    assert [each.model for each in paper] == [each.model for each in first]
    assert len(drawn) == 2
