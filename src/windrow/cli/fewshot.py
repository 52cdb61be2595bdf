"""``windrow fewshot``: crops from few labelled fields, beside the raw-feature baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.progress import progress


@dataclass(frozen=True)
class Fewshot:
    """Learns crops from k labelled fields a class and tests on other fields, many times over."""

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, or a field table (CSV or Parquet)."""
    labels: Path
    """The label table: one row a field."""
    label_column: str
    """Its column of crops."""
    weights: str
    """A run directory, a .safetensors file, or the name of shipped weights."""
    out: Path
    """The directory to write; must not exist."""
    train_where: str | None = None
    """Only fields with this value train, as COL=V."""
    test_where: str | None = None
    """Only fields with this value test, as COL=V."""
    min_fields: int = 10
    """Classes with fewer fields in the whole set are left out."""
    exclude: tuple[str, ...] = ()
    """Classes to leave out."""
    k: tuple[int, ...] = (1, 5, 10, 20)
    """Labelled fields a class."""
    draws: int = 20
    """How often the training fields are drawn."""
    seed: int = 0
    """Every draw follows from it."""
    json: bool = False
    """Print fewshot.json instead of the table."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow fewshot``."""
    options = tyro.cli(Fewshot, args=arguments, prog="windrow fewshot")
    raise SystemExit(options)
