"""The store is read once, at the start: a step never waits for a compressed chunk."""

import pytest
import zarr.storage

from series_factory import make_series
from weights_factory import make_weights
from windrow.data.store.zarr_store import write_store
from windrow.experiments.recipes.pretraining import recipe, student
from windrow.pipelines.distill import distill
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain


@pytest.fixture
def store(tmp_path):
    write_store(tmp_path / "store", make_series(40), provenance={})
    return tmp_path / "store"


@pytest.fixture
def chunks_read(monkeypatch):
    """Keys of the store that were read so far, metadata included."""
    keys = []
    real = zarr.storage.LocalStore.get

    async def get(self, key, *words, **more):
        keys.append(key)
        return await real(self, key, *words, **more)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", get)
    return keys


def _watch(chunks_read, counts):
    return lambda line: counts.append(len(chunks_read)) if line["kind"] == "train" else None


def test_pre_training_steps_read_nothing(store, chunks_read, tmp_path):
    settings = PretrainingSettings.from_dict(recipe("tiny").to_dict() | {"log_every": 1})
    counts = []
    pretrain(settings, store, tmp_path / "run", on_progress=_watch(chunks_read, counts))
    assert any("reflectance/c" in key for key in chunks_read)  # it is this store that is watched
    assert len(counts) == settings.num_steps
    assert set(counts) == {counts[0]}


def test_distillation_steps_read_nothing(store, chunks_read, tmp_path):
    teacher = make_weights(tmp_path / "teacher", make_series(40, planetscope=False))
    changes = {"batch_size": 8, "num_steps": 6, "log_every": 1, "max_dates": 8}
    counts = []
    distill(
        student().model_copy(update=changes),
        teacher,
        store,
        tmp_path / "run",
        on_progress=_watch(chunks_read, counts),
    )
    assert any("reflectance/c" in key for key in chunks_read)
    assert not any("planetscope/c" in key for key in chunks_read)  # of no use to a student
    assert len(counts) == 6
    assert set(counts) == {counts[0]}
