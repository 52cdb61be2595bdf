"""Coordinate reference systems as files write them: codes, text, JSON, CF attributes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from windrow.errors import DataError, SettingsError

_LOWEST_CODE = 1024
"""EPSG's codes begin here: a smaller number, such as the 0 of an empty variable, is none."""


def crs_of_value(value: Any) -> str | None:
    """Returns the CRS that a value names, as text for pyproj, or None where it names none.

    Args:
        value: an EPSG code as a number or text, ``EPSG:32631``, WKT, PROJ, PROJJSON, or the
            attributes of a CF grid mapping.

    Example:
        >>> crs_of_value(32631), crs_of_value("epsg:32631"), crs_of_value(0), crs_of_value("x, y")
        ('EPSG:32631', 'epsg:32631', None, None)
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return _parsed(dict(value))
    text = str(value).strip()
    number = text.removesuffix(".0")
    if number.isdigit():
        return f"EPSG:{number}" if int(number) >= _LOWEST_CODE and _known(number) else None
    if text.startswith("{"):
        try:
            return _parsed(json.loads(text))
        except ValueError:
            return None
    return text if text and _known(text) else None


def _known(text: str) -> bool:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input(f"EPSG:{text}" if text.isdigit() else text)
    except CRSError:
        return False
    return True


def _parsed(content: Mapping[str, object]) -> str | None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        if "grid_mapping_name" in content:
            return str(CRS.from_cf(dict(content)).to_wkt())
        return str(CRS.from_json_dict(dict(content)).to_wkt())
    except (CRSError, KeyError, TypeError, ValueError):
        return None


def same_crs(first: str, second: str) -> bool:
    """Whether two texts name one CRS, however they write it.

    Example:
        >>> same_crs("EPSG:32631", "+proj=utm +zone=31 +datum=WGS84 +units=m +type=crs")
        True
        >>> same_crs("EPSG:32631", "EPSG:32632")
        False
    """
    from pyproj import CRS

    if first == second:
        return True
    one, other = CRS.from_user_input(first), CRS.from_user_input(second)
    codes = one.to_epsg(), other.to_epsg()
    if None not in codes:
        return bool(codes[0] == codes[1])
    if one.equals(other, ignore_axis_order=True):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PROJ text keeps less than WKT: enough to tell them apart
        return bool(one.to_proj4() == other.to_proj4())


def one_crs(candidates: Sequence[str], where: object) -> str | None:
    """Returns the first of several texts that must name one CRS, or None where there is none.

    Raises:
        DataError: two of them name different ones.
    """
    for other in candidates[1:]:
        if not same_crs(candidates[0], other):
            raise DataError(
                "places in the file name different CRS",
                where=where,
                found=f"{candidates[0][:60]} and {other[:60]}",
                hint="keep one of them",
            )
    return candidates[0] if candidates else None


def given_crs(given: str | None, found: str | None, where: object) -> str | None:
    """Returns the CRS that the user gives, else the one in the file.

    Raises:
        SettingsError: the one given cannot be read, or the file names another.
    """
    if given is None:
        return found
    text = crs_of_value(given)
    if text is None:
        raise SettingsError("--crs is no CRS", found=given[:60], expected="such as EPSG:32631")
    if found is not None and not same_crs(text, found):
        raise SettingsError(
            "--crs contradicts the file",
            where=where,
            found=f"{given} and {found[:60]}",
            hint="leave --crs out",
        )
    return text
