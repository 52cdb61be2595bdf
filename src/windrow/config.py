"""Frozen typed settings with YAML input and output and a content hash.

A component's settings stand beside it as a subclass of :class:`Settings`, without defaults for
scientific choices. Only the recipes, such as
:mod:`windrow.experiments.recipes.pretraining`, hold those numbers.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from windrow.errors import SettingsError
from windrow.json_values import JsonObject


class Settings(BaseModel):
    """Base class of all settings. Unknown names are refused.

    Raises:
        SettingsError: a value is missing, unknown or out of range; the error names the first.

    Example:
        >>> class Depth(Settings):
        ...     num_layers: int
        >>> Depth(num_layers=4).to_json()
        '{"num_layers":4}'
        >>> Depth(num_layers="four")
        Traceback (most recent call last):
        ...
        windrow.errors.SettingsError: setting num_layers: input should be ...; found 'four'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _first_complaint(error, type(self), None) from None

    # Without this mark pydantic would build nested settings with the method above, and the
    # error would name a setting without the path to it.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def to_dict(self) -> JsonObject:
        """Converts the settings to JSON values."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """Writes canonical JSON, the input of the content hash: keys sorted, no spaces."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def content_hash(self) -> str:
        """Computes the SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_yaml(self) -> str:
        """Writes the settings as YAML, in the order of their declaration."""
        import yaml

        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    @classmethod
    def from_dict(cls, values: object, *, where: object = None) -> Self:
        """Builds settings from JSON values.

        Args:
            values: values by name.
            where: path of their file, for the error.

        Raises:
            SettingsError: a value is missing, unknown or out of range; the error names the first.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _first_complaint(error, cls, where) from None

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Reads settings from a YAML file with the safe loader.

        Raises:
            SettingsError: the file is missing, is not YAML, or does not fit the settings.
        """
        import yaml

        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SettingsError(
                "settings cannot be read", where=path, found=str(error).splitlines()[0]
            ) from None
        return cls.from_dict(values, where=path)


def _first_complaint(error: ValidationError, kind: type[Settings], where: object) -> SettingsError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":  # a validator of ours found settings in conflict
        return SettingsError(reason, where=where)
    if first["type"] == "extra_forbidden":
        reason = "no such setting"
    found = None if first["type"] == "missing" else repr(first.get("input"))[:80]
    return SettingsError(
        f"setting {name or kind.__name__}: {reason[0].lower()}{reason[1:]}",
        where=where,
        found=found,
        setting=(kind, name),
    )
