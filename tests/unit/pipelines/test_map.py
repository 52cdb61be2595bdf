"""Maps of small scenes: the classes of the classifier, without seams, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from rasterio.enums import ColorInterp

from place_factory import CROPS, make_encoder
from scene_factory import (
    BANDS,
    CLOUDY,
    crop_of_pixels,
    make_scene,
    write_scene,
    write_scene_tifs,
)
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.saved_classifier import write_classifier
from windrow.data.map_folder import read_map_header
from windrow.data.store.store import Store
from windrow.errors import DataError, OutputError, SettingsError
from windrow.experiments.recipes.classifier import mix
from windrow.models.place_weights import write_place_weights
from windrow.pipelines.ingest import ingest
from windrow.pipelines.maps.job import MapOptions, MapRequest
from windrow.pipelines.maps.map_cube import map_cube
from windrow.sources.reader import CubeOptions

MIX = mix().model_copy(update={"num_trees": 15})
HEIGHT, WIDTH = 24, 40
ONE = MapOptions(num_workers=1)


def layer(folder: Path, name: str) -> np.ndarray:
    """The stored numbers of a layer, (bands, height, width)."""
    with rasterio.open(folder / f"{name}.tif") as source:
        return source.read()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A scene, its pixels as series, weights, and a classifier of every seventh pixel."""
    root = tmp_path_factory.mktemp("place")
    scene = make_scene(HEIGHT, WIDTH)
    write_scene(root / "cube.nc", scene)
    encoder = make_encoder()
    write_place_weights(root / "weights.safetensors", encoder.network, header=encoder.header)
    ingest(root / "cube.nc", out=root / "store")
    series = Store(root / "store").series(planetscope=False)
    crop = crop_of_pixels(HEIGHT, WIDTH).ravel()
    labels = [CROPS[c] if i % 7 == 0 else None for i, c in enumerate(crop)]
    known = series.select(np.flatnonzero([name is not None for name in labels]))
    classifier = MixedClassifier(encoder, MIX).fit(
        known, [name for name in labels if name is not None], crops={n: [n] for n in CROPS}
    )
    write_classifier(root / "classifier", classifier)
    return root, series, classifier, scene


def make_map(root: Path, out: Path, cube: str = "cube.nc", **changed):
    """A map of the place, by its classifier unless something else is said."""
    how = {"options": changed.pop("options", ONE), "on_progress": changed.pop("on_progress", None)}
    request = {
        "classifier": root / "classifier", "weights": root / "weights.safetensors", "mix": MIX,
        **changed,
    }  # fmt: skip
    return map_cube(MapRequest(root / cube, **request), out=out, **how)


@pytest.fixture(scope="module")
def mapped(place, tmp_path_factory):
    out = tmp_path_factory.mktemp("maps") / "map"
    return out, make_map(place[0], out, every_probability=True)


def test_every_pixel_has_the_probabilities_of_its_series(place, mapped):
    _, series, classifier, _ = place
    out, _ = mapped
    # The scene is smaller than the sample, so that every pixel is context. The sample is a lattice
    # over the stored blocks.
    shown = np.concatenate(
        [
            (row * WIDTH + column)
            for top in range(0, HEIGHT, 8)
            for left in range(0, WIDTH, 8)
            for row in range(top, top + 8)
            for column in [np.arange(left, left + 8)]
        ]
    )
    whole = classifier.with_context(series.select(np.argsort(series.id)[shown]))
    expected = whole.predict_proba(series.select(np.argsort(series.id)))
    found = layer(out, "probabilities").reshape(len(CROPS), -1).T / 100
    np.testing.assert_allclose(found, expected, atol=0.0051)
    best = expected.argmax(axis=1)
    assert (layer(out, "class").ravel() == best + 1).mean() > 0.999
    np.testing.assert_allclose(
        layer(out, "probability").ravel() / 100, expected.max(axis=1), atol=0.0051
    )
    entropy = -(expected * np.log(expected)).sum(axis=1) / np.log(len(CROPS))
    np.testing.assert_allclose(layer(out, "entropy").ravel() / 100, entropy, atol=0.0051)
    unlike = whole.unlikeness(series.select(np.argsort(series.id)))
    np.testing.assert_allclose(layer(out, "unlikeness").ravel() / 100, unlike, atol=0.0051)


def test_the_map_is_right_and_counts_its_clear_dates(place, mapped):
    _, _, _, scene = place
    out, result = mapped
    truth = crop_of_pixels(HEIGHT, WIDTH)
    names = np.array(result.header.class_names)
    assert (names[layer(out, "class")[0] - 1] == np.array(CROPS)[truth]).mean() > 0.95
    clear = (scene.SCL.values != CLOUDY).sum(axis=0)
    np.testing.assert_array_equal(layer(out, "clear_dates")[0], clear)
    assert [each.num_pixels for each in result.header.classes] == [
        int((layer(out, "class") == each.value).sum()) for each in result.header.classes
    ]
    assert result.header.grid.pixel_area == pytest.approx(100.0)
    assert read_map_header(out) == result.header
    assert not (out / ".work").exists()


def test_files_are_cogs_with_colours_names_units_and_tags(mapped):
    out, result = mapped
    with rasterio.open(out / "class.tif") as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.block_shapes == [(512, 512)]
        assert source.nodata == 0
        assert source.colorinterp == (ColorInterp.palette,)
        red = int(result.header.classes[0].colour[1:3], 16)
        assert source.colormap(1)[1][0] == red
        assert source.tags()["CLASS_1"] == result.header.classes[0].name
        assert "5 classes" in source.tags()["LABELS"]
        assert source.crs.to_epsg() == 32631
    with rasterio.open(out / "unlikeness.tif") as source:
        assert (source.scales, source.nodata) == ((0.01,), 65535)
    with rasterio.open(out / "probabilities.tif") as source:
        assert source.descriptions == result.header.class_names
        assert source.units == ("%",) * 5
    item = pystac.Item.from_dict(json.loads((out / "item.json").read_text()))
    assert item.properties["proj:code"] == "EPSG:32631"
    assert set(item.assets) == {*result.header.layers, "legend"}
    west, south, east, north = item.bbox
    assert 2.9 < west < east < 3.1
    assert 50.7 < south < north < 50.9
    legend = (out / "legend.csv").read_text().splitlines()
    assert len(legend) == 6
    assert sum(int(line.split(",")[3]) for line in legend[1:]) == HEIGHT * WIDTH


def test_other_tilings_and_processes_give_the_same_bytes(place, mapped, tmp_path):
    root = place[0]
    small = MapOptions(num_workers=2, block_pixels=100)
    make_map(root, tmp_path / "map", options=small, every_probability=True)
    for path in sorted(mapped[0].iterdir()):
        other = tmp_path / "map" / path.name
        assert other.read_bytes() == path.read_bytes(), path.name


def test_geotiffs_give_the_map_of_the_netcdf(place, mapped, tmp_path):
    root, _, _, scene = place
    write_scene_tifs(tmp_path / "tifs", scene)
    make_map(tmp_path, tmp_path / "map", "tifs", classifier=root / "classifier",
             weights=root / "weights.safetensors")  # fmt: skip
    same = layer(tmp_path / "map", "class") == layer(mapped[0], "class")
    assert same.mean() > 0.99  # the sample follows the stored blocks, which differ


def test_half_a_scene_with_half_its_dates_has_fewer_clear_dates_and_the_same_crops(
    place, mapped, tmp_path
):
    """A swath edge: the right half lacks every second date."""
    root = place[0]
    maps = []
    for kept in (1, 2):
        scene = make_scene(HEIGHT, WIDTH, num_dates=72)
        for name in BANDS:
            scene[name].values[1::kept, :, WIDTH // 2 :] *= kept == 1
        folder = tmp_path / f"every-{kept}"
        folder.mkdir()
        write_scene(folder / "cube.nc", scene)
        own = {"classifier": root / "classifier", "weights": root / "weights.safetensors"}
        make_map(folder, folder / "map", **own, cube_options=CubeOptions(no_data=0))
        maps.append(folder / "map")
    dates = layer(maps[1], "clear_dates")[0]
    assert dates[:, WIDTH // 2 :].mean() < 0.55 * dates[:, : WIDTH // 2].mean()
    whole, half = layer(maps[0], "class"), layer(maps[1], "class")
    assert (whole == half)[..., WIDTH // 2 :].mean() > 0.97


def test_pixels_without_a_clear_date_have_no_class_and_are_counted(place, tmp_path):
    root, _, _, scene = place
    cloudy = scene.copy(deep=True)
    cloudy["SCL"].values[:, 3:9, 5:11] = CLOUDY
    write_scene(tmp_path / "cube.nc", cloudy)
    result = make_map(tmp_path, tmp_path / "map", classifier=root / "classifier",
                      weights=root / "weights.safetensors")  # fmt: skip
    without = np.zeros((HEIGHT, WIDTH), dtype=bool)
    without[3:9, 5:11] = True
    for name, no_data in (("class", 0), ("probability", 255), ("unlikeness", 65535)):
        np.testing.assert_array_equal(layer(tmp_path / "map", name)[0] == no_data, without)
    assert (layer(tmp_path / "map", "clear_dates")[0][without] == 0).all()
    assert result.header.num_without_data == 36
    assert any("36 of 960 pixels have no clear date" in line for line in result.lines)


def test_fewer_bands_in_the_cube_are_said_and_used(place, tmp_path):
    root, _, _, scene = place
    write_scene(tmp_path / "cube.nc", scene.drop_vars("B05"))
    result = make_map(tmp_path, tmp_path / "map", classifier=root / "classifier",
                      weights=root / "weights.safetensors")  # fmt: skip
    assert any("without B05" in line for line in result.lines)
    truth = np.array(CROPS)[crop_of_pixels(HEIGHT, WIDTH)]
    names = np.array(result.header.class_names)
    assert (names[layer(tmp_path / "map", "class")[0] - 1] == truth).mean() > 0.9


def test_crops_alone_give_a_map_that_says_so(place, tmp_path):
    result = make_map(place[0], tmp_path / "map", classifier=None, crops=("wheat", "maize"))
    assert result.header.labels.startswith("no label was used")
    assert "unlikeness" not in result.header.layers
    assert result.header.class_names == ("maize", "wheat")


def test_a_stopped_map_goes_on_and_ends_with_the_same_bytes(place, mapped, tmp_path):
    root, _, _, scene = place
    write_scene(tmp_path / "cube.nc", scene)
    small = MapOptions(num_workers=1, block_pixels=100)
    out = tmp_path / "map"
    own = {"classifier": root / "classifier", "weights": root / "weights.safetensors",
           "every_probability": True}  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        make_map(tmp_path, out, **own, options=small, on_progress=_stop_after(2))
    assert not (out / "map.json").exists()
    with pytest.raises(OutputError, match="begun here"):
        make_map(tmp_path, out, **own)
    again = MapOptions(resume=True, num_workers=1)
    with pytest.raises(OutputError, match="another cube, classifier or option"):
        make_map(tmp_path, out, **own, cube_options=CubeOptions(cloud_measure="scl"), options=again)
    make_map(tmp_path, out, **own, options=again)
    assert layer(out, "probabilities").tobytes() == layer(mapped[0], "probabilities").tobytes()
    for name in ("class.tif", "entropy.tif", "map.json", "legend.csv"):
        assert (out / name).read_bytes() != b""
        assert (out / name).read_bytes() == (mapped[0] / name).read_bytes(), name


def _stop_after(number: int):
    def stop(done: int, total: int) -> None:
        assert total > number
        if done == number:
            raise KeyboardInterrupt

    return stop


def test_what_cannot_be_mapped_is_refused_before_anything_is_written(place, tmp_path):
    root, _, _, scene = place
    plain = scene.copy()
    plain.attrs = {}
    write_scene(tmp_path / "cube.nc", plain)
    arguments = {"classifier": root / "classifier", "weights": root / "weights.safetensors"}
    with pytest.raises(DataError, match="the CRS of the cube is not known"):
        make_map(tmp_path, tmp_path / "map", **arguments)
    with pytest.raises(DataError, match="another processing level"):
        make_map(root, tmp_path / "map", cube_options=CubeOptions(processing_level="L1C"))
    with pytest.raises(SettingsError, match="either --classifier or --crops"):
        make_map(root, tmp_path / "map", crops=("wheat", "maize"))
    with pytest.raises(SettingsError, match="--memory is too small"):
        make_map(root, tmp_path / "map", options=MapOptions(memory=0.2, num_workers=2))
    with pytest.raises(SettingsError, match="unknown crop"):
        make_map(root, tmp_path / "map", classifier=None, crops=("wheat", "xyz"))
    with pytest.raises(DataError, match="no image cube is recognised"):
        make_map(root, tmp_path / "map", cube="store")
    with pytest.raises(DataError, match="no classifier can be read here"):
        make_map(root, tmp_path / "map", classifier=root / "store")
    assert not (tmp_path / "map").exists()


def test_a_process_that_dies_is_replaced(place, mapped, tmp_path):
    """One worker process is killed while the map is drawn."""
    root = place[0]
    out = tmp_path / "map"
    script = (
        "import sys; from pathlib import Path\n"
        "from windrow.pipelines.maps.job import MapOptions, MapRequest\n"
        "from windrow.pipelines.maps.map_cube import map_cube\n"
        "root, out = Path(sys.argv[1]), sys.argv[2]\n"
        "if __name__ == '__main__':\n"
        "    request = MapRequest(root / 'cube.nc', classifier=root / 'classifier',\n"
        "                         weights=root / 'weights.safetensors', every_probability=True)\n"
        "    map_cube(request, out=out, options=MapOptions(num_workers=2, block_pixels=100))\n"
    )
    (tmp_path / "draw.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "draw.py"), str(root), str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    blocks = out / ".work" / "blocks"
    deadline = time.monotonic() + 120
    while not (blocks.is_dir() and any(blocks.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "spawn_main"],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    if children:
        os.kill(int(children[-1]), signal.SIGKILL)
    assert process.wait(timeout=200) == 0
    assert children, "no process was there to be killed"
    assert (out / "class.tif").read_bytes() == (mapped[0] / "class.tif").read_bytes()
