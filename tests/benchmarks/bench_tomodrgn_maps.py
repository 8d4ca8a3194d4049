"""One structure: tomoDRGN's network without latent space, and reconstructions, against known maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.formats.mrc import read_map
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.fsc import fsc, resolution_at
from jobs.maths.masks import mask_from_threshold
from jobs.tomodrgn.reconstruction import BackprojectOptions, reconstruct
from tests.benchmarks.figures import Figures
from tests.support.class_scores import correlation
from tests.support.quality import Case, class_maps, decoded, epochs_of, simulated_set

_WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"
_SUPPLIED = "warptools_test_box-32_angpix-12_reconstruct.mrc"


def _soft(volume: Tensor) -> Tensor:
    return mask_from_threshold(volume, float(volume.quantile(0.99)), 2.0, 2.0)


def _cc(first: Tensor, second: Tensor) -> float:
    return correlation(first.numpy(), second.numpy())


def test_bench_one_structure(shared: Path, figures: Figures) -> None:
    """``train_nn`` on class E: it must not fall below the consensus that it begins with."""
    particles, truth = simulated_set(shared, "classE"), torch.from_numpy(class_maps(shared)[1])
    training = Case(0, 1, epochs=30, shape="default").training(particles)
    consensus = training.model.consensus
    assert isinstance(consensus, Tensor)
    begun = _cc(consensus, truth)
    print(f"class E, consensus: correlation {begun:.3f}, FSC 0.5 at {_half(consensus, truth):.1f} Å")
    for epoch in epochs_of(training, (1, 2, 3, 5, 10, 20, 30)):
        volume = torch.from_numpy(decoded(training, None)[0])
        found, at = _cc(volume, truth), _half(volume, truth)
        print(
            f"train_nn, class E, epoch {epoch:2d}: correlation {found:.3f}, FSC 0.5 at {at:.1f} Å", flush=True
        )
    figures.add("tomoDRGN train_nn, 30 epochs", "class E, correlation", found, goal="> 0.74")
    figures.add("tomoDRGN train_nn, 30 epochs", "class E, FSC 0.5", at, "Å", goal="≤ 47 Å")
    assert found > 0.74


def _half(volume: Tensor, truth: Tensor) -> float:
    return resolution_at(fsc(volume, truth), 13.1, 0.5)


@pytest.mark.parametrize("name", ["D", "E"])
def test_bench_backprojection(shared: Path, figures: Figures, name: str) -> None:
    truth = torch.from_numpy(class_maps(shared)["DE".index(name)])
    soft, group = _soft(truth), f"tomoDRGN backproject_voxel, class {name}"
    options = BackprojectOptions(recon_dose_weight=True, recon_tilt_weight=True)
    result = reconstruct(simulated_set(shared, f"class{name}"), options)
    for what, volume in (("unfiltered", result.full), ("filtered", result.filtered)):
        raw, masked = _cc(volume, truth), _cc(volume * soft, truth * soft)
        at, inside = _half(volume, truth), _half(volume * soft, truth * soft)
        print(
            f"{group}, {what}: correlation {raw:.3f}, in a soft mask {masked:.3f}; "
            f"FSC 0.5 at {at:.1f} Å, in the mask {inside:.1f} Å",
            flush=True,
        )
        figures.add(group, f"{what}: correlation", raw)
        figures.add(group, f"{what}: correlation in a soft mask", masked)
    figures.add(group, "FSC 0.5", _half(result.full, truth), "Å", goal="≤ 47 to 52 Å")
    mirrored = _cc(result.full.flip(0).roll(1, 0), truth)
    print(f"{group}: mirrored {mirrored:.3f}")
    assert mirrored < _cc(result.full, truth)


def test_bench_warptools(shared: Path, figures: Figures) -> None:
    """Forty real particles against the reconstruction that came with them, in both hands."""
    folder = shared / "data" / "tomodrgn"
    supplied = torch.from_numpy(np.array(read_map(folder / _SUPPLIED, permissive=True).data))
    particles, soft = read_tilt_particles(folder / _WARPTOOLS, datadir=folder), _soft(supplied)
    weighted = {"recon_dose_weight": True, "recon_tilt_weight": True}
    for words, more in (("no weights", {}), ("dose and tilt weights", weighted)):
        for flip in (True, False):
            result = reconstruct(particles, BackprojectOptions(flip=flip, **more))
            hand = "mirrored (--flip)" if flip else "as the poses have it"
            for what, volume in (("unfiltered", result.full), ("filtered", result.filtered)):
                raw, masked = _cc(volume, supplied), _cc(volume * soft, supplied * soft)
                print(
                    f"WarpTools set, {words}, {hand}, {what}: correlation {raw:.3f}, "
                    f"in a soft mask {masked:.3f}",
                    flush=True,
                )
                if not more:
                    group = f"tomoDRGN backproject_voxel, WarpTools set, {hand}"
                    figures.add(group, f"{what}: correlation", raw, goal="> 0.12" if flip else "")
                    figures.add(
                        group, f"{what}: correlation in a soft mask", masked, goal="> 0.18" if flip else ""
                    )
