"""The paper's protocols of DENETHOR: which share of which tile's fields goes into which part."""

from __future__ import annotations

from windrow.data.splits import PartSettings, SplitSettings


def split(protocol: str) -> SplitSettings | None:
    """Returns the paper's split of DENETHOR by field; None where a protocol is of another product.

    Section 4: 70 % of the fields of the train tile pre-train, with 150,000 series. Section 6: of
    task 1, 21 % and 9 % train and validate, of task 2 (the test tile) 70 and 30 %; both with
    5,000 and 1,000 pixels a class.

    Example:
        >>> [part.fraction for part in split("task2").parts]
        [0.7, 0.3]
    """
    pretraining, train, validation = "pretraining", "train", "validation"
    if protocol == "task1":
        parts = (
            _part(pretraining, 0.70, num_series=150_000),
            _part(train, 0.21, num_per_class=5_000),
            _part(validation, 0.09, num_per_class=1_000),
        )
        return SplitSettings(tile="train", parts=parts)
    if protocol == "task2":
        two = (
            _part(train, 0.70, num_per_class=5_000),
            _part(validation, 0.30, num_per_class=1_000),
        )
        return SplitSettings(tile="test", parts=two)
    return None


def _part(
    name: str, fraction: float, *, num_series: int | None = None, num_per_class: int | None = None
) -> PartSettings:
    return PartSettings(
        name=name, fraction=fraction, num_series=num_series, num_per_class=num_per_class
    )
