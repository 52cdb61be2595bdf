"""Colours of classes, and the style files that QGIS reads beside a layer."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import quoteattr

from windrow.data.map_folder import LayerName, MapClass

_NATURAL = {
    "broad-leaved forest": "#2f6b2f",
    "needle forest": "#17452b",
    "shrub": "#8f9a5a",
    "wetland": "#5f9ea0",
    "water": "#2b6cb0",
    "bare ground": "#c9b79c",
    "built-up": "#7d7d7d",
    "mown meadow": "#8fce5a",
    "pasture": "#b5d99c",
    "grassland never mown": "#6fa84f",
    "winter wheat": "#e6b422",
    "spring wheat": "#f0cf65",
    "winter barley": "#c98a1b",
    "spring barley": "#e3ab5b",
    "silage maize": "#e4572e",
    "grain maize": "#b5341c",
    "winter rapeseed": "#f7e600",
    "sunflower": "#ff9f1c",
    "sugar beet": "#a23b72",
    "potato": "#7b4fa3",
    "alfalfa": "#3aa17e",
    "clover grass": "#57c2a0",
    "rice": "#4cc9f0",
    "cotton": "#f2e3f5",
    "fallow": "#a68a64",
    "vineyard": "#7a1f4d",
}
"""Colours of frequent crops and land covers, so that maps of different places look alike."""

_OTHERS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c510a", "#5e3c99", "#1b9e77",
    "#e7298a", "#66a61e", "#a6761d", "#1f78b4", "#fb9a99", "#b2df8a", "#6a3d9a", "#ffff99",
)  # fmt: skip

_RAMPS: dict[LayerName, tuple[float, tuple[tuple[float, str], ...]]] = {
    "probability": (100.0, ((0, "#440154"), (50, "#21918c"), (75, "#5ec962"), (100, "#fde725"))),
    "entropy": (100.0, ((0, "#fcfdbf"), (50, "#b73779"), (100, "#000004"))),
    "unlikeness": (300.0, ((0, "#fff7ec"), (100, "#fdbb84"), (300, "#7f0000"))),
    "clear_dates": (40.0, ((0, "#ffffff"), (10, "#a6bddb"), (40, "#045a8d"))),
}
"""Largest stored number of a colour ramp, and its stops."""


def class_colours(crops: Mapping[str, Sequence[str]], classes: Sequence[str]) -> dict[str, str]:
    """Chooses a colour for each class.

    Args:
        crops: names of the simulator's crops by class, where known.
        classes: names of the classes, in their order.

    Returns:
        Colours as ``#rrggbb`` by class, all different.

    Example:
        >>> class_colours({"Corn": ["silage maize"]}, ["Corn", "Other"])
        {'Corn': '#e4572e', 'Other': '#0072b2'}
    """
    chosen: dict[str, str] = {}
    for name in classes:
        named = (*crops.get(name, ()), name)  # a land cover is named as in the table
        own = next((_NATURAL[crop] for crop in named if crop in _NATURAL), None)
        if own is not None and own not in chosen.values():
            chosen[name] = own
    free = [colour for colour in _OTHERS if colour not in chosen.values()]
    for number, name in enumerate(one for one in classes if one not in chosen):
        chosen[name] = free[number] if number < len(free) else _wheel(number)
    return {name: chosen[name] for name in classes}


def _wheel(number: int) -> str:
    """Chooses a colour by the golden angle; the lightness falls, so that none comes twice."""
    turn = (number * 0.618034) % 1.0
    red, green, blue = colorsys.hls_to_rgb(turn, 0.75 - 0.0015 * number, 0.65)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def class_style(classes: Sequence[MapClass]) -> str:
    """Writes the QGIS style of the class layer, which QGIS takes from the file beside it."""
    entries = "\n".join(
        f'        <paletteEntry value="{each.value}" label={quoteattr(each.name)}'
        f' color="{each.colour}" alpha="255"/>'
        for each in classes
    )
    return _document(
        '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">\n'
        f"      <colorPalette>\n{entries}\n      </colorPalette>\n    </rasterrenderer>"
    )


def ramp_style(name: LayerName) -> str | None:
    """Writes the QGIS style of a layer of numbers; None where the layer has none."""
    if name not in _RAMPS:
        return None
    largest, stops = _RAMPS[name]
    items = "\n".join(
        f'            <item value="{value:g}" label="{value:g}" color="{colour}" alpha="255"/>'
        for value, colour in stops
    )
    return _document(
        '<rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1"'
        f' nodataColor="" classificationMin="0" classificationMax="{largest:g}">\n'
        "      <rastershader>\n"
        '        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0"'
        f' minimumValue="0" maximumValue="{largest:g}">\n{items}\n'
        "        </colorrampshader>\n      </rastershader>\n    </rasterrenderer>"
    )


def _document(renderer: str) -> str:
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.28" styleCategories="Symbology">\n  <pipe>\n    '
        f"{renderer}\n  </pipe>\n  <blendMode>0</blendMode>\n</qgis>\n"
    )
