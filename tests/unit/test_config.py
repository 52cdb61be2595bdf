"""Settings: frozen, nothing unknown, YAML and back, a hash of the content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from windrow.config import Settings
from windrow.errors import SettingsError


class Encoder(Settings):
    depth: int = Field(ge=1)
    position: Literal["day_of_year", "learned"]


class Recipe(Settings):
    encoder: Encoder
    rate: float
    offsets: tuple[int, ...]
    title: str | None


def recipe(**changes: object) -> Recipe:
    values = {
        "encoder": {"depth": 4, "position": "day_of_year"},
        "rate": 1e-3,
        "offsets": [-2, -1, 0],
        "title": "Grünland: 'yes', \"no\" # not a comment",
    }
    return Recipe.from_dict(values | changes)


def test_yaml_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(recipe().to_yaml(), encoding="utf-8")
    assert Recipe.from_yaml(path) == recipe()
    assert recipe().to_yaml().startswith("encoder:\n  depth: 4\n")


def test_numbers_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(recipe().to_yaml().replace("rate: 0.001", "rate: 1e-3"), encoding="utf-8")
    assert Recipe.from_yaml(path).rate == 1e-3


def test_hash_is_of_the_canonical_json() -> None:
    text = json.dumps(recipe().to_dict(), sort_keys=True, separators=(",", ":"))
    assert recipe().content_hash() == hashlib.sha256(text.encode()).hexdigest()
    assert recipe().content_hash() == recipe(offsets=(-2, -1, 0)).content_hash()
    assert recipe().content_hash() != recipe(rate=2e-3).content_hash()


def test_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        recipe().rate = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speed": 3}, "setting speed: no such setting; found 3"),
        ({"encoder": {"depth": 0, "position": "learned"}}, r"setting encoder\.depth: input should"),
        ({"encoder": {"depth": 2}}, r"setting encoder\.position: field required"),
        ({"rate": float("nan")}, "setting rate: input should be a finite number"),
        ({"rate": float("inf")}, "setting rate: input should be a finite number"),
        ({"offsets": "many"}, "setting offsets: "),
    ],
)
def test_bad_settings_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        recipe(**changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "setting Recipe: input should be a valid dictionary"),
        ("- 1", "setting Recipe: "),
        ("rate: [1", r"settings cannot be read; in .*config\.yaml"),
        ("!!python/object/apply:os.getcwd []", "settings cannot be read"),
    ],
)
def test_bad_yaml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        Recipe.from_yaml(path)


def test_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings cannot be read; in .*nothing\.yaml"):
        Recipe.from_yaml(tmp_path / "nothing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="settings cannot be read"):
        Recipe.from_yaml(tmp_path / "binary.yaml")
