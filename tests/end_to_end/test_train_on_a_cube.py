"""From a cube and parcels in another CRS to a classifier, as from a table of fields."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cube_factory as factory
from place_factory import make_encoder
from way import windrow
from windrow.models.place_weights import write_place_weights


def made_parcels(folder: Path) -> Path:
    geopandas = pytest.importorskip("geopandas")
    boxes = [(1, 1, 4, 5), (6, 1, 9, 4), (1, 7, 4, 11), (6, 7, 9, 10)]
    frame = geopandas.GeoDataFrame(
        {"parcel_id": [4, 5, 6, 7], "crop": ["wheat", "maize"] * 2, "farm": ["a", "a", "b", "b"]},
        geometry=[factory.box(*corners) for corners in boxes],
        crs=factory.CRS,
    )
    return factory.write_parcels(folder / "parcels.gpkg", frame.to_crs("EPSG:4326"))


def made_weights(folder: Path) -> Path:
    encoder = make_encoder()
    write_place_weights(folder / "place.safetensors", encoder.network, header=encoder.header)
    return folder / "place.safetensors"


def test_a_cube_with_parcels_trains_a_classifier(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parcels, weights = made_parcels(tmp_path), made_weights(tmp_path)
    images = factory.write_daily(tmp_path / "images")
    words = (
        "train", images, "--labels", parcels, "--label-column", "crop", "--group-column", "farm",
        "--processing-level", "L2A", "--weights", weights,
    )  # fmt: skip
    assert windrow(*words, "--out", tmp_path / "one") == 0
    printed = capsys.readouterr().out
    assert "2-fold cross-validation over 4 fields, grouped by farm" in printed
    assert "36 edge pixels left out" in printed
    assert "6 pixels" in printed
    header = json.loads((tmp_path / "one" / "head.json").read_text())
    assert header["classes"][:3] == ["maize", "wheat", "broad-leaved forest"]
    assert "land covers, from simulated fields alone: broad-leaved forest, needle" in printed
    assert header["num_labelled"] == 2  # parcels, not pixels
    every = (
        "--no-other",
        "--edge-pixels",
        "0",
        "--pixels-per-parcel",
        "100",
        "--out",
        tmp_path / "two",
    )
    assert windrow(*words, *every) == 0
    assert "42 pixels" in capsys.readouterr().out
    assert json.loads((tmp_path / "two" / "head.json").read_text())["classes"] == ["maize", "wheat"]


def test_mistakes_are_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parcels, weights = made_parcels(tmp_path), made_weights(tmp_path)
    images = factory.write_daily(tmp_path / "images")
    own = ("--weights", weights, "--processing-level", "L2A", "--out", tmp_path / "out")
    for words, message in (
        (("--labels", parcels, "--label-column", "plant"), "no property 'plant' of crops"),
        (("--labels", parcels, "--group-column", "village"), "no column 'village' to group by"),
        (("--labels", parcels, "--separator", ";"), "--separator does not concern a folder"),
        (("--edge-pixels", "-1"), "--edge-pixels"),
        (("--other", "--no-other"), "give either --other or --no-other"),
        ((), "pixels are chosen from labelled parcels, and the cube has none"),
    ):
        assert windrow("train", images, *words, *own) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
