"""Windows of a cube that were read already, kept until the store is whole.

An interrupted ingest of many images, or of a server, goes on from there when it is run again.
Each window's file appears whole or not at all, and is named after the cube, the window and the
pixels, so that nothing of another cube or another choice is ever taken for it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.files import atomic_file
from windrow.sources.rasters.grid import Cube, CubeFacts, Raw, Window


class ScratchCube:
    """A cube whose windows are read once, and then from a scratch folder.

    Args:
        cube: where values come from.
        folder: the scratch folder; made when the first window is written.
    """

    def __init__(self, cube: Cube, folder: Path) -> None:
        self._cube = cube
        self._folder = folder

    @property
    def facts(self) -> CubeFacts:
        """What is known of the cube."""
        return self._cube.facts

    def read(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Raw:
        """Reads chosen pixels of a window, from the scratch folder where they are there.

        Raises:
            DataError: the cube cannot be read.
            OutputError: the scratch folder cannot be written.
        """
        path = self._path(window, rows, columns)
        if path.is_file():
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                return Raw(file["values"], file.get("quality"))
        raw = self._cube.read(window, rows, columns)
        arrays = {"values": raw.values}
        if raw.quality is not None:
            arrays["quality"] = raw.quality
        with atomic_file(path) as temporary, temporary.open("wb") as target:
            np.savez(target, **arrays)  # type: ignore[arg-type]
        return raw

    def _path(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Path:
        facts = self._cube.facts
        made_from = hashlib.sha256(
            "\n".join(
                (repr(window), " ".join(facts.bands), facts.quality or "", *facts.identity)
            ).encode()
        )
        for values in (facts.dates.astype(np.int64), rows, columns):
            made_from.update(np.ascontiguousarray(values).data)
        name = f"window-{window.row}-{window.column}-{made_from.hexdigest()[:16]}.npz"
        return self._folder / name


def identity_of_files(paths: list[Path]) -> tuple[str, ...]:
    """Returns text that changes when a file does: names, sizes and times of change."""
    found = []
    for path in paths:
        state = path.stat()
        found.append(f"{path.name}:{state.st_size}:{state.st_mtime_ns}")
    return tuple(found)
