"""The store: round trips, equal bytes, xarray, and every way it can be damaged or cut short."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from windrow.data.series import Series, pad_dates
from windrow.data.store import zarr_store as store_module
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import StoreWriter, is_store, write_store
from windrow.errors import DataError, OutputError, StoreError

Make = Callable[..., Series]

PROVENANCE = {"command": "simulate", "seed": 3}


def assert_same(first: Series, second: Series) -> None:
    for item in fields(Series):
        a, b = getattr(first, item.name), getattr(second, item.name)
        if isinstance(a, np.ndarray):
            assert a.dtype.kind == b.dtype.kind, item.name
            np.testing.assert_array_equal(a, b, err_msg=item.name)
        elif item.name == "truth":
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
        else:
            assert a == b, item.name


def bytes_of(path: Path) -> dict[str, bytes]:
    files = sorted(part for part in path.rglob("*") if part.is_file())
    return {str(part.relative_to(path)): part.read_bytes() for part in files}


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SHARD", 4)
    monkeypatch.setattr(store_module, "CHUNK", 2)


def test_round_trip(build_series: Make, tmp_path: Path) -> None:
    series = build_series()
    write_store(tmp_path / "store", series, provenance=PROVENANCE)
    assert_same(Store(tmp_path / "store").series(), series)
    attributes = Store(tmp_path / "store").attributes
    assert attributes["format"] == "windrow series store"
    assert attributes["simulated"] is True
    assert attributes["provenance"] == PROVENANCE
    assert attributes["bands"] == ["B02", "B03", "B8A"]
    assert attributes["num_series"] == 5
    expected = hashlib.sha256(series.reflectance.tobytes()).hexdigest()
    assert attributes["checksums"]["reflectance"] == expected


def test_without_planetscope(build_series: Make, tmp_path: Path) -> None:
    write_store(tmp_path / "store", build_series(), provenance={})
    series = Store(tmp_path / "store").series(planetscope=False)
    assert series.planetscope is None
    assert series.planetscope_day is None


def test_the_least_and_no_provenance(build_series: Make, tmp_path: Path) -> None:
    names = ("cloud_probability", "longitude", "latitude", "planetscope", "planetscope_day")
    series = build_series(**dict.fromkeys((*names, "label", "legend")), truth={}, simulated=False)
    write_store(tmp_path / "store", series, provenance={})
    assert_same(Store(tmp_path / "store").series(), series)
    assert Store(tmp_path / "store").attributes["provenance"] == {}


@pytest.mark.parametrize("kind", ["id", "text"])
def test_ids_keep_their_type(build_series: Make, tmp_path: Path, kind: str) -> None:
    ids: Any = np.array([2**62, -1, 0, 7, 8])
    if kind == "text":
        ids = np.array(["007", "7", "ä/ö", "a b", ""])
    write_store(tmp_path / "store", build_series(id=ids, field_id=ids), provenance={})
    found = Store(tmp_path / "store").series()
    assert found.id.tolist() == ids.tolist()
    assert found.id.dtype.kind == found.field_id.dtype.kind == ids.dtype.kind


def test_no_dates_and_no_planetscope_days(build_series: Make, tmp_path: Path) -> None:
    series = build_series(
        num_dates=0,
        planetscope=np.zeros((5, 0, 36), np.int16),
        planetscope_day=np.zeros(0, np.int16),
    )
    write_store(tmp_path / "store", series, provenance={})
    assert_same(Store(tmp_path / "store").series(), series)


@pytest.mark.usefixtures("small_shards")
def test_parts_make_the_same_bytes_as_the_whole(build_series: Make, tmp_path: Path) -> None:
    series = build_series(num_series=11)
    write_store(tmp_path / "whole", series, provenance=PROVENANCE)
    with StoreWriter(tmp_path / "parts", provenance=PROVENANCE) as writer:
        for start, stop in ((0, 0), (0, 1), (1, 3), (3, 10), (10, 11)):
            writer.append(series.select(slice(start, stop)))
    write_store(tmp_path / "again", series, provenance=PROVENANCE)
    assert bytes_of(tmp_path / "parts") == bytes_of(tmp_path / "whole")
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "whole")
    assert_same(Store(tmp_path / "parts").series(), series)


@pytest.mark.usefixtures("small_shards")
def test_text_grows_wider_over_the_shards(build_series: Make, tmp_path: Path) -> None:
    names = np.array([f"{'long ' * i}{i}" for i in range(9)])
    series = build_series(num_series=9, id=names)
    with StoreWriter(tmp_path / "store", provenance={}) as writer:
        for i in range(9):
            writer.append(series.select(slice(i, i + 1)))
    assert Store(tmp_path / "store").series().id.tolist() == names.tolist()


def test_opens_in_xarray(build_series: Make, tmp_path: Path) -> None:
    series = build_series()
    write_store(tmp_path / "store", series, provenance=PROVENANCE)
    found = xarray.open_zarr(tmp_path / "store", consolidated=False, chunks=None)
    assert found["reflectance"].dims == ("series", "date", "band")
    assert found["planetscope"].dims == ("series", "planetscope_step", "planetscope_value")
    assert found["planetscope_day"].dims == ("planetscope_step",)
    assert found["id"].dims == ("series",)
    assert found["reflectance"].attrs["units"] == "1"
    assert found.attrs["simulated"] is True
    np.testing.assert_array_equal(found["reflectance"].values, series.reflectance)
    assert found["field_id"].values.tolist() == series.field_id.tolist()
    labels = xarray.open_zarr(tmp_path / "store", group="labels", consolidated=False, chunks=None)
    np.testing.assert_array_equal(labels["label"].values, series.label)
    truth = xarray.open_zarr(tmp_path / "store", group="truth", consolidated=False, chunks=None)
    assert truth["leaf_area_index"].dims == ("series", "leaf_area_index_1")


def chunk_files(path: Path) -> list[Path]:
    return sorted(part for part in path.rglob("*") if part.is_file() and part.name != "zarr.json")


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_each_damaged_chunk_is_found(build_series: Make, tmp_path: Path, damage: str) -> None:
    write_store(tmp_path / "store", build_series(), provenance={})
    for number, name in enumerate(chunk_files(tmp_path / "store")):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "store", copy)
        file = copy / name.relative_to(tmp_path / "store")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0x10
        if damage == "flip":
            file.write_bytes(bytes(content))
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[:-7])
        elif damage == "empty":
            file.write_bytes(b"")
        else:
            file.unlink()
        with pytest.raises(
            StoreError, match=r"the store is damaged or cut short; in .*, array .*; to mend it: wr"
        ):
            Store(copy).series()


@contextmanager
def attributes_of(path: Path, *, signed: bool = True) -> Iterator[tuple[dict[str, Any], ...]]:
    """The attributes of a store and of its labels, to change; with their checksum made again."""
    files = [path / "zarr.json", path / "labels/zarr.json"]
    contents = [json.loads(file.read_text()) for file in files]
    attributes, labels = (content["attributes"] for content in contents)
    yield attributes, labels
    if signed:
        text = json.dumps(
            {
                "attributes": {k: v for k, v in attributes.items() if k != "attributes_checksum"},
                "legend": labels.get("legend"),
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        attributes["attributes_checksum"] = hashlib.sha256(text.encode()).hexdigest()
    for file, content in zip(files, contents, strict=True):
        file.write_text(json.dumps(content))


def swap_bands(attributes: dict[str, Any], labels: dict[str, Any]) -> None:
    attributes["bands"][:2] = attributes["bands"][1::-1]


def swap_classes(attributes: dict[str, Any], labels: dict[str, Any]) -> None:
    names = labels["legend"]["names"]
    names[:2] = names[1::-1]


def other_level(attributes: dict[str, Any], labels: dict[str, Any]) -> None:
    attributes["processing_level"] = "L1C"


def other_provenance(attributes: dict[str, Any], labels: dict[str, Any]) -> None:
    attributes["provenance"]["seed"] = 4


@pytest.mark.parametrize("change", [swap_bands, swap_classes, other_level, other_provenance])
def test_attributes_changed_by_hand_are_found(
    build_series: Make, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]
) -> None:
    path = tmp_path / "store"
    write_store(path, build_series(), provenance={"seed": 3})
    with attributes_of(path, signed=False) as both:
        change(*both)
    with pytest.raises(
        StoreError,
        match=r"the store's attributes were changed since it was written; in .*store, "
        r"attributes_checksum; found attributes of \w{12}\.{3}; expected \w{12}\.{3}; to mend",
    ):
        Store(path)
    with attributes_of(path) as both:  # signed again, they are what they say
        pass
    assert Store(path).series() is not None


def test_an_earlier_store_has_no_checksum_of_its_attributes(
    build_series: Make, tmp_path: Path
) -> None:
    path = tmp_path / "store"
    write_store(path, build_series(), provenance={})
    with attributes_of(path, signed=False) as (attributes, _):
        del attributes["attributes_checksum"]
    with pytest.raises(StoreError, match=r"incomplete; .*; expected attribute attributes_checksum"):
        Store(path).series()
    with attributes_of(path, signed=False) as (attributes, _):
        attributes["version"] = 1
    assert_same(Store(path).series(), build_series())


@pytest.mark.parametrize(
    "missing", ["checksums", "bands", "processing_level", "simulated", "labels", "reflectance"]
)
def test_metadata_that_lack_something(build_series: Make, tmp_path: Path, missing: str) -> None:
    path = tmp_path / "store"
    write_store(path, build_series(), provenance={})
    with attributes_of(path) as (attributes, labels):
        if missing == "labels":
            del labels["legend"]
        elif missing == "reflectance":
            del attributes["checksums"]["reflectance"]
        else:
            del attributes[missing]
    with pytest.raises(StoreError, match=r"the store's metadata are incomplete; in .*store"):
        Store(path).series()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "other", "this Zarr group is not a series store"),
        ("version", 3, "is of another version; in .*; found 3; expected 1 or 2; to mend it"),
        ("bands", ["B02", "B03", "B99"], "the store's metadata do not fit its arrays"),
        ("bands", ["B02", "B03"], "the store's metadata do not fit its arrays"),
        ("checksums", ["reflectance"], "the store's metadata are incomplete"),
    ],
)
def test_metadata_that_say_something_else(
    build_series: Make, tmp_path: Path, name: str, value: object, message: str
) -> None:
    path = tmp_path / "store"
    write_store(path, build_series(), provenance={})
    with attributes_of(path) as (attributes, _):
        attributes[name] = value
    with pytest.raises(StoreError, match=message):
        Store(path).series()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no series store here; in .*; found nothing; to mend it: make one"),
        (lambda path: path.mkdir(), "no series store here; in .*; found something else"),
        (lambda path: path.write_text(""), "no series store here; in .*; found something else"),
    ],
)
def test_no_store(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "store"
    make(path)
    assert not is_store(path)
    with pytest.raises(StoreError, match=message):
        Store(path).series()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"zarr_format": 2}', "{}"])
def test_damaged_metadata(build_series: Make, tmp_path: Path, text: str) -> None:
    path = tmp_path / "store"
    write_store(path, build_series(), provenance={})
    (path / "zarr.json").write_text(text)
    with pytest.raises(StoreError, match=r"metadata cannot be read|is not a series store"):
        Store(path).series()


@pytest.mark.usefixtures("small_shards")
def test_an_interrupted_writer_leaves_nothing(build_series: Make, tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", provenance={})
    with pytest.raises(KeyboardInterrupt), writer:
        interrupt(writer, build_series(num_series=9))
    assert list(tmp_path.iterdir()) == []


def interrupt(writer: StoreWriter, series: Series) -> None:
    writer.append(series)
    raise KeyboardInterrupt


def test_a_killed_writer_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "import numpy as np\n"
        "from windrow.data.series import Series\n"
        "from windrow.data.store import zarr_store as store\n"
        "store.SHARD, store.CHUNK = 4, 2\n"
        "s = Series(reflectance=np.ones((9, 2, 1), np.int16),"
        " day_of_year=np.ones((9, 2), np.int16), valid=np.ones((9, 2), bool), bands=('B02',),"
        " processing_level='L2A', id=np.arange(9), field_id=np.arange(9),"
        " year=np.full(9, 2018, np.int16))\n"
        "with store.StoreWriter(sys.argv[1], provenance={}) as writer:\n"
        "    writer.append(s)\n"
        "    os._exit(9)\n"
    )
    path = tmp_path / "store"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == 9
    assert not is_store(path)
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".partial")
    with pytest.raises(StoreError, match="this Zarr group is not a series store"):
        Store(left).series()


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("num_series", [3, 9])  # when it is finished, and while it is filled
def test_full_disk(
    build_series: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_series: int
) -> None:
    from zarr.storage import LocalStore

    async def full(self: LocalStore, key: str, *args: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    series = build_series(num_series=num_series)
    writer = StoreWriter(tmp_path / "store", provenance={})
    writer.__enter__()
    monkeypatch.setattr(LocalStore, "set", full)
    with pytest.raises(OutputError, match=r"output cannot be written; in .*store; found the disk"):
        fill_and_close(writer, series)
    assert list(tmp_path.iterdir()) == []


def fill_and_close(writer: StoreWriter, series: Series) -> None:
    try:
        writer.append(series)
    except BaseException as error:
        writer.__exit__(type(error), error, error.__traceback__)
        raise
    writer.__exit__(None, None, None)


def test_nothing_to_write(build_series: Make, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no series to write; in .*store"):
        write_store(tmp_path / "store", build_series().select(slice(0, 0)), provenance={})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_store_is_not_overwritten(build_series: Make, tmp_path: Path) -> None:
    write_store(tmp_path / "store", build_series(), provenance={})
    before = bytes_of(tmp_path / "store")
    with pytest.raises(OutputError, match=r"output exists already; in .*store"):
        write_store(tmp_path / "store", build_series(num_series=3), provenance={})
    assert bytes_of(tmp_path / "store") == before


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processing_level": "L1C"}, "parts differ in processing_level"),
        ({"cloud_probability": None}, "parts differ in which arrays they have"),
        ({"id": np.array(list("abcd"))}, "parts differ in the type of id"),
        ({"id": np.array([100, 101, 13, 102])}, "a series id occurs twice; found 13"),
        (
            {"truth": {"leaf_area_index": np.zeros((4, 4)), "crop": np.array(["a"] * 4)}},
            r"in the type of truth/leaf_area_index; found float64 .*; expected float32",
        ),
    ],
)
def test_later_parts_must_fit_though_the_first_are_written(
    build_series: Make, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    later = build_series(**({"num_series": 4, "id": np.arange(100, 104)} | changes))
    with (
        pytest.raises(DataError, match=message),
        StoreWriter(tmp_path / "store", provenance={}) as writer,
    ):
        append_both(writer, build_series(num_series=4), later)
    assert list(tmp_path.iterdir()) == []


def append_both(writer: StoreWriter, first: Series, second: Series) -> None:
    writer.append(first)
    writer.append(second)


@pytest.mark.usefixtures("small_shards")
def test_parts_of_different_length_are_refused_across_shards(
    build_series: Make, tmp_path: Path
) -> None:
    first = build_series(num_series=4)
    second = build_series(num_series=4, num_dates=8, id=np.arange(100, 104))
    with (
        pytest.raises(StoreError, match="series of different length in one store; found 8; exp"),
        StoreWriter(tmp_path / "store", provenance={}) as writer,
    ):
        append_both(writer, first, second)
    with StoreWriter(tmp_path / "store", provenance={}) as writer:
        append_both(writer, pad_dates(first, 8), second)
    assert Store(tmp_path / "store").series().num_dates == 8


def test_no_warning_and_no_time_in_the_store(build_series: Make, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_store(tmp_path / "store", build_series(), provenance={})
        Store(tmp_path / "store").series()
    text = b"".join(bytes_of(tmp_path / "store").values())
    assert str(tmp_path).encode() not in text
