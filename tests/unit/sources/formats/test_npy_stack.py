import gzip
import io
import zipfile

import numpy as np
import pytest

from windrow.errors import DataError
from windrow.sources.formats.archives import StoredFile
from windrow.sources.formats.npy_stack import PixelChoice, open_date_array


def npy(values, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, values, **options)
    return buffer.getvalue()


def places(folder, content):
    """The same bytes plain, compressed, in a zip, and compressed in a zip."""
    (folder / "a.npy").write_bytes(content)
    (folder / "a.npy.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.npy", content)
        archive.writestr("in/a.npy.gz", gzip.compress(content))
    zipped = [StoredFile(folder / "a.zip", f"in/{name}") for name in ("a.npy", "a.npy.gz")]
    return [StoredFile(folder / "a.npy"), StoredFile(folder / "a.npy.gz"), *zipped]


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32, np.float64, np.uint8, ">i2"])
@pytest.mark.parametrize("shape", [(3, 150, 7, 4), (2, 64, 5, 1), (2, 65, 5)])
def test_every_place_gives_what_indexing_gives(tmp_path, dtype, shape):
    draw = np.random.default_rng(0)
    values = draw.integers(0, 200, shape).astype(dtype)
    flat = np.sort(draw.permutation(shape[1] * shape[2])[:40])
    pixels = PixelChoice(*(axis.astype(np.int32) for axis in np.divmod(flat, shape[2])))
    wanted = values.reshape(*shape[:3], -1)[:, pixels.row, pixels.column]
    for version in ((1, 0), (2, 0)):
        for stored in places(tmp_path, npy(values, version=version)):
            array = open_date_array(stored)
            assert array.shape == (*shape, 1)[:4]
            for dates in (None, range(1, shape[0]), range(shape[0], shape[0])):
                read = list(array.select(pixels, dates))
                expected = wanted[dates.start :] if dates else wanted if dates is None else []
                assert len(read) == len(expected)
                assert all(np.array_equal(a, b) for a, b in zip(read, expected, strict=True))


def test_a_stream_that_ends_early_says_where(tmp_path):
    content = npy(np.zeros((3, 100, 5, 2), dtype=np.int16))
    for stored in places(tmp_path, content[:-11])[1:]:
        array = open_date_array(stored)
        pixels = PixelChoice(np.array([99], dtype=np.int32), np.array([4], dtype=np.int32))
        with pytest.raises(DataError, match=r"cut short; in .*a\.(npy\.gz|zip).*11 bytes are miss"):
            list(array.select(pixels))
    with pytest.raises(DataError, match=r"the array is cut short; in .*a\.npy; found [\d,]+ of"):
        open_date_array(StoredFile(tmp_path / "a.npy"))


def test_other_arrays_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    for content, match in (
        (npy(np.asfortranarray(np.zeros((2, 3, 4, 5)))), "other dimensions.*in Fortran order"),
        (npy(np.zeros((2, 3, 4, 5, 6))), r"other dimensions; .*found \(2, 3, 4, 5, 6\)"),
        (npy(np.zeros((0, 3, 4))), r"other dimensions; .*found \(0, 3, 4\)"),
        (npy(np.array([["a"]])), "holds no numbers; .*found <U1"),
        (b"\x93NUMPY\x03\x00", r"unknown version of .npy; .*found 3.0"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=match):
            open_date_array(StoredFile(path))
