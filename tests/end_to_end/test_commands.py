"""Each command as a user types it, on small simulated data."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

import windrow as package
from way import Way, windrow
from windrow.classifiers.embedded_place import EmbeddedPlace
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.data.store.store import Store
from windrow.sources.open_any import open_series


def test_embed_keeps_ids_and_order(way: Way, tmp_path):
    out = tmp_path / "z.parquet"
    words = ("--weights", way.run, "--pool", "mean", "--out", out)
    assert windrow("embed", way.table, *words) == 0
    table = pd.read_parquet(out)
    series = open_series(way.table)
    assert table["id"].dtype == np.int64
    assert table["id"].tolist() == series.id.tolist()
    encoder = package.load(way.run)
    width = encoder.width
    digits = len(str(width - 1))
    assert list(table.columns) == ["id", *(f"e{index:0{digits}d}" for index in range(width))]
    values = table.drop(columns="id").to_numpy()
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values, encoder.embed(series, batch_size=3), atol=1e-5)


def test_embed_by_month_with_labels(way: Way, tmp_path, capsys):
    out = tmp_path / "z.parquet"
    words = ("--labels", way.labels, "--label-column", "crop")
    assert windrow("embed", way.table, "--weights", way.run, "--out", out, *words) == 0
    table = pd.read_parquet(out)
    width = package.load(way.run).width
    assert table.shape[1] == 1 + 12 * width + 1
    assert table.columns[-1] == "label"
    assert capsys.readouterr().out.startswith("SMOKE TEST: these weights come from a recipe")
    origin = json.loads(parquet.read_schema(out).metadata[b"windrow"])
    encoder = package.load(way.run)
    assert origin == {
        "weights_hash": encoder.content_hash,
        "simulated_weights": True,
        "smoke_test": True,
    }
    expected = pd.read_csv(way.labels).set_index("field_id")["crop"]
    assert table["label"].tolist() == expected.loc[table["id"]].tolist()


def test_embed_with_the_shipped_weights(way: Way, tmp_path, capsys):
    out = tmp_path / "z.parquet"
    assert windrow("embed", way.table, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "200 series, by a place network" in printed
    assert "200 of them show it their place" in printed
    assert "SMOKE TEST" not in printed
    series = open_series(way.table)
    expected = EmbeddedPlace(load_place_encoder(), series).embed(series)
    found = pd.read_parquet(out)
    assert found["id"].tolist() == series.id.tolist()
    np.testing.assert_allclose(found.drop(columns="id").to_numpy(), expected, atol=1e-5)
    for name, value in (("--pool", "mean"), ("--max-dates", 9), ("--precision", "int8")):
        assert windrow("embed", way.table, "--out", tmp_path / "y.parquet", name, value) == 2
        assert f"{name} does not fit these weights" in capsys.readouterr().err


def test_embed_takes_a_store(way: Way, tmp_path):
    out = tmp_path / "z.parquet"
    weights = way.run / "weights.safetensors"
    assert windrow("embed", way.store, "--weights", weights, "--out", out) == 0
    assert len(pd.read_parquet(out)) == 240


def test_embed_by_each_backend_and_from_an_exported_file(way: Way, tmp_path, capsys):
    series = open_series(way.table)
    expected = package.load(way.run).embed(series, pool="month")
    file = tmp_path / "encoder.onnx"
    assert windrow("export", "--weights", way.run, "--format", "onnx", "--out", file) == 0
    assert f"in float32, {file.stat().st_size / 1e6:.1f} MB" in capsys.readouterr().out
    for weights, words, said in (
        (way.run, (), "200 series, by onnx float32"),
        (way.run, ("--backend", "torch"), "200 series, by torch float32"),
        (way.run, ("--backend", "onnx"), "200 series, by onnx float32"),
        (file, (), "200 series, by onnx float32"),
        (way.run, ("--precision", "int8"), "200 series, by onnx int8"),
        (way.run, ("--precision", "bfloat16"), "200 series, by torch bfloat16"),
    ):
        out = tmp_path / f"z-{len(list(tmp_path.iterdir()))}.parquet"
        assert windrow("embed", way.table, "--weights", weights, "--out", out, *words) == 0
        assert said in capsys.readouterr().out
        found = pd.read_parquet(out).drop(columns="id").to_numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5 if "float32" in said else 0.05)


def test_embed_of_the_clearest_dates(way: Way, tmp_path, capsys):
    out = tmp_path / "z.parquet"
    words = ("--weights", way.run, "--out", out, "--max-dates", 40)
    assert windrow("embed", way.store, *words) == 0
    assert "240 of them by their 40 clearest dates" in capsys.readouterr().out
    found = pd.read_parquet(out).drop(columns="id").to_numpy()
    series = open_series(way.store)
    np.testing.assert_allclose(
        found, package.load(way.run, max_dates=40).embed(series, pool="month"), atol=1e-5
    )
    out.unlink()
    assert windrow("embed", way.store, *words[:-1], 0) == 2
    assert "max_dates must be at least 1" in capsys.readouterr().err


def test_fewshot_writes_rows_of_every_method(way: Way, tmp_path, capsys):
    out = tmp_path / "fewshot"
    words = ("--label-column", "crop", "--weights", way.run, "--out", out, "--json")
    options = ("--k", 1, 3, "--draws", 2, "--min-fields", 6, "--exclude", "Oats")
    halves = ("--train-where", "half=A", "--test-where", "half=B")
    code = windrow("fewshot", way.table, "--labels", way.labels, *words, *options, *halves)
    assert code == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((out / "fewshot.json").read_text())
    assert printed == written
    rows = written["rows"]
    plain = {"windrow", "bands", "indices", "bands_and_indices"}
    assert {row["method"] for row in rows} == {*plain, "representation"}
    assert {row["k"] for row in rows} == {1, 3}
    keys = {"k", "method", "head", "draws", "overall_accuracy", "overall_accuracy_std"}
    assert all(keys | {"macro_f1", "macro_f1_std"} <= row.keys() for row in rows)
    assert all(0 <= row["overall_accuracy"] <= 1 for row in rows)
    assert windrow("report", out) == 0
    page = (out / "report.html").read_text()
    assert "simulated" in page.lower()
    assert written["weights"]["representation"]["smoke_test"]
    assert "SMOKE TEST: these weights come from a recipe for tests" in page
    assert "It concerns representation in fewshot." in page
    assert any(note.startswith("SMOKE TEST") for note in written["notes"])


def test_fewshot_without_weights_by_whole_groups(way: Way, tmp_path, capsys):
    labels = pd.read_csv(way.labels)
    labels["farm"] = np.arange(len(labels)) // 7
    labels.to_csv(tmp_path / "labels.csv", index=False)
    out = tmp_path / "fewshot"
    code = windrow(
        "fewshot", way.table, "--labels", tmp_path / "labels.csv", "--label-column", "crop",
        "--out", out, "--k", 2, "--draws", 1, "--min-fields", 6, "--group-column", "farm",
        "--processing-level", "L2A",
    )  # fmt: skip
    assert code == 0
    written = json.loads((out / "fewshot.json").read_text())
    assert list(dict.fromkeys(row["method"] for row in written["rows"])) == [
        "windrow",
        "bands_and_indices",
        "bands",
        "indices",
    ]
    assert written["grouped_by"] == "farm"
    assert list(written["weights"]) == ["windrow"]
    assert not written["weights"]["windrow"]["smoke_test"]
    predictions = pd.read_parquet(out / "predictions.parquet")
    tested = labels.set_index("field_id").loc[predictions["id"].unique(), "farm"]
    known = labels[labels["crop"].isin(written["legend"])]
    # A farm is tested as a whole or not at all.
    whole = known[known["farm"].isin(tested)]
    assert set(whole["field_id"]) == set(predictions["id"])
    printed = capsys.readouterr().out
    assert f"in brackets the interval over {tested.nunique()} farm" in printed
    assert "SMOKE TEST" not in printed


def test_ingest_and_store_give_the_same_series(way: Way, tmp_path, capsys):
    out = tmp_path / "store"
    words = ("--labels", way.labels, "--label-column", "crop")
    assert windrow("ingest", way.table, "--dry-run") == 0
    assert not out.exists()
    assert windrow("ingest", way.table, "--out", out, *words) == 0
    assert "B01 B02" in capsys.readouterr().out
    series, table = Store(out).series(), open_series(way.table)
    np.testing.assert_array_equal(series.reflectance, table.reflectance)
    np.testing.assert_array_equal(series.valid, table.valid)
    assert series.label is not None


def test_report_of_a_run(way: Way, capsys):
    assert windrow("report", way.run) == 0
    printed = capsys.readouterr().out.strip()
    assert printed == str(way.run / "report.html")
    page = (way.run / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_simulate_twice_is_the_same_bytes(tmp_path):
    for name, workers in (("a", 1), ("b", 2)):
        words = ("--num-series", 60, "--seed", 5, "--num-workers", workers)
        assert windrow("simulate", "--out", tmp_path / name, *words) == 0
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*"))
    assert files == sorted(p.relative_to(tmp_path / "b") for p in (tmp_path / "b").rglob("*"))
    for file in files:
        if (tmp_path / "a" / file).is_file():
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("existing", ["file", "folder"])
def test_nothing_is_overwritten(existing, tmp_path, capsys):
    out = tmp_path / "out"
    if existing == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    assert windrow("simulate", "--out", out, "--num-series", 4) == 2
    assert "exists already" in capsys.readouterr().err
    kept = out if existing == "file" else out / "mine"
    assert kept.read_text() == "mine"
