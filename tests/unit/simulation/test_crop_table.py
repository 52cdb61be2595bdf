"""The crop table of the Earth."""

from dataclasses import replace

import pytest

from windrow.errors import SettingsError
from windrow.simulation.crop_table import CROP_TABLE, GROUPS, TABLE_NAMES, table_number
from windrow.simulation.crop_table.crop import check_crop
from windrow.simulation.crops import NAMES

ASKED_FOR = """durum wheat;triticale;sorghum;pearl millet;cassava;groundnut;beans;chickpea;lentil;
pea;winter vetch;tomato;onion;sugarcane;tobacco;linseed;hemp;olive;citrus;banana;coffee;tea;
maize with beans;weedy fallow;broad-leaved forest;needle forest;shrub;grassland never mown;wetland;
water;bare ground;built-up;rice;cotton;soybean;sunflower;potato;sugar beet;vineyard;orchard"""


def test_the_table_holds_the_crops_of_the_earth_once_each():
    assert len(set(TABLE_NAMES)) == len(TABLE_NAMES) >= 85
    assert {name.strip() for name in ASKED_FOR.split(";")} <= set(TABLE_NAMES)
    assert set(NAMES) <= set(TABLE_NAMES)
    assert len(GROUPS) >= 12


def test_every_entry_says_where_its_numbers_come_from():
    assert all(crop.source for crop in CROP_TABLE)
    companions = {crop.companion for crop in CROP_TABLE if crop.companion}
    assert companions <= set(TABLE_NAMES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pace": (0.0, 5.0)}, "impossible growth"),
        ({"stages": (200.0, 100.0, 90.0, 20.0)}, "impossible stages"),
        ({"before_harvest": (20.0, 40.0)}, "impossible ripening"),
        ({"shade": 1.5}, "impossible shares"),
        ({"latitudes": (30.0, 20.0)}, "impossible latitudes"),
    ],
)
def test_an_entry_that_cannot_grow_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        check_crop(replace(CROP_TABLE[0], **changes))


def test_an_unknown_crop_is_answered_with_the_nearest():
    with pytest.raises(SettingsError) as caught:
        table_number("chick pea")
    assert "chickpea" in str(caught.value.hint)
