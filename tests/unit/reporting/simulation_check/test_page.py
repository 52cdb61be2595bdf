"""The page of a comparison, from a small folder with invented numbers."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from windrow.cli.report import main as report
from windrow.errors import DataError
from windrow.reporting.simulation_check.page import NO_SPATIAL_SHAPE, write_comparison_page
from windrow.reporting.simulation_check.reading import TABLE_COLUMNS

BANDS = ["B02", "B04", "B08"]
LEGEND = ["Wheat", "Corn & more"]
SETS = ("simulated", "real")
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


def tables():
    draw = np.random.default_rng(0)

    def rows(columns, *axes):
        grid = pd.MultiIndex.from_product([SETS, *axes]).to_frame(index=False)
        grid.columns = ["set", *columns]
        return grid

    def valued(frame, **columns):
        values = {name: draw.uniform(size=len(frame)) for name in columns}
        return frame.assign(**values)

    gaps = [(1, 3), (4, 5)]

    def with_gaps(frame):
        first = frame["gap"].map(lambda g: gaps[g][0])
        return frame.assign(first_day=first, last_day=frame["gap"].map(lambda g: gaps[g][1]))

    skies = ("clear", "cloudy")
    found = {
        "reflectance": valued(rows(["sky", "band", "quantile"], skies, BANDS, QUANTILES),
                              reflectance=1, num_observations=1),
        "band_correlation": valued(rows(["band", "other"], BANDS, BANDS), correlation=1),
        "seasons": valued(
            rows(["class", "index", "quantile", "day_of_year"], LEGEND,
                 ("NDVI", "NDMI", "red_edge", "SWIR"), (0.1, 0.5, 0.9), range(0, 361, 10)),
            value=1, num_fields=1),
        "cloud_months": valued(rows(["month"], range(1, 13)), cloud_fraction=1),
        "cloud_persistence": valued(with_gaps(rows(["gap"], range(2))), correlation=1),
        "cloud_runs": valued(rows(["sky", "length"], skies, range(1, 13)), share=1, num_runs=1),
        "cloud_shares": valued(
            rows(["of", "least"], ("field", "place"), (0.0, 0.5)), share=1
        ).assign(most=lambda t: t.least + 0.5),
        "cloud_shape": valued(rows(["least_m"], (0.0, 50.0)), share=1, num_pairs=1)
        .assign(most_m=lambda t: t.least_m + 50)
        .query("set == 'simulated'"),
        "autocorrelation": valued(
            with_gaps(rows(["quantity", "gap"], ("NDVI", "B08"), range(2))), correlation=1),
        "jumps": valued(
            with_gaps(rows(["quantity", "gap", "quantile"], ("NDVI", "B08"), range(2),
                           (0.5, 0.75, 0.9))), jump=1, num_pairs=1),
        "clear_dates": valued(
            pd.concat([rows(["month", "quantile"], [0], [*QUANTILES, np.nan]),
                       rows(["month", "quantile"], range(1, 13), [np.nan])]), num_dates=1),
    }  # fmt: skip
    assert found.keys() == TABLE_COLUMNS.keys()
    return found


def apart(part, single):
    return {
        "part": part, "num_fields": 20, "num_simulated": 60, "years": 0.981,
         "observations": single,
        "observations_by_month": [None, *[single] * 11],
        "importance": np.full((12, 3), 1 / 36).tolist(),
        "observations_importance": [[None] * 3, *np.full((11, 3), 1 / 3).tolist()],
    }  # fmt: skip


def numbers():
    def score(value):
        return {
            "k": 1, "overall_accuracy": value, "overall_accuracy_low": value - 0.05,
            "overall_accuracy_high": value + 0.05, "macro_f1": value - 0.1, "draws": 4,
            "places": 2, "places_std": 0.01,
        }  # fmt: skip

    return {
        "scenario": "bavaria-2018",
        "real": "somewhere/fields.parquet",
        "legend": LEGEND,
        "bands": BANDS,
        "parts": [
            {"part": "look", "condition": "half=A", "num_fields": 20},
            {"part": "report", "condition": "half=B", "num_fields": 21,
             "note": "reported only; not independent of the fields that were looked at"},
        ],
        "simulated": {"num_series": 6000, "num_fields": 1500, "num_landscapes": 24,
                      "pixels_a_field": 4.0},
        "left_out": [{"class": "Other <b>", "num_fields": 3, "reason": "not simulated"}],
        "notes": ["2 labels without a series"],
        "zero_label": [
            {"part": part, "overall_accuracy": 0.8864, "macro_f1": 0.7963,
             "merged_accuracy": None, "confusion_matrix": [[9, 1], [2, 8]]}
            for part in ("look", "report")
        ],
        "telling_apart": [apart("look", 0.955), apart("report", 0.961)],
        "floor": [apart(None, 0.7), apart(None, None)],
        "difficulty": [
            {"part": part, "k": k, "real": score(0.6 + k / 100), "simulated": score(0.5),
             "difference": -0.1 - k / 100}
            for part in ("look", "report")
            for k in (1, 5)
        ],
        "settings": {"clear_below": 26, "seed": 0},
        "scenario_settings": {"name": "bavaria-2018"},
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("comparison")
    (place / "realism.json").write_text(json.dumps(numbers()))
    for name, table in tables().items():
        table.to_parquet(place / f"{name}.parquet", index=False)
    return place


def test_the_page_says_the_numbers_good_and_bad(folder):
    page = write_comparison_page(folder).read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", " ", page)
    for words in (
        "SIMULATED", "88.6", "macro F1 79.6", "0.955", "floor 0.981", "places 0.700",
        "\N{MINUS SIGN}15.0", "simulated less real at k = 5", "half=B (reported only)",
        "reported only; not independent of the fields that were looked at",
        "Left out: Other &lt;b&gt;, 3 fields: not simulated", "2 labels without a series",
        "Corn &amp; more", "each the mean of 4.0 sampled pixels", NO_SPATIAL_SHAPE,
    ):  # fmt: skip
        assert words in text, words
    assert page.count("<svg") == 8
    assert "somewhere/" not in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="https?:', page)


def test_the_same_folder_gives_the_same_bytes(folder):
    first = write_comparison_page(folder).read_bytes()
    assert write_comparison_page(folder).read_bytes() == first


def test_the_report_command_knows_a_comparison(folder, capsys):
    report([str(folder)])
    assert capsys.readouterr().out.strip() == str(folder / "report.html")


def test_the_quantile_table_holds_both_sets(folder):
    page = write_comparison_page(folder).read_text(encoding="utf-8")
    table = pd.read_parquet(folder / "reflectance.parquet").set_index(
        ["set", "sky", "band", "quantile"]
    )["reflectance"]
    pair = [table.loc[name, "cloudy", "B04", 0.9] for name in SETS]
    assert f"{pair[0]:.3f} / {pair[1]:.3f}" in page


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("realism.json", "{", r"numbers of a comparison cannot be read; in .*realism\.json"),
        ("realism.json", "{}", r"scenario does not fit: field required; in .*realism\.json"),
        ("jumps.parquet", "x", r"table of the run cannot be read; in .*jumps\.parquet"),
        ("jumps.parquet", None, r"a table of the comparison is missing; in .*jumps\.parquet"),
        ("realism.json", None, r"no comparison of simulated.*windrow simulate --check"),
    ],
)
def test_a_damaged_folder_is_named(folder, tmp_path, name, damage, message):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if damage is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(damage)
    with pytest.raises(DataError, match=message):
        write_comparison_page(tmp_path)
