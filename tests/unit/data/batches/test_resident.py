"""Standardisation on a device against that in numpy."""

import numpy as np
import pytest
import torch

from windrow.data.batches.resident import ResidentNormalization, resident
from windrow.data.normalization import Normalization

FITTED = Normalization(np.array([0.08, 0.31, 0.2]), np.array([0.03, 0.12, 1e-3]))


def _stored():
    return np.random.default_rng(0).integers(-500, 12_000, (6, 9, 3)).astype(np.int16)


def test_the_device_standardises_to_the_bits_of_numpy():
    stored = _stored()
    found = ResidentNormalization.of(FITTED).apply(resident(stored, "cpu"))
    assert found.dtype == torch.float32
    assert np.array_equal(found.numpy(), FITTED.apply(stored))


def test_inverting_gives_reflectance_back():
    stored = _stored()
    on_device = ResidentNormalization.of(FITTED)
    reflectance = on_device.invert(on_device.apply(resident(stored, "cpu")))
    np.testing.assert_allclose(reflectance.numpy(), stored / 10_000, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.bool_])
def test_a_resident_array_keeps_its_type_whatever_its_strides(dtype):
    array = (np.arange(24).reshape(4, 6) % 2).astype(dtype).T[::2]
    found = resident(array, "cpu")
    assert found.is_contiguous()
    assert np.array_equal(found.numpy(), array)
    assert found.numpy().dtype == dtype
