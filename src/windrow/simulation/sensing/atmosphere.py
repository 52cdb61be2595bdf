"""The clear atmosphere: from the surface to its top and back, with coefficients from literature.

The form is that of 6S (Vermote et al. 1997)::

    toa = Tg [ pR + (pRA - pR) Tw(U/2) + Tw(U) Td (r e + re (Tu - e)) / (1 - S re) ]

with Tg the two-way transmittance of ozone and mixed gases and Tw that of water vapour, pR and pRA
the path reflectance of molecules and of molecules and aerosol, Td and Tu the transmittance down and
up, e its undiffused part, S the spherical albedo, r the reflectance of the pixel and re that of its
surroundings, whose light is scattered into the view (adjacency).

- Molecules: optical depth after Bodhaine et al. (1999), equation 30.
- Aerosol: the law of Angstrom (1929); exponent 1.3, single-scattering albedo 0.93 and asymmetry
  0.65 of continental aerosol (Dubovik et al. 2002 give 0.9 to 0.98 and 0.6 to 0.7).
- Scattering: Sobolev's approximation (1975), whose transmittance and spherical albedo are for
  molecules those of 6S.
- Gases: absorption coefficients and transmittance functions of Bird and Riordan (1986), averaged
  under the band responses. Methane, which takes about 3 % of B12, is not among them.

Not exact: light is not polarised, aerosol absorbs along the direct path only, and clouds, ground
and aerosol do not interact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from windrow.sensors import SENTINEL2, SENTINEL2_BANDS
from windrow.simulation.keyed_random import Floats

_CENTRES = np.array([SENTINEL2[band].centre_nm for band in SENTINEL2_BANDS])
_ANGSTROM = 1.3
_SINGLE_ALBEDO = 0.93
_ASYMMETRY = 0.65
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2

# Bird and Riordan (1986), table 1: wavelength in nm, absorption by ozone (1/cm), by water vapour
# (1/cm) and by mixed gases; what is left out is nought or touches no band. Nodes of nought around
# the oxygen bands B and A (684, 694 and 771 nm) are ours: the table's neighbours lie too far off.
_OZONE_TABLE = (
    (440, 0), (450, 0.003), (460, 0.006), (470, 0.009), (480, 0.014), (490, 0.021), (500, 0.03),
    (510, 0.04), (520, 0.048), (530, 0.063), (540, 0.075), (550, 0.085), (570, 0.12), (593, 0.119),
    (610, 0.12), (630, 0.09), (656, 0.065), (667.6, 0.051), (690, 0.028), (710, 0.018),
    (718, 0.015), (724.4, 0.012), (740, 0.01), (752.5, 0.008), (757.5, 0.007), (762.5, 0.006),
    (767.5, 0.005), (780, 0),
)  # fmt: skip
_VAPOUR_TABLE = (
    (570, 0), (593, 0.075), (610, 0), (667.6, 0), (690, 0.016), (710, 0.0125), (718, 1.8),
    (724.4, 2.5), (740, 0.061), (752.5, 0.0008), (757.5, 0.0001), (780, 0.0006), (800, 0.036),
    (816, 1.6), (823.7, 2.5), (831.5, 0.5), (840, 0.155), (860, 1e-5), (880, 0.0026), (905, 7.0),
    (915, 5.0), (925, 5.0), (930, 27.0), (937, 55.0), (948, 45.0), (965, 4.0), (980, 1.48),
    (993.5, 0.1), (1040, 1e-5), (1442.5, 185.0), (1462.5, 80.0), (1477, 80.0), (1497, 12.0),
    (1520, 0.16), (1539, 0.002), (1558, 0.0005), (1578, 0.0001), (1592, 1e-5), (1610, 0.0001),
    (1630, 0.001), (1646, 0.01), (1678, 0.036), (1740, 1.1), (1800, 130.0), (1960, 100.0),
    (1985, 4.0), (2005, 2.9), (2035, 1.0), (2065, 0.4), (2100, 0.22), (2148, 0.25), (2198, 0.33),
    (2270, 0.5), (2360, 4.0), (2450, 80.0), (2500, 310.0),
)  # fmt: skip
_MIXED_TABLE = (
    (684, 0), (690, 0.15), (694, 0), (757.5, 0), (762.5, 4.0), (767.5, 0.35), (771, 0), (1040, 0),
    (1442.5, 0.05), (1462.5, 0.011), (1477, 0.005), (1497, 0.0006), (1520, 0), (1539, 0.005),
    (1558, 0.13), (1578, 0.04), (1592, 0.06), (1610, 0.13), (1630, 0.001), (1646, 0.0014),
    (1678, 0.0001), (1740, 1e-5), (1800, 1e-5), (1960, 4.3), (1985, 0.2), (2005, 21.0),
    (2035, 0.13), (2065, 1.0), (2100, 0.08), (2148, 0.001), (2198, 0.00038), (2270, 0.001),
    (2360, 0.0005), (2450, 0.00015), (2500, 0.00014),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class AirColumn:
    """The state of the clear atmosphere and its geometry on T dates.

    Attributes:
        aerosol: (T,) optical depth at 550 nm.
        vapour_cm: (T,) precipitable water, centimetres.
        ozone_cm: (T,) ozone, atmosphere-centimetres (0.3 is 300 Dobson units).
        pressure: relative to the sea level's.
        sun_zenith, view_zenith, relative_azimuth: (T,) degrees; azimuth 0 is the sun behind.
    """

    aerosol: Floats
    vapour_cm: Floats
    ozone_cm: Floats
    pressure: float
    sun_zenith: Floats
    view_zenith: Floats
    relative_azimuth: Floats


@dataclass(frozen=True, eq=False)
class Terms:
    """What a column does to light, each (T, 12); names as in the module's equation.

    Attributes:
        gases: two-way transmittance of ozone and mixed gases.
        vapour: two-way transmittance of water vapour.
        path: path reflectance, vapour included.
        molecules: path reflectance of molecules alone.
        down, up: transmittance from the sun to the ground and from there to the sensor.
        direct_down, direct_up: their undiffused parts.
        albedo: spherical albedo.
    """

    gases: Floats
    vapour: Floats
    path: Floats
    molecules: Floats
    down: Floats
    up: Floats
    direct_down: Floats
    direct_up: Floats
    albedo: Floats


def rayleigh_depth(wavelength_nm: npt.ArrayLike) -> Floats:
    """Computes optical depth of molecules above the sea level (Bodhaine et al. 1999, equation 30).

    Example:
        >>> [round(float(t), 4) for t in rayleigh_depth([443.0, 865.0])]
        [0.2359, 0.0155]
    """
    inverse = (np.asarray(wavelength_nm, dtype=np.float64) / 1000.0) ** -2
    above = 1.0455996 - 341.29061 * inverse - 0.90230850 / inverse
    return np.asarray(0.0021520 * above / (1 + 0.0027059889 * inverse - 85.968563 / inverse))


def aerosol_depth(depth_550: npt.ArrayLike, wavelength_nm: npt.ArrayLike) -> Floats:
    """Computes optical depth of aerosol at other wavelengths (Angstrom 1929)."""
    ratio = np.asarray(wavelength_nm, dtype=np.float64) / 550.0
    return np.asarray(np.asarray(depth_550) * ratio**-_ANGSTROM)


def scattered_path(
    depth: npt.ArrayLike, first: npt.ArrayLike, phase: npt.ArrayLike, sun: Floats, view: Floats
) -> Floats:
    """Computes path reflectance of a layer that does not absorb (Sobolev 1975).

    Args:
        depth: scattering optical depth.
        first: first coefficient of the phase function, three times its asymmetry.
        phase: phase function at the scattering angle, of mean one.
        sun: cosine of the sun's zenith angle.
        view: cosine of the zenith angle of the view.
    """
    depth, first, phase = np.asarray(depth), np.asarray(first), np.asarray(phase)
    once = (1 - np.exp(-depth * (1 / sun + 1 / view))) / (4 * (sun + view))
    ends = _reach(depth, sun) * _reach(depth, view)
    again = 1 - ends / (4 + (3 - first) * depth)
    again = again + ((3 + first) * sun * view - 2 * (sun + view)) * once
    return np.asarray(phase * once + again)


def scattered_through(depth: npt.ArrayLike, first: npt.ArrayLike, cosine: Floats) -> Floats:
    """Computes transmittance, direct and diffuse, of such a layer in one direction."""
    depth = np.asarray(depth)
    return np.asarray(2 * _reach(depth, cosine) / (4 + (3 - np.asarray(first)) * depth))


def spherical_albedo(depth: npt.ArrayLike, first: npt.ArrayLike) -> Floats:
    """Computes reflectance of such a layer for diffuse light from below.

    One less the flux let through.
    """
    depth, first = np.asarray(depth), np.asarray(first)
    through = scattered_through(depth[..., None], first[..., None], _NODES)
    return np.asarray(1 - (2 * _WEIGHTS * _NODES * through).sum(axis=-1))


def _reach(depth: Floats, cosine: Floats) -> Floats:
    return np.asarray(1 + 1.5 * cosine + (1 - 1.5 * cosine) * np.exp(-depth / cosine))


@cache
def _absorption() -> tuple[Floats, Floats, Floats, Floats]:
    """Computes vapour, ozone and mixed gases (W,) every 4 nm, and the bands' responses (W, 12)."""
    nm = np.arange(400.0, 2501.0, 4.0)
    responses = np.stack([SENTINEL2[band].response(nm) for band in SENTINEL2_BANDS], axis=1)
    near = responses.max(axis=1) > 1e-5
    nm, responses = nm[near], responses[near] / responses[near].sum(axis=0)
    tables = (_VAPOUR_TABLE, _OZONE_TABLE, _MIXED_TABLE)
    vapour, ozone, mixed = (
        np.interp(nm, [row[0] for row in table], [row[1] for row in table]) for table in tables
    )
    return vapour, ozone, mixed, responses


def vapour_transmittance(amount: npt.ArrayLike) -> Floats:
    """Computes the transmittance of water vapour in the bands, (..., 12).

    ``amount`` (...) is centimetres times air mass.
    """
    vapour, _, _, responses = _absorption()
    slant = vapour * np.asarray(amount)[..., None]
    return np.asarray(np.exp(-0.2385 * slant / (1 + 20.07 * slant) ** 0.45) @ responses)


def gas_transmittance(ozone: npt.ArrayLike, mass: npt.ArrayLike) -> Floats:
    """Computes the transmittance of ozone (cm times air mass) and mixed gases (air mass)."""
    _, chappuis, mixed, responses = _absorption()
    slant = mixed * np.asarray(mass)[..., None]
    through = np.exp(-1.41 * slant / (1 + 118.3 * slant) ** 0.45)
    return np.asarray((through * np.exp(-chappuis * np.asarray(ozone)[..., None])) @ responses)


def atmosphere_terms(column: AirColumn) -> Terms:
    """Computes all terms of the module's equation for a column."""
    sun, view = (np.cos(np.radians(a))[:, None] for a in (column.sun_zenith, column.view_zenith))
    mass = (1 / sun + 1 / view)[:, 0]
    sines = np.sqrt((1 - sun**2) * (1 - view**2))
    azimuth = np.cos(np.radians(column.relative_azimuth))[:, None]
    scattering = -(sun * view + sines * azimuth)  # cosine of the scattering angle
    molecules = rayleigh_depth(_CENTRES) * column.pressure
    particles = aerosol_depth(column.aerosol[:, None], _CENTRES)
    scattered = _SINGLE_ALBEDO * particles
    depth = molecules + scattered
    first = 3 * _ASYMMETRY * scattered / depth
    of_molecules = 0.75 * (1 + scattering**2)
    of_aerosol = (1 - _ASYMMETRY**2) / (
        1 + _ASYMMETRY**2 - 2 * _ASYMMETRY * scattering
    ) ** 1.5  # Henyey and Greenstein (1941)
    phase = (of_molecules * molecules + of_aerosol * scattered) / depth
    absorbed = particles - scattered
    clean = scattered_path(molecules, 0.0, of_molecules, sun, view)
    path = scattered_path(depth, first, phase, sun, view)
    path = path * np.exp(-0.5 * absorbed * mass[:, None])
    # What aerosol scatters ahead stays in the beam (delta scaling, Joseph et al. 1976).
    beam = molecules + scattered * (1 - _ASYMMETRY**2) + absorbed
    half = vapour_transmittance(0.5 * column.vapour_cm * mass)
    return Terms(
        gases=gas_transmittance(column.ozone_cm * mass, column.pressure * mass),
        vapour=vapour_transmittance(column.vapour_cm * mass),
        path=clean + (path - clean) * half,
        molecules=clean,
        down=scattered_through(depth, first, sun) * np.exp(-absorbed / sun),
        up=scattered_through(depth, first, view) * np.exp(-absorbed / view),
        direct_down=np.exp(-beam / sun),
        direct_up=np.exp(-beam / view),
        albedo=spherical_albedo(depth, first),
    )


def top_of_atmosphere(
    surface: npt.NDArray[np.float32], surroundings: npt.ArrayLike, terms: Terms
) -> npt.NDArray[np.float32]:
    """Computes reflectance at the top of the atmosphere.

    Args:
        surface: (n, T, 12) reflectance of the pixels.
        surroundings: (T, 12) or (n, T, 12) reflectance of the land around, about a kilometre wide.
        terms: of the T dates.
    """
    around = np.asarray(surroundings)
    shared = terms.gases * terms.vapour * terms.down / (1 - terms.albedo * around)
    offset = terms.gases * terms.path + shared * around * (terms.up - terms.direct_up)
    slope = shared * terms.direct_up
    return np.asarray(offset.astype(np.float32) + slope.astype(np.float32) * surface)


def surface_reflectance(measured: npt.NDArray[np.float32], terms: Terms) -> npt.NDArray[np.float32]:
    """Corrects to the surface that would show ``measured`` (n, T, 12) were all land like it."""
    scale = 1 / (terms.gases * terms.vapour * terms.down * terms.up)
    offset = terms.gases * terms.path * scale
    lifted = measured * scale.astype(np.float32) - offset.astype(np.float32)
    return np.asarray(lifted / (1 + terms.albedo.astype(np.float32) * lifted))


def believed(column: AirColumn, *, missed: Floats, vapour_error: Floats) -> AirColumn:
    """Computes the column that a correction takes for the true one.

    Args:
        column: the true one.
        missed: (T,) aerosol optical depth that is not seen; the rest is at least 0.01.
        vapour_error: (T,) relative error of the water vapour, in logarithms.
    """
    return replace(
        column,
        aerosol=np.maximum(column.aerosol - missed, 0.01),
        vapour_cm=column.vapour_cm * np.exp(vapour_error),
        ozone_cm=np.full_like(column.ozone_cm, 0.33),
    )
