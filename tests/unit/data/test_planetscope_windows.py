"""Pairing of pixels against the formulas in exact fractions and against distances on the ground."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from windrow.data.planetscope_windows import planetscope_pixel, planetscope_window

PIXELS = range(2400)


def test_corner_against_naive_floor() -> None:
    expected = [math.floor(Fraction(10 * i, 3)) for i in PIXELS]
    assert planetscope_pixel(np.arange(2400)).tolist() == expected


def test_centred_against_naive_floor() -> None:
    expected = [math.floor((i + Fraction(1, 2)) * Fraction(10, 3)) for i in PIXELS]
    assert planetscope_pixel(np.arange(2400), pairing="centred").tolist() == expected


def test_centred_pixel_holds_the_centre_on_the_ground() -> None:
    pixel = planetscope_pixel(np.arange(2400), pairing="centred")
    centre_metres = 10 * np.arange(2400) + 5
    assert (3 * pixel <= centre_metres).all()
    assert (centre_metres < 3 * (pixel + 1)).all()


@pytest.mark.parametrize("pairing", ["corner", "centred"])
def test_window_against_a_loop_and_clamped_at_the_edges(pairing: str) -> None:
    row, column = np.meshgrid(np.arange(0, 12), np.arange(0, 12), indexing="ij")
    rows, columns = planetscope_window(row, column, size=40, pairing=pairing)  # type: ignore[arg-type]
    assert rows.shape == columns.shape == (12, 12, 9)
    for i in range(12):
        for j in range(12):
            middle = [int(planetscope_pixel(p, pairing=pairing)) for p in (i, j)]  # type: ignore[arg-type]
            expected = [
                (min(max(middle[0] + a, 0), 39), min(max(middle[1] + b, 0), 39))
                for a in (-1, 0, 1)
                for b in (-1, 0, 1)
            ]
            found = zip(rows[i, j].tolist(), columns[i, j].tolist(), strict=True)
            assert list(found) == expected
