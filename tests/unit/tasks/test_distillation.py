"""The distillation loss against plain loops, and what is none of its business."""

import numpy as np
import pytest
import torch
from torch import nn

from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.tasks.distillation import (
    DistillationLossSettings,
    Spread,
    Taught,
    build_student,
    distillation_losses,
)

WEIGHTS = DistillationLossSettings(date_weight=0.5, month_weight=2.0, mean_weight=3.0)


def _case(num_series=6, num_dates=9, width=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    valid = torch.rand((num_series, num_dates), generator=draw) < 0.7
    valid[:, 0] = True
    taught = Taught(
        z=torch.randn((num_series, num_dates, width), generator=draw),
        month=torch.randn((num_series, 12, width), generator=draw),
        has_month=torch.rand((num_series, 12), generator=draw) < 0.8,
        mean=torch.randn((num_series, width), generator=draw),
    )
    month = torch.randint(0, 12, (num_series, num_dates), generator=draw).sort(dim=1).values
    z = torch.randn((num_series, num_dates, width), generator=draw)
    return z, taught, valid, month


def test_the_loss_is_its_definition():
    z, taught, valid, month = _case()
    spread = Spread.of(taught, valid)
    found = distillation_losses(
        z, taught, valid=valid, month=month, spread=spread, settings=WEIGHTS
    )
    dates, months, years = [], [], []
    for n in range(len(z)):
        read = [t for t in range(z.shape[1]) if valid[n, t]]
        for t in read:
            dates.append((((z[n, t] - taught.z[n, t]) / spread.date) ** 2).mean().item())
        for m in range(12):
            inside = [z[n, t] for t in read if month[n, t] == m]
            if inside and taught.has_month[n, m]:
                error = torch.stack(inside).mean(0) - taught.month[n, m]
                months.append(((error / spread.month[m]) ** 2).mean().item())
        error = torch.stack([z[n, t] for t in read]).mean(0) - taught.mean[n]
        years.append(((error / spread.mean) ** 2).mean().item())
    expected = {"date": np.mean(dates), "month": np.mean(months), "mean": np.mean(years)}
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-5)
    total = 0.5 * expected["date"] + 2 * expected["month"] + 3 * expected["mean"]
    assert found["loss"].item() == pytest.approx(total, rel=1e-5)


def test_the_spread_is_the_deviation_over_series_where_the_teacher_speaks():
    _, taught, valid, _ = _case(num_series=40)
    spread = Spread.of(taught, valid)
    np.testing.assert_allclose(spread.date, taught.z[valid].numpy().std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(spread.mean, taught.mean.numpy().std(axis=0), rtol=1e-5)
    for m in range(12):
        spoken = taught.month[taught.has_month[:, m], m].numpy()
        np.testing.assert_allclose(spread.month[m], spoken.std(axis=0), rtol=1e-4)


def test_a_value_that_hardly_varies_is_not_blown_up():
    _, taught, valid, _ = _case(num_series=40)
    still = taught.mean.clone()
    still[:, 0] = 1.0
    spread = Spread.of(Taught(taught.z, taught.month, taught.has_month, still), valid)
    assert spread.mean[0].item() == pytest.approx(0.05 * still.std(0, correction=0).mean().item())


def test_the_teacher_itself_has_no_loss_and_padding_does_not_matter():
    z, taught, valid, month = _case()
    spread = Spread.of(taught, valid)
    own = Taught(z, *(getattr(taught, name) for name in ("month", "has_month", "mean")))
    found = distillation_losses(z, own, valid=valid, month=month, spread=spread, settings=WEIGHTS)
    assert found["date"].item() == 0
    changed = torch.where(valid[..., None], z, 1e3)
    again = distillation_losses(
        changed, own, valid=valid, month=month, spread=spread, settings=WEIGHTS
    )
    assert again["loss"].item() == found["loss"].item()


@pytest.mark.parametrize(("teacher_width", "kind"), [(16, nn.Identity), (24, nn.Linear)])
def test_the_projector_is_there_where_the_widths_differ(teacher_width, kind):
    settings = encoder_settings(num_layers=1, width=16, mlp_width=16)
    student = build_student(settings, num_bands=3, teacher_width=teacher_width, seed=1)
    assert type(student.projector) is kind
    values, days = torch.zeros((2, 5, 3)), torch.arange(5).expand(2, 5)
    assert student(values, days, days >= 0).shape == (2, 5, teacher_width)
    again = build_student(settings, num_bands=3, teacher_width=teacher_width, seed=1)
    for first, second in zip(student.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
