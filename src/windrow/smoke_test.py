"""The mark of weights whose recipe only tests that training runs, the same words everywhere.

The header of such weights has ``smoke_test = True``. Every output that rests on them shows
:data:`SMOKE_TEST`.
"""

from __future__ import annotations

SMOKE_TEST = (
    "SMOKE TEST: these weights come from a recipe for tests and have learned almost nothing"
)


def smoke_test_lines(smoke_test: bool) -> list[str]:
    """Returns the line that marks an output, or none.

    Args:
        smoke_test: whether the weights come from a recipe for tests.

    Example:
        >>> smoke_test_lines(False)
        []
    """
    return [SMOKE_TEST] if smoke_test else []
