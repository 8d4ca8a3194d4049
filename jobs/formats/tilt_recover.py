"""Tilt geometry of a tomogram from what is known of its images, so that it can be written another way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray
from jobs.formats.tilt_files import Finder
from jobs.formats.tilt_geometry import common_axis_tilts, euler_matrices, tilt_angles
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tomograms import TomogramReader

_LARGEST_TURN_DEG = 0.05
_LARGEST_DEFOCUS_A = 100.0
_LARGEST_SHIFT_A = 0.05


@dataclass(frozen=True, eq=False)
class Recovered:
    """A tomogram with `t` tilts and `p` particles.

    Attributes
    ----------
    particles
        `(p,)` places of its particles in the set.
    frame
        One `(m,)` array per particle: tilt of each of its images.
    rotation
        `(t, 3, 3)` tomogram to image.
    particle_rotation
        `(p, 3, 3)` reference to tomogram.
    centred_a, origin_a
        `(p, 3)` from the centre of the tomogram, and what RELION subtracts from it, Å.
    size_a
        `(3,)` Å.
    pixel_size_a
        Pixel size of the tilt series, Å.
    hand
        +1 or -1 in RELION's meaning.
    dose, tilt_weight, tilt_deg, defocus_u_a, defocus_v_a, defocus_angle_deg, phase_shift_deg
        `(t,)`, defocus at the centre.
    """

    particles: IntArray
    frame: list[IntArray]
    rotation: FloatArray
    particle_rotation: FloatArray
    centred_a: FloatArray
    origin_a: FloatArray
    size_a: FloatArray
    pixel_size_a: float
    hand: int
    dose: FloatArray
    tilt_weight: FloatArray
    tilt_deg: FloatArray
    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    phase_shift_deg: FloatArray


def of_known_tomogram(particles: TiltParticles, name: str, members: IntArray, finder: Finder) -> Recovered:
    """Take the geometry from the tomograms of an optimisation set.

    Raises
    ------
    UserError
        When its depths cannot be said in RELION's way (WarpTools with a hand of +1).
    """
    reader = TomogramReader(particles.further["tomograms"][0], finder.file)
    tomogram = reader.read(name)
    if tomogram.translated:
        hand = tomogram.hand
    else:
        hand = 1
        if tomogram.hand > 0:
            raise UserError(
                f"the tomogram {name} has inverted tilt angles, which a RELION 5 set cannot state",
                path=reader.path,
                column="rlnTomoHand",
            )
    size = np.where(np.isfinite(tomogram.size_a), tomogram.size_a, 0.0)
    pixel = tomogram.pixel_size_a if np.isfinite(tomogram.pixel_size_a) else particles.pixel_size_a
    rows = particles.row[particles.first[members]]
    turned = euler_matrices(_columns(particles, "rlnTomoSubtomogram{}", ("Rot", "Tilt", "Psi"))[rows])
    origin = np.einsum("pij,pj->pi", turned, _columns(particles, "rlnOrigin{}Angst", "XYZ")[rows])
    return Recovered(
        particles=members,
        frame=[_images(particles, p, particles.frame) for p in members.tolist()],
        rotation=tomogram.rotation,
        particle_rotation=particles.particle_rotation[members].astype(float),
        centred_a=np.nan_to_num(particles.coordinate_a[members] - size / 2),
        origin_a=origin,
        size_a=size,
        pixel_size_a=pixel,
        hand=hand,
        dose=tomogram.dose,
        tilt_weight=tomogram.tilt_weight,
        tilt_deg=tomogram.tilt_deg,
        defocus_u_a=tomogram.defocus_u_a,
        defocus_v_a=tomogram.defocus_v_a,
        defocus_angle_deg=tomogram.defocus_angle_deg,
        phase_shift_deg=tomogram.phase_shift_deg,
    )


def from_images(particles: TiltParticles, name: str, members: IntArray) -> Recovered:
    """Recover tilts and particle poses from the poses of images, which differ by rotations about one axis.

    The images of all particles with one exposure are one tilt. The tilt axis is that of the relative
    rotations; the tomogram lies so that tilts turn about its y axis, as in RELION and Warp.

    Raises
    ------
    UserError
        When doses are unknown or repeat within a particle, or poses, defocus or shifts of the particles are
        not those of one rigid tilt series; says by how much.
    """
    rows = [np.arange(particles.first[p], particles.first[p + 1]) for p in members.tolist()]
    every = np.concatenate(rows)
    dose = np.round(particles.dose[every], 3)
    if not np.isfinite(dose).all():
        raise _cannot(particles, name, "its images state no exposure, so that tilts cannot be told apart")
    levels = np.unique(dose)
    frame = [np.searchsorted(levels, np.round(particles.dose[r], 3)) for r in rows]
    if any(len(np.unique(f)) < len(f) for f in frame):
        raise _cannot(particles, name, "two images of a particle have the same exposure")
    tilt = np.zeros(len(levels))
    tilt[np.concatenate(frame)] = np.abs(particles.tilt_deg[every])
    rotation = _tilts(particles, name, rows, frame, tilt)
    turn = np.stack(
        [
            _mean_turn(rotation[f], particles.rotation[r].astype(float))
            for f, r in zip(frame, rows, strict=True)
        ]
    )
    worst = max(
        float(_turn_deg(rotation[f] @ turn[i], particles.rotation[r].astype(float)).max())
        for i, (f, r) in enumerate(zip(frame, rows, strict=True))
    )
    if worst > _LARGEST_TURN_DEG:
        raise _cannot(
            particles, name, f"the poses of images differ by up to {worst:.2g}° from those of rigid tilts"
        )
    coordinate = particles.coordinate_a[members]
    known = np.isfinite(coordinate).all()
    size = np.ceil(coordinate.max(0) / (2 * particles.pixel_size_a)) * 2 * particles.pixel_size_a
    size = size if known else np.zeros(3)
    centred = coordinate - size / 2 if known else np.zeros((len(members), 3))
    defocus = {
        key: [getattr(particles, key)[r] for r in rows]
        for key in ("defocus_u_a", "defocus_v_a", "defocus_angle_deg", "phase_shift_deg")
    }
    origin = _origins(particles, members, frame, rotation)
    hand, u, v = _best_hand(particles, name, rotation, frame, centred - origin, defocus)
    shared = {
        key: _per_tilt(values, frame, len(levels))[0]
        for key, values in {
            "defocus_angle_deg": defocus["defocus_angle_deg"],
            "phase_shift_deg": defocus["phase_shift_deg"],
            "dose": [particles.dose[r] for r in rows],
            "tilt_weight": [particles.tilt_weight[r] for r in rows],
        }.items()
    }
    return Recovered(
        particles=members,
        frame=frame,
        rotation=rotation,
        particle_rotation=turn,
        centred_a=centred,
        origin_a=origin,
        size_a=size,
        pixel_size_a=particles.pixel_size_a,
        hand=hand,
        tilt_deg=tilt_angles(rotation)[:, 1],
        defocus_u_a=u,
        defocus_v_a=v,
        **shared,
    )


def _tilts(
    particles: TiltParticles, name: str, rows: list[IntArray], frame: list[IntArray], tilt: FloatArray
) -> FloatArray:
    """Return `(t, 3, 3)` rotations of the tilts, by the poses of the particle with most images."""
    longest = int(np.argmax([len(r) for r in rows]))
    if len(rows[longest]) < len(tilt):
        raise _cannot(particles, name, "no particle has an image of every tilt")
    seen = particles.rotation[rows[longest]].astype(float)[np.argsort(frame[longest])]
    tilts = common_axis_tilts(seen @ seen[0].T, tilt)
    if tilts is None:
        raise _cannot(particles, name, "the axis of its tilts does not lie in the plane of the images")
    return tilts


def _best_hand(
    particles: TiltParticles,
    name: str,
    rotation: FloatArray,
    frame: list[IntArray],
    centred: FloatArray,
    defocus: dict[str, list[FloatArray]],
) -> tuple[int, FloatArray, FloatArray]:
    """Return the hand that explains the defocus of the particles by depth, and the defocus of the centre."""
    found = []
    for hand in (particles.hand, -particles.hand):
        depth = [hand * rotation[f][:, 2] @ centred[i] for i, f in enumerate(frame)]
        parts = [
            _per_tilt([d - z for d, z in zip(defocus[key], depth, strict=True)], frame, len(rotation))
            for key in ("defocus_u_a", "defocus_v_a")
        ]
        found.append((max(p[1] for p in parts), hand, parts[0][0], parts[1][0]))
    worst, hand, u, v = min(found, key=lambda entry: entry[0])
    if worst > _LARGEST_DEFOCUS_A:
        raise _cannot(
            particles,
            name,
            f"the defocus of particles differs by up to {worst:.0f} Å from that of their depth",
        )
    return hand, u, v


def _per_tilt(values: list[FloatArray], frame: list[IntArray], n: int) -> tuple[FloatArray, float]:
    """Return the mean `(n,)` of each tilt, and the largest deviation from it."""
    flat, tilt = np.concatenate(values), np.concatenate(frame)
    mean = np.bincount(tilt, flat, n) / np.maximum(np.bincount(tilt, minlength=n), 1)
    return mean, float(np.abs(flat - mean[tilt]).max())


def _origins(
    particles: TiltParticles, members: IntArray, frame: list[IntArray], rotation: FloatArray
) -> FloatArray:
    """Return `(p, 3)` origins whose projections are the shifts of the images.

    Raises
    ------
    UserError
        When no single point of the particle explains them.
    """
    out = np.zeros((len(members), 3))
    for i, p in enumerate(members.tolist()):
        wanted = _images(particles, p, particles.origin_a).reshape(-1)
        if not wanted.any():
            continue
        rows = rotation[frame[i]][:, :2].reshape(-1, 3)
        out[i] = np.linalg.lstsq(rows, wanted, rcond=1e-6)[0]
        off = float(np.abs(rows @ out[i] - wanted).max())
        if off > _LARGEST_SHIFT_A:
            raise _cannot(
                particles,
                str(particles.tomogram[p]),
                f"the images of {particles.particle_name[p]} are shifted each by itself (up to {off:.2g} Å)",
            )
    return out


def _mean_turn(tilts: FloatArray, seen: FloatArray) -> FloatArray:
    """Return the rotation `(3, 3)` that the images of a particle have in common."""
    u, _, v = np.linalg.svd((tilts.transpose(0, 2, 1) @ seen).mean(0))
    return u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v


def _turn_deg(first: FloatArray, second: FloatArray) -> FloatArray:
    chord = np.linalg.norm(first - second, axis=(1, 2)) / 8**0.5
    return np.degrees(2 * np.arcsin(np.minimum(chord, 1.0)))


def _columns(particles: TiltParticles, pattern: str, axes: Iterable[str]) -> FloatArray:
    """Return `(rows, 3)` of the particle table, 0 for columns that are not there."""
    labels = [pattern.format(axis) for axis in axes]
    table = particles.table
    return np.stack([table.floats(c) if c in table else np.zeros(table.n_rows) for c in labels], axis=1)


def _images(particles: TiltParticles, particle: int, values: np.ndarray) -> np.ndarray:
    return values[particles.first[particle] : particles.first[particle + 1]]


def _cannot(particles: TiltParticles, name: str, why: str) -> UserError:
    return UserError(
        f"the tilts of tomogram {name or '(no name)'} cannot be written as a RELION 5 set: {why}",
        path=particles.path,
        hint="Write an image series instead, which states pose and defocus of every image.",
    )
