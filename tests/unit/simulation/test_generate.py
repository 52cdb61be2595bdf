import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from windrow.data.series import PER_SERIES, concatenate
from windrow.data.store.store import Store
from windrow.errors import OutputError, SettingsError
from windrow.simulation import (
    SCENARIOS,
    ScenarioSettings,
    simulate_landscape,
    simulate_parts,
    simulate_pixels,
    simulate_store,
)

TINY = ScenarioSettings.from_dict(
    SCENARIOS["brandenburg-2018"].to_dict()
    | {"landscape_m": 300, "field_m": 100.0, "pixels_per_field": 2}
)


def same(one, other):
    arrays = [*PER_SERIES, "planetscope_day"]
    return all(np.array_equal(getattr(one, a), getattr(other, a)) for a in arrays) and all(
        np.array_equal(one.truth[name], other.truth[name]) for name in one.truth
    )


@pytest.fixture(scope="module")
def part():
    return simulate_landscape(TINY, seed=1, landscape=3)


@pytest.fixture(scope="module")
def larger():
    return concatenate(list(simulate_parts("brandenburg-2018", num_series=500, seed=9)))


def test_a_part_is_a_whole_series(part):
    assert len(part) == 18
    assert part.reflectance.shape == (18, 146, 12)
    assert part.planetscope.shape == (18, 365, 36)
    assert part.planetscope_day.tolist() == list(range(365))
    assert part.simulated
    assert part.processing_level == "L2A"
    assert part.legend.names[0] == "Wheat"
    assert set(part.truth) == {
        "leaf_area_index",
        "chlorophyll",
        "cover_fraction",
        "cloud_free_reflectance",
        "harvest_day",
        "cut_day",
    }
    assert (part.reflectance[part.valid] > 0).all()
    assert (part.reflectance[~part.valid] == 0).all()
    assert (part.planetscope > 0).all()
    np.testing.assert_allclose(part.longitude, 14.0, atol=0.25)
    np.testing.assert_allclose(part.latitude, 52.5, atol=0.25)


def test_identities_say_where_a_series_lies(part):
    landscape, place = np.divmod(part.id, 1024 * 1024)
    assert set(landscape.tolist()) == {3}
    assert (place // 1024 < 30).all()
    assert (part.field_id // 10_000 == 3).all()


def test_any_pixels_can_be_made_alone(part):
    rows, columns = (part.id // 1024) % 1024, part.id % 1024
    order = np.array([7, 2, 11])
    alone = simulate_pixels(TINY, seed=1, landscape=3, rows=rows[order], columns=columns[order])
    assert same(alone, part.select(order))


def test_the_first_series_of_a_larger_run_are_those_of_a_smaller():
    small = concatenate(list(simulate_parts(TINY, num_series=7, seed=5)))
    large = concatenate(list(simulate_parts(TINY, num_series=40, seed=5)))
    assert (len(small), len(large)) == (7, 40)
    assert same(small, large.select(slice(0, 7)))


def test_another_seed_gives_other_bytes(part):
    other = simulate_landscape(TINY, seed=2, landscape=3)
    assert not np.array_equal(other.reflectance[:5, :100], part.reflectance[:5, :100])


def test_the_number_of_workers_changes_no_byte(tmp_path):
    for workers in (1, 2):
        simulate_store(
            tmp_path / str(workers), scenario=TINY, num_series=60, seed=4, num_workers=workers
        )
    one, two = (sorted((tmp_path / name).rglob("*")) for name in "12")
    assert [p.relative_to(tmp_path / "1") for p in one] == [
        p.relative_to(tmp_path / "2") for p in two
    ]
    for first, second in zip(one, two, strict=True):
        if first.is_file():
            assert first.read_bytes() == second.read_bytes()


def test_the_number_of_threads_changes_no_byte(part):
    rows, columns = (part.id // 1024) % 1024, part.id % 1024
    with threadpool_limits(2):
        again = simulate_pixels(TINY, seed=1, landscape=3, rows=rows, columns=columns)
    assert same(again, part)


def test_a_store_says_that_it_is_simulated(tmp_path):
    seen = []
    simulate_store(
        tmp_path / "s",
        scenario=TINY,
        num_series=20,
        seed=4,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    attributes = Store(tmp_path / "s").attributes
    assert attributes["simulated"] is True
    assert attributes["provenance"]["seed"] == 4
    assert attributes["provenance"]["scenario"] == TINY.to_dict()
    assert Store(tmp_path / "s").series().simulated
    assert seen == [(18, 20), (20, 20)]
    with pytest.raises(OutputError, match="output exists already"):
        simulate_store(tmp_path / "s", scenario=TINY, num_series=1, seed=4)


@pytest.mark.parametrize("name", ["num_series", "num_workers"])
def test_too_few_are_refused_before_anything_runs(tmp_path, name):
    arguments = {"num_series": 5, "num_workers": 1} | {name: 0}
    with pytest.raises(SettingsError, match=f"{name} is too small; found 0; expected at least 1"):
        simulate_parts(TINY, seed=0, **arguments)
    with pytest.raises(SettingsError, match=name):
        simulate_store(tmp_path / "s", scenario=TINY, seed=0, **arguments)
    assert not any(tmp_path.iterdir())


def test_a_pixel_outside_is_refused():
    with pytest.raises(SettingsError, match="found row 30, column 0; expected 0 to 29"):
        simulate_pixels(TINY, seed=0, landscape=0, rows=np.array([30]), columns=np.array([0]))


def test_clouds_are_left_in_and_mostly_known(larger):
    cloudy = larger.cloud_probability[larger.valid] > 102
    assert 0.5 < cloudy.mean() < 0.7
    truth = larger.truth["cloud_free_reflectance"][larger.valid].astype(float)
    seen = larger.reflectance[larger.valid].astype(float)
    blue = (seen - truth)[:, 1]
    assert np.median(blue[cloudy]) > 2000
    assert -60 < np.median(blue[~cloudy]) < 100  # the correction errs both ways
    # Errors are left in: clear ones called cloudy, thin ones missed.
    assert (np.abs(blue[~cloudy]) > 300).mean() > 0.005


def test_planetscope_follows_the_surface_quietly(larger):
    """Red of the nine pixels against the cloud-free Sentinel-2 red of the same day."""
    rows, dates = np.nonzero(larger.valid & (np.abs(larger.day_of_year - 200) < 80))
    day = larger.day_of_year[rows, dates]
    mine = larger.planetscope[rows, day][:, 27:].mean(axis=1) / 1e4
    truth = larger.truth["cloud_free_reflectance"][rows, dates, 7] / 1e4
    assert np.corrcoef(mine, truth)[0, 1] > 0.85
    steps = np.abs(np.diff(larger.planetscope[:, 150:250].mean(axis=2) / 1e4, axis=1))
    assert np.median(steps) < 0.003


def test_rapeseed_flowers_yellow(larger):
    rape = larger.label == 5
    clear = larger.valid & (larger.cloud_probability < 50)
    ratio = []
    for first, last in ((105, 112), (120, 129), (140, 148)):
        window = clear & (larger.day_of_year >= first) & (larger.day_of_year < last)
        values = larger.truth["cloud_free_reflectance"][rape[:, None] & window].astype(float)
        ratio.append(np.median(values[:, 2] / values[:, 1]))
    assert ratio[1] > 1.1 * ratio[0]
    assert ratio[1] > 1.1 * ratio[2]


INTERRUPTED = """
import time
from windrow.simulation import ScenarioSettings, simulate_parts

if __name__ == "__main__":
    tiny = ScenarioSettings.from_dict({tiny!r})
    parts = simulate_parts(tiny, num_series=10_000, seed=1, num_workers=2)
    try:
        for _ in range(5):
            next(parts)
        time.sleep(2)  # the workers are through with what was asked of them, and wait
        print("waiting", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        parts.close()
        print("interrupted", flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_workers_without_a_word(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED.format(tiny=TINY.to_dict()))
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a group of their own, as in a terminal
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        text=True,
    )
    try:
        assert parent.stdout.readline() == "waiting\n"
        os.killpg(parent.pid, signal.SIGINT)
        said, errors = parent.communicate(timeout=120)  # to the end of the last worker
    finally:
        if parent.poll() is None:
            os.killpg(parent.pid, signal.SIGKILL)
    assert (said, errors, parent.returncode) == ("interrupted\n", "", 0)
