"""Transfer of a head from one task to another with the same legend."""

from __future__ import annotations

from windrow.data.legend import Legend


def why_not_transferable(source: Legend, target: Legend) -> str | None:
    """Checks whether a head of one legend can be tested on another.

    The classes must have the same names and order. Classes are never mapped to other classes.

    Args:
        source: legend of the head.
        target: legend of the test labels.

    Returns:
        The reason why the head cannot be tested, or None if it can.

    Example:
        >>> crops = Legend(names=("Wheat", "Rye"), codes=("1", "2"))
        >>> why_not_transferable(crops, crops) is None
        True
        >>> why_not_transferable(crops, Legend(names=("Wheat",), codes=("1",)))
        'the classes differ: 1 of 2 stand in one of them only, such as Rye'
    """
    if source.names == target.names:
        return None
    odd = [name for name in source.names if name not in target.names]
    odd += [name for name in target.names if name not in source.names]
    if odd:
        num_classes = len(set(source.names) | set(target.names))
        return (
            f"the classes differ: {len(odd)} of {num_classes} stand in one of them only, "
            f"such as {odd[0]}"
        )
    return "the classes are the same but stand in another order"
