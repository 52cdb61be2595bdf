from dataclasses import replace

import pytest

from windrow.data.legend import DENETHOR
from windrow.errors import SettingsError
from windrow.simulation.crops import CROPS, NAMES, check_calendar, crop_number
from windrow.simulation.scenarios import SCENARIOS, scenario_settings
from windrow.simulation.settings import ScenarioSettings

BRANDENBURG = SCENARIOS["brandenburg-2018"]
OATS = {"name": "oats", "code": "1", "share": 1.0, "crops": {"oats": 1.0}}


def test_the_uses_of_a_scenario_are_all_of_its_fields():
    for settings in SCENARIOS.values():
        total = sum(one.share for one in settings.classes)
        assert sum(share for _, _, share in settings.uses) == pytest.approx(total)
    assert len(set(NAMES)) == len(CROPS)
    wheat = [(CROPS[crop].name, share) for label, crop, share in BRANDENBURG.uses if label == 0]
    assert wheat == [("winter wheat", pytest.approx(0.135)), ("spelt", pytest.approx(0.015))]


def test_legends_are_those_of_the_twins():
    assert BRANDENBURG.legend == DENETHOR
    brittany = SCENARIOS["brittany-2018"]
    assert brittany.legend.codes == ("0", "1", "2", "3", "7", "8")
    assert brittany.legend.names[-2:] == ("permanent meadows", "temporary meadows")
    assert (brittany.unit, brittany.product) == ("field", "L1C")


def test_crops_beyond_denethor_are_in_the_table():
    wanted = ["soybean", "sunflower", "cotton", "rice", "potato", "fallow", "orchard"]
    assert set(wanted) <= set(NAMES)
    assert "sugar beet" in NAMES
    assert all(crop.source for crop in CROPS)


def test_an_unknown_crop_lists_the_known():
    with pytest.raises(SettingsError) as error:
        crop_number("soy bean")
    assert "unknown crop 'soy bean'; expected one of winter wheat, spelt" in str(error.value)
    assert "did you mean soybean?" in str(error.value)
    broken = BRANDENBURG.to_dict()
    broken["classes"][0]["crops"] = {"quinoa": 1.0}
    with pytest.raises(SettingsError, match=r"unknown crop 'quinoa'.*add it to the table"):
        ScenarioSettings.from_dict(broken)


def test_no_class_is_rare():
    for settings in SCENARIOS.values():
        shares = [one.share for one in settings.classes]
        assert min(shares) / sum(shares) >= 0.05


def test_the_table_holds_possible_calendars():
    for crop in CROPS:
        check_calendar(crop)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"senescence": (90.0, 5.0)}, "impossible calendar; in crop winter wheat; found green-up"),
        ({"harvest": (360.0, 5.0)}, "expected green-up before senescence before harvest"),
        ({"senescence": (215.0, 5.0)}, "impossible calendar"),
        ({"flowering": (300.0, 0.1)}, "impossible flowering; in crop winter wheat"),
        ({"flooded": (150.0, 120.0)}, "impossible flooding"),
        ({"stubble": 1.5}, "impossible shares"),
        ({"pace": (0.0, 5.0)}, "impossible growth"),
        ({"kind": "grass", "cuts": (3.0, 150.0, 3.0)}, "impossible cuts"),
    ],
)
def test_impossible_calendars_are_refused(changes, text):
    with pytest.raises(SettingsError, match=text):
        check_calendar(replace(CROPS[0], **changes))


def test_an_unknown_scenario_lists_the_known():
    with pytest.raises(SettingsError) as error:
        scenario_settings("brandenburg-208")
    assert str(error.value) == (
        "unknown scenario 'brandenburg-208'; expected one of brandenburg-2018, "
        "brandenburg-2018-l1c, brandenburg-2019, bavaria-2018, brittany-2018; "
        "to mend it: did you mean brandenburg-2018?"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"landscape_m": 120, "field_m": 200.0},
            "smaller than a field; in scenario brandenburg-2018; found landscape_m 120",
        ),
        ({"landscape_m": 100}, "setting landscape_m: input should be a multiple of 30"),
        ({"landscape_m": 0}, "setting landscape_m"),
        ({"classes": ()}, "no fields: no class has a share; in scenario brandenburg-2018"),
        (
            {"classes": ({"name": "a", "code": "1", "share": 0, "crops": {"oats": 1}},)},
            "no fields: no class has a share",
        ),
        (
            {"classes": ({"name": "a", "code": "1", "share": 1, "crops": {"oats": 0}},)},
            "class a has no crop",
        ),
        ({"classes": (OATS, OATS)}, "two classes of one name; .* found oats, oats"),
        ({"pixels_per_field": 0}, "setting pixels_per_field"),
        ({"cloud_share": (0.5,) * 11}, "cloud_share does not fit"),
        ({"cloud_share": (1.0,) * 12}, "12 months, each within 0 and 1"),
        ({"snow": ({"first": 9, "last": 3, "probability": 0.5},)}, "ends before it begins"),
        ({"wind": 3}, "setting wind: no such setting"),
    ],
)
def test_bad_settings_are_refused(changes, text):
    with pytest.raises(SettingsError, match=text):
        ScenarioSettings.from_dict(BRANDENBURG.to_dict() | changes)


def test_settings_copied_with_other_values_are_checked_again():
    broken = BRANDENBURG.model_copy(update={"landscape_m": 90})
    with pytest.raises(SettingsError, match="is smaller than a field"):
        scenario_settings(broken)


def test_settings_survive_yaml(tmp_path):
    path = tmp_path / "scenario.yaml"
    path.write_text(BRANDENBURG.to_yaml())
    assert ScenarioSettings.from_yaml(path) == BRANDENBURG
