"""The page of a map: whole, safe, and without an address outside."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pytest

from map_factory import write_small_map
from windrow.reporting.map_viewer.page import SCRIPTS, STYLES, MapPageData, page_files, whole_page

SPITEFUL = "wheat</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def header(tmp_path_factory):
    classes = np.ones((3, 4), dtype=np.uint8)
    return write_small_map(
        tmp_path_factory.mktemp("page") / "map", classes, names=(SPITEFUL, "maize")
    )


@pytest.fixture(scope="module")
def page(header):
    arrays = {
        "values": np.arange(36, dtype=np.uint8).reshape(3, 3, 4),
        "reflectance": np.array([[[-32768, 5]]], dtype=np.int16),
    }
    about = {"classes": [{"name": SPITEFUL}]}
    data = MapPageData(about, arrays, {"dates": {}, "bands": ["B04", "B08"]})
    return whole_page(header, data, title=f"map {SPITEFUL}", notes=[f"note {SPITEFUL}"]), arrays


class Elements(HTMLParser):
    """Scripts, styles and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self.addresses: list[str] = []
        self.policy = ""
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag in ("script", "style"):
            self._open = (tag, given)

    def handle_data(self, data):
        if self._open is not None:
            self.texts.append((*self._open, data))

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._open = None


def test_the_policy_allows_exactly_the_scripts_and_styles_of_the_page(page):
    found = Elements(page[0])
    for kind, number in (("script", len(SCRIPTS)), ("style", len(STYLES))):
        texts = [
            text for tag, given, text in found.texts
            if tag == kind and given.get("type") != "application/json"
        ]  # fmt: skip
        assert len(texts) == number
        directive = re.search(rf"{kind}-src ([^;]+);", found.policy)
        assert directive is not None
        hashes = {
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in texts
        }
        assert set(directive.group(1).split()) == hashes
    assert found.policy.startswith("default-src 'none'")
    assert "connect-src" not in found.policy


def test_the_page_names_no_address_outside(page):
    assert set(Elements(page[0]).addresses) == {"#details", "data:,"}


def test_names_of_classes_cannot_leave_their_place(page):
    text = page[0]
    assert "alert(1)</script>" not in text
    assert text.count("<script") == len(SCRIPTS) + 1


def test_arrays_come_back_from_the_page(page):
    text, arrays = page
    data = next(
        json.loads(text_)
        for tag, given, text_ in Elements(text).texts
        if given.get("id") == "map-data"
    )
    assert data["about"]["classes"][0]["name"] == SPITEFUL
    for name, values in arrays.items():
        packed = data["arrays"][name]
        raw = gzip.decompress(base64.b64decode(packed["data"]))
        found = np.frombuffer(raw, packed["dtype"]).reshape(packed["shape"])
        np.testing.assert_array_equal(found, values)


def test_equal_maps_are_equal_pages(header, page):
    arrays = page[1]
    data = MapPageData(
        {"classes": [{"name": SPITEFUL}]}, arrays, {"dates": {}, "bands": ["B04", "B08"]}
    )
    again = whole_page(header, data, title=f"map {SPITEFUL}", notes=[f"note {SPITEFUL}"])
    assert again == page[0]


def test_the_served_page_asks_for_its_own_files_alone(header):
    files = page_files(header, title="map", notes=["a note"])
    found = Elements(files["/"][0].decode())
    own = {address for address in found.addresses if address.startswith("/")}
    assert own == files.keys() - {"/"}
    assert not [text for _, _, text in found.texts if text.strip()]  # nothing inline
    assert "<em>" not in files["/"][0].decode()


def test_every_control_has_a_name(header):
    text = page_files(header, title="map", notes=[])["/"][0].decode()
    assert '<html lang="en">' in text
    for name in re.findall(r'<input[^>]*type="range"[^>]*id="([^"]+)"', text):
        assert f'<label for="{name}">' in text
    assert 'role="status" aria-live="polite"' in text


def test_openlayers_keeps_its_licences():
    folder = resources.files("windrow.reporting.map_viewer").joinpath("openlayers")
    licence = folder.joinpath("LICENSE").read_text(encoding="utf-8")
    for text in ("OpenLayers 10.11.0", "BSD 2-Clause", "rbush", "MIT License", "ISC License"):
        assert text in licence
    assert "10.11.0" in folder.joinpath("README.md").read_text(encoding="utf-8")
