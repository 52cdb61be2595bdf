"""The report of a run: one HTML file that needs nothing else to be read.

It reads what is on disk and never a model, so that it can be made again anywhere, at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2

from windrow.files import write_text
from windrow.reporting.origin import origin_known, simulated_parts
from windrow.reporting.reading import read_run
from windrow.reporting.records import Run
from windrow.reporting.sections import KeyFigure, Section, key_figures, make_sections
from windrow.reporting.style import plain
from windrow.version import __version__

REPORT_NAME = "report.html"

SUBTITLE = "Report of a windrow run: Sentinel-2 time series, pre-trained against PlanetScope."


def write_report(run: Path) -> Path:
    """Writes ``report.html`` into a run directory and returns its path.

    The page is one file with all figures inside it; it loads nothing and runs no script. The
    same contents give the same bytes. Parts that are absent are named at its end.

    Args:
        run: what pretrain, fewshot or demo wrote; a demo folder holds ``pretraining`` and
            ``fewshot`` folders.

    Raises:
        DataError: the path is no run directory, or one of its files is damaged.
        OutputError: the page cannot be written.
    """
    folder = Path(run)
    path = folder / REPORT_NAME
    write_text(path, render_report(read_run(folder)))
    return path


def render_report(run: Run) -> str:
    """The page as text."""
    return render_page(
        name=plain(run.path.resolve().name, 80),
        subtitle=SUBTITLE,
        simulated=simulated_parts(run),
        origin_known=origin_known(run),
        key_figures=key_figures(run),
        sections=make_sections(run),
        missing=run.missing,
    )


def render_page(
    *,
    name: str,
    subtitle: str,
    simulated: Sequence[str],
    origin_known: bool,
    key_figures: Sequence[KeyFigure],
    sections: Sequence[Section],
    missing: Sequence[str] = (),
) -> str:
    """A page of key figures and sections.

    Args:
        name: title of the page.
        subtitle: the line below it.
        simulated: what no satellite ever saw, in words; stands in the banner.
        origin_known: whether it is known what is real and what simulated.
        key_figures: numbers at the head.
        sections: the parts, in order.
        missing: parts that are not there.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    source = resources.files("windrow.reporting").joinpath("report.html.j2")
    template = environment.from_string(source.read_text(encoding="utf-8"))
    return template.render(
        name=name,
        subtitle=subtitle,
        version=__version__,
        simulated=simulated,
        origin_known=origin_known,
        key_figures=key_figures,
        sections=sections,
        missing=missing,
    )
