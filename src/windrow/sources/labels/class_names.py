"""The names of classes: trimmed, and asked about where they may mean that there is no label."""

from __future__ import annotations

import re
from collections.abc import Sequence

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import LabelOptions, ReadingSummary

NO_DATA_WORDS = (
    "NA",
    "N/A",
    "NaN",
    "NULL",
    "None",
    "nil",
    "No Data",
    "No Value",
    "Unknown",
    "Unlabelled",
    "Unlabeled",
    "Unclassified",
    "Undefined",
    "Missing",
    "Not Available",
    "?",
    "-",
)
"""Class names that may mean 'no label', in any case and with or without blanks; asked about."""

NO_DATA_CODES = ("0", "-1", "-99", "-999", "-9999")
"""Codes that may mean 'no label', among other codes and among names."""

_WHOLE = re.compile(r"[-+]?\d+(?:\.0+)?")


def settle_classes(
    values: Sequence[str],
    options: LabelOptions,
    *,
    where: str,
    summary: ReadingSummary,
    names: Sequence[str] | None = None,
) -> list[str]:
    """Returns the class of each row, trimmed, empty where there is none.

    Args:
        values: a class a row, as it stands in the file; empty where missing.
        options: which classes mean 'no label', and which do not.
        where: file and column, for messages.
        summary: where it is said what was left out and which names are near doubles.
        names: the name that stands beside each code, where there is one; it is looked at too.

    Raises:
        DataError: a class may mean 'no label', and the options do not say.
        SettingsError: an option names a class that does not occur, or one class twice.

    Example:
        >>> said = LabelOptions(no_data_class=("None",))
        >>> settle_classes(["Corn ", "None"], said, where="labels.csv", summary=ReadingSummary("x"))
        ['Corn', '']
    """
    settled = _without_fractions([value.strip() for value in values])
    beside = [name.strip() for name in names] if names is not None else settled
    forms = {form for pair in zip(settled, beside, strict=True) for form in pair if form}
    left_out = _chosen("no-data-class", options.no_data_class, forms, where)
    kept = _chosen("keep-class", options.keep_class, forms, where)
    if both := sorted(left_out & kept):
        raise SettingsError(f"class {both[0]!r} is to be kept and to be left out", where=where)
    suspects = _suspects(settled, beside) - kept
    asked: dict[str, list[str]] = {}
    dropped: dict[str, list[str]] = {}
    for index, pair in enumerate(zip(settled, beside, strict=True)):
        if not pair[0]:
            continue
        title = " ".join(dict.fromkeys(filter(None, pair)))
        if left_out.intersection(pair):
            dropped.setdefault(title, []).append(pair[0])
            settled[index] = ""
        elif suspects.intersection(pair) and not kept.intersection(pair):
            asked.setdefault(title, []).append(pair[0])
    if asked:
        words = " ".join(_quoted(classes[0]) for classes in asked.values())
        raise DataError(
            f"whether {next(iter(asked))!r} is a class or means no label is not clear",
            where=where,
            found=", ".join(f"{title!r} in {len(rows)} rows" for title, rows in asked.items()),
            hint=f"leave out with --no-data-class {words}, or keep with --keep-class {words}",
        )
    if dropped:
        summary.say("classes_that_mean_no_label", ", ".join(map(repr, dropped)))
        summary.count("labels_that_mean_no_label_left_out", sum(map(len, dropped.values())))
    _say_near_doubles(settled, summary)
    return settled


def _without_fractions(values: list[str]) -> list[str]:
    """Codes that became ``7.0``, as a column with gaps does, are ``7`` again."""
    if all(_WHOLE.fullmatch(value) for value in values if value):
        return [value.partition(".")[0] for value in values]
    return values


def _suspects(settled: Sequence[str], beside: Sequence[str]) -> set[str]:
    words = {_plain(word) for word in NO_DATA_WORDS}
    found = {value for value in (*settled, *beside) if value and _plain(value) in words}
    return found | {value for value in settled if value in NO_DATA_CODES}


def _plain(text: str) -> str:
    return re.sub(r"[\s_]+", "", text).casefold()


def _chosen(option: str, given: Sequence[str], forms: set[str], where: str) -> set[str]:
    chosen = set()
    for name in given:
        found = {form for form in forms if form == name.strip()} or {
            form for form in forms if _plain(form) == _plain(name)
        }
        if not found:
            raise SettingsError(
                f"--{option} names a class that does not occur",
                where=where,
                found=repr(name),
                expected="one of " + ", ".join(sorted(forms)[:20]),
            )
        chosen |= found
    return chosen


def _say_near_doubles(values: Sequence[str], summary: ReadingSummary) -> None:
    groups: dict[str, list[str]] = {}
    for value in dict.fromkeys(value for value in values if value):
        groups.setdefault(_plain(value), []).append(value)
    doubles = [" and ".join(map(repr, sorted(g))) for g in groups.values() if len(g) > 1]
    if doubles:
        summary.say(
            "classes_that_differ_in_case_or_blanks_only", f"{'; '.join(doubles)}; kept apart"
        )


def _quoted(text: str) -> str:
    return f"'{text}'" if " " in text else text
