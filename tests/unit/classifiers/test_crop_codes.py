"""Columns of EuroCrops' and WorldCereal's codes name crops of the table."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.classifiers.crop_codes import LEGENDS, crops_of_legend_name, name_codes, plain_code
from windrow.simulation.crop_table import TABLE_NAMES

EUROCROPS, WORLDCEREAL, FIRST_PHASE = LEGENDS


@pytest.mark.parametrize("legend", LEGENDS, ids=lambda legend: legend.name)
def test_codes_have_their_form_and_name_crops_of_the_table(legend):
    assert all(re.fullmatch(legend.form, code) for code in legend.codes)
    crops = {crop for coded in legend.codes.values() for crop in coded.crops}
    assert crops <= set(TABLE_NAMES)
    names = [coded.name for coded in legend.codes.values()]
    assert len(names) == len(set(names)) > 70


def test_no_code_has_the_form_of_two_legends():
    for legend in LEGENDS:
        for code in legend.codes:
            assert sum(bool(re.fullmatch(other.form, code)) for other in LEGENDS) == 1


@pytest.mark.parametrize(
    ("labels", "legend", "names", "crops"),
    [
        (["3301010101", "3301290700"], "EuroCrops (HCAT3)",
         ["winter common soft wheat", "sugar beet"], [("winter wheat",), ("sugar beet",)]),
        (["11-01-01-001-1", "1101060002"], "WorldCereal",
         ["winter common soft wheat", "green silo maize"], [("winter wheat",), ("silage maize",)]),
        (["1200", "9120.0", "5100"], "WorldCereal 2021", ["maize", "permanent grass crops",
         "potatoes"], [("silage maize", "grain maize"),
         ("mown meadow", "pasture", "grassland never mown"), ("potato",)]),
    ],
)  # fmt: skip
def test_a_column_of_codes_is_named(labels, legend, names, crops):
    found = name_codes([labels[0], None, *labels[1:]])
    assert found.legend == legend
    assert found.labels == [names[0], None, *names[1:]]
    assert [found.crops[name] for name in names] == crops
    assert legend in found.lines()[0]


def test_an_unknown_code_stays_a_class_without_crops():
    found = name_codes(["3301010101", "3301010401", "3301080100"])
    assert found.labels == ["winter common soft wheat", "winter barley", "3301080100"]
    assert found.unknown == ("3301080100",)
    assert "3301080100" not in found.crops
    assert "3301080100" in found.lines()[1]


@pytest.mark.parametrize(
    "labels",
    [
        ["3301010101", "meadow"],
        ["3301010101", "1101010011"],
        ["3301080100", "3301080200"],
        ["1200", "1201", "1202"],
        ["maize", "wheat"],
        ["1", "2", "3"],
        [None, None],
        [],
    ],
)
def test_other_columns_stay_as_they_are(labels):
    found = name_codes(labels)
    assert found.legend is None
    assert found.labels == labels
    assert found.lines() == []


def test_one_name_among_many_codes_does_not_matter():
    labels = ["3301010101"] * 39 + ["not known"]
    assert name_codes(labels).labels == ["winter common soft wheat"] * 39 + ["not known"]
    assert name_codes(labels[20:]).legend == "EuroCrops (HCAT3)"
    assert name_codes(labels[25:]).legend is None


@given(st.lists(st.one_of(st.none(), st.text(max_size=12))))
def test_any_text_is_met(labels):
    found = name_codes(labels)
    assert len(found.labels) == len(labels)
    assert [name is None for name in found.labels] == [label is None for label in labels]


@given(st.integers(0, 9_999_999_999))
def test_numbers_keep_their_digits(number):
    assert plain_code(f"{number}.0") == plain_code(str(number)) == str(number)


def test_names_of_the_legends_are_known():
    assert crops_of_legend_name("pasture meadow grassland grass")[0] == "mown meadow"
    assert crops_of_legend_name("winter common soft wheat") == ("winter wheat",)
    assert crops_of_legend_name("nothing") == ()
