"""Which Gaussians move together: the cloud is divided into bodies that explain its motion best.

Small patches of the cloud are merged, always those two whose union moves most nearly as one rigid body in all
particles; then, in turn, rigid motions are fitted to the bodies and every Gaussian goes to the body that
takes it where it went, with a say for its neighbours. Nothing is drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from jobs.maths.rigid import ModeMoments, unexplained

#: Patches that merging starts from: so many per body, and at least so many.
PATCHES_PER_BODY, MIN_PATCHES = 8, 32
#: Gaussians that look at each other, and how much all of them together count against one's own motion.
NEIGHBOURS, COHESION = 10, 3.0
#: Where motion does not decide, compact bodies win: distances in the cloud count as so much motion.
COMPACTNESS = 0.005
#: Motion in Å that says nothing: below it all bodies explain a Gaussian equally well.
LEAST_A = 0.05
#: Particles that are looked at while merging, which tries many pairs; bodies are fitted to all afterwards.
MERGE_PARTICLES = 96
_SWEEPS = 15


@dataclass(frozen=True)
class MovingCloud:
    """Gaussians of one or both half-sets, and how they move in some particles.

    Attributes
    ----------
    points_a
        ``(n, 3)`` in Å relative to the box centre.
    weights
        ``(n,)``.
    basis
        ``(n, 3, K)`` modes at the points, those of all half-sets side by side.
    coefficients
        ``(b, K)``; the modes of the half-sets that a particle is not of have zeros.
    """

    points_a: Tensor
    weights: Tensor
    basis: Tensor
    coefficients: Tensor


@dataclass(frozen=True)
class Division:
    """A cloud divided into bodies.

    Attributes
    ----------
    labels
        ``(n,)`` body of each Gaussian from 0, the heaviest first.
    left_a
        ``(B,)`` rms distance in Å between Gaussians and where their body takes them.
    curve_a
        ``(m,)`` rms distance when the cloud is divided into 1 ... m bodies by merging alone, Å.
    """

    labels: Tensor
    left_a: Tensor
    curve_a: Tensor


def divide(
    cloud: MovingCloud, n_bodies: int, rounds: int, after_each: Callable[[int, int], None] = lambda i, n: None
) -> Division:
    """Divide a cloud into bodies.

    Parameters
    ----------
    cloud: MovingCloud
        Gaussians and their motion.
    n_bodies: int
        How many, at most the number of Gaussians.
    rounds: int
        How often bodies are fitted again and Gaussians assigned anew.
    after_each: callable
        Told how many steps of how many are done.
    """
    n_patches = min(len(cloud.points_a), max(MIN_PATCHES, PATCHES_PER_BODY * n_bodies))
    steps = n_patches - 1 + rounds
    labels = patches(cloud.points_a, n_patches)
    labels, curve = _merge(cloud, labels, n_bodies, lambda done: after_each(done, steps))
    near = _neighbours(cloud.points_a)
    for done in range(rounds):
        labels = _reassign(cloud, labels, n_bodies, near)
        after_each(n_patches + done, steps)
    weight = torch.zeros(n_bodies, dtype=torch.float64).index_add_(0, labels, cloud.weights.double())
    order = torch.argsort(weight, descending=True, stable=True)
    labels = torch.argsort(order)[labels]
    moments = _moments(cloud, labels, n_bodies)
    residual = moments.residual(cloud.coefficients).mean(0)
    return Division(labels, (residual / moments.weight).sqrt(), curve)


def patches(points_a: Tensor, count: int, rounds: int = 6) -> Tensor:
    """Divide points ``(n, 3)`` into compact patches of similar size: labels ``(n,)``, none empty."""
    points = points_a.double()
    centres = points[[int((points - points.mean(0)).square().sum(1).argmax())]]
    distance = (points - centres).square().sum(1)
    for _ in range(count - 1):
        # The farthest point from all centres so far becomes the next one.
        centre = points[[int(distance.argmax())]]
        centres = torch.cat((centres, centre))
        distance = torch.minimum(distance, (points - centre).square().sum(1))
    labels = torch.cdist(points, centres).argmin(1)
    for _ in range(rounds):
        count_of = torch.bincount(labels, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        moved = torch.where(count_of[:, None] > 0, sums / count_of.clamp(min=1)[:, None], centres)
        nearest = torch.cdist(points, moved).argmin(1)
        if int(torch.bincount(nearest, minlength=count).min()) == 0:
            break
        labels, centres = nearest, moved
    return torch.unique(labels, return_inverse=True)[1]


def _moments(cloud: MovingCloud, labels: Tensor, count: int) -> ModeMoments:
    groups = [torch.nonzero(labels == k)[:, 0] for k in range(count)]
    found = [ModeMoments.of(cloud.points_a[g], cloud.basis[g], cloud.weights[g][None]) for g in groups]
    return ModeMoments(*(torch.cat(parts) for parts in zip(*(f.parts() for f in found), strict=True)))


def _misfit(moments: ModeMoments, coefficients: Tensor) -> Tensor:
    """Mean residual ``(m,)`` of groups over the particles, with a little for their extent."""
    centre = moments.point / moments.weight[:, None]
    extent = torch.diagonal(moments.spread, dim1=1, dim2=2).sum(1) - moments.weight * centre.square().sum(1)
    return moments.residual(coefficients).mean(0) + COMPACTNESS**2 * extent


def _merge(
    cloud: MovingCloud, labels: Tensor, n_bodies: int, after_each: Callable[[int], None]
) -> tuple[Tensor, Tensor]:
    """Merge patches until one is left; labels ``(n,)`` at ``n_bodies``, and the curve of what is left."""
    count = int(labels.max()) + 1
    moments = _moments(cloud, labels, count)
    coefficients = cloud.coefficients[:: max(1, len(cloud.coefficients) // MERGE_PARTICLES)]
    alone = _misfit(moments, coefficients)
    first, second = torch.triu_indices(count, count, 1)
    cost = torch.full((count, count), torch.inf, dtype=torch.float64)
    for a in range(count - 1):
        row = torch.nonzero(first == a)[:, 0]
        pairs = moments.select(first[row]) + moments.select(second[row])
        cost[a, a + 1 :] = _misfit(pairs, coefficients) - alone[a] - alone[a + 1 :]
    total = float(moments.weight.sum())
    left = [float(moments.residual(coefficients).mean(0).sum()) / total]
    owner = torch.arange(count)
    result = owner[labels]
    alive = torch.ones(count, dtype=torch.bool)
    for done in range(1, count):
        if count - done + 1 == n_bodies:
            result = owner[labels]
        a, b = divmod(int(cost.argmin()), count)
        owner[owner == b] = a
        alive[b] = False
        pair = moments.select(torch.tensor([a])) + moments.select(torch.tensor([b]))
        for part, new in zip(moments.parts(), pair.parts(), strict=True):
            part[a] = new[0]
        alone[a] = _misfit(pair, coefficients)[0]
        cost[b], cost[:, b] = torch.inf, torch.inf
        others = torch.nonzero(alive & (torch.arange(count) != a))[:, 0]
        if len(others):
            union = moments.select(others) + moments.select(torch.full_like(others, a))
            new_cost = _misfit(union, coefficients) - alone[a] - alone[others]
            low, high = others.clamp(max=a), others.clamp(min=a)
            cost[low, high] = new_cost
        kept = moments.select(torch.nonzero(alive)[:, 0])
        left.append(float(kept.residual(coefficients).mean(0).sum()) / total)
        after_each(done)
    if n_bodies == 1:
        result = owner[labels]
    labels = torch.unique(result, return_inverse=True)[1]
    return labels, torch.tensor(left[::-1]).clamp(min=0).sqrt()


def _neighbours(points_a: Tensor) -> Tensor:
    """Nearest other points ``(n, k)`` of each point."""
    points = points_a.double().numpy()
    count = min(NEIGHBOURS + 1, len(points))
    found = np.asarray(cKDTree(points).query(points, k=np.arange(1, count + 1))[1])
    return torch.from_numpy(found[:, 1:].astype(np.int64))


def _reassign(cloud: MovingCloud, labels: Tensor, n_bodies: int, near: Tensor) -> Tensor:
    """Fit the bodies, and give each Gaussian to the body that explains it and its neighbours best."""
    fit = _moments(cloud, labels, n_bodies).fit(cloud.coefficients)
    cost = unexplained(cloud.points_a, cloud.basis, fit, cloud.coefficients)
    scale = float(cost.min(1).values.mean()) + LEAST_A**2
    belief = torch.nn.functional.one_hot(labels, n_bodies).double()
    if near.shape[1] == 0:
        return labels
    for _ in range(_SWEEPS):
        support = belief[near].mean(1)
        belief = torch.softmax(COHESION * support - 0.5 * cost / scale, 1)
    found = belief.argmax(1)
    # A body never loses its last Gaussians.
    for body in range(n_bodies):
        if not bool((found == body).any()):
            found = torch.where(labels == body, labels, found)
    return found
