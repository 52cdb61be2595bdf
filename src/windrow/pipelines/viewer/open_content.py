"""Opens a map for looking at: the map, its cube, its classifier, weights and parcels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from windrow.classifiers.mix import MixSettings
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS
from windrow.data.map_folder import MapHeader, read_map_header
from windrow.errors import DataError, SettingsError
from windrow.pipelines.maps.job import MapRequest, Prepared, fit, prepare
from windrow.pipelines.viewer.content import Beside, MapContent
from windrow.pipelines.viewer.outlines import Outlines
from windrow.pipelines.viewer.predicted_planetscope import PredictedPlanetScope
from windrow.pipelines.viewer.scene_pixels import ScenePixels
from windrow.pipelines.viewer.season import Season
from windrow.smoke_test import smoke_test_lines
from windrow.sources.cubes.open_cube import open_cube
from windrow.sources.reader import CubeOptions

_CLEAR_BELOW = 102
"""Cloud probability 0..255 of a clear date where no classifier says it; that of windrow-1."""


@dataclass(frozen=True)
class ViewRequest:
    """What is looked at.

    Attributes:
        folder: the map.
        cube: the cube that the map was made of; None shows the layers alone.
        cube_options: how to read the cube, where it should not be detected.
        classifier: the classifier that the map was made by.
        mix: how voters are mixed, for the probabilities of a map that was made without labels.
        weights: weights of the place network.
        planetscope_weights: run directory of bi-modal BERT.
        parcels: polygons in any CRS.
        layer: the layer of a file of parcels that holds several.
    """

    folder: str | Path
    cube: str | Path | None = None
    cube_options: CubeOptions = field(default_factory=CubeOptions)
    classifier: str | Path | None = None
    mix: MixSettings | None = None
    weights: str | Path = DEFAULT_WEIGHTS
    planetscope_weights: str | Path | None = None
    parcels: str | Path | None = None
    layer: str | None = None


def open_content(
    request: ViewRequest, *, on_progress: Callable[[int, int], None] | None = None
) -> MapContent:
    """Opens all that was given, and checks that it belongs together.

    The classifier is shown the scene as ``windrow map`` shows it, so that the probabilities at the
    end of the season are those of the map.

    Args:
        request: what is looked at.
        on_progress: called with the steps done and their number.

    Raises:
        SettingsError: an option needs another one.
        WindrowError: something cannot be read, or does not belong to the map.
    """
    advance = on_progress or (lambda done, total: None)
    header = read_map_header(request.folder)
    if request.cube is None:
        for name, value in (
            ("--classifier", request.classifier),
            ("--planetscope-weights", request.planetscope_weights),
        ):
            if value is not None:
                raise SettingsError(f"{name} needs the series of the pixels", hint="give --cube")
    outlines = None
    if request.parcels is not None:
        outlines = Outlines(request.parcels, header, layer=request.layer)
    elif request.layer is not None:
        raise SettingsError("--layer without parcels", hint="give --parcels")
    notes = [] if outlines is None else [f"parcels: {each}" for each in outlines.lines]
    if request.cube is None:
        notes.append("no cube was given: there is no picture in true colours, and no series")
        return MapContent(request.folder, header, Beside(outlines=outlines, notes=notes))
    advance(1, 3)
    scene, season = _open_scene(request, header, notes)
    advance(2, 3)
    planetscope = None
    if request.planetscope_weights is None:
        notes.append("no weights of bi-modal BERT were given: no predicted PlanetScope series")
    else:
        planetscope = PredictedPlanetScope(request.planetscope_weights, scene.facts)
        origin = "simulated pairs of sensors" if planetscope.simulated else "pairs of sensors"
        notes.append(f"PlanetScope is predicted, not seen, by weights pre-trained on {origin}")
        notes += smoke_test_lines(planetscope.smoke_test)
    if not scene.has_picture:
        notes.append("the cube lacks a band of B04 B03 B02: there is no picture in true colours")
    advance(3, 3)
    return MapContent(request.folder, header, Beside(scene, season, planetscope, outlines, notes))


def _open_scene(
    request: ViewRequest, header: MapHeader, notes: list[str]
) -> tuple[ScenePixels, Season | None]:
    assert request.cube is not None
    by_crops = not any(each.num_labelled for each in header.classes)
    if request.classifier is None and not (by_crops and request.mix is not None):
        notes.append("no classifier was given: no probabilities through the season")
        cube = open_cube(Path(request.cube), request.cube_options.for_ingest())
        return ScenePixels(cube, header, clear_below=_CLEAR_BELOW), None
    wanted = MapRequest(
        request.cube,
        classifier=request.classifier,
        crops=header.class_names if request.classifier is None else (),
        mix=request.mix,
        cube_options=request.cube_options,
        weights=request.weights,
    )
    prepared = prepare(wanted)
    _check_classifier(prepared, request, header)
    scene = ScenePixels(prepared.cube, header, clear_below=prepared.encoder.header.clear_below)
    notes += smoke_test_lines(prepared.encoder.smoke_test)
    fitted = fit(prepared, wanted)
    if fitted.classes != header.class_names:
        raise DataError(
            "the classifier has other classes than the map",
            where=request.classifier,
            found=", ".join(fitted.classes),
            expected=", ".join(header.class_names),
        )
    return scene, Season(fitted, prepared.cube.facts)


def _check_classifier(prepared: Prepared, request: ViewRequest, header: MapHeader) -> None:
    if prepared.encoder.content_hash != header.weights_hash:
        raise DataError(
            "the map was made with other weights of the place network",
            where=request.weights,
            found=f"weights {prepared.encoder.content_hash[:12]}",
            expected=f"weights {header.weights_hash[:12]}",
            hint="give those with --weights",
        )
    if prepared.fingerprint != header.classifier_hash:
        raise DataError(
            "the map was made by another classifier",
            where=request.classifier or request.folder,
            found=f"classifier {prepared.fingerprint[:12]}",
            expected=f"classifier {header.classifier_hash[:12]}",
            hint="give the classifier of the map with --classifier, or leave it out",
        )
