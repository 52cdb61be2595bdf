"""The store is read once, at the start: a step never waits for a compressed chunk."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import zarr.storage

from series_factory import make_series
from way import windrow
from weights_factory import make_weights
from windrow.data.legend import Legend
from windrow.data.store.store import Store
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


def _labelled(folder):
    """A store of fields with labels, and the labels as a table."""
    series = make_series(40, series_per_field=1)
    legend = Legend(names=("Corn", "Wheat"), codes=("1", "2"))
    label = (series.field_id % 2).astype(np.int16)
    write_store(folder / "store", replace(series, label=label, legend=legend), provenance={})
    crops = [legend.names[each] for each in label]
    pd.DataFrame({"field_id": series.field_id, "crop": crops}).drop_duplicates().to_csv(
        folder / "labels.csv", index=False
    )
    make_weights(folder / "teacher", make_series(40, planetscope=False))


COMMANDS = {
    "pretrain": "pretrain tiny --data {0}/store --out {0}/out --num-steps 2",
    "distill": "distill --weights {0}/teacher --data {0}/store --out {0}/out --num-steps 2"
    " --batch-size 8 --max-dates 8",
    "embed": "embed {0}/store --weights {0}/teacher --out {0}/z.parquet",
    "fewshot": "fewshot {0}/store --labels {0}/labels.csv --label-column crop --weights {0}/teacher"
    " --out {0}/out --min-fields 2 --k 2 --draws 1",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_opens_a_store_once_and_reads_each_chunk_once(command, chunks_read, tmp_path):
    _labelled(tmp_path)
    chunks_read.clear()
    Store(tmp_path / "store").series(planetscope=command == "pretrain")
    once = Counter(chunks_read)  # a shard is asked for its index, and then for its chunks
    assert once["zarr.json"] == 1
    assert once["reflectance/c/0/0/0"] > 0
    chunks_read.clear()
    assert windrow(*COMMANDS[command].format(tmp_path).split()) == 0
    assert Counter(chunks_read) == once


def test_an_opened_store_is_handed_on(store, chunks_read, tmp_path):
    opened = Store(store)
    settings = recipe("tiny").model_copy(update={"num_steps": 2})
    expected = pretrain(settings, store, tmp_path / "by-path")
    chunks_read.clear()
    assert pretrain(settings, opened, tmp_path / "opened", validation=opened) != expected
    assert pretrain(settings, opened, tmp_path / "again") == expected
    assert "zarr.json" not in chunks_read
