"""Renders an HTML page of key figures and sections as one self-contained file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources

import jinja2
from markupsafe import Markup

from windrow.reporting.tables import Matrix, Table
from windrow.smoke_test import SMOKE_TEST
from windrow.version import __version__

REPORT_NAME = "report.html"


@dataclass(frozen=True)
class Drawing:
    """A figure and its caption."""

    svg: Markup
    caption: str


@dataclass
class Section:
    """One part of the page; empty lists are not shown."""

    name: str
    title: str
    intro: str = ""
    drawings: list[Drawing] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    matrices: list[Matrix] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class KeyFigure:
    """A number at the head of the page, and the figures to compare it with."""

    label: str
    value: str
    beside: str


def render_page(
    *,
    name: str,
    subtitle: str,
    simulated: Sequence[str],
    origin_known: bool,
    key_figures: Sequence[KeyFigure],
    sections: Sequence[Section],
    missing: Sequence[str] = (),
    smoke_tested: Sequence[str] = (),
) -> str:
    """Renders a page of key figures and sections.

    Args:
        name: title of the page.
        subtitle: the line below the title.
        simulated: names of the simulated parts; the banner shows them.
        origin_known: whether the run records which data are real and which are simulated.
        key_figures: numbers at the head.
        sections: the parts, in order.
        missing: names of absent parts.
        smoke_tested: names of the parts that rest on weights of a recipe for tests.

    Returns:
        the page as HTML text.
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
        smoke_tested=smoke_tested,
        smoke_test=SMOKE_TEST,
        origin_known=origin_known,
        key_figures=key_figures,
        sections=sections,
        missing=missing,
    )
