"""Do neighbours in a tomogram have the same label? Against the same labels, shuffled within each tomogram."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.core.errors import UserError
from jobs.core.placing import NeighbourFacts, Places

SHUFFLES: Final = 199
#: An agreement that so few shuffles reach is called unlikely by chance.
_SIGNIFICANT: Final = 0.025


def neighbour_facts(
    places: Places,
    values: NDArray[np.generic] | None,
    *,
    label: str = "label",
    is_share: bool = True,
    rows: NDArray[np.integer] | None = None,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> NeighbourFacts:
    """Compare each particle with the nearest other one of its tomogram.

    Parameters
    ----------
    places : Places
        Where `P` particles are.
    values : (P,) array or None
        Labels (whole numbers or texts), or numbers; None for distances alone.
    label : str
        What the values are, in words.
    is_share : bool
        True: neighbours agree when their labels are the same; False: values are correlated.
    rows : array of int, optional
        Particles to look at; all when None.
    shuffles, seed
        How often labels are shuffled within each tomogram, and the source of randomness.

    Raises
    ------
    UserError
        When no tomogram holds two particles with a place.
    """
    chosen = np.arange(len(places.name)) if rows is None else np.asarray(rows, np.int64)
    usable = places.known[chosen]
    codes = None
    if values is not None:
        taken = np.asarray(values)
        if is_share:
            codes = np.unique(taken.astype(str), return_inverse=True)[1].astype(np.float64)
        else:
            codes = taken.astype(np.float64)
            usable &= np.isfinite(codes[chosen])
    chosen = chosen[usable]
    groups: list[NDArray[np.int64]] = []
    pairs: list[NDArray[np.int64]] = []
    distances: list[NDArray[np.float64]] = []
    for tomogram in dict.fromkeys(places.tomogram[chosen].tolist()):
        group = chosen[places.tomogram[chosen] == tomogram]
        if len(group) < 2:
            continue
        found_pairs = cKDTree(places.centre_a[group]).query(places.centre_a[group], k=2)
        distance, near = (np.asarray(values) for values in found_pairs)
        # of two particles at one place the nearest may be listed second
        other = np.where(near[:, 1] == np.arange(len(group)), near[:, 0], near[:, 1])
        pairs.append(other + sum(map(len, groups)))
        groups.append(group)
        distances.append(distance[:, 1])
    if not groups:
        raise UserError("No tomogram holds two particles whose places are known")
    every, near, distance_a = np.concatenate(groups), np.concatenate(pairs), np.concatenate(distances)
    n, median = len(every), float(np.median(distance_a))
    where = f"in {len(groups):,} tomograms" if len(groups) > 1 else "in one tomogram"
    begin = f"{n:,} particles {where} are {median:.0f} Å (median) from their nearest neighbour"
    if codes is None:
        none = np.zeros(0)
        nan = float("nan")
        return NeighbourFacts(
            n, len(groups), distance_a, median, nan, nan, nan, none, nan, is_share, f"{begin}."
        )
    own = codes[every]
    score = _share if is_share else _correlation
    found = score(own, own[near])
    rng = np.random.default_rng(seed)
    edges = np.concatenate(([0], np.cumsum([len(g) for g in groups])))
    spread = np.empty(shuffles)
    for k in range(shuffles):
        mixed = own.copy()
        for a, b in pairwise(edges.tolist()):
            rng.shuffle(mixed[a:b])
        spread[k] = score(mixed, mixed[near])
    finite = spread[np.isfinite(spread)]
    mean = float(finite.mean()) if finite.size else float("nan")
    deviation = float(finite.std()) if finite.size else float("nan")
    p_value = (1 + int((finite >= found - 1e-12).sum())) / (1 + len(finite))
    words = _words(label, found, mean, deviation, p_value, is_share)
    return NeighbourFacts(
        n,
        len(groups),
        distance_a,
        median,
        found,
        mean,
        deviation,
        spread,
        p_value,
        is_share,
        f"{begin}. {words}",
    )


def _share(own: NDArray[np.float64], near: NDArray[np.float64]) -> float:
    return float((own == near).mean())


def _correlation(own: NDArray[np.float64], near: NDArray[np.float64]) -> float:
    if own.std() == 0 or near.std() == 0:
        return float("nan")
    return float(np.corrcoef(own, near)[0, 1])


def _words(label: str, found: float, mean: float, deviation: float, p: float, is_share: bool) -> str:
    if not np.isfinite(found):
        return f"All have the same {label}: nothing can be said about neighbours."
    if is_share:
        said = f"{100 * found:.0f} % of neighbours share {label}"
        chance = f"{100 * mean:.0f} ± {100 * deviation:.0f} % do when labels are shuffled"
    else:
        said = f"{label} of neighbours correlates with {found:+.2f}"
        chance = f"{mean:+.2f} ± {deviation:.2f} when values are shuffled"
    said = said[:1].upper() + said[1:]
    if p <= _SIGNIFICANT:
        return f"{said}, {chance}: neighbours are more alike than by chance (p = {p:.3f})."
    if p > 1 - _SIGNIFICANT:
        return f"{said}, {chance}: neighbours are less alike than by chance."
    return f"{said}, {chance}: this is what chance gives (p = {p:.2f})."
