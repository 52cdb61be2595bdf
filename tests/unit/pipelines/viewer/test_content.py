"""What is known of pixels and parcels, against the map, the cube and naive computation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import xarray

from map_factory import write_small_map
from place_factory import CROPS, make_encoder
from scene_factory import BANDS, CLOUDY, make_scene, write_scene
from viewed_map import HEIGHT, MIX, PARCELS, WIDTH, everything
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.classifiers.saved_classifier import read_classifier, write_classifier
from windrow.errors import DataError, SettingsError
from windrow.models.place_weights import write_place_weights
from windrow.pipelines.maps.job import MapOptions, MapRequest
from windrow.pipelines.maps.map_cube import map_cube
from windrow.pipelines.viewer.content import pixel_metres
from windrow.pipelines.viewer.embedded import PAGE_BANDS, check_page_size, embed_map
from windrow.pipelines.viewer.open_content import ViewRequest, open_content
from windrow.pipelines.viewer.scene_pixels import Picture


@pytest.fixture(scope="module")
def cube(viewed):
    with xarray.open_dataset(viewed / "cube.nc") as opened:
        return opened.load()


def layer(viewed, name):
    with rasterio.open(viewed / "map" / f"{name}.tif") as source:
        return source.read(1)


def test_the_series_of_a_pixel_is_that_of_the_cube(content, cube):
    row, column = 5, 17
    series = content.pixel(row, column)["series"]
    assert series["dates"] == cube.time.values.astype("M8[D]").astype(str).tolist()
    at = {band: series["bands"].index(band) for band in BANDS}
    for band in BANDS:
        expected = cube[band].values[:, row, column]
        assert [values[at[band]] for values in series["reflectance"]] == expected.tolist()
    clear = cube.SCL.values[:, row, column] != CLOUDY
    assert series["clear"] == clear.tolist()


def test_the_season_ends_with_the_probabilities_of_the_map(content, viewed):
    classes, percent = layer(viewed, "class"), layer(viewed, "probability")
    for row, column in ((0, 0), (11, 23), (23, 39), (8, 8)):
        details = content.pixel(row, column)
        last = np.array(details["season"]["probability"][-1])
        assert details["map_class"] == classes[row, column] == last.argmax() + 1
        assert last.sum() == pytest.approx(1.0, abs=1e-3)
        assert last.max() == pytest.approx(percent[row, column] / 100, abs=0.0051)


def test_a_month_knows_only_the_dates_until_its_end(content, viewed, cube):
    """Values after a month are changed: its probabilities stay, later ones move."""
    row, column = 11, 23
    changed = cube.copy(deep=True)
    late = changed.time.values > np.datetime64("2019-06-30T23:59")
    for band in BANDS:
        changed[band].values[late, row, column] = 4_000
    write_scene(viewed / "late.nc", changed)
    before = content.pixel(row, column)["season"]
    after = open_content(everything(viewed, cube=viewed / "late.nc")).pixel(row, column)["season"]
    ends = [int(date[5:7]) for date in before["dates"]]
    assert before["dates"][ends.index(2)] == "2019-02-28"
    june = ends.index(6)
    # The changed pixel is context of the place too, which moves all others a little.
    early = np.abs(
        np.array(before["probability"][: june + 1]) - np.array(after["probability"][: june + 1])
    )
    assert early.max() < 0.05
    moved = np.abs(np.array(before["probability"][-1]) - np.array(after["probability"][-1]))
    assert moved.max() > 0.1


def test_neighbours_are_the_labelled_pixels_that_are_nearest(content):
    season, scene = content.beside.season, content.beside.scene
    rows, columns = np.divmod(np.arange(0, HEIGHT * WIDTH, 7), WIDTH)
    assert season.num_labelled == len(rows)
    labelled = scene.read(rows, columns)
    position, distance = season.nearest(labelled)
    np.testing.assert_array_equal(position[:, 0], np.arange(len(rows)))  # each is its own nearest
    # Of coordinates beyond rounding, a labelled pixel is at no distance from itself.
    assert distance[:, 0].max() < 1e-2
    # The unit is the median distance of a labelled pixel from the next one.
    assert np.median(distance[:, 1]) == pytest.approx(1.0, rel=1e-3)
    assert (np.diff(distance, axis=1) >= 0).all()
    neighbours = content.pixel(int(rows[9]), int(columns[9]))["neighbours"]
    assert len(neighbours) == 5
    assert neighbours[0]["distance"] == pytest.approx(0, abs=1e-2)
    own = content.pixel(int(rows[9]), int(columns[9]))["calendar_ndvi"]
    np.testing.assert_allclose(neighbours[0]["ndvi"], own, atol=2e-3)
    assert {each["map_class"] for each in neighbours} <= set(range(1, len(CROPS) + 1))


def test_true_colours_are_medians_of_clear_dates(content, cube):
    picture = content.picture()
    assert isinstance(picture, Picture)
    assert picture.step == 1
    clear = cube.SCL.values != CLOUDY
    stack = np.stack([cube[band].values for band in ("B04", "B03", "B02")])
    expected = np.nanmedian(np.where(clear, stack, np.nan), axis=1).transpose(1, 2, 0)
    white = np.percentile(expected, 98)
    expected = np.clip(np.rint(255 * np.sqrt(np.minimum(expected / white, 1))), 1, 255)
    np.testing.assert_allclose(picture.values, expected, atol=1)


def test_a_parcel_holds_the_mean_of_its_pixels(content, viewed, cube):
    number = [each["name"] for each in content.outlines()].index("north")
    found = content.parcel(number)
    left, top, right, bottom = PARCELS["north"]
    part = (slice(top, bottom), slice(left, right))
    assert found["num_pixels"] == (bottom - top) * (right - left)
    classes = layer(viewed, "class")[part]
    assert {each["map_class"]: each["num_pixels"] for each in found["shares"]} == {
        int(value): int((classes == value).sum()) for value in np.unique(classes)
    }
    clear = cube.SCL.values[:, *part] != CLOUDY
    band = found["series"]["bands"].index("B08")
    for date, values in enumerate(found["series"]["reflectance"]):
        all_ = cube.B08.values[date][part]
        is_clear = 2 * clear[date].sum() >= clear[date].size
        assert found["series"]["clear"][date] == is_clear
        expected = all_[clear[date]].mean() if is_clear else all_.mean()
        assert values[band] == pytest.approx(expected, abs=0.51)


def test_tiny_parcels_and_parcels_over_the_edge_have_pixels(content, viewed):
    names = [each["name"] for each in content.outlines()]
    assert names == list(PARCELS)  # the one far away is left out, and counted
    assert any("1" in note and "outside" in note for note in content.beside.notes)
    tiny = content.parcel(names.index("tiny"))
    assert (tiny["num_pixels"], tiny["row"], tiny["column"]) == (1, 10, 20)
    assert content.parcel(names.index("edge"))["num_pixels"] == 4 * 4
    with pytest.raises(DataError, match="no such parcel"):
        content.parcel(3)


def test_outlines_are_columns_and_rows(content):
    ring = content.outlines()[0]["rings"][0][0]
    left, top, right, bottom = PARCELS["north"]
    assert {tuple(point) for point in ring} == {
        (left, top), (right, top), (right, bottom), (left, bottom)
    }  # fmt: skip


def test_a_page_of_its_own_holds_the_same_as_the_server(content, viewed):
    found = embed_map(content)
    assert found.bands == [band for band in PAGE_BANDS if band in BANDS]
    np.testing.assert_array_equal(found.arrays["values"], content.values.whole())
    np.testing.assert_array_equal(found.arrays["picture"], content.picture().values)
    for row, column in ((0, 0), (13, 31)):
        at, details = row * WIDTH + column, content.pixel(row, column)
        series, order = (
            details["series"],
            [details["series"]["bands"].index(b) for b in found.bands],
        )
        np.testing.assert_array_equal(
            found.arrays["reflectance"][at], np.array(series["reflectance"])[:, order]
        )
        assert found.arrays["clear"][at].tolist() == series["clear"]
        np.testing.assert_allclose(
            found.arrays["season"][at] / 100, details["season"]["probability"], atol=0.0051
        )
        far = [each["distance"] for each in details["neighbours"]]
        np.testing.assert_allclose(found.arrays["distances"][at] / 100, far, atol=0.006)
        classes = found.arrays["labelled"][found.arrays["neighbours"][at]]
        assert classes.tolist() == [each["map_class"] for each in details["neighbours"]]
    assert [each["title"] for each in found.parcels] == [f"Parcel {name}" for name in PARCELS]
    assert found.parcels[0]["series"]["bands"] == found.bands
    wide = content.header.grid.model_copy(update={"width": 20_001, "height": 1})
    with pytest.raises(SettingsError, match="too large for one page"):
        check_page_size(content.header.model_copy(update={"grid": wide}))


def test_a_map_alone_has_no_series_and_says_so(viewed):
    content = open_content(ViewRequest(viewed / "map"))
    details = content.pixel(1, 1)
    assert (details["series"], details["season"], content.picture()) == (None, None, None)
    assert "no cube was given" in content.beside.notes[-1]
    assert set(embed_map(content).arrays) == {"values", "histogram", "entropy", "clear_dates"}


def test_a_cube_alone_has_series_without_a_season(viewed):
    content = open_content(ViewRequest(viewed / "map", cube=viewed / "cube.nc"))
    details = content.pixel(1, 1)
    assert details["series"] is not None
    assert details["season"] is None
    assert any("no classifier was given" in note for note in content.beside.notes)


def test_what_does_not_belong_to_the_map_is_refused(viewed, tmp_path):
    write_scene(tmp_path / "other.nc", make_scene(HEIGHT, WIDTH + 8))
    with pytest.raises(DataError, match="another grid"):
        open_content(ViewRequest(viewed / "map", cube=tmp_path / "other.nc"))
    encoder = load_place_encoder(viewed / "weights.safetensors")
    given = read_classifier(viewed / "classifier", encoder)
    write_classifier(tmp_path / "classifier", given.with_bands(BANDS[1:]))
    with pytest.raises(DataError, match="made by another classifier"):
        open_content(everything(viewed, classifier=tmp_path / "classifier"))
    for name in ("classifier", "planetscope_weights"):
        with pytest.raises(SettingsError, match=f"--{name.replace('_', '-')} needs the series"):
            open_content(ViewRequest(viewed / "map", **{name: viewed / "classifier"}))
    with pytest.raises(SettingsError, match="--layer without parcels"):
        open_content(ViewRequest(viewed / "map", layer="fields"))
    with pytest.raises(DataError, match="no map here"):
        open_content(ViewRequest(viewed))


def test_a_map_by_crops_alone_needs_no_classifier(viewed, tmp_path):
    weights = viewed / "weights.safetensors"
    map_cube(
        MapRequest(viewed / "cube.nc", crops=CROPS, weights=weights, mix=MIX),
        out=tmp_path / "map",
        options=MapOptions(num_workers=1),
    )
    request = ViewRequest(tmp_path / "map", cube=viewed / "cube.nc", weights=weights, mix=MIX)
    content = open_content(request)
    details = content.pixel(3, 30)
    last = details["season"]["probability"][-1]
    assert max(last) == pytest.approx(details["probability"], abs=0.0051)
    assert details["neighbours"] is None
    other = make_encoder(seed=1)
    write_place_weights(tmp_path / "other.safetensors", other.network, header=other.header)
    with pytest.raises(DataError, match="other weights of the place network"):
        open_content(replace(request, weights=tmp_path / "other.safetensors"))


def test_the_size_of_a_pixel_is_in_metres(tmp_path):
    classes = np.ones((6, 5), dtype=np.uint8)
    metres = write_small_map(tmp_path / "utm", classes, names=("a", "b"), pixel_size=20.0)
    assert pixel_metres(metres) == pytest.approx((20.0, 20.0))
    grid = metres.grid.model_copy(
        update={"crs": "EPSG:4326", "transform": (1e-3, 0.0, 10.0, 0.0, -1e-3, 60.003)}
    )
    across, down = pixel_metres(metres.model_copy(update={"grid": grid}))
    assert across == pytest.approx(111_320 * np.cos(np.radians(60)) * 1e-3, rel=5e-3)
    assert down == pytest.approx(111_412 * 1e-3, rel=5e-3)
    assert pixel_metres(
        metres.model_copy(update={"grid": grid.model_copy(update={"crs": None})})
    ) == (1.0, 1.0)
