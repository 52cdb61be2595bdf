"""What files say in attributes, tags, JSON and headers, converted inside a guard.

Other programs wrote these texts, so anything may stand there. Each failure names the file and the
field; none of them is a fault of windrow.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

_SHOWN = 40


def finite_number(value: object, *, field: str, where: object) -> float:
    """Returns a number that stands in an attribute: one number, or several that are all alike.

    Args:
        value: what stands there: a number, its text, or an array of them.
        field: the name of the attribute, for messages.
        where: the file, for messages.

    Raises:
        DataError: it is no number, is not finite, or several numbers differ.

    Example:
        >>> finite_number("1e-4", field="scale_factor", where="cube.nc")
        0.0001
        >>> finite_number([0.5, 2.0], field="scale_factor", where="cube.nc")
        Traceback (most recent call last):
        ...
        windrow.errors.DataError: scale_factor is no number; in cube.nc; found [0.5, 2.0]; ...
    """
    try:
        numbers = {float(one) for one in np.ravel(np.asarray(value)).tolist()}
    except (TypeError, ValueError, OverflowError):
        numbers = set()
    if len(numbers) == 1:
        number = numbers.pop()
        if math.isfinite(number):
            return number
    raise DataError(
        f"{field} is no number", where=where, found=_shown(value), expected="one finite number"
    )


def positive_number(value: object, *, field: str, where: object) -> float:
    """Returns a finite number above 0, such as a scale.

    Raises:
        DataError: it is not.
    """
    number = finite_number(value, field=field, where=where)
    if number <= 0:
        raise DataError(
            f"{field} is not above 0", where=where, found=f"{number:g}", expected="above 0"
        )
    return number


def check_numeric(values: Any, *, field: str, where: object) -> None:
    """Refuses an array, or a variable with a ``dtype``, of anything but real numbers.

    Raises:
        DataError: it holds text, truth values, complex numbers or records.

    Example:
        >>> check_numeric(np.zeros(3, "uint16"), field="variable B02", where="cube.nc")
    """
    kind = np.dtype(values.dtype)
    if kind.kind not in "iuf":
        raise DataError(
            f"{field} holds no numbers",
            where=where,
            found=f"type {kind}"[:_SHOWN],
            expected="whole or floating-point numbers",
        )


def real_numbers(values: Any, *, field: str, where: object) -> npt.NDArray[np.float64]:
    """Returns an array as float64.

    Raises:
        DataError: it does not hold real numbers.
    """
    array = np.asarray(values)
    check_numeric(array, field=field, where=where)
    return array.astype(np.float64)


def bounding_box(value: object, *, where: object) -> tuple[float, float, float, float]:
    """Returns west, south, east and north of an item in degrees; heights are left out.

    Raises:
        DataError: it has another number of numbers, or lies outside the earth.
    """
    box = value if isinstance(value, list) else []
    if len(box) not in (4, 6):
        raise DataError(
            "the bbox of an item is none",
            where=where,
            found=repr(value)[:60],
            expected="west, south, east and north in degrees",
        )
    numbers = [finite_number(value, field="bbox", where=where) for value in box]
    west, south, east, north = numbers if len(box) == 4 else (*numbers[:2], *numbers[3:5])
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise DataError(
            "the bbox of an item lies outside the earth",
            where=where,
            found=" ".join(f"{number:g}" for number in numbers),
            expected="west, south, east and north in degrees",
        )
    return west, south, east, north


def check_file(path: Path) -> None:
    """Refuses what is no file: reading a pipe would wait for ever.

    Raises:
        DataError: it is a folder, a pipe, a device, or a link to nowhere.
    """
    if path.is_file():
        return
    kind = "a folder" if path.is_dir() else "a pipe or device" if path.exists() else "a dead link"
    raise DataError("a file is none", where=path, found=kind, hint="leave it out")


def _shown(value: object) -> str:
    text = repr(value.tolist() if isinstance(value, np.ndarray | np.generic) else value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
