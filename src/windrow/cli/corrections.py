"""``windrow corrections``: the effect of each fault of earlier code on simulated series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress

if TYPE_CHECKING:
    from windrow.experiments.fault_effect import FaultEffects


@dataclass(frozen=True)
class Corrections:
    """Switches on each fault of earlier public code, one at a time, and measures its effect."""

    out: Path
    """Directory to write; must not exist."""
    scale: Literal["tiny", "small", "paper"] = "tiny"
    """Scale of methods and heads; tiny takes minutes per seed."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="SEED ...")] = (0, 1, 2)
    """Seeds of landscapes, weights and random draws."""
    faults: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Faults to measure, such as plateau; by default all."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow corrections``."""
    options = parse(Corrections, arguments, prog="windrow corrections")
    from windrow.experiments.fault_effects import effect_settings, measure_effects

    settings = effect_settings(options.scale, options.seeds, options.faults)
    with progress("faults", "effects") as advance:
        result = measure_effects(options.out, settings, advance)
    show_effects(result)
    print(options.out)


def show_effects(result: FaultEffects) -> None:
    """Prints the effects of a ``corrections.json`` as a table.

    Args:
        result: the content of the file.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title="simulated; overall accuracy on fields not trained on")
    for name in ("switch", "measured", "corrected", "with the fault", "gain (least, most)", "p"):
        table.add_column(name)
    for row in result["effects"]:
        right, wrong = (
            f"{mean:.3f} ± {std:.3f}" for mean, std in (row["corrected"], row["faulty"])
        )
        mean, least, most = row["gain"]
        table.add_row(
            row["switch"],
            row["measured"],
            right,
            wrong,
            f"{mean:+.3f} ({least:+.3f}, {most:+.3f})",
            f"{row['p_value']:.2f}",
        )
    Console(width=140).print(table)
