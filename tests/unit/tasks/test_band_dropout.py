"""Which bands are hidden from a series in training."""

from __future__ import annotations

import torch

from windrow.sensors import SENTINEL2_BANDS
from windrow.tasks.band_dropout import PRODUCTS, draw_present
from windrow.tasks.keyed_random import seeded_draws

NUM = 20_000


def drawn(probability: float, min_bands: int = 3, *, step: int = 0) -> torch.Tensor:
    draws = seeded_draws(7, 1, step=step, series=torch.arange(NUM))
    return draw_present(SENTINEL2_BANDS, draws, probability=probability, min_bands=min_bands)


def test_shares_of_hidden_bands() -> None:
    present = drawn(0.5)
    whole = present.all(dim=1)
    assert abs(whole.float().mean().item() - 0.5) < 0.01
    assert int(present.sum(dim=1).min()) == 3
    usual = torch.tensor([[b in product for b in SENTINEL2_BANDS] for product in PRODUCTS])
    of_product = (present[:, None, :] == usual).all(dim=2)
    # Half of those that lose bands keep a usual subset, each as often; chance adds a few.
    assert abs(of_product.any(dim=1).float().mean().item() - 0.25) < 0.02
    assert (of_product.float().mean(dim=0) - 0.05).abs().max().item() < 0.01
    at_random = present[~whole & ~of_product.any(dim=1)]
    sizes = torch.bincount(at_random.sum(dim=1), minlength=13)[3:12].float()
    assert (sizes / sizes.sum() - 1 / 9).abs().max().item() < 0.02
    assert (at_random.float().mean(dim=0) - at_random.float().mean()).abs().max().item() < 0.03


def test_draws_are_a_function_of_the_step_and_series() -> None:
    assert torch.equal(drawn(0.5), drawn(0.5))
    assert not torch.equal(drawn(0.5), drawn(0.5, step=1))
    assert bool(drawn(0.0).all())
    assert int(drawn(1.0).all(dim=1).sum()) == 0
    assert int(drawn(1.0, min_bands=9).sum(dim=1).min()) == 9
