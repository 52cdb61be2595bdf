"""``windrow sample``: pixels of a map for somebody to interpret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError


@dataclass(frozen=True)
class Sample:
    """Draws a stratified random sample of a map: points whose class somebody has to find out.

    Fill in the column 'class', then run 'windrow area'.
    """

    map: Annotated[Path, tyro.conf.Positional]
    """The folder that 'windrow map' wrote."""
    size: int
    """Number of points."""
    out: Path
    """The file to write: .gpkg, .geojson, .csv or .parquet; must not exist."""
    allocation: Literal["proportional", "equal", "neyman"] = "proportional"
    """How points are divided among the classes of the map. 'neyman' gives more to classes of which
    less accuracy is expected."""
    min_per_class: int = 50
    """Least number of points of a class of the map."""
    expected_accuracy: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CLASS=SHARE ...")] = ()
    """Expected user's accuracy of classes, such as wheat=0.9; by default the mean probability of
    the class in the map."""
    show_map_class: bool = False
    """Write the class of the map too. Interpretation is then no longer blind."""
    seed: int = 0
    """Every random draw follows from it."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow sample``."""
    options = parse(Sample, arguments, prog="windrow sample")
    from windrow.pipelines.sample import SampleDesign, sample_map

    design = SampleDesign(
        size=options.size,
        allocation=options.allocation,
        min_per_class=options.min_per_class,
        expected_accuracy=dict(map(_pair, options.expected_accuracy)),
        show_map_class=options.show_map_class,
        seed=options.seed,
    )
    with progress("reading the map", "rows") as advance:
        found = sample_map(options.map, design, out=options.out, on_progress=advance)
    rows = zip(
        found.classes, found.num_pixels, found.num_samples, found.expected_accuracy, strict=True
    )
    for name, pixels, number, expected in rows:
        rest = f", expected accuracy {expected:.2f}" if pixels else ""
        print(f"{name}: {number} of {pixels:,} pixels{rest}")
    if found.num_without_data:
        print(f"{found.num_without_data:,} pixels without data belong to no stratum")
    print(f"expected standard error of the overall accuracy: {found.standard_error:.4f}")
    print(options.out)


def _pair(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise SettingsError(
            "--expected-accuracy cannot be read", found=text, expected="CLASS=0.8"
        ) from None
