"""What the stores of a study say of themselves, and when that makes them the paper's."""

import pickle
from datetime import UTC, datetime

import numpy as np
import pytest

from denethor_files import Tile, write_radiant
from study_factory import labelled
from windrow.data.splits import check_no_shared_field
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store
from windrow.experiments.study import paper_results
from windrow.experiments.study.data_origin import notes_on_sources, source_of_store, sources_of_task
from windrow.experiments.study.scales import task_settings
from windrow.experiments.study.tasks import PARTS, split_whole_store
from windrow.pipelines.ingest import ingest
from windrow.sources.prepared.record import FILES
from windrow.sources.reader import IngestOptions

BRITTANY = {"command": "ingest", "options": {}, "product": "BreizhCrops", "year": 2018}


def _stores(folder, provenances, *, simulated=False):
    for number, (name, provenance) in enumerate(provenances.items()):
        series = labelled(90, first_field=500 * number, simulated=simulated)
        write_store(folder / name, series, provenance=provenance)


def _ingested(product, **options):
    return {"command": "ingest", "options": options, "product": product, **options}


def _denethor(task):
    return {
        "pretraining": _ingested("denethor", protocol="task1", part="pretraining"),
        f"{task}-train": _ingested("denethor", protocol=task, part="train"),
        f"{task}-validation": _ingested("denethor", protocol=task, part="validation"),
    }


def _beside(folder, task, *, simulated=False):
    sources = sources_of_task(lambda name: Store(folder / name), task)
    return paper_results.beside(task, simulated=simulated, sources=sources)


@pytest.mark.parametrize("task", ["task1", "task2"])
def test_denethor_split_by_the_paper_s_protocol_is_the_paper_s(tmp_path, task) -> None:
    _stores(tmp_path, _denethor(task))
    assert _beside(tmp_path, task)
    assert not _beside(tmp_path, task, simulated=True)
    assert not paper_results.beside(
        "task9", simulated=False, sources=sources_of_task(lambda name: Store(tmp_path / name), task)
    )


@pytest.mark.parametrize(("task", "prefix"), [("task1", ""), ("task2", "validation_")])
def test_the_prepared_files_are_the_paper_s_each_in_its_place(tmp_path, task, prefix) -> None:
    files = {
        "pretraining": "pretraining_time2.h5",
        f"{task}-train": f"{prefix}train_sentinel_ts.hdf5",
        f"{task}-validation": f"{prefix}val_sentinel_ts.hdf5",
    }
    stores = {
        name: {"command": "ingest", "product": "prepared_h5", "file": file}
        for name, file in files.items()
    }
    _stores(tmp_path / "right", stores)
    assert _beside(tmp_path / "right", task)
    assert set(files.values()) <= set(FILES)
    swapped = stores | {f"{task}-train": stores[f"{task}-validation"]}
    _stores(tmp_path / "swapped", swapped)
    assert not _beside(tmp_path / "swapped", task)


@pytest.mark.parametrize(
    "changed",
    [
        {"task2-train": {"command": "ingest", "options": {}, "product": "table"}},
        {"task2-train": {}},
        {"task2-validation": _ingested("denethor", protocol="task1", part="validation")},
        {"task2-validation": _ingested("denethor", protocol="task2", part="train")},
        {"task2-train": _ingested("denethor")},  # another split
        {"pretraining": {"command": "ingest", "options": {}, "product": "netCDF"}},
        {"pretraining": _ingested("denethor", protocol="task1", part="train")},
    ],
)
def test_any_other_store_is_not(tmp_path, changed) -> None:
    _stores(tmp_path, _denethor("task2") | changed)
    assert not _beside(tmp_path, "task2")


def test_a_store_that_the_study_split_keeps_what_the_whole_one_said(tmp_path) -> None:
    _stores(tmp_path, {"pretraining": _denethor("task1")["pretraining"], "task3": BRITTANY})
    split_whole_store(tmp_path / "task3", tmp_path, task_settings("task3", "tiny"), 0)
    for part in ("train", "validation"):
        assert source_of_store(Store(tmp_path / f"task3-{part}")).to_dict() == {
            "product": "BreizhCrops",
            "file": None,
            "fields": None,
            "protocol": None,
            "part": None,
            "year": 2018,
            "processing_level": "L2A",
            "simulated": False,
        }
    assert _beside(tmp_path, "task3")


@pytest.mark.parametrize(
    "provenance",
    [
        BRITTANY | {"year": 2017},
        BRITTANY | {"options": {"protocol": "official", "part": "train"}},  # split by region
        {name: value for name, value in BRITTANY.items() if name != "year"},
    ],
)
def test_other_years_and_splits_of_brittany_are_not(tmp_path, provenance) -> None:
    names = ("task3-train", "task3-validation")
    stores = {"pretraining": _denethor("task1")["pretraining"]} | dict.fromkeys(names, provenance)
    _stores(tmp_path, stores)
    assert not _beside(tmp_path, "task3")


def test_what_ingest_writes_is_what_is_asked_for(tmp_path) -> None:
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    tile = Tile("train")
    write_radiant(tmp_path / "in", tile)
    ingest(tmp_path / "in", out=tmp_path / "store", options=IngestOptions())
    found = source_of_store(Store(tmp_path / "store"))
    assert (found.product, found.protocol, found.simulated) == ("denethor", None, False)


def test_series_of_prepared_files_share_no_field_and_that_is_said_to_be_unknown(tmp_path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    days = [datetime(2018, 1, 1 + day, tzinfo=UTC) for day in range(0, 30, 5)]
    (tmp_path / "time_stamp_sentinel_list.pkl").write_bytes(pickle.dumps(days))
    fields = {}
    for number, name in enumerate(("train_sentinel_ts.hdf5", "val_sentinel_ts.hdf5")):
        draw = np.random.default_rng(number)
        with h5py.File(tmp_path / name, "w") as file:
            file["time_series"] = draw.integers(1, 9_000, (20, 6, 12)).astype(np.float32)
            file["crop_labels"] = np.arange(20).reshape(20, 1) % 9 + 1
        ingest(tmp_path / name, out=tmp_path / f"task1-{PARTS[number]}")
        fields[name] = Store(tmp_path / f"task1-{PARTS[number]}").series().field_id
    assert all(len(np.unique(field)) == 20 for field in fields.values())
    check_no_shared_field(*fields.values())
    _stores(tmp_path, {"pretraining": _denethor("task1")["pretraining"]})
    sources = sources_of_task(lambda name: Store(tmp_path / name), "task1")
    assert sources["train"].file == "train_sentinel_ts.hdf5"
    said = notes_on_sources(sources)
    assert len(said) == 1
    assert said[0].startswith("fields are not known (train, validation): every series counts")
    assert notes_on_sources(dict.fromkeys(PARTS, sources["pretraining"])) == []
