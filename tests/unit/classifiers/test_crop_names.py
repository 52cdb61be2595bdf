"""Classes of label tables in four languages name crops of the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.classifiers.crop_names import SYNONYMS, crops_of_class, plain_name
from windrow.classifiers.crop_translations import LANGUAGES, TRANSLATIONS, translated
from windrow.simulation.crop_table import TABLE_NAMES


@pytest.mark.parametrize(
    ("name", "crops"),
    [
        ("Winterweizen", ("winter wheat",)),
        ("Blé tendre d'hiver", ("winter wheat",)),
        ("trigo_duro", ("durum wheat",)),
        (" MAIZE ", ("silage maize", "grain maize")),
        ("Silomais", ("silage maize",)),
        ("pommes de terre", ("potato",)),
        ("Girasol", ("sunflower",)),
        ("pigeon pea", ("pigeon pea",)),
        ("Süßkartoffel", ("sweet potato",)),
        ("Oelpalme", ("oil palm",)),
        ("winter_common_soft_wheat", ("winter wheat",)),
        ("pasture_meadow_grassland_grass", ("mown meadow", "pasture", "grassland never mown")),
        ("Klasse 7", ()),
    ],
)
def test_names_in_four_languages(name, crops):
    assert crops_of_class(name, TABLE_NAMES) == crops


def test_every_synonym_is_plain_unique_and_names_known_crops():
    names = [name for group in SYNONYMS for name in group]
    assert [plain_name(name) for name in names if "-" not in name] == [
        name for name in names if "-" not in name
    ]
    assert len(names) == len(set(names))
    unknown = {crop for crops in SYNONYMS.values() for crop in crops} - set(TABLE_NAMES)
    assert unknown == set()


@given(st.sampled_from(TABLE_NAMES), st.sampled_from([str.upper, str.title, " {} ".format]))
def test_every_crop_of_the_table_names_itself(name, change):
    assert crops_of_class(change(name), TABLE_NAMES) == (name,)


def test_every_crop_is_reached_in_four_languages():
    assert tuple(TRANSLATIONS) == TABLE_NAMES
    assert LANGUAGES == ("German", "French", "Spanish")
    for crop in TABLE_NAMES:
        for names in translated(crop).values():
            assert names
            for name in names:
                found = crops_of_class(name, TABLE_NAMES)
                assert crop in found, (crop, name, found)
