"""The results of a run in RELION's form: of every generation while it goes on, and of all in the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.class_set import ACCEPTED, GENERATION, MAIN, PIXEL_ERROR
from jobs.formats.image_stack_input import ImageInput
from jobs.isac2.accounting import Accounts, Fate, IntArray, StableClass
from jobs.isac2.particle_file import ParticleFile
from jobs.isac2.relion_classes import ClassMembers, write_class_files, write_unaccounted
from jobs.isac2.run_state import RunState
from jobs.isac2.settings import IsacSettings
from jobs.maths.transforms2d import Planar

GENERATIONS: Final = "generations"
STEM: Final = "run"
UNACCOUNTED: Final = "run_unaccounted_data.star"
FATES: Final = {Fate.UNTRIED: "untried", Fate.UNSTABLE: "unstable", Fate.SMALL_CLASS: "small_group"}


def whole_transformation(planar: Planar, prealignment_px: npt.ArrayLike, settings: IsacSettings) -> Planar:
    """Return what takes input images onto averages, shifts in input pixels.

    Parameters
    ----------
    planar
        `n` transformations of working images.
    prealignment_px
        `(n, 2)` shifts x, y of the pre-alignment in input pixels, which came first.
    settings
        Of the run.
    """
    planar = planar.to(device="cpu", dtype=torch.float64)
    shift = torch.as_tensor(np.asarray(prealignment_px, np.float64))
    second = Planar(planar.alpha_deg, planar.shift / settings.shrink, planar.mirror)
    first = Planar(torch.zeros_like(second.alpha_deg), shift, torch.zeros_like(second.mirror))
    return second.compose(first)


class RelionOutputs:
    """Writes classes and particles of a run as RELION's Class2D does.

    It observes a run (:class:`jobs.isac2.mains.Observer`).

    Parameters
    ----------
    folder, project_dir
        Folder of the run, and the one to which paths in its files are relative.
    settings
        Of the run.
    source
        The input.
    prealignment_px
        `(N, 2)` shifts of the pre-alignment, input pixels.
    """

    def __init__(
        self,
        folder: Path,
        project_dir: Path,
        settings: IsacSettings,
        source: ImageInput,
        prealignment_px: npt.ArrayLike,
    ) -> None:
        self._folder, self._project, self._settings = folder, project_dir, settings
        pixel = source.pixel_size_a or 1.0
        self.particles = ParticleFile(source.tables, source.particles.table_name, pixel)
        self._shift = np.asarray(prealignment_px, np.float64)

    def main_begins(self, state: RunState) -> None:
        """Nothing is to be shown of it."""

    def generation_ends(
        self, state: RunState, classes: list[StableClass], accepted: list[StableClass], bad: IntArray
    ) -> None:
        """Write all classes of a generation that have members, accepted or not."""
        kept = {id(found) for found in accepted}
        shown = [found for found in classes if found.size]
        stem = f"main{state.main:03d}_generation{state.generation:03d}"
        flags = {ACCEPTED: np.array([int(id(found) in kept) for found in shown], np.int64)}
        self.write(self._folder / GENERATIONS, stem, shown, flags)

    def main_ends(self, state: RunState) -> None:
        """Write all classes accepted so far, and the particles in none."""
        self.final(state)

    def final(self, state: RunState) -> None:
        """Write all accepted classes (``run_…``), and the particles in none with what became of them."""
        self.write(self._folder, STEM, state.classes, {})
        self.unaccounted(state.accounts)

    def write(
        self, folder: Path, stem: str, classes: Sequence[StableClass], more: dict[str, npt.NDArray[Any]]
    ) -> Path | None:
        """Write some classes; None, and nothing written, when there are none.

        Parameters
        ----------
        folder, stem
            Where, and beginning of the names.
        classes
            With one member at least each.
        more
            `(K,)` further columns of the classes.
        """
        if not classes:
            return None
        settings = self._settings
        rows = np.concatenate([found.members for found in classes])
        planar = Planar(
            torch.from_numpy(np.concatenate([found.alpha_deg for found in classes]).astype(np.float64)),
            torch.from_numpy(np.concatenate([found.shift for found in classes]).astype(np.float64)),
            torch.from_numpy(np.concatenate([found.mirror for found in classes]).astype(bool)),
        )
        sizes = [found.size for found in classes]
        members = ClassMembers(
            rows=rows,
            class_of=np.repeat(np.arange(len(classes)), sizes),
            planar=whole_transformation(planar, self._shift[rows], settings),
            pixel_error_px=np.concatenate([found.pixel_errors for found in classes]).astype(np.float64),
        )
        columns: dict[str, npt.NDArray[Any]] = {
            PIXEL_ERROR: np.array([found.pixel_error for found in classes]),
            MAIN: np.array([found.main for found in classes]),
            GENERATION: np.array([found.generation for found in classes]),
            **more,
        }
        return write_class_files(
            folder,
            stem,
            np.stack([found.average for found in classes]),
            self.particles.pixel_size_a / settings.shrink,
            columns,
            members,
            self.particles,
            project_dir=self._project,
            target_radius=settings.target_radius,
        )

    def unaccounted(self, accounts: Accounts) -> None:
        """Write the particles that are in no class."""
        rows = accounts.not_accepted
        fates = [FATES[Fate(int(fate))] for fate in accounts.fate[rows]]
        write_unaccounted(self._folder / UNACCOUNTED, rows, fates, self.particles)
