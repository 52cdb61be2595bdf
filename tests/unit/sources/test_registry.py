import numpy as np
import pandas as pd
import pytest

from windrow.data.store.store import Store
from windrow.data.store.zarr_store import StoreWriter
from windrow.errors import DataError, SettingsError, StoreError
from windrow.pipelines.ingest import ingest
from windrow.sources.reader import IngestOptions, ReadingSummary, refuse_options
from windrow.sources.registry import recognise


def test_a_table_is_recognised_and_ingested(tmp_path):
    table = tmp_path / "fields.csv"
    frame = pd.DataFrame({"id": [1, 1], "date": ["2018-05-01", "2018-05-09"], "B04": [500, 600]})
    frame.to_csv(table, index=False)
    assert recognise(table).name == "table"
    found = ingest(table, out=tmp_path / "store", options=IngestOptions(scale="dn"))
    assert (found.product, found.num_series) == ("table", 1)
    assert Store(tmp_path / "store").series().reflectance.tolist() == [[[500], [600]]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fields.csv", "store"]


def test_what_was_looked_for_is_said(tmp_path):
    with pytest.raises(DataError, match=r"no such input; in .*nothing"):
        recognise(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"no product is recognised.*an empty folder.*a table \("):
        recognise(tmp_path)
    for number in range(7):
        (tmp_path / f"file{number}.xyz").touch()
    with pytest.raises(DataError, match=r"file4.xyz and 2 more"):
        recognise(tmp_path)
    with pytest.raises(DataError, match=r"a file of kind '.xyz'"):
        recognise(tmp_path / "file0.xyz")


def test_foreign_options_are_refused():
    with pytest.raises(
        SettingsError, match=r"--pairing does not concern a table.*--sort-dates; to mend it: leave"
    ):
        refuse_options(IngestOptions(pairing="corner"), {"sort_dates"}, product="a table")
    refuse_options(IngestOptions(seed=3, scratch="x"), set(), product="a table")


def test_reports_are_portable():
    summary = ReadingSummary("/some/where/a.csv", {"scale": "dn"})
    summary.add(ReadingSummary("b", {"scale": "no", "label": "crop"}, {"rows": 3}))
    assert summary.portable() == {
        "source": "a.csv",
        "facts": {"scale": "dn", "label": "crop"},
        "counts": {"rows": 3},
    }


def test_a_store_keeps_small_tables(tmp_path, make_series):
    series = make_series(4)
    with StoreWriter(tmp_path / "store", provenance={}) as writer:
        writer.append(series)
        writer.add_table("fields", {"part": np.array(["a", "bc"]), "x": np.array([1.5, 2.0])})
    table = Store(tmp_path / "store").table("fields")
    assert table["part"].tolist() == ["a", "bc"]
    assert table["x"].tolist() == [1.5, 2.0]
    assert len(Store(tmp_path / "store").series()) == 4
    with pytest.raises(StoreError, match=r"no such table; in .*; expected parts"):
        Store(tmp_path / "store").table("parts")
    with StoreWriter(tmp_path / "other", provenance={}) as writer:
        writer.append(series)
        with pytest.raises(DataError, match="differ in length"):
            writer.add_table("fields", {"part": np.arange(2), "x": np.arange(3)})


def test_a_folder_of_a_product_names_it(tmp_path):
    (tmp_path / "observations.csv").write_text("id,date,B02\n1,2018-01-01,300\n")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        DataError, match=r"mend it: give the path of what is inside: observations.csv \(table\)"
    ):
        recognise(tmp_path)
