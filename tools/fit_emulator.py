"""Fits the PROSAIL emulator that ships with windrow; run once, outside the wheel.

PROSPECT-D (Feret et al. 2017) gives a leaf, 4SAIL (Verhoef et al. 2007) a canopy. The reference
implementation, the package ``prosail``, is GPL-3 and takes about a millisecond a spectrum, so it is
used here alone: nothing of it (code or spectra) enters the wheel, and windrow never imports it.

4SAIL is linear in three quantities that do not depend on the ground. For a ground of reflectance
``rs``, written per band::

    R = r0 + rs / (1 - rs * rdd) * (t - rs * rdd * h)

    r0   reflectance over a black ground (rso)
    rdd  bihemispherical reflectance of the canopy from below
    t    two-way transmittance, tsstoo + (tss + tsd) * tdo + tsd * too
    h    tsstoo - tss * too, the excess of the two-way gap from the hot spot (no band)

The emulator learns ``r0``, ``t`` and ``rdd`` in 17 bands and ``h``, so that one network serves dry
soil, wet soil, stubble and snow. Band values are averages under the Gaussian responses of
:mod:`windrow.sensors`; the held-out error is that of the final reflectance against the full model
over random ground spectra, band-integration included.

Run::

    python tools/fit_emulator.py --samples 65536 --epochs 700
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from scipy.stats import qmc

from windrow.files import atomic_file
from windrow.sensors import PLANETSCOPE, SENTINEL2_L1C

# name: lowest, highest, how the design and the network see it.
PARAMETERS: dict[str, tuple[float, float, str]] = {
    "leaf_structure": (1.2, 2.4, "linear"),
    "chlorophyll": (0.0, 90.0, "sqrt"),  # ug cm-2
    "carotenoids": (0.0, 20.0, "sqrt"),  # ug cm-2
    "brown_pigment": (0.0, 1.5, "sqrt"),
    "leaf_water": (0.002, 0.05, "log"),  # cm
    "dry_matter": (0.002, 0.015, "linear"),  # g cm-2
    "leaf_area_index": (0.0, 8.0, "sqrt"),
    "leaf_angle": (25.0, 80.0, "linear"),  # mean, degrees, ellipsoidal (Campbell 1990)
    "hot_spot": (0.01, 0.5, "sqrt"),
    "sun_zenith": (20.0, 78.0, "linear"),  # degrees
}
VIEW_ZENITH = 5.0  # Sentinel-2 looks within about ten degrees of nadir: fixed, assumed
RELATIVE_AZIMUTH = 90.0
BANDS = {**SENTINEL2_L1C, **{f"planetscope_{name}": b for name, b in PLANETSCOPE.items()}}
WAVELENGTHS = np.arange(400.0, 2501.0)
NUM_GROUNDS = 2


def forward(values: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    """A parameter as the design and the network see it."""
    if kind == "sqrt":
        return np.asarray(np.sqrt(values))
    return np.asarray(np.log(values) if kind == "log" else values)


def design(num_samples: int, seed: int) -> npt.NDArray[np.float64]:
    """Scrambled Sobol points (Owen 1998) over the transformed ranges, one row a sample."""
    unit = qmc.Sobol(len(PARAMETERS), scramble=True, rng=seed).random(num_samples)
    columns = []
    for column, (low, high, kind) in zip(unit.T, PARAMETERS.values(), strict=True):
        ends = forward(np.array([low, high]), kind)
        inner = ends[0] + column * (ends[1] - ends[0])
        columns.append(inner**2 if kind == "sqrt" else np.exp(inner) if kind == "log" else inner)
    return np.stack(columns, axis=1)


def grounds(num: int, seed: int) -> npt.NDArray[np.float64]:
    """Random ground spectra for the test: a level, a slope and a curve; one in ten is snow."""
    rng = np.random.default_rng(seed)
    along = (WAVELENGTHS - 400) / 2100
    level = rng.uniform(0.02, 0.2, (num, 1))
    spectra = level + rng.uniform(0.0, 0.4, (num, 1)) * along ** rng.uniform(0.4, 1.2, (num, 1))
    snow = 0.9 * np.exp(-along * rng.uniform(1.0, 3.0, (num, 1)))
    return np.asarray(np.where(rng.random((num, 1)) < 0.1, snow, spectra))


def run_prosail(
    job: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> npt.NDArray[np.float64]:
    """One sample by the full model: 17 x (r0, t, rdd), h, then 17 x 2 reflectances and grounds."""
    from prosail.FourSAIL import foursail
    from prosail.prospect_d import run_prospect

    row, ground = job
    p = dict(zip(PARAMETERS, row, strict=True))
    _, rho, tau = run_prospect(
        p["leaf_structure"],
        p["chlorophyll"],
        p["carotenoids"],
        p["brown_pigment"],
        p["leaf_water"],
        p["dry_matter"],
        prospect_version="D",
    )
    angles = (p["sun_zenith"], VIEW_ZENITH, RELATIVE_AZIMUTH)
    out = foursail(
        rho,
        tau,
        p["leaf_angle"],
        0.0,
        2,
        max(p["leaf_area_index"], 1e-6),
        p["hot_spot"],
        *angles,
        ground[0],
    )
    tss, too, tsstoo, rdd, _, _, tsd, _, tdo, rso = out[:10]
    t = tsstoo + (tss + tsd) * tdo + tsd * too
    responses = np.stack([band.response(WAVELENGTHS) for band in BANDS.values()])
    parts = [responses @ rso, responses @ t, responses @ rdd, [tsstoo - tss * too]]
    for spectrum in ground:
        # The ground enters 4SAIL in these last lines only; see its equations for rsot.
        gain = spectrum / (1 - spectrum * rdd)
        full = (
            rso
            + tsstoo * spectrum
            + gain * ((tss + tsd) * tdo + (tsd + tss * spectrum * rdd) * too)
        )
        parts += [responses @ full, responses @ spectrum]
    bounced, hot_gap = ground[0] * rdd, tsstoo - tss * too
    gains = ground[0] / (1 - bounced)
    if not np.allclose(out[17], rso + gains * (t - bounced * hot_gap)):
        raise AssertionError("the decomposition differs from 4SAIL")
    return np.concatenate(parts)


def sample(num_samples: int, seed: int, processes: int) -> tuple[npt.NDArray[Any], ...]:
    """Design points and what PROSAIL says of them."""
    points = design(num_samples, seed)
    ground = grounds(NUM_GROUNDS * num_samples, seed + 1).reshape(num_samples, NUM_GROUNDS, -1)
    with Pool(processes) as pool:
        rows = list(pool.imap(run_prosail, zip(points, ground, strict=True), chunksize=256))
    return points, np.array(rows)


def network(points: npt.NDArray[Any], hidden: int) -> torch.nn.Sequential:
    """Two hidden layers of tanh over inputs scaled to -1..1."""
    num_outputs = 3 * len(BANDS) + 1
    return torch.nn.Sequential(
        torch.nn.Linear(points.shape[1], hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, num_outputs),
    )


def scaled(points: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Parameters to the network's inputs."""
    columns = []
    for column, (low, high, kind) in zip(points.T, PARAMETERS.values(), strict=True):
        ends = forward(np.array([low, high]), kind)
        columns.append(2 * (forward(column, kind) - ends[0]) / (ends[1] - ends[0]) - 1)
    return np.stack(columns, axis=1).astype(np.float32)


def reflectance(parts: torch.Tensor, ground: torch.Tensor) -> torch.Tensor:
    """The equation of the module's head, from (n, 52) parts and (n, 17) grounds."""
    r0, t, rdd = parts[:, : 3 * len(BANDS)].reshape(len(parts), 3, -1).unbind(1)
    return r0 + ground / (1 - ground * rdd) * (t - ground * rdd * parts[:, -1:])


def fit(
    inputs: torch.Tensor, rows: torch.Tensor, settings: argparse.Namespace
) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor]:
    """Adam on the error of the final reflectance over the sampled grounds, and of the parts."""
    torch.manual_seed(settings.seed)
    num_parts = 3 * len(BANDS) + 1
    parts, rest = rows[:, :num_parts], rows[:, num_parts:]
    full = rest.reshape(len(rows), NUM_GROUNDS, 2, len(BANDS))
    mean, std = parts.mean(0), parts.std(0)
    model = network(inputs.numpy(), settings.hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    steps = settings.epochs * (len(inputs) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    started = time.monotonic()
    for epoch in range(settings.epochs):
        order = torch.randperm(len(inputs))
        total = 0.0
        for start in range(0, len(order) - settings.batch + 1, settings.batch):
            rows_now = order[start : start + settings.batch]
            predicted = model(inputs[rows_now]) * std + mean
            loss = ((predicted - parts[rows_now]) ** 2).mean() * 0.2
            for ground in range(NUM_GROUNDS):
                wanted, rs = full[rows_now, ground].unbind(1)
                loss = loss + ((reflectance(predicted, rs) - wanted) ** 2).mean()
            optimizer.zero_grad()
            (loss * 1e4).backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if epoch % 20 == 0 or epoch == settings.epochs - 1:
            rmse = (total / max(len(order) // settings.batch, 1) / 2.2) ** 0.5
            sys.stdout.write(f"epoch {epoch} rmse~{rmse:.5f} {time.monotonic() - started:.0f}s\n")
            sys.stdout.flush()
    return model, mean, std


def held_out_rmse(
    model: torch.nn.Sequential,
    scale: tuple[torch.Tensor, torch.Tensor],
    inputs: torch.Tensor,
    rows: torch.Tensor,
) -> dict[str, float]:
    """Root mean squared error of the final reflectance by band, over random grounds."""
    num_parts = 3 * len(BANDS) + 1
    full = rows[:, num_parts:].reshape(len(rows), NUM_GROUNDS, 2, len(BANDS))
    with torch.no_grad():
        predicted = model(inputs) * scale[1] + scale[0]
        errors = torch.stack(
            [
                reflectance(predicted, full[:, ground, 1]) - full[:, ground, 0]
                for ground in range(NUM_GROUNDS)
            ]
        )
    values = (errors**2).mean((0, 1)).sqrt()
    return {name: round(float(value), 6) for name, value in zip(BANDS, values, strict=True)}


def main() -> None:
    """Samples, fits, measures and writes the emulator."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=65_536)
    parser.add_argument("--held-out", type=int, default=4_096)
    parser.add_argument("--epochs", type=int, default=700)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    root = Path(__file__).resolve().parents[1]
    parser.add_argument(
        "--out", type=Path, default=root / "src/windrow/simulation/emulator.safetensors"
    )
    parser.add_argument("--cache", type=Path, help="where to keep the samples between two fits")
    settings = parser.parse_args()
    if settings.cache is not None and settings.cache.exists():
        with np.load(settings.cache) as kept:
            points, rows = kept["points"], kept["rows"]
    else:
        points, rows = sample(settings.samples, settings.seed, settings.processes)
        test = sample(settings.held_out, settings.seed + 1000, settings.processes)
        points, rows = np.concatenate([points, test[0]]), np.concatenate([rows, test[1]])
        if settings.cache is not None:
            np.savez(settings.cache, points=points, rows=rows)
    split = len(points) - settings.held_out
    inputs = torch.from_numpy(scaled(points))
    targets = torch.from_numpy(rows.astype(np.float32))
    model, mean, std = fit(inputs[:split], targets[:split], settings)
    rmse = held_out_rmse(model, (mean, std), inputs[split:], targets[split:])
    worst = max(rmse, key=lambda name: rmse[name])
    sys.stdout.write(json.dumps({"rmse": rmse, "worst": worst}, indent=1) + "\n")
    tensors = {f"layer{n}.{k}": v for n in (0, 2, 4) for k, v in model[n].state_dict().items()}
    tensors["layer4.weight"] = tensors["layer4.weight"] * std[:, None]
    tensors["layer4.bias"] = tensors["layer4.bias"] * std + mean
    metadata = {
        "kind": "windrow PROSAIL emulator",
        "bands": json.dumps(list(BANDS)),
        "parameters": json.dumps(PARAMETERS),
        "view_zenith": str(VIEW_ZENITH),
        "relative_azimuth": str(RELATIVE_AZIMUTH),
        "held_out_rmse": json.dumps(rmse),
        "samples": str(split),
        "prosail": version("prosail"),
    }
    with atomic_file(settings.out) as temporary:
        save_file({k: v.contiguous() for k, v in tensors.items()}, str(temporary), metadata)
        temporary.chmod(0o644)  # save_file leaves it to its owner alone


if __name__ == "__main__":
    main()
