import zlib

import numpy as np

from windrow.simulation.keyed_random import choose, keyed, noise, normal, patches, spread, uniform

MASK = 2**64 - 1


def naive_mix(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def naive_key(seed, purpose, *positions):
    golden = 0x9E3779B97F4A7C15
    key = naive_mix(((seed ^ (zlib.crc32(purpose.encode()) << 32)) + golden) & MASK)
    for position in positions:
        key = naive_mix(((key ^ ((position & MASK) * golden & MASK)) + golden) & MASK)
    return key


def test_keys_are_those_of_a_loop_over_whole_numbers():
    got = keyed(7, "sowing", [[1], [-2]], np.arange(3))
    wanted = [[naive_key(7, "sowing", a, b) for b in range(3)] for a in (1, -2)]
    assert got.tolist() == wanted


def test_a_draw_depends_on_its_place_alone():
    whole = keyed(3, "x", np.arange(100))
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(keyed(3, "x", order), whole[order])
    assert not (keyed(4, "x", np.arange(100)) == whole).any()
    assert not (keyed(3, "y", np.arange(100)) == whole).any()


def test_moments_of_the_draws():
    keys = keyed(0, "moments", np.arange(200_000))
    assert abs(uniform(keys).mean() - 0.5) < 0.003
    for draws in (normal(keys), noise(keys)):
        assert abs(draws.mean()) < 0.01
        assert abs(draws.std() - 1) < 0.01
    assert np.abs(noise(keys)).max() < 3.47
    cut = spread(keys, 10.0, 2.0)
    assert cut.min() == 10 - 2.2 * 2
    assert cut.max() == 10 + 2.2 * 2


def test_neighbouring_draws_are_not_correlated():
    draws = normal(keyed(0, "grid", np.arange(400)[:, None], np.arange(400)))
    assert abs(np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 0.01


def test_choices_have_their_shares():
    picked = choose(keyed(0, "choice", np.arange(100_000)), [1, 0, 3])
    np.testing.assert_allclose(np.bincount(picked) / 100_000, [0.25, 0, 0.75], atol=0.005)


def test_patches_are_smooth_and_of_variance_one():
    x = np.arange(0, 20_000, 7.0)
    surface = patches(0, "p", (5,), x=x[:, None], y=x[None, ::40], scale=60.0)
    assert abs(surface.std() - 1) < 0.03
    steps = np.abs(np.diff(surface, axis=0))  # of 7 m in patches of 60 m
    assert steps.max() < 1.6
    assert steps.mean() < 0.2
    alone = patches(0, "p", (5,), x=x[17], y=x[80], scale=60.0)
    assert float(alone) == surface[17, 2]
