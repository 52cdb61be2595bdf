"""Figures: the numbers behind them, and that drawing disturbs nothing outside."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from windrow.reporting import theme
from windrow.reporting.run import figures, result_figures


def test_agreement_against_scikit_learn() -> None:
    random = np.random.default_rng(1)
    observed, predicted = random.random(50), random.random(50)
    r2, rmse = figures.agreement(observed, predicted)
    assert r2 == pytest.approx(r2_score(observed, predicted), rel=1e-12)
    assert rmse == pytest.approx(mean_squared_error(observed, predicted) ** 0.5, rel=1e-12)
    assert np.isnan(figures.agreement([1.0], [1.0])).all()
    assert np.isnan(figures.agreement([1.0, 1.0], [1.0, 1.0])[0])


def test_thinned_curve_keeps_the_mean() -> None:
    values = np.random.default_rng(2).random(3000)
    x, y = figures.thin(np.arange(3000), values)
    assert len(x) == figures.MOST_POINTS
    assert y.mean() == pytest.approx(values.mean())
    assert y[0] == pytest.approx(values[:10].mean())
    assert x[0] == 4.5


def test_fields_are_right_by_more_than_half_of_their_pixels() -> None:
    table = pd.DataFrame(
        {
            "id": range(7),
            "field_id": [1, 1, 1, 2, 2, 3, 4],
            "true": list("aaabbcd"),
            "predicted": list("aazbzcd"),
            "longitude": [10.0, 11.0, 12.0, 20.0, 20.0, 30.0, np.nan],
            "latitude": [50.0] * 7,
        }
    )
    fields = result_figures.fields_right_and_wrong(table)
    assert fields is not None
    assert fields["right"].tolist() == [True, False, True]  # field 4 has no place
    assert fields["longitude"].tolist() == [11.0, 20.0, 30.0]
    assert result_figures.fields_right_and_wrong(table.drop(columns="latitude")) is None
    assert result_figures.fields_right_and_wrong(table.assign(latitude=np.nan)) is None


def test_bands_in_order_of_wavelength() -> None:
    assert figures.ordered_bands(["nir", "x", "blue", "red", "nir"]) == ["blue", "red", "nir", "x"]


def test_methods_keep_their_colours() -> None:
    colours = result_figures.method_colours(["scratch", "windrow", "random"])
    assert colours["windrow"] == theme.BLUE
    assert colours["scratch"] == theme.SKY
    assert len({colours[name] for name in ("windrow", "scratch", "random", "bands")}) == 4


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = dict(mpl.rcParams)
    with theme.drawing():
        figure = theme.new_figure(100)
        figure.add_subplot().plot([0, 1], [1, 0], color=theme.BLUE)
        text = theme.to_svg(figure, 'a "label" & <more>')
    assert dict(mpl.rcParams) == before
    assert 'aria-label="a &quot;label&quot; &amp; &lt;more&gt;"' in text
    assert "stroke: var(--blue)" in text
    assert text.startswith("<svg viewBox=")


def test_the_callers_settings_do_not_change_the_drawing() -> None:
    def draw() -> str:
        with theme.drawing():
            figure = theme.new_figure(100)
            figure.add_subplot().plot([0, 1], [1, 0])
            return theme.to_svg(figure, "line")

    expected = draw()
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "other", "axes.grid": False}):
        assert draw() == expected


def test_no_pair_of_a_band_and_all_equal_values_are_drawn() -> None:
    rows = pd.DataFrame(
        {
            "series_id": 1,
            "day_of_year": [1.0, 2.0],
            "valid": [True, False],
            "cloud_probability": np.nan,
            "band": ["red", "nir"],
            "observed": [0.1, 0.1],
            "predicted": [0.1, np.nan],
        }
    )
    assert "no pair" in figures.reflectance_density(rows, mark="")
    assert "SIMULATED" in figures.series_panels(rows, mark="SIMULATED")
