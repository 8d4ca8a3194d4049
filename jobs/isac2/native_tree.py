"""The folders and files that users of SPHIRE's ISAC2 know, and their readers expect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.formats.eman_hdf import write_eman_stack
from jobs.formats.files import replacing
from jobs.isac2.accounting import Accounts, IntArray, StableClass
from jobs.isac2.run_state import RunState
from jobs.isac2.settings import IsacSettings

_INTEGER, _FLOAT = "  %12d", "  %14.6f"


def write_rows(path: Path, *columns: npt.ArrayLike) -> None:
    """Write columns of numbers as SPHIRE does: whole numbers in 12 characters, others in 14 with 6 decimals.

    Parameters
    ----------
    path
        Target; an old file stays until the new one is complete.
    *columns
        `(n,)` each.
    """
    # what is 0 has no sign
    arrays = [np.asarray(values) + 0 for values in columns]
    form = "".join(_INTEGER if a.dtype.kind in "iub" else _FLOAT for a in arrays)
    rows = zip(*(a.tolist() for a in arrays), strict=True)
    with replacing(path) as file:
        file.writelines((form % row + "\n").encode() for row in rows)


def read_rows(path: Path, columns: int) -> npt.NDArray[np.float64]:
    """Read `(n, columns)` numbers of such a file."""
    values = np.array(path.read_text().split(), np.float64)
    return values.reshape(-1, columns)


def write_averages(
    path: Path,
    classes: Sequence[StableClass],
    pixel_size_a: float | None,
    members: Sequence[IntArray] | None = None,
) -> None:
    """Write class averages with their members in the header; without classes an old file is removed.

    Parameters
    ----------
    path
        HDF stack.
    classes
        The classes.
    pixel_size_a
        Å per pixel of the averages, when known.
    members
        Numbers of the members, other than those of the input.
    """
    if not classes:
        path.unlink(missing_ok=True)
        return
    numbers = [found.members for found in classes] if members is None else members
    headers: list[dict[str, Any]] = [{"members": m.astype(np.int64), "n_objects": len(m)} for m in numbers]
    write_eman_stack(path, (found.average for found in classes), headers, pixel_size_a)


class NativeTree:
    """Writes the tree while a run goes on; everything may be written again after a restart.

    It observes a run (:class:`jobs.isac2.mains.Observer`).

    Parameters
    ----------
    folder
        Folder of the run.
    settings
        Its settings.
    pixel_size_a
        Å per pixel of the input images, when known.
    """

    def __init__(self, folder: Path, settings: IsacSettings, pixel_size_a: float | None) -> None:
        self._folder, self._settings = folder, settings
        self._pixel = None if pixel_size_a is None else pixel_size_a / settings.shrink

    def begin(self, whitening: npt.NDArray[np.floating] | None = None) -> None:
        """Write what is known before the first main iteration.

        Parameters
        ----------
        whitening
            `(n // 2 + 1,)` factors by which amplitudes of phase plate data were multiplied; None: zeros.
        """
        settings = self._settings
        known = "not known" if self._pixel is None else f"{self._pixel:.6g} A"
        lines = (
            "The images were resized before they were classified.",
            f"Radius of the particle in them: {settings.target_radius} pixels; box: {settings.box} pixels.",
            f"Pixel size of the class averages: {known}.",
            "Shifts in all_parameters.txt are in these small pixels: divide them by the ratio below.",
            "The next two lines are the ratio of resizing and the radius in the images, in pixels.",
            f"{settings.shrink:.9f}",
            f"{settings.radius:.6g}",
        )
        with replacing(self._folder / "README_shrink_ratio.txt") as file:
            file.write(("\n".join(lines) + "\n").encode())
        factors = np.zeros(settings.box // 2 + 1) if whitening is None else np.asarray(whitening)
        write_rows(self._folder / "rpw.txt", factors.astype(np.float64))

    def main_begins(self, state: RunState) -> None:
        """Write which images enter a main iteration."""
        folder = self._generation(state.main, 0)
        write_rows(folder / f"to_process_next_{state.main:03d}_000.txt", state.pool)

    def generation_ends(
        self, state: RunState, classes: list[StableClass], accepted: list[StableClass], bad: IntArray
    ) -> None:
        """Write the averages of a generation, and everything that was accepted so far."""
        folder = self._generation(state.main, state.generation)
        ending = f"{state.main:03d}_{state.generation:03d}"
        local = [np.searchsorted(state.pool, found.members) for found in classes]
        write_averages(folder / f"original_class_averages_{ending}.hdf", classes, self._pixel, local)
        write_averages(folder / f"class_averages_{ending}.hdf", classes, self._pixel)
        write_averages(folder / f"good_class_averages_{ending}.hdf", accepted, self._pixel)
        write_rows(folder / f"to_process_next_{ending}.txt", bad)
        self._write_state(self._folder, state)
        write_parameters(self._folder / "all_parameters.txt", state.accounts)

    def main_ends(self, state: RunState) -> None:
        """Write what was accepted when a main iteration ended, and mark it as finished."""
        last = state.history[-1]
        main, generation = int(last["main"]), int(last["generation"])
        folder = self._folder / f"main{main:03d}"
        self._write_state(folder, state)
        for name in (folder, self._folder):
            write_rows(name / "not_processed_images.txt", state.accounts.not_accepted)
        (self._generation(main, generation) / "finished").touch()
        (folder / "finished").touch()

    def ended(self, state: RunState) -> None:
        """Write the final state and mark the run as finished."""
        self._write_state(self._folder, state)
        write_parameters(self._folder / "all_parameters.txt", state.accounts)
        write_rows(self._folder / "not_processed_images.txt", state.accounts.not_accepted)
        (self._folder / "finished").touch()

    def ordered(self, classes: Sequence[StableClass], averages: npt.ArrayLike, chain: npt.ArrayLike) -> None:
        """Write averages in an order in which neighbours look alike.

        Parameters
        ----------
        classes
            All classes in the order of their numbers.
        averages
            `(K, y, x)` in the new order, turned and mirrored so that they lie on one another.
        chain
            `(K, 6)` rows of position, class, angle, 0, 0, mirror.
        """
        rows = np.asarray(chain, np.float64)
        images = np.asarray(averages, np.float32)
        original = [classes[int(number)] for number in rows[:, 1]]
        headers: list[dict[str, Any]] = [
            {"members": found.members, "n_objects": found.size} for found in original
        ]
        write_eman_stack(self._folder / "ordered_class_averages.hdf", iter(images), headers, self._pixel)
        whole = [rows[:, column].astype(np.int64) for column in (0, 1)]
        mirror = rows[:, 5].astype(np.int64)
        write_rows(self._folder / "chains_params.txt", *whole, rows[:, 2], rows[:, 3], rows[:, 4], mirror)

    def _generation(self, main: int, generation: int) -> Path:
        folder = self._folder / f"main{main:03d}" / f"generation{generation:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _write_state(self, folder: Path, state: RunState) -> None:
        write_rows(folder / "processed_images.txt", state.accounts.accepted)
        write_averages(folder / "class_averages.hdf", state.classes, self._pixel)


def write_parameters(path: Path, accounts: Accounts) -> None:
    """Write angle, shifts and mirror of every image; the mirror of one in no class is -1."""
    parameters = accounts.alpha_deg, accounts.shift[:, 0], accounts.shift[:, 1]
    write_rows(path, *parameters, accounts.mirror.astype(np.int64))
