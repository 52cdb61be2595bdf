"""Executes the shapes in the signatures of models, tasks and batches, in the tests alone.

The package imports jaxtyping for type checkers only and runs without it. Here the names are made
known to all modules and each call is compared with its signature.
"""

from __future__ import annotations

import builtins

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

MODULES = (
    "windrow.data.batches.pretraining",
    "windrow.models.bimodal_bert",
    "windrow.models.encoders",
    "windrow.models.heads.inception",
    "windrow.models.heads.lstm",
    "windrow.models.heads.transformer",
    "windrow.tasks.contrastive",
    "windrow.tasks.losses",
)
"""The modules whose signatures carry shapes."""

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""An integer is a float to it, as to mypy."""


def install() -> None:
    """Checks the modules from their import on; none may have been imported before."""
    for name in ("Bool", "Float", "Integer"):
        setattr(builtins, name, getattr(jaxtyping, name))
    install_import_hook(MODULES, "shape_checks.typechecker")
