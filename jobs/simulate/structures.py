"""Molecules as clouds of Gaussians: random chains, voxels of a map, atoms of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.simulate.specification import ChainSpec, StructureSpec

Floats = NDArray[np.float64]

_STEP_A = 3.8  # distance of neighbouring residues along a chain
_MODEL_ENDINGS = (".pdb", ".ent", ".cif", ".mmcif")
_MAX_BEADS = 1000


@dataclass(frozen=True)
class Structure:
    """A molecule at rest.

    Attributes
    ----------
    points_a
        ``(m, 3)`` centres of all Gaussians, centred Å.
    weights
        ``(m,)`` mass of each.
    sigma_a
        Their common width.
    chain
        ``(m,)`` index into ``chain_names``.
    chain_names
        Names of the chains; one empty name for a map.
    beads
        ``(n,)`` indices of the points that stand for the molecule in the ground truth (all, or a spread-out
        choice).
    """

    points_a: Floats
    weights: Floats
    sigma_a: float
    chain: NDArray[np.int64]
    chain_names: tuple[str, ...]
    beads: NDArray[np.int64]


def build_structure(spec: StructureSpec, pixel_size_a: float) -> Structure:
    """Make the molecule that a specification describes.

    Parameters
    ----------
    spec
        Chains, map or model.
    pixel_size_a
        Pixel size of the images to come; decides the width of the Gaussians of an atomic model.

    Raises
    ------
    UserError
        When a file is missing, unreadable or holds nothing above the threshold.
    """
    if not spec.path:
        return _from_chains(spec)
    path = Path(spec.path)
    if not path.is_file():
        raise UserError("the structure to simulate from does not exist", path=path)
    if path.suffix.lower() in _MODEL_ENDINGS:
        return _from_model(path, spec, pixel_size_a)
    return _from_map(path, spec)


def random_chain(chain: ChainSpec, rng: np.random.Generator) -> Floats:
    """Walk ``(n, 3)`` beads in steps of 3.8 Å from the centre of a ball, refusing steps that leave the ball.

    The centre itself is not a bead: this reproduces the published extent of the hinge's motion (16.5 Å).
    """
    centre = np.array(chain.centre_a)
    place = centre
    beads: list[Floats] = []
    while len(beads) < chain.n_beads:
        direction = rng.normal(size=3)
        proposed = place + _STEP_A * direction / np.linalg.norm(direction)
        if np.linalg.norm(proposed - centre) <= chain.radius_a:
            place = proposed
            beads.append(place)
    return np.array(beads)


def _from_chains(spec: StructureSpec) -> Structure:
    if not spec.chains:
        raise UserError("nothing to simulate", hint="Choose a recipe, a map or an atomic model.")
    rng = np.random.default_rng(spec.seed)
    points = [random_chain(chain, rng) for chain in spec.chains]
    chain = np.repeat(np.arange(len(points)), [len(p) for p in points])
    merged = np.concatenate(points)
    return Structure(
        merged,
        np.ones(len(merged)),
        3.0 if spec.sigma_a is None else spec.sigma_a,
        chain,
        tuple(c.name for c in spec.chains),
        np.arange(len(merged)),
    )


def _from_map(path: Path, spec: StructureSpec) -> Structure:
    from jobs.formats.mrc import read_map

    found = read_map(path)
    voxel = spec.voxel_size_a or found.voxel_size_a
    if not voxel:
        raise UserError("the map's header has no voxel size", path=path, hint="Give it (--voxel_size).")
    density = np.asarray(found.data, dtype=np.float64)
    # An odd map loses its last plane in each direction: voxel D // 2, the origin, keeps its number.
    even = tuple(slice(0, side - side % 2) for side in density.shape)
    density = density[even]
    threshold = otsu_threshold(density) if spec.threshold is None else spec.threshold
    while (density > threshold).sum() > spec.max_points and min(density.shape) >= 16:
        density, voxel = _bin_by_two(density), voxel * 2
    kept = np.argwhere(density > threshold)
    if len(kept) == 0:
        highest = density.max()
        raise UserError(
            f"no voxel is above the threshold {threshold:g}: the maximum is {highest:g}", path=path
        )
    centre = np.array(density.shape) // 2
    points = ((kept - centre) * voxel)[:, ::-1].astype(np.float64)
    return Structure(
        np.ascontiguousarray(points),
        density[tuple(kept.T)],
        0.6 * voxel if spec.sigma_a is None else spec.sigma_a,
        np.zeros(len(points), dtype=np.int64),
        ("",),
        spread_choice(len(points)),
    )


def _from_model(path: Path, spec: StructureSpec, pixel_size_a: float) -> Structure:
    import gemmi

    try:
        model = gemmi.read_structure(str(path))
        model.setup_entities()
    except (ValueError, RuntimeError, OSError) as error:
        raise UserError(f"not a readable atomic model ({error})", path=path) from error
    points: list[list[float]] = []
    weights: list[float] = []
    chain: list[int] = []
    names: list[str] = []
    trace: list[int] = []
    for part in model[0] if len(model) else ():
        names.append(part.name)
        for residue in part:
            if residue.is_water():
                continue
            for atom in residue:
                if atom.element.is_hydrogen:
                    continue
                if atom.name in ("CA", "P"):
                    trace.append(len(points))
                points.append(atom.pos.tolist())
                weights.append(atom.element.atomic_number * atom.occ)
                chain.append(len(names) - 1)
    if not points:
        raise UserError("the model holds no atoms", path=path)
    positions, mass = np.array(points), np.array(weights)
    positions -= np.average(
        positions, axis=0, weights=mass
    )  # an atomic model has no box: its centre of mass is 0
    beads = np.array(trace, dtype=np.int64) if len(trace) >= 20 else np.arange(len(points))
    return Structure(
        positions,
        mass,
        max(1.5, 0.6 * pixel_size_a) if spec.sigma_a is None else spec.sigma_a,
        np.array(chain),
        tuple(names),
        beads[spread_choice(len(beads))],
    )


def otsu_threshold(density: Floats) -> float:
    """Level that parts the voxels of a map into solvent and molecule with the least spread in both."""
    counts, edges = np.histogram(density, bins=512)
    middle = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)
    total = below[-1]
    sum_below = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sum_below[-1] * below / total - sum_below) ** 2 / (below * (total - below))
    return float(edges[1:][np.nanargmax(np.where(np.isfinite(between), between, -1.0))])


def spread_choice(n: int, limit: int = _MAX_BEADS) -> NDArray[np.int64]:
    """Indices of at most ``limit`` of ``n`` points in a random but fixed choice, in order."""
    if n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, limit, replace=False))


def _bin_by_two(density: Floats) -> Floats:
    """Average 2 x 2 x 2 voxels around every second one, so that the centre voxel stays a centre.

    Voxel ``D // 2`` of the result must lie where it was; weights 1/4, 1/2, 1/4 along each axis keep it there.
    """
    for axis in range(3):
        before, after = np.roll(density, 1, axis), np.roll(density, -1, axis)
        smooth = 0.25 * before + 0.5 * density + 0.25 * after
        start = (density.shape[axis] // 2) % 2
        density = np.take(smooth, np.arange(start, density.shape[axis], 2), axis)
        if density.shape[axis] % 2:
            density = np.take(density, np.arange(density.shape[axis] - 1), axis)
    return density
