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
    assert windrow("report", tmp_path / "classifier") == 0
    report = Path(capsys.readouterr().out.strip())
    assert report == tmp_path / "classifier" / "report.html"
    page = report.read_text(encoding="utf-8")
    assert "No group of the column farm" in page
    assert all(line in page for line in header["origin"]["read"] if "'" not in line)
    assert sum(header["class_shares"].values()) == pytest.approx(1.0)
    words = ("--classifier", tmp_path / "classifier")
    assert classify(place, tmp_path / "classes.csv", *words) == 0
    assert "9 labelled fields per class (median)" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "classes.csv")
    assert found["id"].tolist() == list(range(60))
    assert (found["class"] == place.crop)[45:].mean() > 0.8
    columns = [f"probability {name}" for name in sorted(CROPS)]
    assert np.abs(found[columns].sum(axis=1) - 1.0).max() <= len(columns) * 0.5e-4
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
        ((), "give one of --classifier, --crops and --crops-at"),
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


def suggest(place: Place, out: Path, *words: object) -> int:
    return windrow(
        "suggest", place.table, "--processing-level", "L2A", "--weights", place.weights,
        "--out", out, *words,
    )  # fmt: skip


def test_fields_are_suggested_without_a_label(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        assert suggest(place, tmp_path / f"{name}.csv", "--num", 6, "--seed", 4) == 0
    assert "labels: none" in capsys.readouterr().out
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    found = pd.read_csv(tmp_path / "one.csv")
    assert found["order"].tolist() == [1, 2, 3, 4, 5, 6]
    assert found["field_id"].is_unique
    assert found["fields_alike"].sum() == 60
    sampled = found["inclusion_probability"].dropna()
    np.testing.assert_allclose(sampled, 3 / 57)
    assert len(sampled) == 3
    assert found["predicted"].isna().all()
    assert found["reason"].str.contains("without a label are most like it").all()


def test_labelled_fields_are_not_suggested(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--labels", place.labels, "--label-column", "crop", "--num", 15)
    assert suggest(place, tmp_path / "a.parquet", *words) == 0
    assert "45 with a label are left out, 15 without one" in capsys.readouterr().out
    found = pd.read_parquet(tmp_path / "a.parquet")
    assert sorted(found["field_id"]) == list(range(45, 60))
    assert set(found["predicted"]) <= set(CROPS)
    assert train(place, tmp_path / "classifier", "--no-prior") == 0
    words = ("--classifier", tmp_path / "classifier", "--num", 15)
    assert suggest(place, tmp_path / "b.parquet", *words) == 0
    assert "45 labelled series, 45 of them in the input" in capsys.readouterr().out
    assert sorted(pd.read_parquet(tmp_path / "b.parquet")["field_id"]) == list(range(45, 60))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--num", 61), "expected 1 to 60"),
        (("--num", 0), "expected 1 to 60"),
        (("--labels", "LABELS", "--classifier", "x"), "either --labels or --classifier"),
        (("--out", "z.xlsx"), "unknown format of the output"),
    ],
)
def test_mistakes_of_suggest_are_one_line(
    words: tuple[object, ...],
    expected: str,
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [place.labels if word == "LABELS" else word for word in words]
    assert suggest(place, tmp_path / "z.csv", *given) == 2
    message = capsys.readouterr().err
    assert expected in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_crops_at_a_place_are_assumed_and_printed(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("classify", place.table, "--processing-level", "L2A", "--crops-at")
    assert windrow(*words, 11.6, 48.2, "--out", tmp_path / "z.csv") == 0
    printed = capsys.readouterr().out
    assert "no label was used" in printed
    assert "crops assumed at longitude 11.6, latitude 48.2: grassland" in printed
    columns = [name for name in pd.read_csv(tmp_path / "z.csv") if name.startswith("probability ")]
    assert len(columns) == 12
    assert windrow(*words, 11.6, 88, "--out", tmp_path / "y.csv") == 2
    assert "latitude" in capsys.readouterr().err
    assert windrow(*words, 1, 48, "--crops", "maize", "--out", tmp_path / "y.csv") == 2
    assert "--crops-at" in capsys.readouterr().err
