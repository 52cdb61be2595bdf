"""Checksums of what a series store holds: its arrays, and what its attributes say of them."""

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
"""The attribute that holds the checksum of all others."""


def bytes_of_array(values: npt.NDArray[Any]) -> Any:
    """The bytes a checksum is taken of; text as UTF-8 lines, so that its width does not count."""
    if values.dtype.kind == "U":
        return "".join(f"{value}\n" for value in values).encode()
    return np.ascontiguousarray(values).data


def checksum_of_array(values: npt.NDArray[Any]) -> str:
    """SHA-256 of an array's bytes in C order."""
    return hashlib.sha256(bytes_of_array(values)).hexdigest()


def checksum_of_attributes(attributes: Mapping[str, Any], legend: Any) -> str:
    """SHA-256 of a store's attributes and legend as canonical JSON, the checksum itself left out.

    Canonical is: keys sorted, no blanks, ASCII. So swapped band names or classes are found.

    Args:
        attributes: of the store's root group.
        legend: of the labels, as JSON values; None where there are none.

    Example:
        >>> first = checksum_of_attributes({"version": 2, "bands": ["B02", "B03"]}, None)
        >>> again = {"bands": ["B02", "B03"], "attributes_checksum": first, "version": 2}
        >>> checksum_of_attributes(again, None) == first
        True
        >>> checksum_of_attributes({"version": 2, "bands": ["B03", "B02"]}, None) == first
        False
    """
    rest = {name: value for name, value in attributes.items() if name != ATTRIBUTES_CHECKSUM}
    # Once through JSON first: keys that are numbers become text there, and sort as such.
    plain = json.loads(json.dumps({"attributes": rest, "legend": legend}))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify_attributes(attributes: Mapping[str, Any], legend: Any, *, where: str | Path) -> None:
    """Compares a store's attributes and legend with the checksum among them.

    Raises:
        StoreError: they were changed since they were written, or there is no checksum.
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
    """The error of a store whose metadata lack something."""
    return StoreError(
        "the store's metadata are incomplete",
        where=where,
        expected=name,
        hint="write it again from its source",
    )
