"""How large a series store is against the raw bytes of its series; prints one line of JSON.

Raw are the bytes of the store's arrays as they stand in memory. Run::

    python benchmarks/store_size.py ../shared/data/bavaria2018/observations.parquet
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from windrow.data.series import PER_SERIES, Series
from windrow.data.store.store import Store
from windrow.pipelines.ingest import ingest
from windrow.sources.reader import IngestOptions

_SHARED = Path(os.environ.get("WINDROW_DATA", Path(__file__).parents[2] / "shared/data"))
DEFAULTS = (_SHARED / "bavaria2018/observations.parquet", _SHARED / "flanders2018/cube.nc")


def raw_bytes(series: Series, names: tuple[str, ...] = PER_SERIES) -> int:
    """Bytes of the arrays of a batch of series."""
    arrays = [getattr(series, name) for name in names]
    return sum(array.nbytes for array in arrays if array is not None)


def main() -> None:
    """Ingests each product into a temporary store and measures it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("products", type=Path, nargs="*", default=DEFAULTS)
    for place in parser.parse_args().products:
        if not place.exists():
            sys.stderr.write(f"store_size: no real series at {place}\n")
            continue
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            ingest(place, out=store, options=IngestOptions())
            size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
            reflectance = sum(
                file.stat().st_size for file in (store / "reflectance").rglob("*") if file.is_file()
            )
            series = Store(store).series()
        raw, raw_reflectance = raw_bytes(series), raw_bytes(series, ("reflectance",))
        result = {
            "benchmark": "store_size",
            "product": f"{place.parent.name}/{place.name}",
            "num_series": len(series),
            "raw_mib": round(raw / 2**20, 2),
            "store_mib": round(size / 2**20, 2),
            "ratio": round(size / raw, 3),
            "reflectance_ratio": round(reflectance / raw_reflectance, 3),
        }
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
