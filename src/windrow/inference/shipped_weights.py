"""Finds weights from a run directory, a file, or the name of weights shipped with windrow."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from windrow.errors import WeightsError

SHIPPED = Path(__file__).parents[1] / "weights"
"""Folder of the weights that are shipped with windrow."""
_ACCEPTED_WEIGHTS = "a run directory, a .safetensors or .onnx file, or the name of shipped weights"


def shipped_weights() -> dict[str, Path]:
    """Lists the weights that are shipped with windrow, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.safetensors"))}


def weights_path(weights: str | PathLike[str]) -> Path:
    """Finds the weights file of a run directory, a path or the name of shipped weights.

    Raises:
        WeightsError: the weights do not exist.
    """
    if not isinstance(weights, (str, PathLike)):
        raise WeightsError(
            "weights are given by a path or a name",
            found=type(weights).__name__,
            expected=_ACCEPTED_WEIGHTS,
        )
    path = Path(weights)
    shipped = shipped_weights()
    if path.is_dir():
        if not (path / "weights.safetensors").is_file():
            raise WeightsError(
                "no weights in this folder",
                where=path,
                expected="the run directory of a finished 'windrow pretrain'",
                hint="finish the run with 'windrow pretrain ... --resume', or name another",
            )
        return path / "weights.safetensors"
    if path.is_file():
        return path
    if str(weights) not in shipped:
        raise WeightsError(
            "no such weights",
            found=weights,
            expected=f"{_ACCEPTED_WEIGHTS}, which are: " + (", ".join(shipped) or "none yet"),
        )
    return shipped[str(weights)]
