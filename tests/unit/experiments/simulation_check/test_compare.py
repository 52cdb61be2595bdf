"""The comparison from tables to folder, on small landscapes; and every table that will not do."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from windrow.classifiers.shallow import TreesSettings
from windrow.config import Settings
from windrow.data.legend import Legend
from windrow.errors import DataError, SettingsError
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.experiments.simulation_check.compare import compare, summary, write_comparison
from windrow.experiments.simulation_check.likeness.two_sample_forest import TellingApartSettings
from windrow.experiments.simulation_check.real_fields import read_real_fields
from windrow.experiments.simulation_check.settings import realism_settings
from windrow.experiments.simulation_check.simulated_fields import (
    class_counts,
    first_of_each_class,
    matched,
    simulate_fields,
    simulate_place,
)
from windrow.reporting.simulation_check.page import write_comparison_page
from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation import CropClass, scenario_settings
from windrow.sources.open_any import LabelledInput

FOREST = TreesSettings(kind="extra_trees", num_trees=5, min_rows_a_leaf=1)


def small_scenario():
    scenario = scenario_settings("bavaria-2018")
    shares = {"Wheat": 0.3, "Corn": 0.3, "Meadows": 0.4}
    classes = tuple(
        CropClass.model_validate({**one.to_dict(), "share": shares[one.name]})
        for one in scenario.classes
        if one.name in shares
    )
    return scenario.model_copy(
        update={"landscape_m": 300, "field_m": 100.0, "pixels_per_field": 2, "classes": classes}
    )


def small_settings(**chosen) -> Settings:
    return realism_settings(
        **{
            "num_series": 380,
            "where": "half=A",
            "report_where": "half=B",
            "min_fields": 4,
            "num_places": 2,
            "k": (1, 2),
            "num_draws": 2,
            "num_splits": 2,
            "zero_label_head": FOREST,
            "few_label_head": FOREST,
            "telling_apart": TellingApartSettings(
                num_trees=3,
                min_rows_a_leaf=1,
                num_folds=2,
                most_observations=40,
                fewest_fields=4,
            ),
            "bootstrap": BootstrapSettings(num_resamples=20, level=0.9),
            **chosen,
        }
    )


@pytest.fixture(scope="module")
def fields():
    """Simulated fields of another seed play the real ones."""
    legend = Legend(("Wheat", "Corn", "Meadows"), ("1", "5", "8"))
    settings = small_settings(seed=7)
    return simulate_fields(small_scenario(), settings, legend=legend, num_workers=1).fields


def write_real(folder: Path, fields, *, dates=slice(None), drop=(), rename=None):
    clear = fields.cloud_probability / 255
    names = rename or fields.legend.names
    rows = []
    for row in range(40):
        for t in np.flatnonzero(fields.valid[row])[dates]:
            day = pd.Timestamp(2018, 1, 1) + pd.Timedelta(int(fields.day_of_year[row, t]), "D")
            values = dict(zip(SENTINEL2_BANDS, fields.reflectance[row, t].tolist(), strict=True))
            rows.append(
                {"field_id": row, "date": day.date().isoformat(), **values,
                 "cloud_fraction": clear[row, t]}
            )  # fmt: skip
    table = folder / "observations.csv"
    pd.DataFrame(rows).drop(columns=list(drop)).to_csv(table, index=False)
    labels = folder / "labels.csv"
    pd.DataFrame(
        {
            "field_id": range(40),
            "crop": [names[c] for c in fields.label[:40]],
            "half": ["A" if row % 2 else "B" for row in range(40)],
        }
    ).to_csv(labels, index=False)
    return LabelledInput(table, labels)


@pytest.fixture(scope="module")
def real(tmp_path_factory, fields):
    return write_real(tmp_path_factory.mktemp("real"), fields)


def test_a_comparison_from_tables_to_page(real, tmp_path):
    told = []
    found = compare(
        real,
        scenario=small_scenario(),
        settings=small_settings(),
        on_progress=lambda step, done, total: told.append((step, done, total)),
    )
    numbers = found.numbers
    assert told[-1] == ("measuring", 7, 7)
    assert [part["part"] for part in numbers["parts"]] == ["look", "report"]
    assert numbers["parts"][1]["note"].startswith("reported only; not independent")
    assert sum(part["num_fields"] for part in numbers["parts"]) == 40
    assert numbers["simulated"]["num_landscapes"] >= 20
    assert 1 < numbers["simulated"]["pixels_a_field"] <= 2
    assert len(numbers["floor"]) == 2
    for row in numbers["zero_label"]:
        size = numbers["parts"][["look", "report"].index(row["part"])]["num_fields"]
        assert np.sum(row["confusion_matrix"]) == size
    for row in numbers["difficulty"]:
        difference = row["simulated"]["overall_accuracy"] - row["real"]["overall_accuracy"]
        assert row["difference"] == pytest.approx(difference)
        assert row["simulated"]["places"] == 2
    json.dumps(numbers, allow_nan=False)
    assert len(summary(numbers)) == 2 + 2 + 1 + 4
    write_comparison(tmp_path / "out", found)
    page = write_comparison_page(tmp_path / "out").read_text(encoding="utf-8")
    assert "half=B (reported only)" in page


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(real):
    arguments = {"scenario": small_scenario(), "settings": small_settings(report_where=None)}
    one = compare(real, num_workers=1, **arguments)
    two = compare(real, num_workers=2, **arguments)
    assert one.numbers == two.numbers
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, two.tables[name])


def test_a_place_has_the_numbers_of_fields_asked_for():
    legend = Legend(("Corn", "Meadows"), ("5", "8"))
    counts = np.array([5, 9])
    arguments = {"number": 0, "legend": legend, "counts": counts}
    place = simulate_place(small_scenario(), small_settings(), **arguments)
    assert class_counts(place).tolist() == [5, 9]
    assert len(np.unique(place.field_id // 10_000)) == 1
    again = simulate_place(small_scenario(), small_settings(), **arguments)
    np.testing.assert_array_equal(place.reflectance, again.reflectance)
    assert class_counts(first_of_each_class(place, np.array([2, 3]))).tolist() == [2, 3]
    with pytest.raises(DataError, match=r"place has too few fields of a class.*expected Corn 5000"):
        simulate_place(
            small_scenario(), small_settings(largest_landscape_m=300),
            number=0, legend=legend, counts=np.array([5000, 1]),
        )  # fmt: skip


def test_fields_are_matched_in_the_proportions_of_classes(fields):
    counts = np.array([2, 4, 2])
    have = class_counts(fields)
    found = class_counts(matched(fields, counts, seed=0))
    times = min(have / counts)
    assert found.tolist() == [round(times * n) for n in counts]


def test_too_few_landscapes_are_refused():
    legend = Legend(("Corn", "Meadows"), ("5", "8"))
    with pytest.raises(SettingsError, match=r"too few landscapes.*about \d+ series \(--num-ser"):
        simulate_fields(small_scenario(), small_settings(num_series=40), legend=legend,
                        num_workers=1)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "settings", "message"),
    [
        ({"dates": slice(0, 9)}, {}, r"too few clear dates.*observations\.csv.*at least 12 in half"
         r".*to mend it: give a table of a whole year"),
        ({"drop": ["cloud_fraction"]}, {}, r"no cloud measure.*observations\.csv.*cloud_fraction"),
        ({"rename": ("a", "b", "c")}, {}, r"fewer than two classes.*labels\.csv.*found real a, b, c"
         r"; expected simulated Wheat.*--label-column"),
        ({}, {"where": "part=A"}, r"no column 'part' to choose by; in .*labels\.csv"),
        ({}, {"report_where": "half=A"}, r"looked at and only reported at once.*labels\.csv"),
        ({}, {"min_fields": 30}, r"fewer than two classes.*lower --min-fields"),
    ],
)  # fmt: skip
def test_a_table_that_will_not_do_is_named(fields, tmp_path, written, settings, message):
    source = write_real(tmp_path, fields, **written)
    with pytest.raises(DataError, match=message):
        read_real_fields(
            source, scenario=small_scenario(),
            settings=small_settings(**settings),
        )  # fmt: skip


def test_another_processing_level_is_refused(real):
    scenario = small_scenario().model_copy(update={"product": "L1C"})
    with pytest.raises(DataError, match=r"different processing levels.*found L2A; expected L1C"):
        read_real_fields(real, scenario=scenario, settings=small_settings())


def test_unmatched_classes_are_said(fields, tmp_path):
    source = write_real(tmp_path, fields, rename=("Wheat", "Corn", "Hops"))
    found = read_real_fields(source, scenario=small_scenario(), settings=small_settings())
    assert found.legend.names == ("Wheat", "Corn")
    assert [(row["class"], row["reason"]) for row in found.left_out] == [("Hops", "not simulated")]
    assert "simulated classes without a real field: Meadows" in found.notes
