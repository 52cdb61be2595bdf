"""Files of any content: they are read, or refused by an error that names the file, never more."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.saved_classifier import read_classifier, write_classifier
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store
from windrow.errors import WindrowError
from windrow.experiments.recipes.classifier import mix
from windrow.models.heads.saved_head import load_head
from windrow.models.place_weights import load_place_network
from windrow.models.weights import load_encoder
from windrow.sensors import SENTINEL2_BANDS
from windrow.sources.open_any import open_input
from windrow.sources.reader import TableOptions
from windrow.training.checkpoint import load_checkpoint

FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def read_or_refused(read: Callable[[Path], object], path: Path) -> None:
    """Anything but a result or an error of windrow that names the file fails the test."""
    refusal = ""
    try:
        read(path)
    except WindrowError as error:
        refusal = str(error)
    assert not refusal or path.name in refusal, refusal


def table(path: Path) -> object:
    return open_input(path, TableOptions(processing_level="L2A"))


def checkpoint(path: Path) -> object:
    import torch

    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    return load_checkpoint(path, module=module, optimizer=optimizer, identity={"seed": 0})


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "csv": ("t.csv", table),
    "parquet": ("t.parquet", table),
    "place weights": ("w.safetensors", load_place_network),
    "encoder weights": ("w.safetensors", load_encoder),
    "checkpoint": ("c.safetensors", checkpoint),
}


@pytest.mark.parametrize("reader", READERS)
@FEW
@given(content=st.binary(max_size=400))
def test_any_bytes(reader: str, content: bytes, tmp_path: Path) -> None:
    name, read = READERS[reader]
    (tmp_path / name).write_bytes(content)
    read_or_refused(read, tmp_path / name)


@FEW
@given(
    column=st.sampled_from(["date", "B04", "id", "clp"]),
    values=st.lists(st.text(max_size=12), min_size=6, max_size=6),
)
def test_any_text_in_a_cell_of_a_table(column: str, values: list[str], tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "date": ["2018-05-01", "2018-06-01"] * 3})
    for band in SENTINEL2_BANDS:
        frame[band] = np.arange(6) * 100 + 300
    frame["clp"] = 0
    frame[column] = values
    frame.to_csv(tmp_path / "t.csv", index=False)
    read_or_refused(table, tmp_path / "t.csv")


@pytest.mark.parametrize("reader", ["place weights", "encoder weights", "checkpoint"])
@FEW
@given(header=JSON, text=st.text(max_size=20), as_json=st.booleans())
def test_any_header_of_a_safetensors_file(
    reader: str, header: Any, text: str, as_json: bool, tmp_path: Path
) -> None:
    """A whole file whose metadata are a stranger's."""
    name, read = READERS[reader]
    metadata = {"windrow": json.dumps(header) if as_json else text}
    body = json.dumps(
        {"__metadata__": metadata, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    ).encode()
    (tmp_path / name).write_bytes(struct.pack("<Q", len(body)) + body + b"\0\0\0\0")
    read_or_refused(read, tmp_path / name)


@pytest.fixture(name="head", scope="module")
def _head(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    place = make_place(30)
    names = np.array(CROPS)[place.crop].tolist()
    settings_of_mix = mix().model_copy(update={"num_trees": 3})
    fitted = MixedClassifier(make_encoder(), settings_of_mix).fit(series_of(place), names)
    folder = tmp_path_factory.mktemp("fitted") / "classifier"
    write_classifier(folder, fitted)
    return folder, json.loads((folder / "head.json").read_text())


@FEW
@given(data=st.data(), value=JSON)
def test_any_value_in_the_header_of_a_classifier(
    head: tuple[Path, dict[str, Any]], data: st.DataObject, value: Any
) -> None:
    folder, header = head
    key = data.draw(st.sampled_from(sorted(header)))
    (folder / "head.json").write_text(json.dumps({**header, key: value}))
    read_or_refused(lambda path: read_classifier(path, make_encoder()), folder)


@FEW
@given(value=JSON, text=st.text(max_size=30), as_json=st.booleans())
def test_any_header_of_a_head(value: Any, text: str, as_json: bool, tmp_path: Path) -> None:
    (tmp_path / "head.json").write_text(json.dumps(value) if as_json else text, encoding="utf-8")
    read_or_refused(load_head, tmp_path)


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("stores") / "series.store"
    write_store(path, series_of(make_place(8)), provenance={})
    return path, json.loads((path / "zarr.json").read_text())


@FEW
@given(data=st.data(), value=JSON)
def test_any_attribute_of_a_store(
    store: tuple[Path, dict[str, Any]], data: st.DataObject, value: Any
) -> None:
    path, whole = store
    attributes = whole["attributes"]
    key = data.draw(st.sampled_from(sorted(attributes)))
    changed = {**whole, "attributes": {**attributes, key: value}}
    (path / "zarr.json").write_text(json.dumps(changed))
    read_or_refused(lambda each: Store(each).series(), path)
