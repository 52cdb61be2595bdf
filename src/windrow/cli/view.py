"""``windrow view``: looks at a crop map in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError
from windrow.sources.reader import CubeOptions

if TYPE_CHECKING:
    from windrow.pipelines.viewer.content import MapContent


@dataclass(frozen=True)
class View:
    """Shows a crop map in a browser, with what is known of each pixel.

    The map is served to this machine alone until Ctrl-C, or written into one HTML file.
    """

    map: Annotated[Path, tyro.conf.Positional]
    """The folder that 'windrow map' wrote."""
    cube: Path | None = None
    """The cube that the map was made of: adds true colours and the series of each pixel."""
    classifier: Path | None = None
    """The classifier that the map was made by: adds the probabilities through the season and the
    nearest labelled fields. A map that was made without labels needs none."""
    planetscope_weights: Path | None = None
    """The run directory of 'windrow pretrain': adds the predicted PlanetScope series."""
    parcels: Path | None = None
    """Polygons to draw and choose, in any CRS: GeoPackage, GeoJSON, Shapefile, GeoParquet."""
    layer: str | None = None
    """The layer of a file of parcels that holds several."""
    port: int = 0
    """The port to serve at; 0 takes a free one."""
    page: Path | None = None
    """Write one HTML file instead, for maps of at most 20,000 pixels; must not exist."""
    weights: str = "windrow-1"
    """Weights of the map's classifier: a run directory, a .safetensors file, or a name."""
    options: Annotated[CubeOptions, tyro.conf.arg(name="")] = field(default_factory=CubeOptions)
    """How to read the cube, where it should not be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow view``."""
    chosen = parse(View, arguments, prog="windrow view")
    if not 0 <= chosen.port <= 65_535:
        raise SettingsError("--port is out of range", found=chosen.port, expected="0 to 65535")
    from windrow.data.map_folder import read_map_header
    from windrow.experiments.recipes.classifier import mix
    from windrow.files import check_output
    from windrow.pipelines.viewer.embedded import check_page_size
    from windrow.pipelines.viewer.open_content import ViewRequest, open_content

    if chosen.page is not None:
        if chosen.port:
            raise SettingsError("--port concerns the served map", hint="leave it or --page out")
        check_page_size(read_map_header(chosen.map))
        check_output(chosen.page, inputs=[chosen.map], suffixes=(".html",))
    with progress("opening the map", "steps") as advance:
        content = open_content(
            ViewRequest(
                chosen.map,
                cube=chosen.cube,
                cube_options=chosen.options,
                classifier=chosen.classifier,
                mix=mix(),
                weights=chosen.weights,
                planetscope_weights=chosen.planetscope_weights,
                parcels=chosen.parcels,
                layer=chosen.layer,
            ),
            on_progress=advance,
        )
    print("\n".join(content.beside.notes))
    if chosen.page is not None:
        _write_page(content, chosen.page)
    else:
        _serve(content, chosen.port)


def _write_page(content: MapContent, target: Path) -> None:
    from windrow.files import write_text
    from windrow.pipelines.viewer.embedded import embed_map
    from windrow.reporting.map_viewer.page import MapPageData, whole_page

    with progress("collecting the series", "pixels") as advance:
        found = embed_map(content, on_progress=advance)
    data = MapPageData(
        found.about,
        found.arrays,
        {
            "dates": found.dates,
            "bands": found.bands,
            "outlines": found.outlines,
            "parcels": found.parcels,
        },
    )
    about = content.about()
    text = whole_page(content.header, data, title=about["title"], notes=about["notes"])
    write_text(target, text)
    print(f"{len(text.encode()) / 1e6:.1f} MB in one file, which asks no address")
    print(target)


def _serve(content: MapContent, port: int) -> None:
    from windrow.pipelines.viewer.server import MapServer, PageFile
    from windrow.reporting.map_viewer.page import page_files

    about = content.about()
    files = page_files(content.header, title=about["title"], notes=about["notes"])
    page = {address: PageFile(*file) for address, file in files.items()}
    with MapServer(content, page, port=port) as server:
        print(f"{server.url}  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")
