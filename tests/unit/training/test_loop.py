import math

import pytest
import torch
from torch import nn

from windrow.experiments.recipes.pretraining import optimization, recipe
from windrow.tasks.bert import build_model
from windrow.training.loop import train
from windrow.training.optimization import adamw, warmup_cosine


def test_plain_gradient_descent_by_hand():
    weight = nn.Parameter(torch.tensor([2.0]))
    module = nn.ParameterList([weight])
    seen = []
    train(
        module,
        optimizer=torch.optim.SGD([weight], lr=1.0),
        compute_loss=lambda step: {"loss": (weight**2).sum(), "part": weight.sum()},
        steps=range(1, 3),
        learning_rate=lambda step: 0.1 * step,
        on_step=lambda step, record: seen.append((step, record)),
    )
    # w <- w (1 - 2 lr) with rates 0.1 and 0.2
    assert weight.item() == pytest.approx(2 * 0.8 * 0.6)
    assert [step for step, _ in seen] == [1, 2]
    assert seen[0][1]["loss"].item() == 4.0
    assert seen[1][1]["part"].item() == pytest.approx(1.6)
    assert [record["learning_rate"] for _, record in seen] == pytest.approx([0.1, 0.2])
    assert "gradient_norm" not in seen[0][1]


def test_clipping_reports_the_norm_before_it():
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    records = []
    train(
        nn.ParameterList([weight]),
        optimizer=torch.optim.SGD([weight], lr=1.0),
        compute_loss=lambda step: {"loss": (weight**2).sum() / 2},
        steps=range(1),
        gradient_clip=1.0,
        on_step=lambda step, record: records.append(record),
    )
    assert records[0]["gradient_norm"].item() == pytest.approx(5.0)
    assert weight.tolist() == pytest.approx([3 - 0.6, 4 - 0.8], rel=1e-5)


def test_each_step_is_in_training_mode_even_after_an_evaluation():
    module = nn.Linear(1, 1)
    modes = []

    def loss(step):
        modes.append(module.training)
        return {"loss": module.weight.sum()}

    train(
        module,
        optimizer=torch.optim.SGD(module.parameters(), lr=0.1),
        compute_loss=loss,
        steps=range(2),
        on_step=lambda step, record: module.eval(),
    )
    assert modes == [True, True]


def test_warmup_then_cosine_to_zero():
    settings = optimization(learning_rate=1e-3)
    rate = warmup_cosine(settings, num_steps=1000)
    rates = [rate(step) for step in range(1001)]
    assert rates[0] == pytest.approx(1e-3 / 50)
    assert rates[49] == pytest.approx(1e-3)
    assert max(rates) == rates[49]
    assert rates[1000] == pytest.approx(0, abs=1e-12)
    assert rates[49 + 951 // 3] == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi / 3)))
    assert rates[49:] == sorted(rates[49:], reverse=True)


def test_decay_spares_norms_biases_and_the_mask_token():
    settings = recipe("tiny")
    module = build_model(settings.encoder, settings.task, num_bands=12, seed=0)
    optimizer = adamw(module, settings.optimization)
    decayed = {id(p) for p in optimizer.param_groups[0]["params"]}
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.0]
    for name, parameter in module.named_parameters():
        spared = "norm" in name or name.endswith("bias") or name == "mask_token"
        assert (id(parameter) in decayed) == (not spared), name
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(
        list(module.parameters())
    )
