"""The errors of windrow. Each names what, where, found, expected and what to do next.

A :class:`WindrowError` is a mistake that the user can correct. The command line prints it as one
line and exits with code 2. Any other exception is a fault of windrow and keeps its traceback.
"""

from __future__ import annotations


class WindrowError(Exception):
    """A mistake in the user's input, described in one line.

    Args:
        what: what is wrong, a short clause.
        where: the file, column, array or setting that holds it.
        found: what was there.
        expected: what should have been there.
        hint: what to do next.

    Example:
        >>> print(WindrowError("no dates", where="fields.csv", hint="give --date-column"))
        no dates; in fields.csv; to mend it: give --date-column
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        found: object = None,
        expected: object = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.found = found
        self.expected = expected
        self.hint = hint
        parts = [what]
        for prefix, value in (
            ("in ", where),
            ("found ", found),
            ("expected ", expected),
            ("to mend it: ", hint),
        ):
            if value is not None:
                parts.append(f"{prefix}{value}")
        super().__init__(" ".join("; ".join(parts).split()))


class SettingsError(WindrowError):
    """A setting that is unknown, out of range, or in conflict with another.

    Args:
        what: what is wrong, a short clause.
        where: the file or command that holds it.
        found: what was there.
        expected: what should have been there.
        hint: what to do next.
        setting: the class of settings and the name in it, where one setting alone is wrong; the
            command line names its option by it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        found: object = None,
        expected: object = None,
        hint: str | None = None,
        setting: tuple[type, str] | None = None,
    ) -> None:
        super().__init__(what, where=where, found=found, expected=expected, hint=hint)
        self.setting = setting


class DataError(WindrowError):
    """Data that cannot be read or does not mean what it must."""


class BandError(DataError):
    """A band name that is unknown, given twice, or missing."""


class StoreError(DataError):
    """A series store that is missing, incomplete, corrupt, or of another version."""


class SplitError(DataError):
    """A split that leaks a field, or that leaves a part empty."""


class WeightsError(WindrowError):
    """Weights that cannot be read, or that do not fit the data or the configuration."""


class OutputError(WindrowError):
    """An output that cannot be written: it exists, the disk is full, or access is denied."""
