"""From a field table and its labels to a classifier, and from it to a table of classes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from place_factory import CROPS, make_encoder, make_place, series_of
from way import windrow
from windrow.models.place_weights import write_place_weights


@dataclass(frozen=True)
class Place:
    table: Path
    labels: Path
    weights: Path
    crop: list[str]


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("place")
    place = make_place(60)
    names = np.array(CROPS)[place.crop].tolist()
    series_of(place).to_frame().to_parquet(folder / "fields.parquet")
    rows = [
        {"id": i, "crop": name, "farm": f"farm {i % 7}"} for i, name in enumerate(names) if i < 45
    ]
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    encoder = make_encoder()
    write_place_weights(folder / "place.safetensors", encoder.network, header=encoder.header)
    return Place(
        folder / "fields.parquet", folder / "labels.csv", folder / "place.safetensors", names
    )


def train(place: Place, out: Path, *words: object) -> int:
    return windrow(
        "train", place.table, "--labels", place.labels, "--label-column", "crop",
        "--processing-level", "L2A", "--weights", place.weights, "--out", out, *words,
    )  # fmt: skip


def classify(place: Place, out: Path, *words: object) -> int:
    return windrow(
        "classify", place.table, "--processing-level", "L2A", "--weights", place.weights,
        "--out", out, *words,
    )  # fmt: skip


def test_the_whole_way(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(place, tmp_path / "classifier", "--group-column", "farm", "--no-prior") == 0
    printed = capsys.readouterr().out
    assert "5-fold cross-validation over 45 fields, grouped by farm" in printed
    assert "extra trees on bands" in printed
    assert "45 series labelled" in printed
    header = json.loads((tmp_path / "classifier" / "head.json").read_text())
    assert header["expectation"]["windrow"]["overall_accuracy"] > 0.8
    words = ("--classifier", tmp_path / "classifier")
    assert classify(place, tmp_path / "classes.csv", *words) == 0
    assert "9 labelled fields per class (median)" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "classes.csv")
    assert found["id"].tolist() == list(range(60))
    assert (found["class"] == place.crop)[45:].mean() > 0.8
    columns = [f"probability {name}" for name in sorted(CROPS)]
    np.testing.assert_allclose(found[columns].sum(axis=1), 1.0)
    np.testing.assert_allclose(found["probability"], found[columns].max(axis=1))
    assert all(row["class"] in row["prediction_set"].split("|") for _, row in found.iterrows())
    assert (found["unlikeness"] >= 0).all()


def test_the_same_seed_gives_the_same_bytes(place: Place, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert train(place, tmp_path / name, "--no-prior") == 0
    for file in ("head.json", "arrays.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_crops_alone_say_that_no_label_was_used(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert classify(place, tmp_path / "z.parquet", "--crops", "maize", "hemp") == 0
    assert "no label was used" in capsys.readouterr().out
    found = pd.read_parquet(tmp_path / "z.parquet")
    assert set(found["class"]) <= {"maize", "hemp"}
    assert found["prediction_set"].isna().all()


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_points_have_the_name_of_their_file(place: Place, tmp_path: Path, suffix: str) -> None:
    geopandas = pytest.importorskip("geopandas")
    pyogrio = pytest.importorskip("pyogrio")
    table = pd.read_parquet(place.table).assign(longitude=10.5, latitude=48.25)
    table.to_parquet(tmp_path / "here.parquet")
    here = replace(place, table=tmp_path / "here.parquet")
    for name in ("map", "again"):
        folder = tmp_path / name
        folder.mkdir()
        assert classify(here, folder / f"map{suffix}", "--crops", "maize", "hemp") == 0
    found = geopandas.read_file(tmp_path / "map" / f"map{suffix}")
    assert len(found) == 60
    assert (found.geometry.x.round(6).unique().tolist(), found.crs.to_epsg()) == ([10.5], 4326)
    assert pyogrio.list_layers(tmp_path / "map" / f"map{suffix}")[0, 0] == "map"
    if suffix == ".geojson":
        first, second = ((tmp_path / each / "map.geojson") for each in ("map", "again"))
        assert first.read_bytes() == second.read_bytes()


def test_points_without_positions_are_refused(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_parquet(place.table).drop(columns=["longitude", "latitude"])
    table.to_parquet(tmp_path / "here.parquet")
    here = replace(place, table=tmp_path / "here.parquet")
    assert classify(here, tmp_path / "map.gpkg", "--crops", "maize", "hemp") == 2
    assert "the series have no longitude and latitude" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["here.parquet"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "give either --classifier or --crops"),
        (("--crops", "maize", "moonflower"), "unknown crop; found moonflower"),
        (("--classifier", "nowhere"), "no classifier can be read here; in nowhere"),
        (("--crops", "maize", "--out", "z.xlsx"), "unknown format of the output"),
        (("--crops", "maize", "hemp", "--out", "z.tif"), "unknown format of the output"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    words: tuple[str, ...],
    expected: str,
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert classify(place, tmp_path / "z.csv", *words) == 2
    message = capsys.readouterr().err
    assert expected in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_group_column_lists_the_columns(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(place, tmp_path / "out", "--group-column", "block") == 2
    assert "expected one of" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_groups_of_one_class_are_refused(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = pd.read_csv(place.labels)
    first = labels["crop"] == labels["crop"][0]
    labels["crop"] = np.where(first, "wheat", "the rest")
    labels.assign(block=labels["crop"]).to_csv(tmp_path / "labels.csv", index=False)
    words = ("train", place.table, "--labels", tmp_path / "labels.csv", "--label-column", "crop",
             "--processing-level", "L2A", "--weights", place.weights)  # fmt: skip
    out = tmp_path / "classifier"
    assert windrow(*words, "--group-column", "block", "--out", out) == 2
    assert "of one class" in capsys.readouterr().err
    assert windrow(*words, "--seed", "-1", "--out", out) == 2
    assert "setting seed" in capsys.readouterr().err
    assert not out.exists()


def test_planted_errors_come_first(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = pd.read_csv(place.labels)
    crops = sorted(set(labels["crop"]))
    wrong = [3, 21, 40]
    for row in wrong:
        labels.loc[row, "crop"] = crops[(crops.index(labels.loc[row, "crop"]) + 2) % len(crops)]
    labels.to_csv(tmp_path / "labels.csv", index=False)
    words = ("screen", place.table, "--labels", tmp_path / "labels.csv", "--label-column", "crop",
             "--processing-level", "L2A", "--weights", place.weights, "--no-prior")  # fmt: skip
    assert windrow(*words, "--out", tmp_path / "screened.csv", "--share", "0.1") == 0
    assert "of 45 labels agree with the prediction" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "screened.csv")
    assert sorted(found["field_id"]) == list(range(45))
    assert found["confidence"].is_monotonic_increasing
    assert set(wrong) <= set(found["field_id"][:5])
    assert set(wrong) <= set(found.loc[found["suspect"], "field_id"])
    assert found["suspect"].sum() <= 5
    told = labels.set_index("id")["crop"]
    assert (found["label"] == told[found["field_id"]].to_numpy()).all()
    for share in ("0", "-1", "1.5", "nan"):
        assert windrow(*words, "--out", tmp_path / "x.csv", "--share", share) == 2
        assert "--share" in capsys.readouterr().err
    assert windrow(*words, "--out", place.table) == 2
    assert not (tmp_path / "x.csv").exists()


def test_codes_are_named_by_their_legend(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = {"wheat": 3301010101, "maize": 3301090400, "meadow": 3302000000, "rape": 3301060401,
             "hemp": 3301061000}  # fmt: skip
    labels = pd.read_csv(place.labels)
    labels["EC_hcat_c"] = labels["crop"].map(codes)
    labels.loc[labels["crop"] == "rape", "EC_hcat_c"] = 3301080100
    labels.to_csv(tmp_path / "labels.csv", index=False)
    words = (place.table, "--labels", tmp_path / "labels.csv", "--label-column", "EC_hcat_c",
             "--processing-level", "L2A", "--weights", place.weights)  # fmt: skip
    assert windrow("train", *words, "--out", tmp_path / "classifier") == 0
    printed = capsys.readouterr().out
    assert "labels: codes of EuroCrops (HCAT3)" in printed
    assert "codes without a known crop: 3301080100" in printed
    assert "class hemp cannabis: prior of hemp" in printed
    assert "class 3301080100: from its labels alone" in printed
    header = json.loads((tmp_path / "classifier" / "head.json").read_text())
    assert header["classes"] == [
        "3301080100", "green silo maize", "hemp cannabis", "pasture meadow grassland grass",
        "winter common soft wheat",
    ]  # fmt: skip
    assert header["crops"] == {"hemp cannabis": ["hemp"]}
    assert windrow("screen", *words, "--out", tmp_path / "screened.csv") == 0
    assert "labels: codes of EuroCrops (HCAT3)" in capsys.readouterr().out
