"""Checksums of the arrays and the attributes of a series store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import StoreError

ATTRIBUTES_CHECKSUM = "attributes_checksum"
"""Name of the attribute that holds the checksum of all others."""


def bytes_of_array(values: npt.NDArray[Any]) -> Any:
    """Gives the bytes for a checksum. Text becomes UTF-8 lines, so that its width has no effect."""
    if values.dtype.kind == "U":
        return "".join(f"{value}\n" for value in values).encode()
    return np.ascontiguousarray(values).data


def checksum_of_array(values: npt.NDArray[Any]) -> str:
    """Computes the SHA-256 of an array's bytes in C order, in hexadecimal."""
    return hashlib.sha256(bytes_of_array(values)).hexdigest()


def checksum_of_attributes(attributes: Mapping[str, object], legend: object) -> str:
    """Computes the SHA-256 of a store's attributes and legend, without the checksum itself.

    The values are written as canonical JSON: keys sorted, no blanks, ASCII. The checksum thus
    reveals swapped band names or classes.

    Args:
        attributes: attributes of the store's root group.
        legend: legend of the labels as JSON values; None if there are no labels.

    Returns:
        The checksum in hexadecimal.

    Example:
        >>> first = checksum_of_attributes({"version": 2, "bands": ["B02", "B03"]}, None)
        >>> again = {"bands": ["B02", "B03"], "attributes_checksum": first, "version": 2}
        >>> checksum_of_attributes(again, None) == first
        True
        >>> checksum_of_attributes({"version": 2, "bands": ["B03", "B02"]}, None) == first
        False
    """
    rest = {name: value for name, value in attributes.items() if name != ATTRIBUTES_CHECKSUM}
    # The first pass through JSON turns numeric keys into text, so that they sort as text.
    plain = json.loads(json.dumps({"attributes": rest, "legend": legend}))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify_attributes(
    attributes: Mapping[str, object], legend: object, *, where: str | Path
) -> None:
    """Checks a store's attributes and legend against their checksum.

    Args:
        attributes: attributes of the store's root group, with the checksum.
        legend: legend of the labels as JSON values; None if there are no labels.
        where: path of the store, for the error.

    Raises:
        StoreError: the attributes were changed since they were written, or have no checksum.
    """
    found = attributes.get(ATTRIBUTES_CHECKSUM)
    if found is None:
        raise incomplete_store(where, f"attribute {ATTRIBUTES_CHECKSUM}")
    now = checksum_of_attributes(attributes, legend)
    if found != now:
        raise StoreError(
            "the store's attributes were changed since it was written",
            where=f"{where}, {ATTRIBUTES_CHECKSUM}",
            found=f"attributes of {now[:12]}...",
            expected=f"{str(found)[:12]}...",
            hint="write it again from its source",
        )


def incomplete_store(where: str | Path, name: str) -> StoreError:
    """Makes the error for a store whose metadata lack ``name``."""
    return StoreError(
        "the store's metadata are incomplete",
        where=where,
        expected=name,
        hint="write it again from its source",
    )
