"""The hash against the numbers that the authors' own code prints."""

import numpy as np

from windrow.splitmix64 import INCREMENT, mix

PUBLISHED = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
"""The first numbers of SplitMix64 seeded with 0."""


def test_the_finaliser_is_splitmix64s():
    states = np.array([(INCREMENT * (n + 1)) % 2**64 for n in range(3)], dtype=np.uint64)
    assert mix(states).tolist() == PUBLISHED


def test_no_bit_of_the_hash_follows_one_of_the_word():
    words = np.random.default_rng(0).integers(0, 2**64, 4_000, dtype=np.uint64)
    for bit in range(0, 64, 7):
        changed = mix(words) ^ mix(words ^ np.uint64(1 << bit))
        flipped = np.unpackbits(changed.view(np.uint8)).mean()
        assert abs(flipped - 0.5) < 0.01
