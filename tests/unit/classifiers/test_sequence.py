"""Training of sequence heads: it learns, repeats exactly, and holds out fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from windrow.classifiers.sequence import (
    SequenceTraining,
    plateau_split,
    train_sequence_head,
    training_flops,
)
from windrow.errors import DataError
from windrow.experiments.recipes.heads import sequence_training
from windrow.models.flops import head_flops
from windrow.models.heads.inception import InceptionSettings
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.sequence import SequenceHead
from windrow.models.heads.transformer import TransformerSettings
from windrow.training.execution import ExecutionSettings

MODELS = [
    LstmSettings(hidden=12, num_layers=1, dropout=0.0),
    InceptionSettings(hidden=16, num_layers=2, kernel_size=8, dropout=0.0),
    TransformerSettings(width=16, num_heads=2, num_layers=1, dropout=0.1),
]


def training(model: object, **changes: object) -> SequenceTraining:
    values = {**sequence_training("lstm").to_dict(), "model": model, **changes}
    return SequenceTraining.from_dict(values)


def seasons(num_series: int, seed: int) -> tuple[HeadInputs, np.ndarray]:
    """Three crops that peak in spring, summer and autumn, with noise and missing dates."""
    generator = np.random.default_rng(seed)
    label = np.arange(num_series) % 3
    days = np.tile(np.arange(5, 365, 15), (num_series, 1))
    peak = np.array([120, 190, 260])[label][:, None]
    green = np.exp(-(((days - peak) / 40.0) ** 2)) + generator.normal(0, 0.1, days.shape)
    values = np.stack([0.2 + 0.3 * green, 0.3 - 0.2 * green], axis=-1)
    return HeadInputs(
        values=values.astype(np.float32),
        day_of_year=days.astype(np.int16),
        valid=generator.random(days.shape) < 0.9,
    ), label


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_few_labels_are_learned_and_repeat(model: object) -> None:
    inputs, label = seasons(90, 0)
    new, truth = seasons(300, 1)
    settings = training(model, batch_size=256, min_steps=60, learning_rate=0.01, epochs=10)
    steps: list[tuple[int, int]] = []
    heads = [
        train_sequence_head(
            inputs,
            label,
            np.arange(90),
            num_classes=3,
            settings=settings,
            seed=4,
            on_step=lambda step, total, loss: steps.append((step, total)),
        )
        for _ in range(2)
    ]
    assert steps[59] == (60, 60)
    assert len(steps) == 120
    found = [head.predict_probability(new) for head in heads]
    assert (found[0].argmax(axis=1) == truth).mean() > 0.95
    assert found[0].tolist() == found[1].tolist()


def test_the_callers_random_state_is_left_alone() -> None:
    inputs, label = seasons(12, 0)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    settings = training(MODELS[2], min_steps=2, epochs=1)
    train_sequence_head(inputs, label, np.arange(12), num_classes=3, settings=settings, seed=0)
    assert torch.rand(1) == expected


def test_the_plateau_holds_out_a_fifth_of_the_fields() -> None:
    field, label = np.repeat(np.arange(60), 2), np.repeat(np.arange(60) % 3, 2)
    settings = training(MODELS[0])
    fitted, held_out = plateau_split(field, label, settings, seed=0)
    assert len(np.unique(field[held_out])) == 12
    assert not set(field[fitted]) & set(field[held_out])
    # One field a class: fitting needs them all.
    fitted, held_out = plateau_split(np.arange(3), np.arange(3), settings, seed=0)
    assert (len(fitted), len(held_out)) == (3, 0)
    fitted, held_out = plateau_split(field, label, training(MODELS[0], protocol="paper"), seed=0)
    assert (len(fitted), len(held_out)) == (120, 0)


@pytest.mark.parametrize(
    "changes", [{}, {"protocol": "paper"}, {"min_steps": 50}], ids=["held out", "paper", "few"]
)
def test_operations_are_those_of_the_series_that_pass(monkeypatch, changes: dict) -> None:
    inputs, label = seasons(60, 0)
    field = np.arange(60) // 2 * 3 + label  # of one class
    settings = training(MODELS[0], **({"epochs": 4, "min_steps": 1, "batch_size": 16} | changes))
    seen = {True: 0, False: 0}
    real = SequenceHead.forward

    def forward(head: SequenceHead, values: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        seen[head.training] += len(values)
        return real(head, values, *others)

    monkeypatch.setattr(SequenceHead, "forward", forward)
    common = {"num_classes": 3, "settings": settings, "seed": 1}
    train_sequence_head(inputs, label, field, **common)
    num_dates = round(inputs.valid.sum() / 60)
    each = head_flops(MODELS[0], num_inputs=2, num_classes=3, num_dates=num_dates)
    assert seen[True] >= 4 * 48
    assert (seen[False] == 0) == (settings.protocol == "paper")
    passed = 3 * seen[True] + seen[False]
    assert training_flops(inputs, label, field, **common) == pytest.approx(each * passed)
    wider = head_flops(MODELS[0], num_inputs=7, num_classes=3, num_dates=num_dates)
    found = training_flops(inputs, label, field, **common, num_inputs=7, encoder_flops=1e6)
    assert found == pytest.approx((wider + 1e6) * passed)


def test_refusals() -> None:
    settings = training(MODELS[0])
    inputs, label = seasons(6, 0)
    with pytest.raises(DataError, match="at least two classes; found 1"):
        train_sequence_head(
            inputs, label * 0, np.arange(6), num_classes=3, settings=settings, seed=0
        )
    with pytest.raises(DataError, match="a sequence head needs sequences"):
        train_sequence_head(
            HeadInputs(inputs.values[:, 0]),
            label,
            np.arange(6),
            num_classes=3,
            settings=settings,
            seed=0,
        )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_lower_precision_learns_the_same(model: object) -> None:
    inputs, label = seasons(90, 0)
    new, truth = seasons(300, 1)
    settings = training(model, batch_size=256, min_steps=60, learning_rate=0.01, epochs=10)
    curves = []
    for precision in ("float32", "bfloat16"):
        curve: list[float] = []
        head = train_sequence_head(
            inputs,
            label,
            np.arange(90),
            num_classes=3,
            settings=settings,
            seed=4,
            execution=ExecutionSettings(device="cpu", precision=precision),
            on_step=lambda step, total, loss, curve=curve: curve.append(loss),
        )
        assert {p.dtype for p in head.parameters()} == {torch.float32}
        assert (head.predict_probability(new).argmax(axis=1) == truth).mean() > 0.95
        curves.append(curve)
    assert curves[0] != curves[1]
    np.testing.assert_allclose(curves[0][:5], curves[1][:5], rtol=0.03)
