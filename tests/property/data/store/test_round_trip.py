"""Any series that is accepted comes back from the store as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from windrow import sensors
from windrow.data.legend import Legend
from windrow.data.series import PER_SERIES, Series, concatenate
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)


@st.composite
def series(draw: st.DrawFn) -> Series:
    n = draw(st.integers(1, 4))
    t = draw(st.integers(0, 4))
    bands = draw(
        st.lists(st.sampled_from(sensors.SENTINEL2_BANDS), min_size=1, max_size=12, unique=True)
    )
    valid = draw(hnp.arrays(np.bool_, (n, t)))
    days = np.sort(draw(hnp.arrays(np.int16, (n, t), elements=st.integers(0, 365))), axis=1)
    noise = draw(hnp.arrays(np.int16, (n, t)))
    ids = st.lists(TEXT, min_size=n, max_size=n, unique=True)
    numbers = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n, max_size=n, unique=True)
    values: dict[str, Any] = {
        "reflectance": draw(hnp.arrays(np.int16, (n, t, len(bands)))),
        "day_of_year": np.where(valid, days, noise),  # what is invalid may hold anything
        "valid": valid,
        "bands": tuple(bands),
        "processing_level": draw(st.sampled_from(["L1C", "L2A"])),
        "id": np.array(draw(ids), dtype=str) if draw(st.booleans()) else np.array(draw(numbers)),
        "field_id": np.array(draw(st.lists(TEXT, min_size=n, max_size=n)), dtype=str),
        "year": draw(hnp.arrays(np.int16, n)),
        "simulated": draw(st.booleans()),
    }
    if draw(st.booleans()):
        values["cloud_probability"] = draw(hnp.arrays(np.uint8, (n, t)))
    if draw(st.booleans()):
        values["longitude"] = draw(hnp.arrays(np.float64, n))
        values["latitude"] = draw(hnp.arrays(np.float64, n))
    if draw(st.booleans()):
        steps = sorted(draw(st.sets(st.integers(0, 365), max_size=3)))
        values["planetscope_day"] = np.array(steps, dtype=np.int16)
        values["planetscope"] = draw(hnp.arrays(np.int16, (n, len(steps), 36)))
    if draw(st.booleans()):
        names = tuple(draw(st.lists(TEXT, min_size=1, max_size=3, unique=True)))
        values["legend"] = Legend(names=names, codes=names)
        values["label"] = draw(hnp.arrays(np.int16, n, elements=st.integers(-1, len(names) - 1)))
    if draw(st.booleans()):
        values["truth"] = {"height": draw(hnp.arrays(np.float32, (n, 2)))}
    return Series(**values)


@settings(max_examples=15, deadline=None)
@given(series())
def test_round_trip(expected: Series) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder) / "store", expected, provenance={})
        found = Store(Path(folder) / "store").series()
    for name in (*PER_SERIES, "planetscope_day"):
        a, b = getattr(expected, name), getattr(found, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype.kind == b.dtype.kind
            np.testing.assert_array_equal(a, b)
    for name in ("bands", "processing_level", "legend", "simulated"):
        assert getattr(expected, name) == getattr(found, name)
    assert expected.truth.keys() == found.truth.keys()
    for name, values in expected.truth.items():
        np.testing.assert_array_equal(values, found.truth[name])


@settings(max_examples=50, deadline=None)
@given(series(), st.data())
def test_selecting_and_joining_permute(expected: Series, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(expected)))))
    cut = data.draw(st.integers(0, len(expected)))
    moved = expected.select(order)
    joined = concatenate([moved.select(slice(0, cut)), moved.select(slice(cut, None))])
    back = joined.select(np.argsort(order))
    np.testing.assert_array_equal(back.reflectance, expected.reflectance)
    assert back.id.tolist() == expected.id.tolist()
    assert back.field_id.tolist() == expected.field_id.tolist()
