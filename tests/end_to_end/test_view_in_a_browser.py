"""The viewer in a real browser: headless Chromium, driven by Playwright."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import rasterio
import xarray

from scene_factory import BANDS, CLOUDY
from series_factory import make_series
from viewed_map import HEIGHT, PARCELS, WIDTH, make_viewed_map
from windrow.cli import main
from windrow.data.map_folder import read_map_header
from windrow.data.store.zarr_store import write_store
from windrow.experiments.recipes.pretraining import any_day, tiny
from windrow.pipelines.pretrain import pretrain
from windrow.training.execution import ExecutionSettings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
if CHROMIUM is None:
    pytest.skip("no Chromium: 'apt-get install chromium'", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright")

READY = "body[data-ready]"


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    """A map with everything beside it, weights of bi-modal BERT too."""
    root = make_viewed_map(tmp_path_factory.mktemp("browser"))
    store = make_series(40, bands=BANDS)
    write_store(root / "pairs", store, provenance={"source": "test"})
    recipe = any_day(tiny())
    plain = ExecutionSettings(precision="float32")
    pretrain(recipe, root / "pairs", root / "run", execution=plain)
    return root


def words(root: Path) -> list[str]:
    """The words of the command that shows everything."""
    return [
        "view", str(root / "map"), "--cube", str(root / "cube.nc"),
        "--classifier", str(root / "classifier"), "--weights", str(root / "weights.safetensors"),
        "--planetscope-weights", str(root / "run"), "--parcels", str(root / "parcels.gpkg"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def address(viewed):
    """The address of the served map; the command runs as a process of its own."""
    command = [sys.executable, "-m", "windrow", *words(viewed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = None
        for line in process.stdout:
            found = re.match(r"http://127\.0\.0\.1:\d+/", line)
            if found:
                break
        assert found is not None, "the command ended"
        yield found.group()
        process.terminate()


@pytest.fixture(scope="module")
def written(viewed):
    """The page of its own."""
    main([*words(viewed), "--page", str(viewed / "page.html")])
    return (viewed / "page.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # Containers run as root, where Chromium's sandbox does not start.
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


class Seen:
    """An open page, and everything that it asked for or complained of."""

    def __init__(self, browser, url: str) -> None:
        self.page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector(READY)

    def status(self, pattern: str) -> str:
        """The text of the status line once it matches."""
        self.page.wait_for_function(
            "pattern => new RegExp(pattern).test(document.getElementById('status').textContent)",
            arg=pattern,
        )
        return str(self.page.inner_text("#status"))

    def place(self, row: float, column: float) -> tuple[float, float]:
        """Where a pixel of the map lies in the window."""
        x, y = self.page.evaluate(
            """([row, column]) => windrowViewer.view.map.getPixelFromCoordinate(
                [column * 10, -row * 10])""",
            [row, column],
        )
        box = self.page.locator("#map").bounding_box()
        return box["x"] + x, box["y"] + y

    def click(self, row: float, column: float) -> None:
        """Clicks on a place of the map, in rows and columns."""
        # Two clicks within a quarter of a second are one double click, which zooms.
        self.page.wait_for_timeout(300)
        self.page.mouse.click(*self.place(row, column))

    def colours(self, places: list[tuple[int, int]]) -> np.ndarray:
        """The colours 0..255 on the screen at the centres of pixels."""
        self.page.wait_for_timeout(500)
        image = matplotlib.image.imread(io.BytesIO(self.page.screenshot()), format="png")
        points = [self.place(row + 0.5, column + 0.5) for row, column in places]
        return np.rint(255 * np.array([image[int(y), int(x), :3] for x, y in points]))


@pytest.fixture(params=["served", "written"])
def seen(request, browser, viewed):
    url = request.getfixturevalue("address" if request.param == "served" else "written")
    found = Seen(browser, url)
    yield found
    found.page.close()
    assert found.complaints == []
    # No address outside is asked: the server alone, or nothing but the file.
    own = url if request.param == "served" else "data:"
    assert all(each == url or each.startswith((own, "data:")) for each in found.asked)
    assert request.param == "served" or found.asked == [url]


@pytest.fixture(scope="module")
def header(viewed):
    return read_map_header(viewed / "map")


def layer(viewed, name):
    with rasterio.open(viewed / "map" / f"{name}.tif") as source:
        return source.read(1)


def class_alone(seen) -> None:
    """Shows the class layer at full opacity, and nothing else."""
    seen.page.uncheck("#layer-picture")
    seen.page.uncheck("#layer-outlines")
    seen.page.fill("#opacity-class", "100")


def places_of(mask: np.ndarray, number: int) -> list[tuple[int, int]]:
    found = np.argwhere(mask)
    chosen = found[np.linspace(0, len(found) - 1, number).astype(int)]
    return [(int(row), int(column)) for row, column in chosen]


def rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def test_pixels_have_the_colours_of_their_classes(seen, viewed, header):
    class_alone(seen)
    classes = layer(viewed, "class")
    places = places_of(classes > 0, 40)
    expected = [rgb(header.classes[classes[place] - 1].colour) for place in places]
    np.testing.assert_allclose(seen.colours(places), expected, atol=1)


def test_layers_lie_over_each_other_with_their_opacity(seen, viewed, header):
    class_alone(seen)
    places = places_of(layer(viewed, "class") > 0, 10)
    below = seen.colours(places)
    seen.page.check("#layer-probability")
    seen.page.fill("#opacity-probability", "100")
    above = seen.colours(places)
    seen.page.fill("#opacity-probability", "50")
    np.testing.assert_allclose(seen.colours(places), (below + above) / 2, atol=2)
    seen.page.check("#layer-unlikeness")
    seen.page.fill("#opacity-unlikeness", "0")
    np.testing.assert_allclose(seen.colours(places), (below + above) / 2, atol=2)


def test_true_colours_are_shown(seen):
    seen.page.uncheck("#layer-outlines")
    seen.status("picture in true colours is there|Choose a pixel")
    seen.page.uncheck("#layer-class")
    seen.page.wait_for_timeout(1500)
    places = [(row, column) for row in (2, 12, 20) for column in (3, 14, 33)]
    assert len(np.unique(seen.colours(places), axis=0)) > 5


def test_the_filter_hides_unsure_pixels_and_counts_the_others(seen, viewed, header):
    class_alone(seen)
    classes, percent = layer(viewed, "class"), layer(viewed, "probability")
    least = int(np.median(percent[percent < 255]))
    seen.page.fill("#least", str(least))
    hidden, shown = places_of(percent < least, 10), places_of(percent >= least, 10)
    background = seen.colours([(-1, 5)])[0]
    np.testing.assert_allclose(seen.colours(hidden), np.tile(background, (10, 1)), atol=1)
    assert (np.abs(seen.colours(shown) - background).max(axis=1) > 5).all()
    for each in header.classes:
        cells = seen.page.locator(f"tr:has(#class-{each.value}) td").all_inner_texts()
        count = int(((classes == each.value) & (percent >= least)).sum())
        areas = [float(text.split()[0]) for text in cells]
        assert areas == pytest.approx([each.num_pixels / 100, count / 100], abs=0.051)
    seen.page.uncheck(f"#class-{header.classes[0].value}")
    gone = places_of(classes == header.classes[0].value, 5)
    np.testing.assert_allclose(seen.colours(gone), np.tile(background, (5, 1)), atol=1)


def test_a_click_shows_all_that_is_known_of_a_pixel(seen, viewed, header):
    row, column = 9, 21
    seen.click(row + 0.5, column + 0.5)
    name = header.classes[layer(viewed, "class")[row, column] - 1].name
    percent = layer(viewed, "probability")[row, column]
    text = seen.status(f"Pixel in row {row}, column {column}: ")
    assert f"{name}, confidence {percent} %" in text
    page = seen.page
    assert page.locator("#details h3").all_inner_texts() == [
        "Sentinel-2 series", "Probabilities through the season", "Nearest labelled fields",
    ]  # fmt: skip
    with xarray.open_dataset(viewed / "cube.nc") as cube:
        red, near, scl = (cube[band].values[:, row, column] for band in ("B04", "B08", "SCL"))
        dates = cube.time.values.astype("M8[D]").astype(str)
    red, near = red.astype(float), near.astype(float)
    page.click("text=Table of the series")
    rows = page.locator("details[open] tbody tr").all_inner_texts()
    cells = [each.split("\t") for each in rows]
    assert [each[0] for each in cells] == dates.tolist()
    ndvi = [float(each[1]) for each in cells]
    assert ndvi == pytest.approx(((near - red) / (near + red)).tolist(), abs=6e-4)
    assert [each[2] == "cloudy" for each in cells] == (scl == CLOUDY).tolist()
    page.click("text=Table of the probabilities")
    last = page.locator("table:has(caption:text('at its end')) tbody tr").last.inner_text()
    assert f"{percent} %" in last
    assert page.locator("svg.chart").count() == 3
    assert page.locator("svg.chart path.predicted").count() == 1
    page.select_option("#series-value", "B02")
    assert page.locator("svg.chart path.predicted").count() == 1
    page.select_option("#series-value", "B11")  # PlanetScope has no such band
    assert page.locator("svg.chart path.predicted").count() == 0


def test_a_click_shows_a_parcel(seen):
    seen.page.check("#choose-parcel")
    left, top, right, bottom = PARCELS["north"]
    seen.click((top + bottom) / 2, (left + right) / 2)
    seen.status("Parcel north: ")
    assert str((right - left) * (bottom - top)) in seen.page.inner_text("#details dl")
    assert seen.page.locator("svg.chart").count() == 3
    seen.click(15.5, 30.5)
    seen.status("There is no parcel here")


def test_the_keyboard_is_enough(seen):
    page = seen.page
    page.focus("#map")
    page.keyboard.press("Enter")
    seen.status(rf"Pixel in row {HEIGHT // 2}, column {WIDTH // 2}: ")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(600)
    page.keyboard.press("Enter")
    seen.status(r"Pixel in row 12, column (2[1-9]|3\d): ")
    page.fill("#row", "3")
    page.fill("#column", "4")
    page.keyboard.press("Tab")
    seen.status("Pixel in row 3, column 4: ")
    page.focus("#row")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    seen.status("Pixel in row 4, column 4: ")
    page.fill("#row", "99")
    page.keyboard.press("Tab")
    seen.status("Rows go from 0 to 23, columns from 0 to 39")
    # Every control is reached by Tab, in the order of the page.
    page.focus(".skip")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {
        "layer-class",
        "opacity-class",
        "least",
        "most",
        "class-1",
        "row",
        "go",
        "map",
    } <= reached


def test_screen_readers_find_a_name_for_every_control(seen):
    seen.click(5.5, 5.5)
    seen.status("Pixel in row 5")
    session = seen.page.context.new_cdp_session(seen.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"checkbox", "slider", "button", "spinbutton", "combobox", "radio", "image", "table"}
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and node.get("role", {}).get("value") in roles
    ]
    assert {role for role, _ in found} >= roles - {"image", "table"}
    assert [role for role, name in found if not name.strip()] == []
    live = [node for node in nodes if node.get("role", {}).get("value") == "status"]
    assert len(live) == 1
    session.detach()


def test_zooming_shows_the_same_classes(seen, viewed, header):
    class_alone(seen)
    seen.page.focus("#map")
    for _ in range(3):
        seen.page.keyboard.press("+")
        seen.page.wait_for_timeout(400)
    classes = layer(viewed, "class")
    places = [(HEIGHT // 2 + row, WIDTH // 2 + column) for row in (-2, 0, 1) for column in (-2, 1)]
    expected = [rgb(header.classes[classes[place] - 1].colour) for place in places]
    np.testing.assert_allclose(seen.colours(places), expected, atol=1)
