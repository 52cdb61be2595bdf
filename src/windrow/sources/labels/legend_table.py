"""Crop codes and their names: from a table that the user gives, or the codes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from windrow.data.legend import Legend
from windrow.errors import DataError
from windrow.sources.formats.table_columns import plain_name, read_columns
from windrow.sources.reader import ReadingSummary

CODE_COLUMNS = ("code", "crop_code", "crop_id", "id", "value", "ec_hcat_c")
NAME_COLUMNS = ("name", "crop_name", "crop", "label", "class", "classname", "ec_hcat_n")


def read_legend(
    path: Path | None,
    codes: Iterable[str],
    *,
    where: object,
    summary: ReadingSummary,
    names: Mapping[str, str] | None = None,
) -> tuple[Legend, dict[str, int]]:
    """Reads the legend of the codes that occur; without a table or names each code is its own name.

    Codes of one name are one class, under the first of them.

    Args:
        path: a CSV with a column of codes and one of names, or None.
        codes: the codes that occur, repeated or not.
        where: the file in which they occur, for messages.
        summary: where it is said.
        names: the name of each code, where the labels hold it; a table goes before.

    Returns:
        the legend, and the position in it of each code.

    Raises:
        DataError: the table has no such columns, or a code is not in it.
    """
    found = sorted(set(codes), key=_numeric_first)
    if path is None and names is None:
        legend = Legend(names=tuple(found), codes=tuple(found))
        return legend, {code: position for position, code in enumerate(found)}
    name_of = names or {}
    if path is not None:
        name_of = _names(path)
        summary.say("legend", path.name)
    unknown = [code for code in found if code not in name_of]
    if unknown:
        raise DataError(
            f"unknown crop code {unknown[0]}",
            where=where,
            found=", ".join(unknown[:10]),
            expected=f"codes of {path}",
            hint="add the code to the legend, or leave the legend out",
        )
    first: dict[str, str] = {}
    for code in found:
        first.setdefault(name_of[code], code)
    joined = len(found) - len(first)
    if joined:
        summary.count("crop_codes_joined_with_another_of_the_same_name", joined)
    legend = Legend(names=tuple(first), codes=tuple(first.values()))
    return legend, {code: legend.names.index(name_of[code]) for code in found}


def _numeric_first(code: str) -> tuple[bool, int, str]:
    return (not code.isdigit(), int(code) if code.isdigit() else 0, code)


def _names(path: Path) -> dict[str, str]:
    frame = read_columns(path, text_columns=None)
    by_name = {plain_name(str(column)): column for column in frame.columns}
    columns = []
    for known in (CODE_COLUMNS, NAME_COLUMNS):
        column = next(
            (by_name[plain_name(name)] for name in known if plain_name(name) in by_name), None
        )
        if column is None:
            raise DataError(
                "a legend without codes or names",
                where=path,
                found="columns " + ", ".join(map(str, frame.columns)),
                expected="columns code and name",
            )
        columns.append(frame[column].fillna("").astype(str).str.strip().tolist())
    return dict(zip(*columns, strict=True))
