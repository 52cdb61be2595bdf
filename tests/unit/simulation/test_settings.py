from dataclasses import replace

import pytest

from windrow.data.legend import DENETHOR
from windrow.errors import SettingsError
from windrow.simulation.crops import CROPS, check_calendar
from windrow.simulation.scenarios import SCENARIOS, ScenarioSettings, scenario_settings

BRANDENBURG = SCENARIOS["brandenburg-2018"]


def test_every_class_has_varieties_whose_shares_sum_to_one():
    for name in DENETHOR.names:
        assert sum(v.share for v in CROPS if v.label == name) == pytest.approx(1)
    assert len({v.name for v in CROPS}) == len(CROPS)


def test_no_class_is_rare():
    for settings in SCENARIOS.values():
        assert min(settings.class_shares) / sum(settings.class_shares) >= 0.05


def test_the_table_holds_possible_calendars():
    for variety in CROPS:
        check_calendar(variety)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"senescence": (90.0, 5.0)}, "impossible calendar; in crop winter wheat; found green-up"),
        ({"harvest": (360.0, 5.0)}, "expected green-up before senescence before harvest"),
        ({"label": "Rice"}, "unknown class; in crop winter wheat; found Rice; expected one of"),
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
        "brandenburg-2019, bavaria-2018; to mend it: did you mean brandenburg-2018?"
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
        ({"class_shares": (0.5, 0.5)}, "class_shares do not fit"),
        ({"class_shares": (0.0,) * 9}, "expected 9, not all zero"),
        ({"cloud_share": (0.5,) * 11}, "cloud_share does not fit"),
        ({"cloud_share": (1.0,) * 12}, "12 months, each within 0 and 1"),
        ({"snow": ({"first": 9, "last": 3, "probability": 0.5},)}, "ends before it begins"),
        ({"wind": 3}, "setting wind: extra inputs are not permitted"),
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
