"""Dates and boxes out of pickles, without running what a pickle asks for.

A pickle is a program. These are read by an unpickler that knows datetimes, time zones and the box
and reference system of the package sentinelhub, each of the latter two as a harmless stand-in,
and refuses every other name before anything is called.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from windrow.errors import DataError

LARGEST_BYTES = 4_000_000
"""A list of a year's dates takes kilobytes; a larger file is something else."""


@dataclass(frozen=True)
class BoundingBox:
    """Bounds of a raster.

    Attributes:
        west, south, east, north: bounds in the units of the reference system.
        epsg: its EPSG code, None where it is not said.
    """

    west: float
    south: float
    east: float
    north: float
    epsg: int | None


class _Callable:
    """A function that a pickle may call, closed against being changed by the pickle."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError("a pickle may not change a function")

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a pickle may not change a function")


class _Zone(tzinfo):
    """Stands in for a time zone whose pickle only names its class: UTC."""

    def __new__(cls, *_: object) -> _Zone:
        return tzinfo.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """What else the pickle holds of the zone is left out."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "UTC"


class _Box:
    """Stands in for ``sentinelhub.BBox``: keeps its state, whatever it is called."""

    arguments: tuple[object, ...]
    state: dict[Any, object]

    def __new__(cls, *arguments: object) -> _Box:
        box = super().__new__(cls)
        box.arguments = arguments
        box.state = {}
        return box

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) == 2:  # state of slots
            state = state[1]
        if isinstance(state, dict):
            self.state = state


class _ReferenceSystem:
    """Stands in for ``sentinelhub.CRS``: keeps the value of the enumeration."""

    value: object

    def __new__(cls, *arguments: object) -> _ReferenceSystem:
        system = super().__new__(cls)
        system.value = arguments[0] if arguments else None
        return system

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """The value says all."""


def _offset(_name: object = None, seconds: object = 0, *_: object) -> tzinfo:
    """Returns ``pytz._p(zone, seconds, ...)`` and ``dateutil.tz.tzoffset(name, seconds)``."""
    if isinstance(seconds, timedelta):
        return timezone(seconds)
    if not isinstance(seconds, (int, float)):
        raise pickle.UnpicklingError("a time zone without an offset")
    return timezone(timedelta(seconds=seconds))


def _named(key: object = "UTC", *_: object) -> tzinfo:
    if not isinstance(key, str):
        raise pickle.UnpicklingError("a time zone without a name")
    try:
        return UTC if key in ("UTC", "Etc/UTC") else zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise pickle.UnpicklingError(f"unknown time zone {key!r:.40}") from None


def _reconstructed(kind: object, _base: object = None, _state: object = None) -> object:
    """Returns ``copyreg._reconstructor``, of the stand-ins alone."""
    if not (isinstance(kind, type) and issubclass(kind, (_Zone, _Box, _ReferenceSystem))):
        raise pickle.UnpicklingError("a pickle may only build dates, time zones and boxes")
    return kind()


def _attribute(owner: object, name: object) -> object:
    """Returns ``getattr(ZoneInfo, "_unpickle")``.

    How older pickle protocols name it. Nothing else.
    """
    if owner is _NAMED_ZONE and name == "_unpickle":
        return _NAMED_ZONE
    raise pickle.UnpicklingError("a pickle may not look up attributes")


def _encoded(text: object, encoding: object = None) -> bytes:
    """Returns ``_codecs.encode(text, "latin1")``: how protocols 0 to 2 hold bytes. Nothing else."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("a pickle may only encode bytes")
    return text.encode("latin1")


_NAMED_ZONE = _Callable(_named)
_UTC_ZONE = _Callable(lambda *_: UTC)
_KNOWN: dict[tuple[str, str], Any] = {
    ("datetime", "datetime"): datetime,
    ("datetime", "date"): date,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
    ("_codecs", "encode"): _Callable(_encoded),
    ("copyreg", "_reconstructor"): _Callable(_reconstructed),
    ("copy_reg", "_reconstructor"): _Callable(_reconstructed),
    ("builtins", "object"): object(),  # named by the line above; an object, not the class
    ("__builtin__", "object"): object(),
    ("builtins", "getattr"): _Callable(_attribute),
    ("__builtin__", "getattr"): _Callable(_attribute),
    ("pytz", "_UTC"): _UTC_ZONE,
    ("pytz", "_p"): _Callable(_offset),
    ("pytz", "UTC"): _UTC_ZONE,
    ("dateutil.tz.tz", "tzutc"): _Zone,
    ("dateutil.tz", "tzutc"): _Zone,
    ("dateutil.tz.tz", "tzoffset"): _Callable(_offset),
    ("dateutil.tz", "tzoffset"): _Callable(_offset),
    ("zoneinfo", "ZoneInfo"): _NAMED_ZONE,
    ("zoneinfo", "ZoneInfo._unpickle"): _NAMED_ZONE,
    ("backports.zoneinfo", "ZoneInfo._unpickle"): _NAMED_ZONE,
    ("iso8601.iso8601", "Utc"): _Zone,
    ("sentinelhub.geometry", "BBox"): _Box,
    ("sentinelhub.common", "BBox"): _Box,
    ("sentinelhub", "BBox"): _Box,
    ("sentinelhub.constants", "CRS"): _ReferenceSystem,
    ("sentinelhub", "CRS"): _ReferenceSystem,
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def _load(content: bytes, where: object) -> object:
    if len(content) > LARGEST_BYTES:
        raise DataError(
            "the pickle is too large for dates or a box",
            where=where,
            found=f"{len(content):,} bytes",
            expected=f"at most {LARGEST_BYTES:,}",
        )
    try:
        return _Restricted(io.BytesIO(content)).load()
    except Exception as error:  # a hostile or damaged pickle raises whatever it likes
        raise DataError(
            "the pickle is refused",
            where=where,
            found=str(error)[:120] or type(error).__name__,
            expected="datetimes, time zones and a bounding box, nothing that runs code",
        ) from None


def read_timestamps(content: bytes, *, where: object) -> list[datetime]:
    """Reads the dates of a ``timestamp.pkl``, in UTC, without their zone.

    Args:
        content: bytes of the pickle.
        where: the file, for messages.

    Raises:
        DataError: the pickle asks for anything but dates, or holds something else.

    Example:
        >>> import pickle
        >>> read_timestamps(pickle.dumps([datetime(2018, 5, 1, 10, tzinfo=UTC)]), where="t.pkl")
        [datetime.datetime(2018, 5, 1, 10, 0)]
    """
    values = _load(content, where)
    if not isinstance(values, (list, tuple)) or not values:
        raise DataError("the pickle holds no list of dates", where=where)
    return [_utc(value, where) for value in values]


_FIRST_YEAR, _LAST_YEAR = 2015, 2099


def _utc(value: object, where: object) -> datetime:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        raise DataError("an entry is no date", where=where, found=type(value).__name__)
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise DataError(
            "a date is out of range",
            where=where,
            found=value.date(),
            expected=f"{_FIRST_YEAR}, when Sentinel-2 began, to {_LAST_YEAR}",
        )
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


_SIDES = (
    ("min_x", "x_min", "minx"),
    ("min_y", "y_min", "miny"),
    ("max_x", "x_max", "maxx"),
    ("max_y", "y_max", "maxy"),
)


def read_bounding_box(content: bytes, *, where: object) -> BoundingBox:
    """Reads the bounds of a ``bbox.pkl``.

    Raises:
        DataError: the pickle asks for anything but a box, or the box has no finite bounds.
    """
    box = _load(content, where)
    sides: list[object] = []
    system: object = None
    if isinstance(box, _Box):
        state = {str(key).lstrip("_"): value for key, value in box.state.items()}
        sides = [next((state[n] for n in names if n in state), None) for names in _SIDES]
        system = state.get("crs")
        if None in sides and box.arguments:
            first = box.arguments[0]
            sides = list(first) if isinstance(first, (list, tuple)) else []
            system = box.arguments[1] if len(box.arguments) > 1 else None
    elif isinstance(box, (list, tuple)):
        sides = list(box[:4])
    numbers = [float(side) for side in sides if isinstance(side, (int, float))]
    if len(numbers) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise DataError(
            "the pickle holds no bounding box",
            where=where,
            found=type(box).__name__.lstrip("_").lower(),
            expected="min_x, min_y, max_x, max_y",
        )
    west, south, east, north = numbers
    return BoundingBox(west, south, east, north, _epsg(system))


def _epsg(system: object) -> int | None:
    value = system.value if isinstance(system, _ReferenceSystem) else system
    digits = str(value).upper().removeprefix("EPSG:")
    return int(digits) if digits.isdigit() else None
