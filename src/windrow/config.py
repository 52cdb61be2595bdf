"""Frozen typed settings: extras forbidden, YAML in and out, a content hash.

A component's settings stand beside it as a subclass of :class:`Settings` without defaults for
scientific choices; :mod:`windrow.experiments.recipes.pretraining` alone holds those numbers.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from windrow.errors import SettingsError


class Settings(BaseModel):
    """Base of all settings.

    Example:
        >>> class Depth(Settings):
        ...     num_layers: int
        >>> Depth(num_layers=4).to_json()
        '{"num_layers":4}'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no spaces; what the content hash is taken of."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_yaml(self) -> str:
        """The settings as YAML, in the order in which they are declared."""
        import yaml

        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    @classmethod
    def from_dict(cls, values: object, *, where: object = None) -> Self:
        """Settings from plain values.

        Raises:
            SettingsError: a value is missing, unknown or out of range; names the first.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or cls.__name__
            reason = first["msg"].removeprefix("Value error, ")
            if first["type"] == "value_error":  # ours: settings in conflict with each other
                raise SettingsError(reason, where=where) from None
            raise SettingsError(
                f"setting {place}: {reason[0].lower()}{reason[1:]}",
                where=where,
                found=repr(first.get("input"))[:80],
            ) from None

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Settings from a YAML file (read with the safe loader).

        Raises:
            SettingsError: the file is missing, no YAML, or does not fit.
        """
        import yaml

        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SettingsError(
                "settings cannot be read", where=path, found=str(error).splitlines()[0]
            ) from None
        return cls.from_dict(values, where=path)
