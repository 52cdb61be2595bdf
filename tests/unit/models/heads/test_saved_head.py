"""Head folders: round trips, and every way in which a folder can lie."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from windrow.errors import DataError, OutputError, SettingsError, WindrowError
from windrow.models.heads.inception import InceptionSettings
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.linear import LinearHead
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.saved_head import FittedHead, HeadHeader, load_head, save_head
from windrow.models.heads.sequence import SequenceHead
from windrow.models.heads.transformer import TransformerSettings
from windrow.models.heads.trees import TreeHead


def header(kind: str, **changes: Any) -> HeadHeader:
    values: dict[str, Any] = {
        "kind": kind,
        "settings": {},
        "legend": {"names": ["corn", "wheat", "ruderal ß"], "codes": ["1", "2", "3"]},
        "input": "bands",
        "pooling": None,
        "calibration": None,
        "encoder_hash": None,
        "bands": ["B02", "B03"],
        "processing_level": "L2A",
        "features": None,
        "num_inputs": 2,
        "provenance": {"seed": 0},
        **changes,
    }
    return HeadHeader.from_dict(values)


def linear() -> FittedHead:
    model = LinearHead(
        mean=np.array([0.1, 0.2]),
        scale=np.array([1.0, 2.0]),
        weight=np.array([[1.0, 0.0], [0.0, 1.0]]),
        bias=np.array([0.0, 0.5]),
        classes=np.array([0, 2]),
        num_classes=3,
    )
    return FittedHead(header("logistic_regression"), model)


def trees() -> FittedHead:
    """Two trees: (x0 <= 0 ? corn : (x1 <= 1 ? wheat : corn)) and a lone leaf."""
    model = TreeHead(
        root=np.array([0, 5]),
        feature=np.array([0, 0, 1, 0, 0, 0]),
        threshold=np.array([0.0, 0, 1.0, 0, 0, 0]),
        left=np.array([1, -1, 3, -1, -1, -1]),
        right=np.array([2, -1, 4, -1, -1, -1]),
        value=np.array([[0.5, 0.5], [1, 0], [0.5, 0.5], [0, 1], [1, 0], [0.25, 0.75]]),
        classes=np.array([0, 1]),
        num_classes=3,
        num_features=2,
    )
    return FittedHead(header("extra_trees"), model)


SEQUENCE = [
    LstmSettings(hidden=4, num_layers=2, dropout=0.1),
    InceptionSettings(hidden=8, num_layers=3, kernel_size=8, dropout=0.1),
    TransformerSettings(width=8, num_heads=2, num_layers=1, dropout=0.1),
]


def sequence(settings: Any) -> FittedHead:
    torch.manual_seed(0)
    model = SequenceHead(2, 3, settings).eval()
    return FittedHead(header(settings.kind, settings={"model": settings.to_dict()}), model)


def test_trees_by_hand() -> None:
    vectors = HeadInputs(np.array([[-1, 0], [1, 0], [1, 2]], dtype=np.float32))
    found = trees().predict_probability(vectors)
    expected = [[0.625, 0.375, 0], [0.125, 0.875, 0], [0.625, 0.375, 0]]
    np.testing.assert_allclose(found, expected)


def test_a_head_with_blocks_in_a_plain_list_cannot_be_saved(tmp_path: Path) -> None:
    settings = InceptionSettings(
        hidden=8, num_layers=1, kernel_size=4, dropout=0.0, blocks="plain_list"
    )
    with pytest.raises(SettingsError, match="stand in a plain list cannot be saved"):
        save_head(tmp_path / "head", sequence(settings))
    assert not (tmp_path / "head").exists()


@pytest.mark.parametrize("settings", SEQUENCE, ids=lambda s: s.kind)
def test_sequence_heads_round_trip(tmp_path: Path, settings: Any) -> None:
    head = sequence(settings)
    save_head(tmp_path / "head", head)
    loaded = load_head(tmp_path / "head")
    generator = np.random.default_rng(0)
    inputs = HeadInputs(
        generator.normal(size=(4, 6, 2)).astype(np.float32),
        np.sort(generator.integers(0, 365, (4, 6)), axis=1).astype(np.int16),
        np.ones((4, 6), dtype=np.bool_),
    )
    assert loaded.predict_probability(inputs).tolist() == head.predict_probability(inputs).tolist()
    assert loaded.legend.names == ("corn", "wheat", "ruderal ß")
    with pytest.raises(DataError, match=r"sees sequences \(N, T, D\)"):
        loaded.predict_probability(HeadInputs(inputs.values[:, 0]))


def test_inputs_of_another_width(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the inputs do not fit the head; found 3 values"):
        linear().predict_probability(HeadInputs(np.zeros((1, 3), dtype=np.float32)))


def test_a_head_is_not_overwritten(tmp_path: Path) -> None:
    save_head(tmp_path / "head", linear())
    with pytest.raises(OutputError, match="output exists already"):
        save_head(tmp_path / "head", linear())


def test_predicting_needs_no_scikit_learn(tmp_path: Path) -> None:
    save_head(tmp_path / "head", trees())
    program = (
        "import sys, numpy as np\n"
        "from windrow.models.heads.saved_head import load_head\n"
        "from windrow.models.heads.inputs import HeadInputs\n"
        "head = load_head(sys.argv[1])\n"
        "head.predict_probability(HeadInputs(np.zeros((1, 2), dtype=np.float32)))\n"
        "assert not {'sklearn', 'pandas', 'pickle5', 'zarr'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "head")], check=True)


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes arrays and mends the checksum: a lie that is not caught by it."""
    arrays = dict(load((folder / "head.safetensors").read_bytes()))
    change(arrays)
    data = save({name: np.ascontiguousarray(values) for name, values in arrays.items()})
    (folder / "head.safetensors").write_bytes(data)
    description = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    description["tensors_sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "head.json").write_text(json.dumps(description), encoding="utf-8")


def put(name: str, index: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][index] = value

    return change


def swap(name: str, values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda arrays: arrays.update({name: values})


@pytest.mark.parametrize(
    ("make", "change", "text"),
    [
        (trees, put("left", 0, 0), "a child before it or out of its tree"),
        (trees, put("left", 2, 0), "a child before it or out of its tree"),
        (trees, put("right", 2, 5), "a child before it or out of its tree"),
        (trees, put("right", 2, 2**31 - 1), "a child before it or out of its tree"),
        (trees, put("right", 2, -5), "a child before it or out of its tree"),
        (trees, put("right", 2, -1), "one child only"),
        (trees, put("feature", 0, 2), "asks for an input that is not there"),
        (trees, put("feature", 0, -1), "asks for an input that is not there"),
        (trees, put("threshold", 0, np.nan), "array 'threshold' of the head is not finite"),
        (trees, put("value", 1, 2.0), "do not sum to one"),
        (trees, put("value", (1, 0), -1.0), "do not sum to one"),
        (trees, put("root", 1, 6), "do not begin one behind another"),
        (trees, put("root", 0, 1), "do not begin one behind another"),
        (trees, put("root", 1, 0), "do not begin one behind another"),
        (trees, put("classes", 1, 3), "classes are not in its legend"),
        (trees, put("classes", 1, 0), "classes are not in its legend"),
        (trees, swap("value", np.ones((5, 2))), "array 'value' of the head has the wrong type"),
        (trees, swap("left", np.zeros(6)), "array 'left' of the head has the wrong type"),
        (trees, lambda a: a.pop("left"), "array 'left' of the head is missing"),
        (linear, put("weight", (0, 0), np.inf), "array 'weight' of the head is not finite"),
        (linear, put("scale", 0, 0.0), "array 'scale' of the head is not positive"),
        (linear, swap("weight", np.ones((2, 3))), "array 'weight' of the head has the wrong"),
        (lambda: sequence(SEQUENCE[0]), put("std", 0, -1), "array 'std' of the head is not"),
        (lambda: sequence(SEQUENCE[0]), lambda a: a.pop("mean"), "'mean' of the head is missing"),
        (
            lambda: sequence(SEQUENCE[2]),
            swap("body.embedding.weight", np.ones((8, 3), dtype=np.float32)),
            "'body.embedding.weight' of the head has the wrong type or shape",
        ),
    ],
)
def test_hostile_arrays(
    tmp_path: Path,
    make: Callable[[], FittedHead],
    change: Callable[[dict[str, Any]], None],
    text: str,
) -> None:
    save_head(tmp_path / "head", make())
    edit(tmp_path / "head", change)
    with pytest.raises(WindrowError, match=text):
        load_head(tmp_path / "head")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("format", "pickle", "this is no head of windrow"),
        ("version", 3, "the head is of another version; .*found 3; expected 2"),
        ("kind", "oracle", "setting kind"),
        ("kind", "lstm", "the head's settings do not fit"),
        ("num_inputs", 10**12, "setting num_inputs"),
        ("num_inputs", 5, "the wrong type or shape|asks for an input"),
        ("bands", ["B99"], "unknown Sentinel-2 band"),
        ("legend", {"names": ["a"], "codes": ["1"]}, "fewer than two classes"),
        ("legend", {"names": ["a", "a"], "codes": ["1", "2"]}, "class name 'a' twice"),
        ("legend", {}, "the head's legend cannot be read"),
        ("surprise", 1, "setting surprise"),
        ("tensors_sha256", "0", "the head is damaged or cut short"),
        ("calibration", {"temperature": -1.0}, "setting calibration.temperature"),
    ],
)
def test_hostile_descriptions(tmp_path: Path, key: str, value: Any, text: str) -> None:
    save_head(tmp_path / "head", linear())
    path = tmp_path / "head" / "head.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description[key] = value
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(WindrowError, match=text):
        load_head(tmp_path / "head")


def test_sizes_that_would_fill_the_memory(tmp_path: Path) -> None:
    save_head(tmp_path / "head", sequence(SEQUENCE[0]))
    path = tmp_path / "head" / "head.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["settings"]["model"].update(hidden=4096, num_layers=64)
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(WindrowError, match="is missing or unknown"):
        load_head(tmp_path / "head")


@pytest.mark.parametrize("keep", [0, 4, 40, -1])
@pytest.mark.parametrize("name", ["head.json", "head.safetensors"])
def test_cut_files(tmp_path: Path, name: str, keep: int) -> None:
    save_head(tmp_path / "head", linear())
    path = tmp_path / "head" / name
    content = path.read_bytes().rstrip()
    path.write_bytes(content[:keep])
    with pytest.raises(WindrowError, match=r"cannot be read|damaged or cut short"):
        load_head(tmp_path / "head")


def test_missing_folder_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WindrowError, match=r"no such head; .*head.json"):
        load_head(tmp_path / "nothing")
    save_head(tmp_path / "head", linear())
    (tmp_path / "head" / "head.safetensors").unlink()
    with pytest.raises(WindrowError, match="no such head"):
        load_head(tmp_path / "head")


def test_a_head_of_version_1_called_the_representation_windrow(tmp_path: Path) -> None:
    save_head(tmp_path / "head", linear())
    path = tmp_path / "head" / "head.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    assert description["version"] == 2
    for old, new in (("windrow", "representation"), ("bands", "bands")):
        path.write_text(json.dumps({**description, "version": 1, "input": old}), encoding="utf-8")
        assert load_head(tmp_path / "head").header.input == new
    path.write_text(json.dumps({**description, "input": "windrow"}), encoding="utf-8")
    with pytest.raises(WindrowError, match="setting input"):
        load_head(tmp_path / "head")
