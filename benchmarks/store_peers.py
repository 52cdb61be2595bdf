"""Batches from the store, read once and kept, beside Parquet and WebDataset, in one process.

The same Sentinel-2 series and batches in random order from each: ours indexes what ``Store.series``
keeps in memory as 16-bit integers; Parquet has a row a series, in row groups of 250 as the store's
chunks, of which those with a row of the batch are read; WebDataset has a sample a series in tar
files of 1,000, shuffled in a buffer, as it is meant to be used. The seconds of one pass over all
series, of the processor, files in the page cache; what reading the store takes is told beside
it. One line of JSON::

    python benchmarks/store_peers.py --num-series 4000
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from embed_cpu import random_series
from measuring import setting, version
from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store

CHUNK = 250
TAR = 1_000


def store_batches(folder: Path, series: Series, batch_size: int) -> Callable[[], int]:
    """Ours: what a step asks for, standardised, with dates and validity."""
    write_store(folder / "store", series, provenance={})
    started = time.perf_counter()
    resident = Store(folder / "store").series()
    store_batches.opening = time.perf_counter() - started  # type: ignore[attr-defined]
    normalization = Normalization.fit(resident.reflectance, resident.valid)
    data = PretrainingData(
        resident,
        normalization=normalization,
        target="sentinel2",
        target_normalization=normalization,
        target_offsets=(0,),
    )
    order = BatchOrder(len(series), batch_size=batch_size, seed=0)

    def run() -> int:
        count = 0
        for step in range(order.steps_per_epoch):
            count += len(data.inputs(order.indices(step)).values)
        return count

    return run


def standardiser(series: Series) -> Callable[[npt.NDArray[np.int16]], torch.Tensor]:
    """What every batch goes through: float32, divided, standardised."""
    normalization = Normalization.fit(series.reflectance, series.valid)
    return lambda values: torch.from_numpy(normalization.apply(values))


def parquet_batches(folder: Path, series: Series, batch_size: int) -> Callable[[], int]:
    """A row a series, its arrays as lists; the row groups of a batch are read and rows picked."""
    path = folder / "series.parquet"
    flat = series.reflectance.reshape(len(series), -1)
    table = pa.table(
        {
            "reflectance": pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1]),
            "day_of_year": pa.FixedSizeListArray.from_arrays(
                pa.array(series.day_of_year.ravel()), series.num_dates
            ),
        }
    )
    pq.write_table(table, path, row_group_size=CHUNK, compression="zstd")
    shape = series.reflectance.shape[1:]
    standardised = standardiser(series)

    def run() -> int:
        file = pq.ParquetFile(path)
        order = np.random.default_rng(0).permutation(len(series))
        count = 0
        for start in range(0, len(order) - batch_size + 1, batch_size):
            rows = np.sort(order[start : start + batch_size])
            values = [_rows(file, int(group), rows, shape) for group in np.unique(rows // CHUNK)]
            count += len(standardised(np.concatenate(values)))
        return count

    return run


def _rows(
    file: pq.ParquetFile, group: int, rows: npt.NDArray[np.intp], shape: tuple[int, ...]
) -> npt.NDArray[np.int16]:
    inside = rows[rows // CHUNK == group] - group * CHUNK
    column = file.read_row_group(group, columns=["reflectance"]).column(0).combine_chunks()
    values = column.flatten().to_numpy().reshape(-1, *shape)[inside]
    return np.asarray(values)


def webdataset_batches(folder: Path, series: Series, batch_size: int) -> Callable[[], int]:
    """A sample a series in tar files; the library shuffles, decodes and batches."""
    import webdataset

    pattern = str(folder / "series-%04d.tar")
    with webdataset.ShardWriter(pattern, maxcount=TAR, verbose=0) as writer:
        for index in range(len(series)):
            buffer = io.BytesIO()
            np.save(buffer, series.reflectance[index])
            writer.write({"__key__": f"{index:08d}", "reflectance.npy": buffer.getvalue()})
    files = sorted(str(path) for path in folder.glob("series-*.tar"))
    standardised = standardiser(series)

    def samples() -> Iterator[list[npt.NDArray[np.int16]]]:
        dataset = webdataset.WebDataset(files, shardshuffle=False, empty_check=False)
        yield from dataset.shuffle(TAR).decode().to_tuple("reflectance.npy").batched(batch_size)

    def run() -> int:
        return sum(len(standardised(np.stack(batch[0]))) for batch in samples())

    return run


def main() -> None:
    """Times one pass of each in turn and prints the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-series", type=int, default=4_000)
    parser.add_argument("--num-dates", type=int, default=144)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--num-rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pa.set_cpu_count(1)
    series = random_series(options.num_series, options.num_dates)
    builders = {"store": store_batches, "parquet": parquet_batches}
    if version("webdataset") is None:
        sys.stderr.write("webdataset is not installed: it is left out\n")
    else:
        builders["webdataset"] = webdataset_batches
    with tempfile.TemporaryDirectory() as name:
        runs = {
            key: build(Path(name), series, options.batch_size) for key, build in builders.items()
        }
        best = dict.fromkeys(runs, 0.0)
        for _ in range(options.num_rounds):
            for key, run in runs.items():
                started = time.process_time()
                count = run()
                best[key] = max(best[key], count / (time.process_time() - started))
    result = {
        "benchmark": "store_peers",
        **setting("torch", "pyarrow", "webdataset", "zarr", threads=1, **vars(options)),
        "series_a_second": {key: round(value) for key, value in best.items()},
        "opening_the_store_series_a_second": round(
            options.num_series / store_batches.opening  # type: ignore[attr-defined]
        ),
        **{
            f"ratio_to_{key}": round(best["store"] / best[key], 1) for key in best if key != "store"
        },
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
