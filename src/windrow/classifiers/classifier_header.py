"""The header of a saved crop classifier, readable without the network and without the arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from windrow.classifiers.cover_settings import CoverSettings
from windrow.classifiers.expectation import Expectation
from windrow.classifiers.mix import MixSettings
from windrow.config import Settings
from windrow.data.series import ProcessingLevel
from windrow.errors import DataError

FORMAT = "windrow crop classifier"
HEAD = "head.json"


class Origin(Settings):
    """What a classifier was fitted on, for people.

    Attributes:
        read: lines on what was read and left out.
        simulated: whether the fields are simulated.
        smoke_test: whether the network comes from a recipe for tests.
    """

    read: tuple[str, ...]
    simulated: bool
    smoke_test: bool


class CoverHeader(Settings):
    """The simulated land covers of a classifier."""

    names: tuple[str, ...] = Field(min_length=1)
    settings: CoverSettings
    num_features: int = Field(ge=1, description="number of features of their forest")


class ClassifierHeader(Settings):
    """Content of ``head.json``."""

    format: Literal["windrow crop classifier"]
    version: Literal[3]
    weights_hash: str = Field(description="hash of the place network's weights")
    mix: MixSettings
    seed: int
    num_context: int = Field(ge=1)
    classes: tuple[str, ...] = Field(description="all classes, land covers last")
    crops: dict[str, tuple[str, ...]]
    bands: tuple[str, ...]
    processing_level: ProcessingLevel
    season_start: str = Field(description="first day of the twelve months of the fields, MM-DD")
    latitude: float | None
    num_labelled: float = Field(ge=0)
    num_features: dict[str, int] = Field(description="number of features of each forest, by voter")
    land_covers: CoverHeader | None = Field(
        default=None, description="simulated land covers; None without any"
    )
    expectation: Expectation | None = Field(
        default=None, description="figures of the cross-validation; None without one"
    )
    class_shares: dict[str, float] = Field(
        default={}, description="shares of the classes with labels, which probabilities are set to"
    )
    origin: Origin | None = Field(default=None, description="what it was fitted on; None: unknown")


def read_header(path: str | Path) -> ClassifierHeader:
    """Reads the header of a saved classifier.

    Args:
        path: the folder.

    Raises:
        DataError: the folder is not a classifier.
        SettingsError: its header is damaged.
    """
    folder = Path(path)
    try:
        values = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(folder, error) from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise DataError("the folder is no crop classifier", where=folder / HEAD)
    return ClassifierHeader.from_dict(values, where=folder / HEAD)


def is_classifier(folder: Path) -> bool:
    """Checks whether a folder was written by ``windrow train``."""
    try:
        values = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and values.get("format") == FORMAT


def unreadable(folder: Path, error: Exception) -> DataError:
    """Returns the error of a folder from which no classifier can be read."""
    return DataError(
        "no classifier can be read here",
        where=folder,
        found=str(error).splitlines()[0][:120],
        expected="a folder written by 'windrow train'",
    )
