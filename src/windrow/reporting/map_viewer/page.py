"""Builds the page that shows a map: for the server, or as one file that holds everything."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from windrow.data.map_folder import MapHeader
from windrow.json_values import JsonSerializable

SCRIPTS = (
    "openlayers/ol.js",
    "source.js",
    "layers.js",
    "view.js",
    "charts.js",
    "details.js",
    "start.js",
)
"""Scripts in the order in which a page runs them."""

STYLES = ("openlayers/ol.css", "viewer.css")


@dataclass(frozen=True)
class _Part:
    """A style or a script: by its address, or by its text."""

    address: str | None = None
    text: Markup | None = None


@dataclass(frozen=True)
class MapPageData:
    """What a page of its own holds.

    Attributes:
        about: description of the map, as the server answers ``/about``.
        arrays: arrays by name, of uint8, uint16, uint32 or int16.
        beside: further JSON values by name: dates, bands, outlines and parcels.
    """

    about: JsonSerializable | Mapping[str, object]
    arrays: Mapping[str, npt.NDArray[Any]]
    beside: Mapping[str, object]


def page_files(
    header: MapHeader, *, title: str, notes: Sequence[str]
) -> dict[str, tuple[bytes, str]]:
    """Returns the files of the served page.

    Args:
        header: the map.
        title: title of the page.
        notes: sentences about the map and what is not shown.

    Returns:
        Content and media type by address; ``/`` is the page.
    """
    files = {f"/static/{name}": (_read(name), "text/javascript; charset=utf-8") for name in SCRIPTS}
    files |= {f"/static/{name}": (_read(name), "text/css; charset=utf-8") for name in STYLES}
    page = _render(
        header,
        title=title,
        notes=notes,
        styles=[_Part(address=f"/static/{name}") for name in STYLES],
        scripts=[_Part(address=f"/static/{name}") for name in SCRIPTS],
        policy=None,
        data=None,
    )
    return {"/": (page.encode(), "text/html; charset=utf-8"), **files}


def whole_page(header: MapHeader, content: MapPageData, *, title: str, notes: Sequence[str]) -> str:
    """Returns one page that holds map, scripts and styles, and asks no address.

    Args:
        header: the map.
        content: what the page shows.
        title: title of the page.
        notes: sentences about the map and what is not shown.
    """
    scripts, styles = [_text(name) for name in SCRIPTS], [_text(name) for name in STYLES]
    policy = (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    arrays = {name: _packed(values) for name, values in content.arrays.items()}
    data = json.dumps({"about": content.about, "arrays": arrays, **content.beside}, allow_nan=False)
    # '<' ends no script in this form, and is the same letter to JSON.
    data = data.replace("<", "\\u003c")
    return _render(
        header,
        title=title,
        notes=notes,
        styles=[_Part(text=Markup(text)) for text in styles],  # noqa: S704 our own files
        scripts=[_Part(text=Markup(text)) for text in scripts],  # noqa: S704
        policy=policy,
        data=Markup(data),  # noqa: S704 JSON without '<'
    )


def _render(
    header: MapHeader,
    *,
    title: str,
    notes: Sequence[str],
    styles: Sequence[_Part],
    scripts: Sequence[_Part],
    policy: str | None,
    data: Markup | None,
) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_read("page.html.j2").decode())
    shape = f"{header.grid.height:,} x {header.grid.width:,} pixels"
    return template.render(
        title=title,
        summary=f"{len(header.classes)} classes, {shape}, {header.num_dates} Sentinel-2 dates"
        f" from {header.first_date} to {header.last_date}",
        notes=[f"Labels: {header.labels}.", *notes, f"Written by {header.software}."],
        styles=styles,
        scripts=scripts,
        policy=policy,
        data=data,
    )


def _packed(values: npt.NDArray[Any]) -> dict[str, object]:
    # The bytes of a page must not depend on the time: gzip would write it into its header.
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    packed = gzip.compress(little.tobytes(), compresslevel=6, mtime=0)
    return {
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "data": base64.b64encode(packed).decode("ascii"),
    }


def _hashes(texts: Sequence[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)


def _read(name: str) -> bytes:
    return resources.files("windrow.reporting.map_viewer").joinpath(name).read_bytes()


def _text(name: str) -> str:
    """Reads a style or script that is put into a page.

    No file of ours holds the end of a script; it would end the element too early.
    """
    text = _read(name).decode()
    assert "</script" not in text
    assert "</style" not in text
    return text
