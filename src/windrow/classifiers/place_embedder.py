"""Embeddings of the fields of a place, without labels and classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from windrow.classifiers.place_classifier import PlaceEncoder, of_fixed_size, spread_context
from windrow.data.ten_day_grid import TenDayGrid
from windrow.errors import BandError, DataError
from windrow.models.place_context import PlaceContext
from windrow.models.place_network import PlaceBatch, place_values

_FIELDS_A_CALL = 256


class PlaceEmbedder:
    """Embeds fields beside the other fields of their place.

    Args:
        encoder: the place network.
        context: fields of the place.
        latitude: latitude of the place in degrees, or None.
        num_context: largest number of fields that the network sees; they are spread evenly.

    Raises:
        DataError: there is no field.
    """

    def __init__(
        self,
        encoder: PlaceEncoder,
        context: TenDayGrid,
        *,
        latitude: float | None = None,
        num_context: int = 256,
    ) -> None:
        if len(context) == 0:
            raise DataError("no field shows the place", expected="at least one")
        self._has_band = context.has_band
        seen = context.select(spread_context(np.full(len(context), -1), num_context))
        fields = torch.ones(1, len(seen), dtype=torch.bool)
        num_crops = len(encoder.header.crop_names)
        batch = PlaceBatch(
            reflectance=torch.from_numpy(seen.reflectance)[None],
            gap=torch.from_numpy(seen.gap)[None],
            has_band=torch.from_numpy(seen.has_band)[None],
            is_field=fields,
            context=fields,
            label=torch.full((1, len(seen)), -1),
            labelled=~fields,
            crops=torch.zeros(1, 0, num_crops),
            known=torch.zeros(1, 0, dtype=torch.bool),
            is_class=torch.zeros(1, 0, dtype=torch.bool),
            place=torch.tensor([place_values(latitude)]),
        )
        self._context = PlaceContext(encoder.network, batch)
        self.width = encoder.header.network.embedding_width

    def embed(self, fields: TenDayGrid) -> npt.NDArray[np.float32]:
        """Computes the embedding (N, Z) of each field; it does not depend on the other N - 1.

        Raises:
            BandError: the fields have other bands than the context.
        """
        if not np.array_equal(fields.has_band, self._has_band):
            raise BandError("the fields have other bands than the fields of the place")
        parts = [np.zeros((0, self.width), dtype=np.float32)]
        for start in range(0, len(fields), _FIELDS_A_CALL):
            part = fields.select(slice(start, start + _FIELDS_A_CALL))
            found = self._context.embed(*of_fixed_size(part, _FIELDS_A_CALL))
            parts.append(found[: len(part)].numpy())
        return np.concatenate(parts)
