"""The style of all figures: colours that follow the page's theme, fonts, reproducible bytes.

Figures are drawn with matplotlib's object interface in fixed placeholder colours.
:func:`to_svg` replaces these by CSS variables, so that one drawing serves the light page, the
dark page and paper. The palette of Okabe and Ito (2008) can be distinguished by colour-blind
readers. Markers or line styles repeat the distinction where it matters.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba, to_rgba_array
from matplotlib.container import Container
from matplotlib.figure import Figure

# Placeholders; no data colour equals one of these.
INK = "#0f0001"
MUTED = "#0f0002"
RULE = "#0f0003"
PAPER = "#0f0004"
BLUE = "#0f0011"
VERMILION = "#0f0012"
GREEN = "#0f0013"
AMBER = "#0f0014"
PURPLE = "#0f0015"
SKY = "#0f0016"
VIOLET = "#0f0017"

_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    BLUE: "--blue",
    VERMILION: "--vermilion",
    GREEN: "--green",
    AMBER: "--amber",
    PURPLE: "--purple",
    SKY: "--sky",
    VIOLET: "--violet",
}
_ON_WHITE = {
    INK: "#1d1f21",
    MUTED: "#5b6166",
    RULE: "#dfe2e4",
    PAPER: "#ffffff",
    BLUE: "#0072b2",
    VERMILION: "#c94f00",
    GREEN: "#00795a",
    AMBER: "#a87400",
    PURPLE: "#a8517f",
    SKY: "#4a9ccc",
    VIOLET: "#3f2a78",
}
"""The page's colours on white, for figures in files of their own."""

SERIES_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY)

WIDTH = 980 / 72
"""Width of a figure in inches: 980 units of the SVG, about one CSS pixel each."""

LegendHandle = Artist | Container
"""What a legend explains: lines, patches, or bars with their errors."""

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: searchable, in the page's font
    "svg.hashsalt": "windrow",  # the same drawing gets the same identifiers
    "text.parse_math": False,  # a dollar sign in a crop's name is a dollar sign
    "font.family": "DejaVu Sans",  # ships with matplotlib: equal layout everywhere
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "text.color": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "image.interpolation": "nearest",
}


@contextmanager
def drawing() -> Iterator[None]:
    """Applies the settings for drawing and saving figures, then restores the caller's settings."""
    with warnings.catch_warnings(), mpl.rc_context():
        # The page's own fonts draw what matplotlib's font lacks, such as Chinese class names.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(height: float) -> Figure:
    """Returns an empty figure of the page's width, ``height`` SVG units high."""
    figure = Figure(figsize=(WIDTH, height / 72), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.03)  # type: ignore[union-attr,call-arg]
    return figure


def mark(figure: Figure, text: str) -> None:
    """Writes a word such as SIMULATED into the figure, so that a copied figure keeps it."""
    if text:
        figure.suptitle(
            text, x=0.995, ha="right", va="top", color=VERMILION, fontsize=11, fontweight="bold"
        )


def plain(text: object, limit: int = 40) -> str:
    """Converts text from a file to one short printable line.

    Example:
        >>> plain("winter" + chr(10) + "wheat"), plain("x" * 50, limit=5)
        ('winter wheat', 'xxxx…')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def wording(text: object, limit: int = 40) -> str:
    """Converts an identifier from a file to words; ``nir`` becomes NIR.

    Example:
        >>> wording("logistic_regression"), wording("nir")
        ('logistic regression', 'NIR')
    """
    words = plain(text, limit).replace("_", " ")
    return "NIR" if words == "nir" else words


def finish_legend(axes: Axes | Figure, entries: Mapping[str, LegendHandle], **where: Any) -> None:
    """Draws a legend of these labels and handles; a label may begin with an underscore."""
    # matplotlib leaves out labels with a leading underscore, so each gets a leading space.
    handles: list[Any] = list(entries.values())  # matplotlib's types leave out containers
    axes.legend(handles, [f" {plain(n)}" for n in entries], **where)


def to_svg(figure: Figure, label: str) -> Markup:
    """Renders the figure as SVG for a page; placeholder colours become CSS variables.

    The bytes depend only on the drawing: there is no date, and identifiers are fixed.

    Args:
        figure: the figure; call within :func:`drawing`.
        label: alternative text for screen readers.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Identifiers such as axes_1 would stand in every figure of the page; nothing refers to them.
    text = re.sub(r' id="[A-Za-z0-9]+_\d+"', "", text)
    text = re.sub(r' (style|fill|stroke)="[^"]*"', _with_variables, text)
    box = re.search(r'viewBox="[0-9. ]+"', text)
    opening = f'<svg {box.group(0) if box else ""} role="img" aria-label="{escape(label)}"'
    opening += ' xmlns:xlink="http://www.w3.org/1999/xlink" class="drawing">'
    return Markup(opening + text[text.index(">") + 1 :].strip())  # noqa: S704 (escaped above)


def to_files(figure: Figure) -> tuple[str, bytes]:
    """Renders the figure as SVG and PNG on white; the same drawing gives the same bytes.

    This replaces the placeholder colours in the figure itself, so call it last, after
    :func:`to_svg`.

    Args:
        figure: the figure; call within :func:`drawing`.
    """
    figure.set_layout_engine("none")  # laid out by to_svg; laying out is most of the time
    for artist in figure.findobj():
        for name in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            _recolour(artist, name)
    text, picture = io.StringIO(), io.BytesIO()
    figure.savefig(text, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    figure.savefig(picture, format="png", dpi=110, facecolor="white", metadata={"Software": None})
    return text.getvalue(), picture.getvalue()


def _recolour(artist: Any, name: str) -> None:
    get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
    if get is None or put is None:
        return
    value = get()
    if isinstance(value, str) and value in ("none", "auto", "face", "inherit"):
        return
    colours = to_rgba_array(value)
    changed = [_ON_WHITE.get(to_hex(colour)) for colour in colours]
    if not any(changed):
        return
    real = [
        to_rgba(new, alpha=float(old[3])) if new else tuple(old)
        for old, new in zip(colours, changed, strict=True)
    ]
    put(real[0] if len(real) == 1 else real)


def _with_variables(match: re.Match[str]) -> str:
    text = match.group(0)
    for stand_in, variable in _VARIABLES.items():
        if match.group(1) == "style":
            text = text.replace(stand_in, f"var({variable})")
        else:
            text = text.replace(f'"{stand_in}"', f'"var({variable})"')
    return text.replace("font-family: 'DejaVu Sans'", "font-family: var(--sans)")
