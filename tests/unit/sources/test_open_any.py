"""What is opened, and the summary of it: series, and cubes with labelled parcels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cube_factory as factory
from windrow.errors import DataError, SettingsError
from windrow.sources.open_any import LabelledInput, open_input
from windrow.sources.reader import ParcelOptions, TableOptions


def test_no_series_at_all_have_a_summary(make_series):
    series = make_series(3).select(slice(0, 0))
    opened = open_input(series)
    assert len(opened.series) == 0
    assert opened.summary.lines()[:2] == ["series", "product: series, simulated"]
    assert not any(line.startswith("dates") for line in opened.summary.lines())


def cube_with_parcels(folder: Path) -> LabelledInput:
    """A folder of images, and parcels of two farms in degrees."""
    pytest.importorskip("geopandas")
    frame = factory.parcels("EPSG:4326")
    frame["farm"] = ["a", "b", "a"]
    parcels = factory.write_parcels(folder / "parcels.gpkg", frame)
    return LabelledInput(factory.write_daily(folder / "images"), parcels)


def test_pixels_of_parcels_are_opened_like_fields_of_a_table(tmp_path: Path) -> None:
    opened = cube_with_parcels(tmp_path).open()
    assert opened.labels is not None
    assert opened.series.field_id.tolist() == [11, 12, 12, 11, 12, 12, 13, 13]
    expected = {11: ("1200", "a"), 12: ("9120", "b"), 13: ("1200", "a")}
    found = zip(opened.labels.label, opened.labels.columns["farm"], strict=True)
    assert list(found) == [expected[field] for field in opened.series.field_id]
    assert opened.labels.label_column == "crop_code"
    assert "20 edge pixels left out" in opened.summary.lines()
    rows, columns = np.divmod(opened.series.id, factory.WIDTH)
    values = factory.values()[:, :, rows, columns].transpose(2, 0, 1)
    np.testing.assert_array_equal(opened.series.reflectance, values)


def test_options_of_cubes_and_of_tables_are_not_mixed_up(tmp_path: Path) -> None:
    source = cube_with_parcels(tmp_path)
    every = replace(
        source, parcel_options=ParcelOptions(edge_pixels=0, pixels_per_parcel=100)
    ).open()
    assert len(every.series) == 28
    with pytest.raises(SettingsError, match="--date-column does not concern a folder of GeoTIFFs"):
        replace(source, table_options=TableOptions(date_column="day")).open()
    with pytest.raises(SettingsError, match="from labelled parcels, and the cube has none"):
        replace(source, labels=None).open()
    table = tmp_path / "table.csv"
    table.write_text("id,date,B04,B08\n1,2018-05-01,300,3000\n")
    with pytest.raises(SettingsError, match="--edge-pixels does not concern an input that is no"):
        LabelledInput(table, parcel_options=ParcelOptions(edge_pixels=2)).open()


def test_parcels_elsewhere_are_refused(tmp_path: Path) -> None:
    source = cube_with_parcels(tmp_path)
    frame = factory.parcels()
    frame["geometry"] = frame.translate(50_000, 0)
    away = factory.write_parcels(tmp_path / "away.gpkg", frame)
    with pytest.raises(DataError, match="labels and images do not overlap"):
        replace(source, labels=away).open()


def test_a_cube_without_parcels_is_no_table(tmp_path: Path) -> None:
    images = factory.write_daily(tmp_path / "images")
    with pytest.raises(DataError, match=r"the input is an image cube.*'windrow map' classifies"):
        open_input(images)
