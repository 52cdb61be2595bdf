"""Colours and style files of maps."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from windrow.data.map_folder import MapClass
from windrow.mapping.style import class_colours, class_style, ramp_style

CROPS = ("water", "silage maize", "pasture", "winter wheat", "unheard of")


@given(number=st.integers(2, 254), seed=st.integers(0, 9))
def test_every_class_has_a_colour_of_its_own(number: int, seed: int) -> None:
    names = [f"class {index}" for index in range(number)]
    crops = {name: [CROPS[(seed + i) % 5]] for i, name in enumerate(names)}
    colours = class_colours(crops, names)
    assert list(colours) == names
    assert len(set(colours.values())) == len(names)
    for name, colour in colours.items():
        MapClass(value=1, name=name, colour=colour, num_pixels=0, crops=(), num_labelled=0)


def test_land_covers_look_like_themselves_in_every_map() -> None:
    known = class_colours({"Corn": ["silage maize"]}, ["Corn", "water", "built-up", "Other"])
    assert (known["water"], known["built-up"]) == ("#2b6cb0", "#7d7d7d")


def test_the_style_holds_value_name_and_colour_of_each_class() -> None:
    classes = [
        MapClass(value=1, name='A <"> &', colour="#102030", num_pixels=1, crops=(), num_labelled=0),
        MapClass(value=2, name="B", colour="#ffffff", num_pixels=1, crops=(), num_labelled=0),
    ]
    root = ElementTree.fromstring(class_style(classes))  # noqa: S314 (our own text)
    entries = [dict(one.attrib) for one in root.iter("paletteEntry")]
    assert [(e["value"], e["label"], e["color"]) for e in entries] == [
        ("1", 'A <"> &', "#102030"),
        ("2", "B", "#ffffff"),
    ]
    assert root.find("pipe/rasterrenderer").attrib["type"] == "paletted"


def test_layers_of_numbers_have_a_ramp_of_increasing_values() -> None:
    for name in ("probability", "entropy", "unlikeness", "clear_dates"):
        root = ElementTree.fromstring(ramp_style(name))  # noqa: S314 (our own text)
        values = [float(one.attrib["value"]) for one in root.iter("item")]
        assert values == sorted(values)
    assert ramp_style("probabilities") is None
