"""The package root: what it offers, how lightly it imports, and what its help says."""

from __future__ import annotations

import inspect
import json
import pydoc
import subprocess
import sys

import numpy as np
import pytest

import windrow
from series_factory import make_series
from weights_factory import make_weights
from windrow import errors
from windrow.data.store.zarr_store import write_store

OFFERED = {
    "Series",
    "open_series",
    "Store",
    "load",
    "FrozenEncoder",
    "simulate",
    "read_labels",
    *(name for name, item in vars(errors).items() if inspect.isclass(item)),
}


def test_the_root_offers_what_a_user_needs_and_all_errors():
    assert set(windrow.__all__) >= OFFERED | {"__version__"}
    assert set(dir(windrow)) >= OFFERED
    for name in OFFERED:
        assert getattr(windrow, name).__name__ == name
        assert getattr(windrow, name) is getattr(windrow, name)


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(
        AttributeError, match="module 'windrow' has no attribute 'train_everything'"
    ):
        windrow.train_everything  # noqa: B018


def test_each_name_imports_only_what_it_needs():
    code = (
        "import json, sys, windrow; dir(windrow); seen = [sorted(sys.modules)]; "
        "windrow.WindrowError; seen.append(sorted(sys.modules)); "
        "windrow.Series; seen.append(sorted(sys.modules)); "
        "windrow.Store; seen.append(sorted(sys.modules)); print(json.dumps(seen))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    bare, error, series, store = (set(names) for names in json.loads(done.stdout))
    assert not bare & {"numpy", "torch", "zarr", "pandas"}
    assert not error & {"numpy", "torch", "zarr", "pandas"}
    assert "numpy" in series
    assert not series & {"torch", "zarr", "pandas"}
    assert "zarr" in store
    assert not store & {"torch", "pandas", "sklearn"}


def test_help_explains_itself():
    page = pydoc.plain(pydoc.render_doc(windrow))
    for words in ("A first look::", "class Series", "class Store", "load(weights", "WindrowError"):
        assert words in page
    for name in ("load", "open_series", "simulate", "read_labels"):
        text = inspect.getdoc(getattr(windrow, name))
        for part in ("Args:", "Returns:", "Raises:", "Example:"):
            assert part in text, (name, part)
        for argument in inspect.signature(getattr(windrow, name)).parameters:
            assert f"{argument}: " in text, (name, argument)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root") / "run"
    return windrow.load(make_weights(folder, make_series(8, planetscope=False)))


def test_embed_takes_whatever_holds_series(encoder, tmp_path):
    series = make_series(6, planetscope=False)
    expected = encoder.embed(series)
    assert expected.shape == (6, 32)
    table = series.to_frame()
    write_store(tmp_path / "store", series, provenance={})
    table.to_parquet(tmp_path / "table.parquet")
    table.to_csv(tmp_path / "table.csv", index=False)
    for source in (
        tmp_path / "store",
        str(tmp_path / "store"),
        windrow.Store(tmp_path / "store"),
        tmp_path / "table.parquet",
        tmp_path / "table.csv",
        table,
        table.set_index("id"),
    ):
        np.testing.assert_allclose(encoder.embed(source), expected, atol=1e-5)
        np.testing.assert_allclose(encoder.embed(source, pool="month")[:, :32].shape, (6, 32))


@pytest.mark.parametrize("wrong", [None, 3, np.zeros((2, 3)), [make_series(2)], {"id": [1]}])
def test_other_types_are_refused_with_what_is_accepted(encoder, wrong):
    for read in (encoder.embed, encoder.sequence, windrow.open_series):
        with pytest.raises(
            windrow.DataError,
            match=f"this holds no series; found {type(wrong).__name__}; expected a Series, a Store,"
            r" a path to a series store or to a field table \(CSV or Parquet\), or a pandas table",
        ):
            read(wrong)


@pytest.mark.parametrize("wrong", [None, 3, ["run"]])
def test_other_types_of_weights_are_refused_with_what_is_accepted(wrong):
    with pytest.raises(
        windrow.WeightsError,
        match=f"weights are given by a path or a name; found {type(wrong).__name__}; "
        "expected a run directory, a "
        r"\.safetensors or \.onnx file, or the name of shipped weights",
    ):
        windrow.load(wrong)


def test_an_empty_table_or_one_without_bands_is_refused(encoder):
    table = make_series(3, planetscope=False).to_frame()
    with pytest.raises(windrow.DataError, match="the table is empty; in the table"):
        encoder.embed(table.iloc[:0])
    with pytest.raises(windrow.DataError, match="the table has no band; in the table"):
        encoder.embed(table[["id", "date"]])
    with pytest.raises(windrow.BandError, match="column 'b02' stands twice"):
        encoder.embed(table.assign(b02=1.0))


def test_simulate_gives_series():
    series = windrow.simulate("brandenburg-2018", num_series=3, seed=1)
    assert isinstance(series, windrow.Series)
    assert (len(series), series.simulated, len(series.legend)) == (3, True, 9)
