"""Pairs a second from a resident set, and how long NT-Xent takes at the paper's batch.

One JSON line: pairs looked up and standardised a second (batches of 2,048), and
milliseconds of NT-Xent forwards and backwards at 2,048 pairs of
width 128, beside the same as four products of two blocks each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from measuring import setting
from windrow.data.batches.contrastive import PixelPairs
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.sensors import SENTINEL2_BANDS
from windrow.tasks.contrastive import nt_xent

BATCH = 2_048


def random_series(num_series: int) -> Series:
    """Series of 144 dates and 365 days of any values, a tenth of the dates invalid."""
    draw = np.random.default_rng(0)
    days = np.tile(np.arange(1, 145, dtype=np.int16) * 2, (num_series, 1))
    number = np.arange(num_series, dtype=np.int64)
    return Series(
        reflectance=draw.integers(1, 9_000, (num_series, 144, 12), dtype=np.int16),
        day_of_year=days,
        valid=draw.random((num_series, 144)) < 0.9,
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=number,
        field_id=number,
        year=np.full(num_series, 2018, dtype=np.int16),
        planetscope=draw.integers(1, 9_000, (num_series, 365, 36), dtype=np.int16),
        planetscope_day=np.arange(365, dtype=np.int16),
    )


def four_products(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent from the four blocks of similarities, for comparison."""
    a, b = F.normalize(first, dim=1), F.normalize(second, dim=1)
    itself = torch.eye(len(a), dtype=torch.bool)
    partner = torch.arange(len(a))
    losses = []
    for one, other in ((a, b), (b, a)):
        within = (one @ one.T / temperature).masked_fill(itself, -torch.inf)
        losses.append(F.cross_entropy(torch.cat((one @ other.T / temperature, within), 1), partner))
    return (losses[0] + losses[1]) / 2


def milliseconds(loss: Callable[[Tensor, Tensor], Tensor], views: list[Tensor]) -> float:
    """Of one forward and backward pass."""
    started = time.perf_counter()
    loss(*views).backward()
    return 1e3 * (time.perf_counter() - started)


def main() -> None:
    """Prints the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-series", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    series = random_series(options.num_series)
    moments = Normalization.fit(series.reflectance, series.valid)
    assert series.planetscope is not None
    target = Normalization.fit_planetscope(series.planetscope)
    pairs = PixelPairs(series, normalization=moments, target_normalization=target)
    order = torch.randperm(pairs.num_items)
    started = time.perf_counter()
    batches = order.split(BATCH)[: 20 * options.repeats]
    for index in batches:
        pairs.batch(index)
    seconds = time.perf_counter() - started
    views = [torch.randn(BATCH, 128, requires_grad=True) for _ in range(2)]
    times: dict[str, list[float]] = {"one": [], "four": []}
    for _ in range(options.repeats + 1):  # in turns, the first not counted
        times["one"].append(milliseconds(lambda a, b: nt_xent(a, b, temperature=0.07), views))
        times["four"].append(milliseconds(lambda a, b: four_products(a, b, 0.07), views))
    one, four = (float(np.median(times[name][1:])) for name in ("one", "four"))
    print(
        json.dumps(
            {
                "benchmark": "contrastive",
                **setting("torch", threads=torch.get_num_threads()),
                "pairs": pairs.num_items,
                "pairs_per_second": round(sum(map(len, batches)) / seconds),
                "nt_xent_ms": round(one, 1),
                "nt_xent_four_products_ms": round(four, 1),
                "ratio": round(four / one, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
