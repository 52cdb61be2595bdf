"""The configurations are drawn once: their values stand here."""

import pytest

from windrow.experiments.corrections import one_fault
from windrow.experiments.head_configurations import SPACES, head_configurations

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
