"""Legends: positions of classes, codes, and what is refused."""

from __future__ import annotations

import pytest

from windrow.data.legend import DENETHOR, UNLABELLED, Legend
from windrow.errors import DataError


def test_denethor() -> None:
    assert len(DENETHOR) == 9
    assert dict(zip(DENETHOR.codes, DENETHOR.names, strict=True))["6"] == "Oil Seeds"


def test_encode_and_unknown_names() -> None:
    labels = DENETHOR.encode(["Forage Crops", "Other", "Wheat", "wheat"])
    assert labels.tolist() == [8, UNLABELLED, 0, UNLABELLED]
    assert labels.dtype == "int16"
    assert DENETHOR.encode([]).shape == (0,)


def test_of_values_is_sorted_and_distinct() -> None:
    legend = Legend.of_values(["b", "a", "b"])
    assert (legend.names, legend.codes) == (("a", "b"), ("a", "b"))


def test_round_trip() -> None:
    assert Legend.from_dict(DENETHOR.to_dict()) == DENETHOR


@pytest.mark.parametrize(
    ("names", "codes", "message"),
    [
        (("a",), ("1", "2"), "a legend needs one code per class; found 1 names and 2 codes"),
        (("a", "a"), ("1", "2"), "a legend has the class name 'a' twice"),
        (("a", "b"), ("1", "1"), "a legend has the class code '1' twice"),
    ],
)
def test_refused(names: tuple[str, ...], codes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Legend(names=names, codes=codes)
