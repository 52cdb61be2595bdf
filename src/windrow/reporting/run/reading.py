"""Reads the files of runs: metrics, evaluation figures, predictions, few-label tables.

Every part is optional, because an interrupted run can be reported too. A damaged part raises an
error that names the file and the position in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from windrow.errors import DataError
from windrow.json_values import JsonObject
from windrow.reporting.run.records import (
    LOSS_PARTS,
    Evaluation,
    FewShot,
    FewShotPart,
    MetricLine,
    Metrics,
    PretrainingPart,
    Record,
    Run,
    is_unversioned,
    representation_renamed,
)

PREDICTION_COLUMNS = ("series_id", "day_of_year", "valid", "band", "observed", "predicted")
CLASS_COLUMNS = ("id", "true", "predicted")


_PRETRAINING_FILES = ("config.yaml", "metrics.jsonl", "evaluation.json", "weights.safetensors")


def read_run(path: str | Path) -> Run:
    """Reads a pre-training run, a few-label folder, or a demo folder that holds several.

    Args:
        path: the folder.

    Returns:
        the parts that exist, and the names of the absent parts.

    Raises:
        DataError: the path is not a run directory, or one of its files is damaged.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(
            "not a run directory",
            where=folder,
            found="a file" if folder.exists() else "nothing",
            expected="a folder that pretrain, fewshot or demo wrote",
        )
    missing: list[str] = []
    pretraining = _read_pretraining(folder, missing)
    fewshots = _read_fewshots(folder)
    if not fewshots:
        missing.append("few-label results (fewshot.json)")
    if pretraining is None and not fewshots:
        raise DataError(
            "not a run directory",
            where=folder,
            found="none of its files",
            expected="config.yaml, metrics.jsonl, evaluation.json or fewshot.json",
            hint="give the folder that pretrain, fewshot or demo wrote",
        )
    return Run(folder, pretraining, fewshots, tuple(missing))


def _read_pretraining(folder: Path, missing: list[str]) -> PretrainingPart | None:
    for part_folder in (folder / "pretraining", folder):
        if any((part_folder / name).is_file() for name in _PRETRAINING_FILES):
            break
    else:
        missing.append("pre-training (config.yaml, metrics.jsonl, evaluation.json)")
        return None
    paths = {
        "settings (config.yaml)": part_folder / "config.yaml",
        "environment (environment.json)": part_folder / "environment.json",
        "loss curves (metrics.jsonl)": part_folder / "metrics.jsonl",
        "held-out figures (evaluation.json)": part_folder / "evaluation.json",
        "predicted series (predictions.parquet)": part_folder / "predictions.parquet",
        "weights (weights.safetensors)": part_folder / "weights.safetensors",
    }
    missing.extend(name for name, path in paths.items() if not path.is_file())
    config, environment, metrics, evaluation, predictions, weights = (
        path if path.is_file() else None for path in paths.values()
    )
    return PretrainingPart(
        folder=part_folder,
        config=_read_yaml(config) if config else None,
        environment=_mapping(_read_json(environment), environment) if environment else None,
        metrics=read_metrics(metrics) if metrics else None,
        evaluation=fit_record(Evaluation, _read_json(evaluation), evaluation)
        if evaluation
        else None,
        predictions=read_series_predictions(predictions) if predictions else None,
        weights=read_weights_header(weights) if weights else None,
    )


def _read_fewshots(folder: Path) -> tuple[FewShotPart, ...]:
    own = folder / "fewshot.json"
    found = [own] if own.is_file() else sorted(folder.glob("fewshot*/fewshot.json"))
    parts = []
    for path in found:
        predictions = path.parent / "predictions.parquet"
        values = _read_json(path)
        results = fit_record(FewShot, values, path)
        _check_confusion(results, path)
        parts.append(
            FewShotPart(
                name=path.parent.resolve().name,
                results=results,
                predictions=_read_predictions(predictions, rename=is_unversioned(values)),
            )
        )
    return tuple(parts)


def _read_predictions(path: Path, *, rename: bool) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    table = read_class_predictions(path)
    if rename and "method" in table:
        table = table.assign(method=table["method"].map(representation_renamed))
    return table


def _check_confusion(results: FewShot, path: Path) -> None:
    size = len(results.legend)
    for row in results.rows:
        matrix = row.confusion_matrix
        if matrix is None or [len(line) for line in matrix] == [size] * size:
            continue
        raise DataError(
            "a confusion matrix does not fit the legend",
            where=f"{path}, k = {row.k}, {row.method}, {row.head}",
            found=f"{len(matrix)} rows",
            expected=f"{size} x {size}, one row and column per class",
        )


def read_metrics(path: Path) -> Metrics:
    """Reads ``metrics.jsonl``: training and validation losses by step.

    Raises:
        DataError: a line is not a JSON object or lacks its step; the error names the line.
    """
    lines: dict[str, dict[int, MetricLine]] = {"train": {}, "validation": {}}
    num_repeated = num_unknown = 0
    for number, text in enumerate(_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        where = f"{path}, line {number}"
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise DataError(
                "a line of the metrics is damaged",
                where=where,
                found=repr(text[:40]),
                expected="one JSON object per line",
                hint="remove the line; a killed run can leave its last line cut",
            ) from None
        line = fit_record(MetricLine, values, where)
        if line.kind not in lines:
            num_unknown += 1
            continue
        num_repeated += line.step in lines[line.kind]
        lines[line.kind][line.step] = line  # a resumed run's later line counts
    notes = []
    if num_repeated:
        notes.append(f"{num_repeated} steps stand twice, as after a resumption; the later counts.")
    if num_unknown:
        notes.append(f"{num_unknown} lines of an unknown kind are not shown.")
    train = _metric_table(lines["train"], (*LOSS_PARTS, "learning_rate", "series_per_second"))
    num_bad = int((~np.isfinite(train["loss"].to_numpy())).sum())
    if num_bad:
        notes.append(f"{num_bad} training steps have a loss that is missing or not finite.")
    totals = [line.num_steps for line in lines["train"].values() if line.num_steps is not None]
    return Metrics(
        train=train,
        validation=_metric_table(lines["validation"], LOSS_PARTS),
        num_steps=max(totals, default=None),
        notes=tuple(notes),
    )


def _metric_table(lines: dict[int, MetricLine], columns: Sequence[str]) -> pd.DataFrame:
    ordered = [lines[step] for step in sorted(lines)]
    table = {name: np.array([getattr(n, name) for n in ordered], dtype=float) for name in columns}
    return pd.DataFrame({"step": np.array([n.step for n in ordered], dtype=np.int64), **table})


def read_series_predictions(path: Path) -> pd.DataFrame:
    """Reads predicted and observed PlanetScope reflectance of held-out series, lag 0 only.

    Returns:
        columns of :data:`PREDICTION_COLUMNS`, and cloud_probability (NaN where unknown).

    Raises:
        DataError: the file is damaged, lacks a column, or holds text in a numeric column.
    """
    table = read_parquet(path, PREDICTION_COLUMNS)
    if "lag" in table:
        table = table[table["lag"] == 0]
    if "cloud_probability" not in table:
        table = table.assign(cloud_probability=np.nan)
    numbers = ("day_of_year", "observed", "predicted", "cloud_probability")
    try:
        table = table.assign(
            **{name: pd.to_numeric(table[name]).astype(float) for name in numbers},
            valid=table["valid"].astype(bool),
            band=table["band"].astype(str),
        )
    except (TypeError, ValueError) as error:
        raise DataError("a column is not numeric", where=path, found=str(error)[:80]) from None
    return table.reset_index(drop=True)


def read_class_predictions(path: Path) -> pd.DataFrame:
    """Reads true and predicted classes, and coordinates where the file has them.

    Returns:
        columns of :data:`CLASS_COLUMNS` (classes as text) and all other columns of the file.

    Raises:
        DataError: the file is damaged or lacks a column.
    """
    table = read_parquet(path, CLASS_COLUMNS)
    for name in ("longitude", "latitude"):
        if name in table:
            try:
                table[name] = pd.to_numeric(table[name]).astype(float)
            except (TypeError, ValueError):
                raise DataError(
                    f"column {name} is not numeric", where=path, expected="degrees"
                ) from None
    return table.assign(true=table["true"].astype(str), predicted=table["predicted"].astype(str))


def read_weights_header(path: Path) -> JsonObject:
    """Reads the header of a weights file without loading a tensor.

    Returns:
        the JSON under ``windrow`` in the metadata, or all metadata where that key is absent.

    Raises:
        DataError: the header is incomplete or not JSON.
    """
    damaged = DataError(
        "the header of the weights cannot be read", where=path, hint="train again, or copy again"
    )
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > min(100_000_000, path.stat().st_size):
                raise damaged
            header = json.loads(file.read(size).decode())
        metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
        if isinstance(metadata, dict) and "windrow" in metadata:
            metadata = json.loads(str(metadata["windrow"]))
    except (OSError, ValueError, RecursionError):
        raise damaged from None
    if not isinstance(metadata, dict):
        raise damaged
    return metadata


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("a file of the run cannot be read", where=path, found=error) from None


def _read_json(path: Path) -> object:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(
            "a file of the run is not JSON",
            where=path,
            found=str(error)[:80],
            hint="it may be cut short: run the command that wrote it again",
        ) from None


def _read_yaml(path: Path) -> JsonObject:
    import yaml

    try:
        values = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DataError(
            "a file of the run is not YAML", where=path, found=(str(error) or "nothing")[:80]
        ) from None
    return _mapping(values, path)


def _mapping(values: object, path: Path) -> JsonObject:
    if not isinstance(values, dict):
        raise DataError(
            "a file of the run does not hold named values",
            where=path,
            found=type(values).__name__,
        )
    return {str(name): value for name, value in values.items()}


RecordType = TypeVar("RecordType", bound=Record)


def fit_record(kind: type[RecordType], values: object, where: object) -> RecordType:
    """Converts the values of a file into a record.

    Args:
        kind: type of the record.
        values: the values of the file.
        where: the file, for the error.

    Raises:
        DataError: a value is missing or has the wrong type; the error names the first one.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(
            f"{entry} does not fit: {first['msg'][0].lower()}{first['msg'][1:]}",
            where=where,
            found=repr(first.get("input"))[:60],
        ) from None


def read_parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Reads a table of a run that has at least these columns.

    Raises:
        DataError: the table is damaged, or a column is missing.
    """
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds on damaged bytes
        raise DataError(
            "a table of the run cannot be read", where=path, found=str(error)[:80]
        ) from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise DataError(
            f"a table of the run lacks column {', '.join(missing)}",
            where=path,
            found=", ".join(str(name) for name in table.columns) or "no column",
            expected=", ".join(columns),
        )
    return table
