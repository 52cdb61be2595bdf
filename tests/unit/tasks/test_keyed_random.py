"""The draws against SplitMix64 in whole numbers, and what they may depend on."""

import numpy as np
import pytest
import torch

from windrow import splitmix64
from windrow.tasks.keyed_random import CHANNELS, mix, seeded_draws

WORD = (1 << 64) - 1
INCREMENT = 0x9E3779B97F4A7C15


def _mix(word):
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    return word ^ (word >> 31)


def test_torch_hashes_to_the_bits_of_numpy():
    words = np.random.default_rng(0).integers(0, 2**64, 1_000, dtype=np.uint64)
    hashed = mix(torch.from_numpy(words.view(np.int64))).numpy().view(np.uint64)
    assert np.array_equal(hashed, splitmix64.mix(words))


def test_every_number_is_the_hash_of_its_key():
    draws = seeded_draws(7, 3, step=11, series=torch.tensor([2, 5]))
    bits = draws.bits(4, channels=(1, 3)).numpy().view(np.uint64)
    uniform = draws.uniform(4, channels=(1, 3))
    base = int(np.random.SeedSequence([7, 3]).generate_state(1, np.uint64)[0])
    for n, series in enumerate((2, 5)):
        key = _mix((_mix((11 * INCREMENT + base) & WORD) + series * INCREMENT) & WORD)
        for t in range(4):
            for c in (1, 2):
                word = _mix((key + (t * CHANNELS + c) * INCREMENT) & WORD)
                assert int(bits[n, t, c - 1]) == word
                assert uniform[n, t, c - 1].item() == (word >> 40) / 2**24


def test_step_may_live_on_the_device():
    series = torch.arange(3)
    number = seeded_draws(0, 1, step=5, series=series).uniform(2, channels=(0, 2))
    tensor = seeded_draws(0, 1, step=torch.tensor(5), series=series).uniform(2, channels=(0, 2))
    assert torch.equal(number, tensor)


def test_a_number_depends_on_no_other_series_date_or_channel():
    series = torch.tensor([4, 9, 1])
    all_of = seeded_draws(0, 1, step=5, series=series).uniform(6, channels=(0, 5))
    part = seeded_draws(0, 1, step=5, series=series[1:]).uniform(3, channels=(2, 4))
    assert torch.equal(all_of[1:, :3, 2:4], part)


@pytest.mark.parametrize("change", ["seed", "stream", "step"])
def test_another_key_gives_independent_numbers(change):
    key = {"seed": 0, "stream": 1, "step": 2}
    other = key | {change: key[change] + 1}
    series = torch.arange(200)
    first, second = (
        seeded_draws(k["seed"], k["stream"], step=k["step"], series=series)
        .uniform(50, channels=(0, 10))
        .double()
        .flatten()
        for k in (key, other)
    )
    # 100,000 pairs: a correlation of 0.02 lies six deviations off.
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1].item()) < 0.02
    assert first.mean().item() == pytest.approx(0.5, abs=0.006)
    counts = torch.histc(first, bins=64, min=0, max=1)
    chi_squared = ((counts - 100_000 / 64) ** 2 / (100_000 / 64)).sum().item()
    assert chi_squared < 120  # 63 degrees of freedom: exceeded once in 60,000 times
