"""Types of JSON values, for what truly holds any JSON: settings of any component, provenance.

A function whose result has known fields returns a record with these fields instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pydantic import JsonValue

__all__ = ["JsonObject", "JsonSerializable", "JsonValue"]

JsonObject: TypeAlias = dict[str, JsonValue]
"""A JSON object as it is read: values are None, bool, int, float, str, lists or objects."""

JsonSerializable: TypeAlias = (
    bool
    | int
    | float
    | str
    | Sequence["JsonSerializable"]
    | Mapping[str, "JsonSerializable"]
    | None
)
"""A value that can be written as JSON. Other than :data:`JsonValue`, it includes tuples."""
