"""Cloud measures: recognised from name and range, converted, doubted, or asked about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import CloudMeasure, ReadingSummary
from windrow.sources.values.baseline_offset import offset_table
from windrow.sources.values.cloud_measure import ClearShare, CloudLayer, recognise_clouds
from windrow.sources.values.cloud_names import choose_cloud_name, cloud_name_in, cloud_table


def many(*values: float) -> np.ndarray:
    """Each value for a dozen dates."""
    return np.repeat(np.array(values, dtype=np.float64), 12)


def recognise(
    name: str,
    values: np.ndarray,
    blue: np.ndarray | None = None,
    given: CloudMeasure | None = None,
) -> CloudLayer:
    return recognise_clouds(name, values, blue=blue, given=given, where="f")


@pytest.mark.parametrize(
    ("name", "values", "measure", "probability"),
    [
        ("cloud_fraction", [0, 0.5, 1], "cloud-fraction", [0, 128, 255]),
        ("cloud_probability", [0, 0.5, 1], "cloud-fraction", [0, 128, 255]),
        ("cloud_probability", [0, 50, 100], "cloud-percent", [0, 128, 255]),
        ("cloud_probability", [0, 50, 250], "cloud-255", [0, 50, 250]),
        ("CLP", [0, 50, 100], "cloud-percent", [0, 128, 255]),
        ("MSK_CLDPRB", [0, 20, 70], "cloud-percent", [0, 51, 179]),
        ("cloud_mask", [0, 1], "cloud-fraction", [0, 255]),
        ("clear", [0, 1], "clear-fraction", [255, 0]),
        ("cs_cdf", [0, 0.5, 1], "clear-fraction", [255, 128, 0]),
        ("clear_probability", [0, 25, 100], "clear-percent", [255, 192, 0]),
        ("SCL", [0, 4, 7, 8, 9, 10, 3], "scl", [255, 0, 51, 128, 230, 128, 0]),
        ("scl_mode", [4, 9], "scl", [0, 230]),
        ("QA60", [0, 1024, 2048, 3072], "qa60", [0, 255, 128, 255]),
        ("QA60_mean", [0, 512.5, 2048], "qa60", [0, 128, 255]),
        ("QAI", [0, 2, 4, 6, 1, 8], "qai", [0, 128, 255, 128, 255, 0]),
    ],
)
def test_names_and_ranges(
    name: str, values: list[float], measure: str, probability: list[int]
) -> None:
    layer = recognise(name, np.array(values))
    assert layer.measure == measure
    assert layer.probability(np.array(values), where="f").tolist() == probability


def test_missing_values_cannot_be_called_clear() -> None:
    layer = recognise("cloud_mask", np.array([0, 1, np.nan, 255]))
    assert layer.probability(np.array([0, 1, np.nan, 255]), where="f").tolist() == [
        0,
        255,
        255,
        255,
    ]


def test_per_cent_below_a_hundred_are_told_by_the_brightness_of_dates() -> None:
    values, blue = many(0, 90), many(300, 4000)
    assert recognise("cloud_probability", values, blue).measure == "cloud-percent"
    with pytest.raises(DataError, match=r"not clear; in f, clp; found 0 to 90; .*--cloud-measure"):
        recognise("clp", values, many(300, 310))
    assert recognise("clp", values, many(300, 310), "cloud-255").measure == "cloud-255"


@pytest.mark.parametrize("name", ["cloud_mask", "cloud_fraction", "clear"])
def test_a_mask_in_the_other_sense_is_asked_about(name: str) -> None:
    cloudy = many(0, 1) if name != "clear" else many(1, 0)
    assert recognise(name, cloudy, many(300, 4000)).name == name
    with pytest.raises(DataError, match=r"the cloudy dates are darker than the clear ones"):
        recognise(name, 1 - cloudy, many(300, 4000))


def test_a_mask_of_an_unknown_name_is_told_by_brightness_or_asked() -> None:
    assert recognise("m", many(0, 1), many(300, 4000)).measure == "cloud-fraction"
    assert recognise("m", many(1, 0), many(300, 4000)).measure == "clear-fraction"
    with pytest.raises(DataError, match=r"not clear; in f, m; found 0 to 1"):
        recognise("m", many(0, 1))


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("cloud_fraction", [7.0, 8.0], r"out of range; in f, cloud_fraction; found 7 to 8"),
        ("SCL", [0, 200], r"out of range; in f, SCL; found 0 to 200"),
        ("SCL", [4.5, 9], r"out of range; .*not whole numbers"),
        ("QA60", [0, 17], r"out of range"),
        ("clp", [-1, 50], r"out of range; in f, clp; found -1 to 50"),
    ],
)
def test_values_that_do_not_fit_the_name(name: str, values: list[float], text: str) -> None:
    with pytest.raises(DataError, match=text):
        recognise(name, np.array(values))


def test_what_is_given_must_fit() -> None:
    with pytest.raises(DataError, match=r"out of range; .*expected 0 to 1: "):
        recognise("x", np.array([0, 50]), given="cloud-fraction")
    with pytest.raises(SettingsError, match="unknown --cloud-measure; found fog"):
        recognise("x", np.array([0, 50]), given="fog")  # type: ignore[arg-type]


def test_names_in_files_and_what_is_not_read() -> None:
    assert cloud_name_in("20180416_CLP") == "CLP"
    assert cloud_name_in("T31UES_20180416T105031_SCL_20m") == "SCL"
    assert cloud_name_in("MSK_CLDPRB_20m") == "MSK_CLDPRB"
    assert cloud_name_in("T31UES_20180416T105031_B02_10m") is None
    names = ["B02", "QA60", "SCL", "cloud_probability"]
    assert choose_cloud_name(names) == ("cloud_probability", ["SCL", "QA60"])
    assert choose_cloud_name(names, classes_first=True)[0] == "SCL"
    assert choose_cloud_name(["B02", "field_id", "valid_mask"]) == (None, ["valid_mask"])


@pytest.mark.parametrize(("value", "word"), [(0, "every date"), (255, "no date")])
def test_a_measure_that_tells_nothing_apart_is_doubted(value: int, word: str) -> None:
    summary = ReadingSummary("x")
    share = ClearShare(summary, "clp")
    share.add(np.full(5, value, dtype=np.uint8), np.ones(5, dtype=np.bool_))
    share.say()
    assert f"calls {word} clear" in summary.facts["cloud_doubt"]
    share.add(np.array([255 - value], dtype=np.uint8), np.array([True]))
    share.say()
    assert "cloud_doubt" not in summary.facts
    assert summary.facts["cloud"] == f"clp; {83 if value == 0 else 17}% of the dates are clear"


@pytest.mark.parametrize("write", [cloud_table, offset_table])
def test_the_document_holds_the_registry(write: Callable[[], str]) -> None:
    document = Path(__file__).parents[4] / "docs" / "recognised.md"
    text = document.read_text(encoding="utf-8")
    assert write() in text, "run: python tools/write_recognised.py"
